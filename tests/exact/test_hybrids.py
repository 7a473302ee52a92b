"""Hybrids: every player's gradient is the one written by hand, and nobody feels what is not theirs."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from training import feed, fresh, turns

from latentia.distributions import Dirac, Normal, StandardNormal
from latentia.losses import GAMES, r1
from latentia.models import AdversarialAutoencoder, BidirectionalNetwork, VariationalAdversarialNetwork
from latentia.models.hybrid.adversarial_autoencoder import as_points
from latentia.networks import Classes, Critic, Generator, JointCritic, MLPCritic, MLPEncoder, MLPGenerator
from latentia.protocols import Batch, Describes, Encodes, ExplicitModel, GenerativeModel, require
from latentia.recipes import find
from latentia.training.moves import Moves
from latentia.training.processes import Processes
from latentia.training.step import weighted_total
from latentia.training.turn import StepTurn
from zoo import SHAPE, ZOO, facts

TINY, BATCH, LATENTS = (1, 2, 2), 6, 3
BETA, FIDELITY, GAMMA = 0.7, 0.3, 2.0


class Straight(nn.Module):
    """An encoder of two linear maps: the mean of q(z|x), and its log standard deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.log_std = nn.Linear(4, LATENTS), nn.Linear(4, LATENTS)

    def forward(self, images: Tensor) -> Normal:
        return Normal(self.mean(images.flatten(1)), self.log_std(images.flatten(1)))


class Drawing(nn.Module):
    """A decoder of one linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(LATENTS, 4)

    def forward(self, latents: Tensor) -> Tensor:
        return self.linear(latents).tanh().view(-1, *TINY)


class Looking(nn.Module):
    """A critic of two levels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.score = nn.Linear(4, 5), nn.Linear(5, 4), nn.Linear(4, 1)

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        first = self.first(images.flatten(1)).tanh()
        return first, self.second(first).tanh()

    def forward(self, images: Tensor) -> Tensor:
        return self.score(self.features(images)[-1]).squeeze(1)


def tiny(**settings: object) -> VariationalAdversarialNetwork:
    torch.manual_seed(0)
    usual = {
        "image_shape": TINY,
        "encoder": Straight(),
        "decoder": Drawing(),
        "critic": Looking(),
        "game": GAMES["non_saturating"],
        "num_latents": LATENTS,
        "level": 0,
        "beta": BETA,
        "fidelity": FIDELITY,
        "penalties": [r1(GAMMA)],
    }
    return VariationalAdversarialNetwork(**usual | settings).double()


