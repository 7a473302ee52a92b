"""Rectified flow: solvers against closed forms, the velocity of Gaussians, and draws on the plane."""

import math

import pytest
import torch
from torch import nn

from latentia.distributions import RectifiedFlow, RectifiedFlowPrior, integrate


def grows(point: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    return 0.7 * point


@pytest.mark.parametrize(("solver", "factor"), [("euler", 1 + 0.07), ("heun", 1 + 0.07 + 0.07**2 / 2)])
def test_a_linear_field_is_the_solvers_own_power(solver, factor) -> None:
    start = torch.randn(4, 3, dtype=torch.float64)
    found = integrate(grows, start, num_steps=10, solver=solver)
    assert torch.allclose(found, factor**10 * start, rtol=1e-12)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_errors_fall_with_the_order_of_the_solver(solver, order) -> None:
    start = torch.ones(1, 1, dtype=torch.float64)
    found = [float(integrate(grows, start, num_steps=steps, solver=solver)) for steps in (20, 40)]
    errors = [math.exp(0.7) - value for value in found]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.05)


def test_time_runs_from_0_to_1_and_is_that_of_the_step() -> None:
    found = integrate(lambda x, t: 3 * t.unsqueeze(1) ** 2, torch.zeros(2, 1).double(), num_steps=200)
    assert torch.allclose(found, torch.ones(2, 1).double(), atol=1e-4)


MEAN, STD = 1.5, 0.4


def gaussian_velocity(point: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """E[x_1 - x_0 | x_t] of x_0 ~ N(0, 1) and x_1 ~ N(m, s^2): a regression on x_t."""
    t = times.unsqueeze(1)
    slope = (t * STD**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * STD**2)
    return MEAN + slope * (point - t * MEAN)


def test_the_velocity_of_a_gaussian_carries_noise_to_it() -> None:
    noise = torch.randn(50, 2, dtype=torch.float64)
    zero, one = torch.zeros(()).double(), torch.ones(()).double()
    flow = RectifiedFlow(gaussian_velocity, (2,), zero, one, num_steps=200, solver="heun")
    assert torch.allclose(flow.draw(noise), MEAN + STD * noise, atol=1e-3)
    assert torch.allclose(flow.mean, torch.full((1, 2), MEAN).double(), atol=1e-3)
    several = noise.reshape(5, 10, 2)
    assert torch.equal(flow.draw(several), flow.draw(noise).reshape(5, 10, 2))


class Line(nn.Module):
    """A velocity that is linear in the point, for one time."""

    def __init__(self) -> None:
        super().__init__()
        self.slope, self.offset = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))

    def forward(self, point: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return self.offset + self.slope * point


@pytest.mark.parametrize("time", [0.1, 0.5, 0.9])
def test_flow_matching_recovers_the_velocity_of_a_gaussian(time: float) -> None:
    torch.manual_seed(0)
    prior = RectifiedFlowPrior(Line(), (1,)).double()
    vectors, noise = (torch.randn(20_000, 1, dtype=torch.float64) for _ in range(2))
    vectors, times = MEAN + STD * vectors, torch.full((20_000,), time, dtype=torch.float64)
    optimiser = torch.optim.LBFGS(prior.parameters(), max_iter=20, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = prior.error(vectors, noise, times).mean()
        value.backward()
        return value

    optimiser.step(loss)
    at = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    expected = gaussian_velocity(at, times[:2])
    assert torch.allclose(prior.network(at, times[:2]), expected, atol=0.05)


def test_centre_and_scale_follow_the_vectors() -> None:
    prior = RectifiedFlowPrior(Line(), (4,))
    generator = torch.Generator().manual_seed(0)
    for _ in range(500):
        prior.note(3 + 0.5 * torch.randn(64, 4, generator=generator), lambda value: value.mean(0))
        prior.fold()
    assert float(prior.centre) == pytest.approx(3, abs=0.02)
    assert float(prior.scale) == pytest.approx(0.5, abs=0.02)
    before = prior.variance.clone()
    prior.fold()
    assert torch.equal(before, prior.variance), "nothing was noted"


def test_draws_on_the_plane_are_those_of_two_clusters() -> None:
    torch.manual_seed(0)

    class Plane(nn.Sequential):
        def forward(self, point: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
            return super().forward(torch.cat([point, times.unsqueeze(1)], 1))

    prior = RectifiedFlowPrior(
        Plane(nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2)), (2,), num_steps=20
    )

    def clusters(count: int) -> torch.Tensor:
        sides = torch.randint(0, 2, (count, 1)) * 2.0 - 1
        return torch.cat([2 * sides, torch.zeros(count, 1)], 1) + 0.3 * torch.randn(count, 2)

    optimiser = torch.optim.Adam(prior.parameters(), lr=5e-3)
    for step in range(800):
        vectors = clusters(256)
        prior.note(vectors, lambda value: value.mean(0))
        prior.fold()
        if step == 600:
            optimiser.param_groups[0]["lr"] = 5e-4
        prior.error(vectors, torch.randn(256, 2), torch.rand(256)).mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    drawn = prior().draw(torch.randn(4000, 2)).detach()
    right = drawn[:, 0] > 0
    assert float(right.double().mean()) == pytest.approx(0.5, abs=0.07)
    for side, mine in ((2.0, drawn[right]), (-2.0, drawn[~right])):
        assert torch.allclose(mine.mean(0), torch.tensor([side, 0.0]), atol=0.15)
        assert torch.allclose(mine.std(0), torch.tensor([0.3, 0.3]), atol=0.12)
