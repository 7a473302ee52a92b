"""Penalties against central differences, against critics whose slope is known, and in training."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from latentia.losses import GAMES, Penalty, dragan, gradient_penalty, r1, r2, squared_slope
from latentia.losses.penalties import Place
from latentia.models import AdversarialNetwork
from latentia.networks import Critic, MLPCritic, MLPGenerator
from latentia.protocols import Batch
from latentia.training import Adam, Plan, State, take_turn
from latentia.training.processes import Processes
from latentia.training.turn import StepTurn

SHAPE = (2, 4, 4)
PLACES = {"real": r1(2.0), "generated": r2(2.0), "between": gradient_penalty(), "around": dragan()}


class Smooth(nn.Module):
    """A critic without kinks, in double precision."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(32, 16), nn.Linear(16, 1)
        self.double()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(images.flatten(1)).tanh()).squeeze(1)


@pytest.fixture
def critic() -> Smooth:
    torch.manual_seed(0)
    return Smooth()


def images(count: int = 6, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *SHAPE, generator=generator, dtype=torch.float64)


def told(critic):
    return lambda x, given: critic(x)


def draws(count: int, seed: int = 3):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(count, *shape, generator=generator, dtype=torch.float64)


def numerical_slope(critic, x: torch.Tensor, step: float = 1e-5) -> torch.Tensor:
    """The squared norm of the gradient, pixel by pixel."""
    total = torch.zeros(len(x), dtype=x.dtype)
    for pixel in torch.eye(x[0].numel(), dtype=x.dtype).view(-1, *SHAPE):
        total += ((critic(x + step * pixel) - critic(x - step * pixel)) / (2 * step)) ** 2
    return total


def gradient_of(critic, value: torch.Tensor) -> torch.Tensor:
    critic.zero_grad()
    value.mean().backward()
    return torch.cat(
        [p.grad.flatten() if p.grad is not None else p.new_zeros(p.numel()) for p in critic.parameters()]
    )


@pytest.mark.parametrize("place", ["real", "generated"])
def test_r1_and_r2_equal_central_differences(critic, place: Place) -> None:
    real, generated = images(seed=1), images(seed=2)
    found = PLACES[place](told(critic), real, generated, None, draws(6))
    at = real if place == "real" else generated
    assert torch.allclose(found, numerical_slope(critic, at), rtol=1e-6)
    assert PLACES[place].weight == 1.0, "gamma / 2"


def test_the_gradient_of_a_penalty_equals_differences_in_the_weights(critic) -> None:
    x, step = images(), 1e-6
    exact = gradient_of(critic, squared_slope(critic, x))
    weights = nn.utils.parameters_to_vector(critic.parameters()).detach()
    for index in (0, 100, 520, 540):
        found = []
        for sign in (1, -1):
            moved = weights.clone()
            moved[index] += sign * step
            nn.utils.vector_to_parameters(moved, critic.parameters())
            found.append(squared_slope(critic, x).mean().detach())
        nn.utils.vector_to_parameters(weights, critic.parameters())
        assert float((found[0] - found[1]) / (2 * step)) == pytest.approx(
            float(exact[index]), rel=1e-5, abs=1e-9
        )


def test_a_difference_along_the_gradient_has_the_exact_value_and_gradient(critic) -> None:
    """Up to the square of the step; the direction is held fixed, and that does not matter."""
    x = images()
    errors = []
    for step in (0.2, 0.1):
        exact, along = squared_slope(critic, x), squared_slope(critic, x, "along", step=step)
        assert torch.allclose(exact, along, rtol=0.2 * step)
        one, other = gradient_of(critic, exact), gradient_of(critic, along)
        errors.append(float((one - other).norm() / one.norm()))
    assert errors[1] < 0.01
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.3), "of second order"


def test_random_differences_are_right_on_average(critic) -> None:
    x = images(1).expand(20_000, -1, -1, -1)
    found = squared_slope(critic, x, "random", draws(20_000)(*SHAPE), step=1e-3)
    exact = squared_slope(critic, x[:1])
    assert found.mean().item() == pytest.approx(exact.item(), rel=4 * 2**0.5 / 20_000**0.5)
    one, other = gradient_of(critic, found), gradient_of(critic, squared_slope(critic, x[:1]))
    assert float((one - other).norm() / other.norm()) < 0.1


@pytest.mark.parametrize("count", [1, 2, 33])
@pytest.mark.parametrize("method", ["exact", "along"])
def test_a_linear_critic_of_unit_slope_costs_nothing_at_any_batch_size(count: int, method) -> None:
    """The norm is an image's: that of a whole batch would be the root of its size."""
    direction = functional.normalize(
        torch.randn(32, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), dim=0
    )

    def score(x: torch.Tensor, given: object) -> torch.Tensor:
        return x.flatten(1) @ direction

    for penalty in (
        gradient_penalty(method=method),
        gradient_penalty(one_sided=True, method=method),
        dragan(method=method),
    ):
        costs = penalty(score, images(count), images(count, 2), None, draws(count))
        assert float(costs.abs().max()) < 1e-10


@pytest.mark.parametrize("slope", [0.5, 3.0])
def test_one_side_only_forbids_slopes_above_one(slope: float) -> None:
    def score(x: torch.Tensor, given: object) -> torch.Tensor:
        return slope * x[:, 0, 0, 0]

    both, one = (
        gradient_penalty(one_sided=sided)(score, images(), images(), None, draws(6))
        for sided in (False, True)
    )
    assert torch.allclose(both, torch.full_like(both, (slope - 1) ** 2))
    assert torch.allclose(one, both if slope > 1 else torch.zeros_like(one))