def images() -> Tensor:
    return 2 * torch.rand(BATCH, *TINY, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1


class Recorded(StepTurn):
    """A turn in double precision that hands out the same noise for every player, q's first."""

    def noise(self, *shape: int) -> Tensor:
        self._calls += 1
        generator = torch.Generator().manual_seed(self._calls)
        return torch.randn(BATCH, *shape, generator=generator, dtype=torch.float64)


def gradients(model: GenerativeModel) -> dict[str, dict[str, Tensor]]:
    """What the loop would step along: by player, by parameter."""
    found: dict[str, dict[str, Tensor]] = {}
    turn = Recorded(0, 1000, 0, torch.device("cpu"), Processes(), BATCH)
    named = dict(model.named_parameters())
    for objective in model.objectives():
        model.zero_grad()
        with Moves.of(model, objective.moves).alone():
            terms = objective.terms(Batch(images()), turn.at(slice(None), objective.player))
            weighted_total(objective, terms, turn).backward()  # with no `inputs`: leaks would show
        own = found.setdefault(objective.player, {})
        for name, parameter in named.items():
            if parameter.grad is not None:
                own[name] = own.get(name, torch.zeros(())) + parameter.grad
    return found


def by_hand(model: VariationalAdversarialNetwork) -> dict[str, dict[str, Tensor]]:
    """Algorithm 1 of the source, written once more, each player with a total of its own."""
    x, encoder, decoder, critic = images(), model.encoder, model.decoder, model.critic
    turn = Recorded(0, 1000, 0, torch.device("cpu"), Processes(), BATCH)
    eps, prior = turn.noise(LATENTS), turn.noise(LATENTS)
    mean, log_std = encoder.mean(x.flatten(1)), encoder.log_std(x.flatten(1))
    kl = (0.5 * (mean**2 + (2 * log_std).exp() - 1) - log_std).sum(1).mean()

    def players(z: Tensor) -> Mapping[str, Tensor]:
        made, drawn = decoder(z), decoder(prior)
        like = 0.5 * ((critic.features(made)[0] - critic.features(x)[0]) ** 2).sum(1).mean()
        real = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(critic(real).sum(), real, create_graph=True)
        d_real, d_made, d_drawn = critic(x).sigmoid(), critic(made).sigmoid(), critic(drawn).sigmoid()
        return {
            "encoder": BETA * kl + like,
            "decoder": FIDELITY * like - d_made.log().mean() - d_drawn.log().mean(),
            "critic": -(d_real.log() + (1 - d_made).log() + (1 - d_drawn).log()).mean()
            + GAMMA / 2 * slope.flatten(1).square().sum(1).mean(),
        }

    found = {}
    for player in ("critic", "encoder", "decoder"):
        own = {f"{player}.{name}": p for name, p in getattr(model, player).named_parameters()}
        total = players(mean + log_std.exp() * eps)[player]
        slopes = torch.autograd.grad(total, list(own.values()), retain_graph=True, allow_unused=True)
        found[player] = {n: g for n, g in zip(own, slopes, strict=True) if g is not None}
    return found


def test_every_player_of_the_vae_gan_steps_along_the_gradient_written_by_hand() -> None:
    model = tiny()
    found, expected = gradients(model), by_hand(model)
    assert found.keys() == expected.keys()
    for player, slopes in expected.items():
        assert found[player].keys() == slopes.keys(), player
        for name, slope in slopes.items():
            assert torch.allclose(found[player][name], slope, rtol=1e-10, atol=1e-12), name


def test_the_decoder_works_against_the_critic() -> None:
    """A step along its adversarial terms makes the critic's loss larger: it does not help it."""
    model = tiny(fidelity=0.0, penalties=[])
    slopes = gradients(model)["decoder"]

    def critics_loss() -> float:
        turn = Recorded(0, 1000, 0, torch.device("cpu"), Processes(), BATCH)
        objective = model.objectives()[0]
        with torch.no_grad():
            terms = objective.terms(Batch(images()), turn.at(slice(None), "critic"))
        return float(sum(terms[name].mean() for name in objective.weights))

    before = critics_loss()
    for name, parameter in model.named_parameters():
        if name in slopes:
            parameter.data -= 1e-3 * slopes[name]
    assert critics_loss() > before + 1e-6


def test_scores_do_not_move_the_encoder_nor_distortion_the_critic() -> None:
    """Were the weight of the other's term a thousand, their gradients would be the same."""
    usual, faithful = gradients(tiny()), gradients(tiny(fidelity=1000.0))
    for player in ("encoder", "critic"):
        for name, slope in usual[player].items():
            assert torch.equal(slope, faithful[player][name]), name
    sharper = tiny()
    sharper.critic.score.weight.data *= 1000  # scores change, and the features at level 0 do not
    for name, slope in gradients(sharper)["encoder"].items():
        assert torch.equal(slope, usual["encoder"][name]), name


def test_the_vae_gan_has_no_density_and_describes() -> None:
    model = ZOO["hybrid.vae_gan"]().model.eval()
    assert not isinstance(model, ExplicitModel)
    assert not hasattr(model.decode(torch.zeros(1, 3)), "log_prob")
    batch = torch.zeros(2, *SHAPE)
    assert [len(level) for level in require(model, Describes, task="features").features(batch)] == [2]
    with pytest.raises(ValueError, match=r"VariationalAdversarialNetwork cannot.*begin with 'vae\.'"):
        require(model, ExplicitModel, task="detect")


def test_what_does_not_fit_the_vae_gan_is_a_letter() -> None:
    with pytest.raises(ValueError, match=r"relativistic game compares pairs.*non_saturating"):
        tiny(game=GAMES["relativistic"])
    for level in (2, -3):
        with pytest.raises(ValueError, match=rf"at level {level} of a critic that has 2.*to 1, or from -1"):
            tiny(level=level)
    with pytest.raises(ValueError, match="told apart by their names, and got r1, r1"):
        tiny(penalties=[r1(1.0), r1(2.0)])
    with pytest.raises(ValueError, match=r"r1 is put on the slope.*Build the critic without"):
        tiny(critic=Critic((1, 16, 16), width=2), image_shape=(1, 16, 16))


def test_a_told_vae_gan_tells_all_three_networks() -> None:
    plan = ZOO["hybrid.vae_gan told"]()
    model = turns(fresh(plan), plan, 17, 2).model.eval()
    batch, latents = torch.zeros(3, *SHAPE), torch.zeros(3, 3)
    one, other = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])
    for ask in (
        lambda given: model.encode(batch, given=given).mean,
        lambda given: model.decode(latents, given=given).mean,
        lambda given: model.critic(batch, given),
    ):
        assert not torch.allclose(ask(one), ask(other))
    with pytest.raises(ValueError, match="class of every image"):
        model.encode(batch)
    assert model.sample(5).shape == (5, *SHAPE), "classes are drawn where none are named"
    assert isinstance(model.condition, Classes)


