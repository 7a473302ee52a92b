"""Games against their formulas, their gradients, and the critic that is known to be optimal."""

import pytest
import torch
from torch.distributions import Normal

from latentia.losses import GAMES, MINIMAX, NON_SATURATING


def scores() -> torch.Tensor:
    return torch.linspace(-8, 8, 33, dtype=torch.float64)


@pytest.mark.parametrize("game", GAMES.values(), ids=lambda game: game.name)
def test_losses_equal_their_formulas(game) -> None:
    real = torch.sigmoid(scores())  # D, which is far enough from 0 and 1 here to take logarithms of
    assert torch.allclose(game.critic_on_real(scores()), -real.log())
    assert torch.allclose(game.critic_on_generated(scores()), -(1 - real).log())
    expected = (1 - real).log() if game is MINIMAX else -real.log()
    assert torch.allclose(game.generator(scores()), expected)


@pytest.mark.parametrize("game", GAMES.values(), ids=lambda game: game.name)
def test_losses_are_finite_where_a_rounded_sigmoid_is_not(game) -> None:
    extreme = torch.tensor([-500.0, 500.0])
    assert torch.sigmoid(extreme[1]) == 1, "float32 rounds here"
    for loss in (game.critic_on_real, game.critic_on_generated, game.generator):
        assert bool(torch.isfinite(loss(extreme)).all())


def test_only_the_minimax_generator_stands_still_where_the_critic_is_sure() -> None:
    """d/ds is -D for the minimax generator and -(1 - D) for the non-saturating one."""
    at = torch.tensor([-8.0], requires_grad=True)
    (minimax,) = torch.autograd.grad(MINIMAX.generator(at).sum(), at)
    (non_saturating,) = torch.autograd.grad(NON_SATURATING.generator(at).sum(), at)
    assert float(minimax) == pytest.approx(-float(torch.sigmoid(at.detach())), rel=1e-5)
    assert float(non_saturating) == pytest.approx(-float(torch.sigmoid(-at.detach())), rel=1e-5)
    assert abs(float(minimax)) < 1e-3 < 0.99 < abs(float(non_saturating))


def test_the_optimal_critic_of_two_gaussians_is_their_log_ratio() -> None:
    """Its score is log p(x) - log q(x); of two Gaussians of one width, a line (Goodfellow 2014, prop. 1)."""
    p, q = Normal(torch.tensor(0.5), torch.tensor(1.0)), Normal(torch.tensor(-0.5), torch.tensor(1.0))
    grid = torch.linspace(-8, 8, 4001)
    real, generated = p.log_prob(grid).exp(), q.log_prob(grid).exp()
    line = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        score = line[0] + line[1] * grid
        loss = (real * MINIMAX.critic_on_real(score) + generated * MINIMAX.critic_on_generated(score)).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert line.tolist() == pytest.approx([0.0, 1.0], abs=0.01)
