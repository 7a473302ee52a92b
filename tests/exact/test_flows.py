"""Autoregressive flows: what sees what, Jacobians against autograd, and both ways round."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from latentia.distributions import AutoregressiveFlow, FlowPrior, InverseAutoregressive, LatentFlow
from latentia.networks import MaskedNetwork


def perturbed(module: nn.Module, seed: int = 0, by: float = 0.4) -> nn.Module:
    """The module in float64, with weights off those that it starts at."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.double().parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data += by * noise
    return module.requires_grad_(False)


def posterior(num_latents: int = 5, depth: int = 3, *, batch: int = 2) -> InverseAutoregressive:
    torch.manual_seed(1)
    head = perturbed(LatentFlow(4, num_latents, depth=depth, width=11, num_context=6))
    return head(torch.randn(batch, 4).double())


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("num_inputs", "width"), [(1, 4), (5, 3), (5, 5), (6, 40)])
def test_numbers_of_an_input_depend_on_the_inputs_before_it_alone(num_inputs: int, width: int) -> None:
    network = perturbed(MaskedNetwork(num_inputs, num_outputs=2, width=width, num_context=3))
    context = normal(1, 3)
    for outputs in range(2):
        jacobian = torch.autograd.functional.jacobian(
            lambda values, kind=outputs: network(values, context)[kind][0], normal(1, num_inputs)
        )[:, 0]
        assert torch.equal(jacobian, jacobian.tril(-1)), "an output sees itself, or what comes after it"
        if width >= num_inputs:  # enough units for each input to see all before it
            assert bool((jacobian[torch.tril_indices(num_inputs, num_inputs, -1).unbind()] != 0).all())


def test_every_number_depends_on_all_of_the_context() -> None:
    network = perturbed(MaskedNetwork(4, num_outputs=2, width=9, num_context=3))
    shift, gate = torch.autograd.functional.jacobian(
        lambda context: network(normal(1, 4), context), normal(1, 3)
    )
    assert bool((shift != 0).all())
    assert bool((gate != 0).all())


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_log_determinant_is_that_of_autograds_jacobian(depth: int) -> None:
    flow = perturbed(AutoregressiveFlow(4, depth=depth, width=9, num_context=3))
    context, value = normal(1, 3), normal(1, 4, seed=1)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None], context)[0][0], value[0])
    assert float(flow(value, context)[1]) == pytest.approx(float(jacobian.slogdet().logabsdet), abs=1e-10)


def test_a_draws_density_is_that_of_noise_over_autograds_jacobian() -> None:
    """The whole posterior, its Gaussian included: log q(z) = log N(e) - log |dz/de|."""
    flowing, noise = posterior(batch=1), normal(1, 5)
    jacobian = torch.autograd.functional.jacobian(lambda e: flowing.draw(e[None])[0], noise[0])
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum() - jacobian.slogdet().logabsdet
    assert float(flowing.draw_and_log_prob(noise)[1]) == pytest.approx(float(expected), abs=1e-10)


def test_the_density_of_a_draw_is_the_same_either_way() -> None:
    flowing = posterior()
    draws, log_prob = flowing.draw_and_log_prob(normal(7, 2, 5))
    assert draws.shape == (7, 2, 5)
    assert torch.equal(draws, flowing.draw(normal(7, 2, 5)))
    assert torch.allclose(flowing.log_prob(draws), log_prob, atol=1e-9)


def test_draws_depend_on_the_image_through_every_step() -> None:
    """With the Gaussian held, another context still moves draws."""
    flowing = posterior()
    other = InverseAutoregressive(flowing.base, flowing.flow, flowing.context.flip(0))
    assert not torch.allclose(flowing.draw(normal(2, 5)), other.draw(normal(2, 5)), atol=1e-3)


def test_latents_of_one_image_may_depend_on_each_other() -> None:
    draws = posterior(2, 4, batch=1).draw(normal(50_000, 1, 2))[:, 0]
    assert abs(float(torch.corrcoef(draws.T)[0, 1])) > 0.1  # of a diagonal Gaussian, 0.004 at most


@settings(max_examples=30, deadline=None)
@given(
    num_latents=st.integers(1, 7),
    depth=st.integers(1, 4),
    width=st.integers(1, 12),
    seed=st.integers(0, 1000),
    scale=st.floats(0.01, 3),
)
def test_flows_can_be_inverted(num_latents: int, depth: int, width: int, seed: int, scale: float) -> None:
    """At weights of any kind: a gate that could close would make an infinity of some of these."""
    torch.manual_seed(seed)
    flow = perturbed(AutoregressiveFlow(num_latents, depth=depth, width=width), seed)
    value = scale * normal(3, num_latents, seed=seed)
    image, log_slope = flow(value)
    back, same_slope = flow.inverse(image)
    assert torch.allclose(back, value, rtol=1e-6, atol=1e-6)
    assert torch.allclose(log_slope, same_slope, rtol=1e-6, atol=1e-6)
    there, _ = flow(flow.inverse(value)[0])
    assert torch.allclose(there, value, rtol=1e-6, atol=1e-6)


def test_heads_start_near_the_standard_normal() -> None:
    """The flow as a prior; as a posterior over many images together, each with a mean of its own."""
    torch.manual_seed(0)
    posterior = LatentFlow(8, 6, depth=4, width=32)(torch.randn(4000, 8))
    prior = FlowPrior(6, depth=4, width=32)()
    with torch.no_grad():
        one_each = posterior.draw(torch.randn(4000, 6))
        draws = prior.draw(torch.randn(20_000, 1, 6)).flatten(0, 1)
    assert float(draws.mean(0).abs().max()) < 0.1
    assert draws.std(0).numpy() == pytest.approx(1, abs=0.25)
    assert float(one_each.mean(0).abs().max()) < 0.35
    assert 0.7 < float(one_each.std(0).mean()) < 2


def test_gradients_reach_both_ways() -> None:
    """Also through the slow way, which a bound with another posterior's draws would take."""
    head = LatentFlow(4, 3, depth=2, width=6)
    for parameter in head.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    head(torch.randn(2, 4)).log_prob(torch.randn(2, 3)).sum().backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert bool((parameter.grad != 0).any()), name