def codes_of(posterior: type) -> AdversarialAutoencoder:
    torch.manual_seed(0)
    encoder = (
        Straight() if posterior is Normal else nn.Sequential(nn.Flatten(), nn.Linear(4, LATENTS), Certain())
    )
    model = AdversarialAutoencoder(
        image_shape=TINY,
        encoder=encoder,
        decoder=Drawing(),
        critic=MLPCritic((LATENTS, 1, 1), width=4, depth=1),
        game=GAMES["non_saturating"],
        prior=StandardNormal(LATENTS),
    )
    return model.double()


class Certain(nn.Module):
    """Features as a point."""

    def forward(self, features: Tensor) -> Dirac:
        return Dirac(features)


def test_every_player_of_the_adversarial_autoencoder_steps_along_its_own_gradient() -> None:
    model, x = codes_of(Dirac), images()
    found = gradients(model)
    codes = model.encoder(x).mean
    drawn = torch.randn(BATCH, LATENTS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    of_codes, of_prior = model.critic(as_points(codes)), model.critic(as_points(drawn))
    error = (model.decoder(codes) - x).square().flatten(1).sum(1).mean()
    totals = {
        "autoencoder": (error, ("encoder", "decoder")),
        "critic": ((softplus(-of_prior) + softplus(of_codes)).mean(), ("critic",)),
        "generator": (softplus(-of_codes).mean(), ("encoder",)),
    }
    assert found.keys() == totals.keys()
    for player, (total, parts) in totals.items():
        own = {n: p for n, p in model.named_parameters() if n.partition(".")[0] in parts}
        slopes = torch.autograd.grad(total, list(own.values()), retain_graph=True)
        assert found[player].keys() == own.keys()
        for name, slope in zip(own, slopes, strict=True):
            assert torch.allclose(found[player][name], slope, rtol=1e-10, atol=1e-12), name


def bidirectional(game: str) -> BidirectionalNetwork:
    torch.manual_seed(0)
    images_of_critic = MLPEncoder(TINY, width=4, depth=1)
    model = BidirectionalNetwork(
        image_shape=TINY,
        encoder=Straight(),
        generator=Drawing(),
        critic=JointCritic(images_of_critic, num_features=4, num_latents=LATENTS, width=4),
        game=GAMES[game],
        num_latents=LATENTS,
    )
    return model.double()


@pytest.mark.parametrize(
    ("game", "generator", "encoder"),
    [
        ("non_saturating", lambda r, g: softplus(-g), lambda r, g: softplus(r)),
        ("minimax", lambda r, g: -softplus(g), lambda r, g: -softplus(-r)),
        ("least_squares", lambda r, g: (g - 1) ** 2 / 2, lambda r, g: r**2 / 2),
        ("wasserstein", lambda r, g: -g, lambda r, g: r),
        ("relativistic", lambda r, g: softplus(r - g), lambda r, g: softplus(r - g)),
    ],
)
def test_generator_and_encoder_change_roles(game, generator, encoder) -> None:
    """BiGAN's eq. 3: both want the two kinds of pairs confused, each by its own side."""
    model, x = bidirectional(game), images()
    found = gradients(model)
    eps = torch.randn(BATCH, LATENTS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    other = torch.randn(BATCH, LATENTS, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def scores(of_encoder: Tensor, of_generator: Tensor) -> tuple[Tensor, Tensor]:
        real = model.critic(x, model.encoder(x).draw(of_encoder))
        return real, model.critic(model.generator(of_generator), of_generator)

    # Whoever steps draws its own side first.
    totals = {"generator": generator(*scores(other, eps)), "encoder": encoder(*scores(eps, other))}
    for player, total in totals.items():
        own = {n: p for n, p in model.named_parameters() if n.startswith(f"{player}.")}
        slopes = torch.autograd.grad(total.mean(), list(own.values()))
        assert found[player].keys() == own.keys()
        for name, slope in zip(own, slopes, strict=True):
            assert torch.allclose(found[player][name], slope, rtol=1e-10, atol=1e-12), (player, name)


def test_a_joint_critic_sees_images_and_latents_together() -> None:
    """A pair that fits is told from one that does not, though both halves are the same in number."""
    model = ZOO["hybrid.bigan"]().model.eval()
    real, latents = torch.zeros(2, *SHAPE), torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    critic = model.critic
    assert not torch.allclose(critic(real, latents)[0], critic(real, latents)[1])
    assert [len(level) for level in model.features(real)] == [2, 2]


def test_slopes_are_of_images_and_latents_together() -> None:
    """The penalty of a joint critic is the squared slope over both, hence the sum of the two."""
    model = bidirectional("relativistic")
    turn = Recorded(0, 1000, 0, torch.device("cpu"), Processes(), BATCH)
    found = model._cost(r1(1.0), Batch(images()), turn.at(slice(None)))
    eps = torch.randn(BATCH, LATENTS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x, z = images().requires_grad_(), model.encoder(images()).draw(eps).detach().requires_grad_()
    of_x, of_z = torch.autograd.grad(model.critic(x, z).sum(), (x, z))
    expected = of_x.flatten(1).square().sum(1) + of_z.square().sum(1)
    assert torch.allclose(found, expected, rtol=1e-10)


def test_uncoupled_networks_do_not_couple() -> None:
    pair = {
        "decoder": Generator(3, SHAPE, width=2, norm="none"),
        "critic": Critic(SHAPE, width=2, norm="none"),
    }
    mlp = {"decoder": MLPGenerator(3, SHAPE, width=4), "critic": MLPCritic(SHAPE, width=4)}
    for networks, couples in (
        (pair, False),
        (mlp, False),
        (pair | {"decoder": Generator(3, SHAPE, width=2)}, True),
    ):
        model = VariationalAdversarialNetwork(
            image_shape=SHAPE, encoder=Straight(), game=GAMES["hinge"], num_latents=3, **networks
        )
        assert all(objective.couples == couples for objective in model.objectives())


def test_an_adversarial_autoencoder_encodes_but_has_no_critic_of_images() -> None:
    model = ZOO["hybrid.adversarial"]().model
    assert require(model, Encodes, task="reconstruct") is model
    with pytest.raises(ValueError, match=r"AdversarialAutoencoder cannot.*begin with 'gan\.'"):
        require(model, Describes, task="features")


@pytest.mark.parametrize("posterior", ["point", "gaussian"])
def test_posteriors_are_points_or_gaussians(posterior: str) -> None:
    kind = {"point": Dirac, "gaussian": Normal}[posterior]
    for recipe in ("hybrid.adversarial", "hybrid.bigan"):
        model = find(recipe)(facts(), num_latents=3, width=4, posterior=posterior).model
        assert isinstance(model.encode(torch.zeros(2, *SHAPE)), kind)


def test_a_feed_of_classes_does_not_disturb_a_model_without_a_condition() -> None:
    plan = ZOO["hybrid.vae_gan"]()
    batch = feed(plan, 17)(0, 32)
    state = fresh(plan)
    with_classes = Batch(batch.images, torch.zeros(32, dtype=torch.int64))
    turn = StepTurn(0, 1000, 0, torch.device("cpu"), Processes(), 32)
    for objective in state.model.objectives():
        terms = objective.terms(with_classes, turn)
        assert all(bool(torch.isfinite(value).all()) for value in terms.values())
