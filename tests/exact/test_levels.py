"""Mixtures of logistics and categorical likelihoods: masses of levels, in grey and in colour."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from latentia.distributions import (
    Categorical,
    CategoricalPixels,
    LogisticMixture,
    LogisticMixturePixels,
)
from latentia.distributions.levels import value_of_level
from latentia.recipes import find
from latentia.recipes.vae.parts import pixel_head
from zoo import facts


def grey(values: Tensor) -> Tensor:
    return values.double().reshape(-1, 1, 1, 1)


def all_levels(levels: int) -> Tensor:
    return grey(value_of_level(torch.arange(levels, dtype=torch.float64), levels))


def mixture(
    levels: int, weights: list[float], means: list[list[float]], scales: list[list[float]], slopes=()
) -> LogisticMixture:
    """Of one pixel: means and scales by channel and component, slopes by pair and component."""

    def pixel(numbers, pairs: int) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64).reshape(1, pairs, len(weights), 1, 1)

    channels = len(means)
    logits = torch.tensor(weights, dtype=torch.float64).log().reshape(1, -1, 1, 1)
    slopes = pixel(slopes, channels * (channels - 1) // 2)
    return LogisticMixture(logits, pixel(means, channels), pixel(scales, channels), slopes, levels)


def colourful(levels: int) -> LogisticMixture:
    return mixture(
        levels,
        [0.2, 0.5, 0.3],
        [[-0.5, 0.9, -3.0], [0.2, -0.4, 0.1], [1.5, 0.0, -0.2]],
        [[0.05, 0.5, 1.0], [0.3, 0.02, 0.1], [0.2, 1e-4, 0.4]],
        [[0.9, -0.5, 0.3], [0.1, 0.7, -0.9], [-0.3, 0.8, 0.5]],
    )


@pytest.mark.parametrize("levels", [2, 3, 17, 32, 256])
@pytest.mark.parametrize("mean", [-30.0, -1.0, 0.013, 1.0, 2.5])
@pytest.mark.parametrize("scale", [1e-9, 1e-5, 1e-3, 0.05, 1.0, 8.0])
def test_the_mass_of_all_levels_is_one(levels: int, mean: float, scale: float) -> None:
    one = mixture(levels, [1.0], [[mean]], [[scale]])
    assert float(one.log_prob(all_levels(levels)).exp().sum()) == pytest.approx(1, abs=1e-9)
    three = mixture(levels, [0.2, 0.5, 0.3], [[mean, 0.3, -4.0]], [[scale, 0.2, 3 * scale]])
    assert float(three.log_prob(all_levels(levels)).exp().sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("levels", [2, 3, 17, 32])
def test_all_colours_by_brute_force(levels: int) -> None:
    levels_of_one = all_levels(levels).flatten()
    colours = torch.cartesian_prod(*[levels_of_one] * 3).reshape(-1, 3, 1, 1)
    assert float(colourful(levels).log_prob(colours).exp().sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("red", [0, 1, 100, 255])
def test_all_greens_and_blues_of_a_red_by_brute_force(red: int) -> None:
    """At 256 levels: summed over green and blue, what remains is the mass of red in the grey mixture."""
    colourful_256, levels = colourful(256), all_levels(256).flatten()
    colours = torch.cartesian_prod(levels[red : red + 1], levels, levels).reshape(-1, 3, 1, 1)
    grey_mixture = LogisticMixture(
        colourful_256.logits,
        colourful_256.locations[:, :1],
        colourful_256.scales[:, :1],
        colourful_256.slopes[:, :0],
        256,
    )
    expected = float(grey_mixture.log_prob(all_levels(256)[red : red + 1]).exp())
    assert float(colourful_256.log_prob(colours).exp().sum()) == pytest.approx(expected, abs=1e-12, rel=1e-9)


def test_masses_equal_those_of_scipy() -> None:
    levels = 17
    found = mixture(levels, [0.3, 0.7], [[-0.4, 0.21]], [[0.2, 0.07]]).log_prob(all_levels(levels))
    edges = (all_levels(levels).flatten()[:-1] + 1 / (levels - 1)).numpy()
    cumulated = 0.3 * stats.logistic.cdf(edges, -0.4, 0.2) + 0.7 * stats.logistic.cdf(edges, 0.21, 0.07)
    expected = [math.log(b - a) for a, b in itertools.pairwise([0.0, *cumulated, 1.0])]
    assert found.tolist() == pytest.approx(expected, rel=1e-9)


def test_draws_have_the_probabilities_that_are_claimed() -> None:
    levels, count = 3, 300_000
    one = colourful(levels)
    many = LogisticMixture(
        *(t.expand(count, *t.shape[1:]) for t in (one.logits, one.locations, one.scales, one.slopes)), levels
    )
    noise = torch.randn(count, *one.noise_shape, generator=torch.Generator().manual_seed(0)).double()
    drawn = many.draw(noise)
    colours = torch.cartesian_prod(*[all_levels(levels).flatten()] * 3)
    for colour in colours:
        probability = float(one.log_prob(colour.reshape(1, 3, 1, 1)).exp())
        share = float((drawn.flatten(1) - colour).abs().sum(1).lt(1e-6).double().mean())
        assert abs(share - probability) < 4.5 * math.sqrt(max(probability, 1e-5) / count)


def test_the_mean_is_that_of_draws_where_components_lie_within_the_range() -> None:
    density = mixture(256, [0.25, 0.75], [[-0.5, 0.4], [0.1, -0.2]], [[0.02, 0.03]] * 2, [[0.5, 0.5]])
    colours = torch.cartesian_prod(*[all_levels(256).flatten()] * 2).reshape(-1, 2, 1, 1)
    exact = (density.log_prob(colours).exp().reshape(-1, 1, 1, 1) * colours).sum(0)
    assert torch.allclose(density.mean[0], exact, atol=1e-3)


def test_draws_and_masses_take_further_dimensions_in_front() -> None:
    head = LogisticMixturePixels((3, 4, 4), levels=17, num_mixtures=3)
    density = head(torch.randn(2, head.num_outputs, 4, 4, generator=torch.Generator().manual_seed(0)))
    noise = torch.randn(5, 2, *density.noise_shape, generator=torch.Generator().manual_seed(1))
    drawn = density.draw(noise)
    assert drawn.shape == (5, 2, 3, 4, 4)
    assert torch.allclose(drawn[3], density.draw(noise[3]))
    assert torch.allclose(density.log_prob(drawn)[3], density.log_prob(drawn[3]))


def test_gradients_equal_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    for channels, levels in ((1, 2), (1, 256), (3, 17)):
        head = LogisticMixturePixels((channels, 2, 2), levels=levels, num_mixtures=2).double()
        outputs = torch.randn(3, head.num_outputs, 2, 2, generator=generator).double().requires_grad_()
        stored = torch.randint(0, levels, (3, channels, 2, 2), generator=generator)
        stored[0], stored[1] = 0, levels - 1  # the two ends as well
        images = value_of_level(stored.double(), levels)
        assert torch.autograd.gradcheck(lambda o, h=head, i=images: h(o).log_prob(i), outputs)


@settings(deadline=None, max_examples=50)
@given(
    mean=st.floats(-1e3, 1e3),
    scale=st.floats(1e-5, 1e2),
    levels=st.sampled_from([2, 17, 256]),
    data=st.data(),
)
def test_float32_has_finite_gradients_everywhere(mean: float, scale: float, levels: int, data) -> None:
    level = data.draw(st.integers(0, levels - 1))
    parameters = [
        torch.zeros(1, 1, 1, 1),
        torch.full((1, 1, 1, 1, 1), mean),
        torch.full((1, 1, 1, 1, 1), scale),
    ]
    for parameter in parameters:
        parameter.requires_grad_()
    value = value_of_level(torch.full((1, 1, 1, 1), float(level)), levels)
    log_prob = LogisticMixture(*parameters, torch.zeros(1, 0, 1, 1, 1), levels).log_prob(value)
    assert bool(torch.isfinite(log_prob).all())
    for gradient in torch.autograd.grad(log_prob.sum(), parameters):
        assert bool(torch.isfinite(gradient).all())


def test_float32_equals_float64_to_a_ten_thousandth_of_a_nat_a_dimension() -> None:
    head = LogisticMixturePixels((3, 16, 16), levels=256, num_mixtures=5)
    generator = torch.Generator().manual_seed(0)
    outputs = 3 * torch.randn(8, head.num_outputs, 16, 16, generator=generator)
    images = value_of_level(torch.randint(0, 256, (8, 3, 16, 16), generator=generator).float(), 256)
    single, double = head(outputs).log_prob(images), head.double()(outputs.double()).log_prob(images.double())
    assert float((single - double).detach().abs().max()) / (3 * 16 * 16) < 1e-4


@pytest.mark.parametrize("num_mixtures", [1, 2, 5])
def test_a_mixture_starts_with_the_statistics_of_the_data(num_mixtures: int) -> None:
    known = facts(256)
    head = LogisticMixturePixels(
        known.image_shape, levels=256, num_mixtures=num_mixtures, mean=known.mean, std=0.3 * known.std
    )
    density = head(torch.zeros(1, head.num_outputs, 8, 8))
    weights = density.logits.softmax(1).unsqueeze(1)
    centre = (weights * density.locations).sum(2)
    second = (weights * (density.locations.square() + density.scales.square() * math.pi**2 / 3)).sum(2)
    expected = (0.3 * known.std).square() + (2 / 255) ** 2 / 12
    assert torch.allclose(centre[0], known.mean, atol=1e-5)
    assert torch.allclose((second - centre.square())[0], expected, atol=1e-4)


def test_a_colour_autoencoder_trains_all_of_its_parameters() -> None:
    """Slopes of colours included, which no grey image has."""
    model = find("vae.logistic")(facts(17, channels=3), num_latents=3, width=4, num_mixtures=2).model
    stored = torch.randint(0, 17, (4, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    images = value_of_level(stored.float(), 17)
    (-model.log_weights(images, 2).mean()).backward()
    unreached = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not unreached
    assert model.sample(2).shape == (2, 3, 8, 8)


@pytest.mark.parametrize("levels", [2, 17, 32, 256])
def test_categorical_masses_sum_to_one_and_are_those_of_the_softmax(levels: int) -> None:
    logits = 5 * torch.randn(1, levels, 1, 1, 1, generator=torch.Generator().manual_seed(0)).double()
    log_prob = Categorical(logits).log_prob(all_levels(levels))
    assert float(log_prob.exp().sum()) == pytest.approx(1, abs=1e-12)
    assert torch.allclose(log_prob, logits.flatten().log_softmax(0))
    expected = (log_prob.exp() * all_levels(levels).flatten()).sum()
    assert float(Categorical(logits).mean) == pytest.approx(float(expected), abs=1e-6)


def test_categorical_draws_have_the_probabilities_that_are_claimed() -> None:
    count, probabilities = 100_000, torch.tensor([0.1, 0.0, 0.6, 0.3])
    logits = probabilities.log().reshape(1, 4, 1, 1, 1)
    noise = torch.randn(count, 1, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    drawn = Categorical(logits).draw(noise).flatten()
    for level, probability in enumerate(probabilities.tolist()):
        share = float((drawn - value_of_level(torch.tensor(level), 4)).abs().lt(1e-6).double().mean())
        assert abs(share - probability) <= 4 * math.sqrt(probability / count)


def test_categorical_takes_further_dimensions_in_front_and_starts_at_the_data() -> None:
    known = facts(17)
    head = CategoricalPixels(known.image_shape, levels=17, mean=known.mean, std=0.2 * known.std)
    density = head(torch.zeros(2, head.num_outputs, 8, 8))
    assert torch.allclose(density.mean[0], known.mean, atol=0.03)
    drawn = density.draw(torch.randn(5, 2, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(density.log_prob(drawn)[4], density.log_prob(drawn[4]))


@pytest.mark.parametrize("head", [LogisticMixturePixels, CategoricalPixels])
def test_continuous_data_has_no_levels_to_count(head) -> None:
    with pytest.raises(ValueError, match=r"continuous.*likelihood='gaussian'"):
        head((1, 8, 8), levels=None)


def test_other_channels_than_one_and_three_are_a_letter() -> None:
    with pytest.raises(ValueError, match=r"2 channels.*--channels grey"):
        LogisticMixturePixels((2, 8, 8), levels=17)


def test_a_likelihood_by_name() -> None:
    known = facts(17)
    assert pixel_head(known, "logistic").num_outputs == 3
    assert pixel_head(known, "mixture", num_mixtures=4).num_outputs == 12
    assert pixel_head(known, "categorical").num_outputs == 17
    assert pixel_head(facts(17, channels=3), "mixture").num_outputs == 50