def test_slopes_are_taken_where_the_penalty_says() -> None:
    """A critic whose slope at x is 2 x_0 gives away where it was asked."""

    def score(x: torch.Tensor, given: object) -> torch.Tensor:
        return x[:, 0, 0, 0] ** 2

    real, generated = torch.full((500, *SHAPE), 3.0), torch.full((500, *SHAPE), 1.0)
    noise = lambda *shape: torch.randn(500, *shape, generator=torch.Generator().manual_seed(0))  # noqa: E731
    slopes = {
        place: 1 + penalty(score, real, generated, None, noise).sqrt() for place, penalty in PLACES.items()
    }
    between, around = slopes["between"] / 2, slopes["around"] / 2
    assert 1 <= between.min().item() < 1.1
    assert 2.9 < between.max().item() <= 3
    assert between.mean().item() == pytest.approx(2, abs=0.15)
    assert around.mean().item() == pytest.approx(3, abs=0.05)
    assert around.std().item() == pytest.approx(0.25, abs=0.03)
    assert torch.allclose(slopes["real"] - 1, torch.tensor(6.0))
    assert torch.allclose(slopes["generated"] - 1, torch.tensor(2.0))


def test_a_part_of_the_batch_counts_for_the_whole(critic) -> None:
    real, given = images(8), torch.arange(8)
    seen = []

    def score(x: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        seen.append(classes.tolist())
        return critic(x)

    costs = r1(1.0, one_in=4)(score, real, real, given, draws(8))
    assert seen == [[0, 4]]
    assert costs.mean().item() == pytest.approx(squared_slope(critic, real[::4]).mean().item())
    assert costs.nonzero().flatten().tolist() == [0, 4]


def test_a_flat_critic_has_a_finite_gradient() -> None:
    flat = Smooth()
    for parameter in flat.parameters():
        parameter.data.zero_()
    for method in ("exact", "along"):
        costs = gradient_penalty(method=method)(told(flat), images(), images(), None, draws(6))
        assert bool(torch.isfinite(gradient_of(flat, costs)).all())


def test_what_makes_no_sense_is_a_letter() -> None:
    with pytest.raises(ValueError, match=r"gradient_penalty asks how far.*`exact` or `along`"):
        gradient_penalty(method="random")
    with pytest.raises(ValueError, match=r"r1 has weight -0.5.*0 or more"):
        r1(-1.0)
    with pytest.raises(ValueError, match="every 0"):
        r2(1.0, every=0)
    with pytest.raises(ValueError, match=r"r1 goes from weight 0.5 to 0.0.*above 0"):
        r1(1.0, at_end=0.0)
    shape = (1, 16, 16)
    with pytest.raises(ValueError, match=r"r1 is put on the slope.*batch normalisation.*without"):
        AdversarialNetwork(
            image_shape=shape,
            generator=MLPGenerator(2, shape, width=4),
            critic=Critic(shape, width=4, norm="batch"),
            game=GAMES["non_saturating"],
            num_latents=2,
            penalties=[r1(1.0)],
        )


def slope_after_training(penalties: list[Penalty], turns: int = 100) -> float:
    """The mean slope at the reals of a critic that plays against a generator which it could beat."""
    shape = (1, 2, 2)
    torch.manual_seed(0)
    model = AdversarialNetwork(
        image_shape=shape,
        generator=MLPGenerator(2, shape, width=8),
        critic=MLPCritic(shape, width=32),
        game=GAMES["non_saturating"],
        num_latents=2,
        penalties=penalties,
    )
    plan = Plan(model, optimisers={"critic": Adam(rate=1e-2), "generator": Adam(rate=1e-5)}, batch_size=16)
    state = State.fresh(plan, torch.device("cpu"))

    def feed(position: int, count: int) -> Batch:
        generator = torch.Generator().manual_seed(position)
        return Batch(0.5 + 0.1 * torch.randn(count, *shape, generator=generator))

    for _ in range(turns):
        take_turn(state, plan, feed, seed=0, horizon=10_000)
    return squared_slope(model.critic, feed(1, 256).images).sqrt().mean().item()


@pytest.mark.parametrize(
    "how", [{}, {"every": 4}, {"one_in": 4}, {"method": "along"}, {"method": "random"}], ids=str
)
def test_the_slope_at_the_reals_falls_as_gamma_rises(how: dict[str, object]) -> None:
    slopes = [slope_after_training([r1(gamma, **how)]) for gamma in (0.01, 1.0, 100.0)]
    assert slopes[0] > 1.2 * slopes[1] > 2 * slopes[2], slopes


def test_a_gradient_penalty_brings_the_slope_to_one() -> None:
    free, held = slope_after_training([]), slope_after_training([dragan(10.0, spread=0.1)])
    assert abs(held - 1) < 0.2 < abs(free - 1)


def test_a_weight_changes_by_the_same_factor_in_equal_times_and_stays_at_its_end() -> None:
    falling = r1(8.0, at_end=0.5)
    assert [falling.weight_after(part) for part in (0, 0.25, 0.5, 0.75, 1, 3)] == [4, 2, 1, 0.5, 0.25, 0.25]
    assert r1(8.0).weight_after(0.7) == 4


def test_the_weight_of_a_step_is_that_of_its_place_in_the_run() -> None:
    shape = (1, 2, 2)
    model = AdversarialNetwork(
        image_shape=shape,
        generator=MLPGenerator(2, shape, width=4),
        critic=MLPCritic(shape, width=4),
        game=GAMES["relativistic"],
        num_latents=2,
        penalties=[r1(2.0, at_end=0.5), r2(2.0)],
    )
    changing, constant = (o.weights["penalty"] for o in model.objectives() if "penalty" in o.weights)
    turn = StepTurn(50, 100, 0, torch.device("cpu"), Processes(), 4)
    assert float(changing(turn, {})) == pytest.approx(0.5)
    assert constant == 1.0
