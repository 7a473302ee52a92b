"""Games against their formulas, their gradients, and the critics that are known to be optimal."""

import pytest
import torch
from torch.distributions import Normal

from latentia.losses import (
    GAMES,
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    RELATIVISTIC_AVERAGE,
    WASSERSTEIN,
    feature_matching,
    mode_seeking,
)

EVERY_GAME = pytest.mark.parametrize("game", GAMES.values(), ids=lambda game: game.name)
REAL = torch.linspace(-8, 8, 33, dtype=torch.float64)
GENERATED = REAL.flip(0) / 2 + 0.3


def probability(scores: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(scores)  # far enough from 0 and 1 here to take logarithms of


def losses(game) -> dict[str, torch.Tensor]:
    return {name: loss(REAL, GENERATED) for name, loss in game.critic.items()} | {
        "generator": game.generator(REAL, GENERATED)
    }


real, generated = REAL, GENERATED
FORMULAS = {
    MINIMAX.name: {
        "real": -probability(real).log(),
        "generated": -(1 - probability(generated)).log(),
        "generator": (1 - probability(generated)).log(),
    },
    NON_SATURATING.name: {
        "real": -probability(real).log(),
        "generated": -(1 - probability(generated)).log(),
        "generator": -probability(generated).log(),
    },
    LEAST_SQUARES.name: {
        "real": (real - 1) ** 2 / 2,
        "generated": generated**2 / 2,
        "generator": (generated - 1) ** 2 / 2,
    },
    WASSERSTEIN.name: {"real": -real, "generated": generated, "generator": -generated},
    HINGE.name: {
        "real": -torch.minimum(torch.zeros(()), real - 1),
        "generated": -torch.minimum(torch.zeros(()), -generated - 1),
        "generator": -generated,
    },
    RELATIVISTIC.name: {
        "pair": -probability(real - generated).log(),
        "generator": -probability(generated - real).log(),
    },
    RELATIVISTIC_AVERAGE.name: {
        "real": -probability(real - generated.mean()).log(),
        "generated": -(1 - probability(generated - real.mean())).log(),
        "generator": -probability(generated - real.mean()).log()
        - (1 - probability(real - generated.mean())).log(),
    },
}


@EVERY_GAME
def test_losses_equal_their_formulas(game) -> None:
    found, expected = losses(game), FORMULAS[game.name]
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert torch.allclose(value, expected[name]), name


@EVERY_GAME
def test_losses_are_finite_where_a_rounded_sigmoid_is_not(game) -> None:
    extreme = torch.tensor([-500.0, 500.0])
    assert torch.sigmoid(extreme[1]) == 1, "float32 rounds here"
    for loss in (*game.critic.values(), game.generator):
        assert bool(torch.isfinite(loss(extreme, extreme.flip(0))).all())


@EVERY_GAME
def test_the_flags_say_what_the_losses_look_at(game) -> None:
    base = game.generator(REAL, GENERATED)
    assert game.relativistic == (not torch.equal(base, game.generator(REAL + 1, GENERATED)))
    elsewhere = GENERATED.clone()
    elsewhere[1:] += 1
    own = [loss(REAL, elsewhere)[0] != loss(REAL, GENERATED)[0] for loss in game.critic.values()]
    assert game.couples == any(map(bool, own))
    shifted = sum(loss(REAL + 3, GENERATED + 3).mean() for loss in game.critic.values())
    unmoved = torch.allclose(shifted, sum(loss(REAL, GENERATED).mean() for loss in game.critic.values()))
    assert unmoved == (game.undecided is None), "only differences of scores count"


@pytest.mark.parametrize("game", [g for g in GAMES.values() if g.undecided is not None], ids=lambda g: g.name)
def test_an_undecided_critic_is_at_rest_where_both_kinds_are_alike(game) -> None:
    score = torch.tensor([game.undecided], requires_grad=True)
    (slope,) = torch.autograd.grad(sum(loss(score, score) for loss in game.critic.values()).sum(), score)
    assert float(slope) == pytest.approx(0, abs=1e-6)


def test_only_the_minimax_generator_stands_still_where_the_critic_is_sure() -> None:
    """d/ds is -D for the minimax generator and -(1 - D) for the non-saturating one."""
    at = torch.tensor([-8.0], requires_grad=True)
    (minimax,) = torch.autograd.grad(MINIMAX.generator(at, at).sum(), at)
    (non_saturating,) = torch.autograd.grad(NON_SATURATING.generator(at, at).sum(), at)
    assert float(minimax) == pytest.approx(-float(torch.sigmoid(at.detach())), rel=1e-5)
    assert float(non_saturating) == pytest.approx(-float(torch.sigmoid(-at.detach())), rel=1e-5)
    assert abs(float(minimax)) < 1e-3 < 0.99 < abs(float(non_saturating))


# Two Gaussians of one width: log p(x) / q(x) = x. The grid carries both densities as weights.
GRID = torch.linspace(-6, 6, 1201)
P = Normal(torch.tensor(0.5), torch.tensor(1.0)).log_prob(GRID).exp()
Q = Normal(torch.tensor(-0.5), torch.tensor(1.0)).log_prob(GRID).exp()


def best(loss_of, start: torch.Tensor) -> torch.Tensor:
    values = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([values], max_iter=300, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(values)
        loss.backward()
        return loss

    optimizer.step(closure)
    return values.detach()


@pytest.mark.parametrize("game", [MINIMAX, NON_SATURATING], ids=lambda game: game.name)
def test_the_optimal_critic_of_two_gaussians_is_their_log_ratio(game) -> None:
    """A line of slope 1 through 0 (Goodfellow 2014, prop. 1), recovered within 2 %."""

    def loss(line: torch.Tensor) -> torch.Tensor:
        score = line[0] + line[1] * GRID
        return (P * game.critic["real"](score, score) + Q * game.critic["generated"](score, score)).mean()

    assert best(loss, torch.zeros(2)).tolist() == pytest.approx([0.0, 1.0], abs=0.01)


def test_the_optimal_relativistic_critic_is_the_log_ratio_too() -> None:
    """Over all pairs: -log sigmoid(c(x) - c(y)) is least at c = log p/q, up to a constant."""
    every = slice(None, None, 8)
    pairs = P[every, None] * Q[None, every]

    def loss(curve: torch.Tensor) -> torch.Tensor:  # odd powers and even ones: only the line should remain
        score = sum(c * GRID[every] ** (k + 1) for k, c in enumerate(curve))
        return (pairs * RELATIVISTIC.critic["pair"](score[:, None], score[None, :])).mean()

    assert best(loss, torch.zeros(3)).tolist() == pytest.approx([1.0, 0.0, 0.0], abs=0.01)


def test_the_optimal_least_squares_critic_is_the_posterior() -> None:
    def loss(score: torch.Tensor) -> torch.Tensor:
        critic = LEAST_SQUARES.critic
        return (P * critic["real"](score, score) + Q * critic["generated"](score, score)).sum()

    near = GRID.abs() < 3
    found = best(loss, torch.zeros_like(GRID))
    assert torch.allclose(found[near], (P / (P + Q))[near], atol=0.02)


def test_the_optimal_hinge_critic_is_a_sign() -> None:
    def loss(score: torch.Tensor) -> torch.Tensor:
        return P * HINGE.critic["real"](score, score) + Q * HINGE.critic["generated"](score, score)

    candidates = torch.linspace(-3, 3, 61)[:, None].expand(-1, len(GRID))
    chosen = candidates[:, 0][loss(candidates).argmin(0)]
    away = GRID.abs() > 0.05
    assert torch.allclose(chosen[away], GRID.sign()[away], atol=1e-5)


def test_the_best_wasserstein_critic_of_slope_one_gives_the_distance() -> None:
    """Of two Gaussians a shift apart the distance is the shift, here 1, reached by a line of slope 1."""
    gains = []
    for slope in (-1.0, 0.0, 0.5, 1.0):
        score = slope * GRID
        cost = P * WASSERSTEIN.critic["real"](score, score) + Q * WASSERSTEIN.critic["generated"](
            score, score
        )
        gains.append(-float(torch.trapezoid(cost, GRID)))
    assert gains == sorted(gains)
    assert gains[-1] == pytest.approx(1.0, rel=1e-3)


def test_feature_matching_has_the_value_and_the_gradient_of_the_squared_distance_of_means() -> None:
    features = torch.randn(32, 5, dtype=torch.float64, requires_grad=True)
    of_real = torch.randn(64, 5, dtype=torch.float64).mean(0)
    whole = (features.mean(0) - of_real).square().sum()
    terms = feature_matching(features, features.mean(0).detach(), of_real)
    assert torch.allclose(terms.mean(), whole)
    (mine,), (expected,) = torch.autograd.grad(terms.mean(), features), torch.autograd.grad(whole, features)
    assert torch.allclose(mine, expected)


def test_mode_seeking_rises_as_images_change_less_with_their_latents() -> None:
    latents, others = torch.randn(8, 3), torch.randn(8, 3)
    scale = ((latents - others).abs().mean(1)).view(-1, 1, 1, 1)
    images = torch.zeros(8, 1, 4, 4)
    costs = [mode_seeking(images, images + c * scale, latents, others) for c in (2.0, 1.0, 0.5)]
    assert torch.stack(costs).mean(1).tolist() == pytest.approx([0.5, 1.0, 2.0], rel=1e-3)
    assert bool(torch.isfinite(mode_seeking(images, images, latents, latents)).all())
