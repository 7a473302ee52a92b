"""The smallest instance of every model, and of every kind of it that trains differently."""

from collections.abc import Callable
from typing import Any

import torch

from latentia.data import Facts
from latentia.data.augmentation import Augmentation
from latentia.distributions import (
    BernoulliPixels,
    CategoricalPixels,
    CodedPrior,
    Codes,
    LatentFlow,
    LatentNormal,
    LogisticMixturePixels,
    NormalPixels,
    PixelHead,
    StandardNormal,
)
from latentia.losses import GAMES, gradient_penalty, r1, r2
from latentia.models import (
    AdversarialNetwork,
    LadderVariationalAutoencoder,
    LinearVariationalAutoencoder,
    QuantisedAutoencoder,
    VariationalAutoencoder,
)
from latentia.models.gan.augmented import AugmentedView
from latentia.models.gan.growth import Growth
from latentia.models.gan.recognition import ClassRecognition, CodeRecognition
from latentia.networks import (
    Classes,
    Critic,
    Generator,
    MLPCritic,
    MLPDecoder,
    MLPEncoder,
    MLPGenerator,
    ProgressiveCritic,
    ProgressiveGenerator,
    ResidualCritic,
    ResidualGenerator,
)
from latentia.protocols import ExplicitModel, GenerativeModel, Restores, told_of
from latentia.recipes import find
from latentia.training import Adam, Plan

SHAPE = (1, 8, 8)


def facts(
    levels: int = 17, *, channels: int = 1, height: int = 8, width: int = 8, described: bool = False
) -> Facts:
    """Facts of data with classes, or of `described` data with attributes."""
    shape = (channels, height, width)
    generator = torch.Generator().manual_seed(3)
    return Facts(
        name="zoo",
        fingerprint="0" * 64,
        channels=channels,
        height=height,
        width=width,
        levels=levels,
        num_train=64,
        num_validation=8,
        num_test=8,
        classes=() if described else ("a", "b", "c"),
        attributes=("small", "round", "same") if described else (),
        attribute_values=_attributes(64) if described else None,
        mean=torch.rand(shape, generator=generator) - 0.5,
        std=torch.rand(shape, generator=generator) / 2,
    )


def _attributes(num_images: int, start: int = 0) -> torch.Tensor:
    """Two attributes on scales of their own, sometimes unknown, and one that is always the same."""
    numbers = torch.arange(start, start + num_images, dtype=torch.float32)
    values = torch.stack([numbers % 2, 10 + numbers % 7, torch.full_like(numbers, 3.0)], 1)
    return values.masked_fill((numbers % 5 == 0)[:, None], torch.nan)


def told(model: GenerativeModel, num_images: int, start: int = 0) -> torch.Tensor | None:
    """What the images from a position on are given to a conditional model as."""
    if isinstance(model, Restores):
        generator = torch.Generator().manual_seed(start)
        images = torch.rand(num_images, *model.image_shape, generator=generator) * 2 - 1
        return told_of(model, images, generator=generator)
    condition = getattr(model, "condition", None)
    if condition is None:
        return None
    if isinstance(condition, Classes):
        return torch.arange(start, start + num_images) % condition.num_classes
    return _attributes(num_images, start)


def _recipe(
    name: str, levels: int = 17, *, described: bool = False, **arguments: object
) -> Callable[[], Plan]:
    def plan() -> Plan:
        with torch.random.fork_rng():
            torch.manual_seed(7)
            return find(name)(facts(levels, described=described), batch_size=32, **arguments)

    return plan


def _restorer(name: str, **arguments: object) -> Callable[[], Plan]:
    return _recipe(name, **{"width": 4, "latent_channels": 1, **arguments})


def _game(name: str, build: Callable[[], dict[str, object]]) -> Callable[[], Plan]:
    """An adversarial network with a pair of networks, which is built anew each time, and settings."""

    def plan() -> Plan:
        with torch.random.fork_rng():
            torch.manual_seed(7)
            settings: dict[str, object] = {"image_shape": SHAPE, "num_latents": 3, "game": GAMES[name]}
            model = AdversarialNetwork(**(settings | build()))
        adam = Adam(rate=1e-3, betas=(0.5, 0.99))
        return Plan(model, optimisers={"critic": adam, "generator": adam}, batch_size=32)

    return plan


def _pair(**settings: Any) -> dict[str, object]:
    """DCGAN's networks without norms: every image by itself."""
    return {
        "generator": Generator(settings.pop("num_latents", 3), SHAPE, width=4, norm="none", **settings),
        "critic": Critic(SHAPE, width=4, norm="none", **settings),
    }


def _progressive() -> dict[str, object]:
    return {
        "generator": ProgressiveGenerator(3, SHAPE, width=4),
        "critic": ProgressiveCritic(SHAPE, width=4),
        "growth": Growth(num_phases=2, images=64, fade=64),
        "penalties": [r1(1.0)],
    }


def _conditional() -> dict[str, object]:
    condition = Classes(3)
    return {
        **_pair(condition=condition),
        "condition": condition,
        "recognition": ClassRecognition(64, 3),
        "mode_seeking": 0.1,
    }


def _informed() -> dict[str, object]:
    codes = Codes(2, categories=(3,), num_continuous=1)
    pair = _pair(num_latents=codes.num_latents)
    return {**pair, "prior": CodedPrior(codes), "recognition": CodeRecognition(64, codes)}


def _clipped() -> dict[str, object]:
    pair = {"generator": MLPGenerator(3, SHAPE, width=16), "critic": MLPCritic(SHAPE, width=16)}
    return {**pair, "clip": 0.05, "critic_steps": 2}


def _residual() -> dict[str, object]:
    generator = ResidualGenerator(3, SHAPE, width=4, norm="none")
    return {"generator": generator, "critic": ResidualCritic(SHAPE, width=4)}


GAMES_PLAYED: dict[str, Callable[[], Plan]] = {
    "gan relativistic": _game(
        "relativistic",
        lambda: {**_pair(), "penalties": [r1(1.0, every=2, one_in=2), r2(1.0, method="along")]},
    ),
    "gan relativistic average": _game("relativistic_average", _pair),
    "gan gradient penalty": _game(
        "wasserstein", lambda: {**_pair(), "penalties": [gradient_penalty()], "critic_steps": 2}
    ),
    "gan clipped": _game("wasserstein", _clipped),
    "gan spectral": _game("hinge", _residual),
    "gan conditional": _game("hinge", _conditional),
    "gan informed": _game("non_saturating", _informed),
    "gan growing": _game("non_saturating", _progressive),
    "gan augmented": _game(
        "least_squares",
        lambda: {
            **_pair(),
            "augment": AugmentedView(Augmentation(flip=True), probability=0.5, speed=1000),
            "feature_matching": 0.1,
        },
    ),
}

ZOO: dict[str, Callable[[], Plan]] = {
    "ae.plain": _recipe("ae.plain", num_latents=3, width=4),
    "ae.denoising": _recipe("ae.denoising", num_latents=3, width=4, corruption="masking"),
    "ae.contractive": _recipe("ae.contractive", num_latents=3, width=4),
    "vae.gaussian": _recipe("vae.gaussian", num_latents=3, width=4),
    "vae.gaussian shared": _recipe("vae.gaussian", num_latents=3, width=4, likelihood="shared"),
    "vae.gaussian bernoulli": _recipe("vae.gaussian", 2, num_latents=3, width=4, likelihood="bernoulli"),
    "vae.gaussian mlp": _recipe("vae.gaussian", num_latents=3, width=16, network="mlp"),
    "vae.sigma": _recipe("vae.sigma", num_latents=3, width=4),
    "vae.logistic": _recipe("vae.logistic", num_latents=3, width=4, num_mixtures=2),
    "vae.beta categorical": _recipe("vae.beta", num_latents=3, width=4, likelihood="categorical"),
    "vae.beta": _recipe("vae.beta", num_latents=3, width=4, beta=2.0, warm_up=100, free_bits=0.5),
    "vae.conditional": _recipe("vae.conditional", num_latents=3, width=4),
    "vae.conditional attributes": _recipe("vae.conditional", num_latents=3, width=4, described=True),
    "vae.importance": _recipe("vae.importance", num_latents=3, width=4, num_draws=3),
    "vae.tc": _recipe("vae.tc", num_latents=3, width=4),
    "vae.info": _recipe("vae.info", num_latents=3, width=4, alpha=0.5),
    "vae.iaf": _recipe("vae.iaf", num_latents=3, width=4, depth=2, flow_width=6, free_bits=0.5),
    "vae.vamp": _recipe("vae.vamp", num_latents=3, width=4, num_pseudo=5),
    "vae.mixture": _recipe("vae.mixture", num_latents=3, width=4, num_components=4),
    "vae.flow": _recipe("vae.flow", num_latents=3, width=4, depth=2, flow_width=6),
    "vae.ladder": _recipe("vae.ladder", layers="2x1,4x2", width=4, hidden=4, num_channels=2),
    "vae.vq": _recipe("vae.vq", width=4, num_codes=8, code_size=3, prior_width=4, prior_depth=2),
    "vae.vq optimal": _recipe(
        "vae.vq", width=4, num_codes=8, code_size=3, prior_width=4, prior_depth=1, likelihood="optimal"
    ),
    "vae.linear": _recipe("vae.linear", num_latents=3),
    "gan.dcgan": _recipe("gan.dcgan", num_latents=3, width=4),
    "gan.dcgan minimax": _recipe("gan.dcgan", num_latents=3, width=4, game="minimax", critic_steps=2),
    "gan.minimax": _recipe("gan.minimax", num_latents=3, width=16, network="mlp"),
    "gan.least_squares": _recipe("gan.least_squares", num_latents=3, width=4),
    "gan.wasserstein": _recipe("gan.wasserstein", num_latents=3, width=4, critic_steps=2),
    "gan.wgan_gp": _recipe("gan.wgan_gp", num_latents=3, width=4, critic_steps=2),
    "gan.hinge": _recipe("gan.hinge", num_latents=3, width=4),
    "gan.sngan": _recipe("gan.sngan", num_latents=3, width=4),
    "gan.progressive": _recipe("gan.progressive", num_latents=3, width=4, phase=64, fade=64),
    "gan.r3": _recipe("gan.r3", num_latents=3, width=4),
    "gan.r3 convolutional": _recipe("gan.r3", num_latents=3, width=4, network="convolutional"),
    "gan.conditional": _recipe("gan.conditional", num_latents=3, width=4, augment="adaptive", flip=True),
    "gan.conditional hinge": _recipe("gan.conditional", num_latents=3, width=4, game="hinge"),
    "gan.conditional bottleneck": _recipe("gan.conditional", num_latents=3, width=4, network="bottleneck"),
    "gan.conditional attributes": _recipe("gan.conditional", num_latents=3, width=4, described=True),
    "gan.info": _recipe("gan.info", num_latents=2, width=4, num_categories=3, num_continuous=1),
    "gan.auxiliary": _recipe("gan.auxiliary", num_latents=3, width=4),
    "hybrid.autoencoder_kl": _recipe(
        "hybrid.autoencoder_kl", width=4, critic_width=4, prior_width=8, prior_depth=2, prior_start=0.05
    ),
    "hybrid.vqgan": _recipe(
        "hybrid.vqgan",
        width=4,
        num_codes=8,
        critic_width=4,
        adversarial_start=0.0,
        prior_width=8,
        prior_depth=2,
        prior_start=0.0,
    ),
    "hybrid.vae_gan": _recipe("hybrid.vae_gan", num_latents=3, width=4),
    "hybrid.vae_gan told": _recipe("hybrid.vae_gan", num_latents=3, width=4, told="classes"),
    "hybrid.vae_gan mlp": _recipe("hybrid.vae_gan", num_latents=3, width=16, network="mlp", game="hinge"),
    "hybrid.adversarial": _recipe("hybrid.adversarial", num_latents=3, width=4, critic_width=8),
    "hybrid.adversarial gaussian": _recipe(
        "hybrid.adversarial",
        num_latents=3,
        width=4,
        critic_width=8,
        posterior="gaussian",
        game="relativistic",
    ),
    "hybrid.bigan": _recipe("hybrid.bigan", num_latents=3, width=4, critic_width=8),
    "hybrid.bigan gaussian": _recipe(
        "hybrid.bigan",
        num_latents=3,
        width=16,
        network="mlp",
        critic_width=8,
        posterior="gaussian",
        game="non_saturating",
    ),
    "vae.restore": _restorer("vae.restore"),
    "vae.restore inpaint": _restorer("vae.restore", task="inpaint"),
    "gan.restore": _restorer("gan.restore", critic_width=4),
    "gan.restore denoise": _restorer("gan.restore", critic_width=4, task="denoise", game="relativistic"),
    **GAMES_PLAYED,
}


def tiny_explicit_models() -> dict[str, ExplicitModel]:
    """Explicit models of 2 x 2 binary images, perturbed, so that no law holds by initialisation."""
    shape = (1, 2, 2)
    torch.manual_seed(0)
    heads: dict[str, PixelHead] = {
        "bernoulli": BernoulliPixels(shape, levels=2),
        "gaussian": NormalPixels(shape, levels=2),
        "shared": NormalPixels(shape, levels=2, variance="shared"),
        "optimal": NormalPixels(shape, levels=2, variance="optimal"),
        "logistic": LogisticMixturePixels(shape, levels=2, num_mixtures=2),
        "categorical": CategoricalPixels(shape, levels=2),
    }
    models: dict[str, ExplicitModel] = {
        name: VariationalAutoencoder(
            image_shape=shape,
            encoder=MLPEncoder(shape, width=8),
            posterior=LatentNormal(8, 2),
            decoder=MLPDecoder(2, shape, num_outputs=head.num_outputs, width=8),
            likelihood=head,
            prior=StandardNormal(2),
        )
        for name, head in heads.items()
    }
    data = facts(2, height=2, width=2)
    small = {"network": "mlp", "width": 8, "num_latents": 2}
    for name, arguments in {
        "vae.iaf": {"depth": 2, "flow_width": 6},
        "vae.vamp": {"num_pseudo": 3},
        "vae.flow": {"depth": 2, "flow_width": 6},
    }.items():
        model = find(name)(data, **small, **arguments).model
        assert isinstance(model, VariationalAutoencoder)
        models[name] = model
    models["ladder"] = _tiny_ladder()
    models["linear"] = LinearVariationalAutoencoder(image_shape=shape, num_latents=2, levels=2)
    models["quantised"] = _tiny_quantised()
    for model in models.values():
        generator = torch.Generator().manual_seed(1)  # the same for encoders alike
        for parameter in model.parameters():
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
        _widen(model)
    return models


def _tiny_ladder() -> LadderVariationalAutoencoder:
    torch.manual_seed(0)  # whatever stands before it in the dictionary
    data = facts(2, height=2, width=2)
    plan = find("vae.ladder")(data, layers="1x1,2x1", width=4, hidden=4, num_channels=1, top_channels=2)
    assert isinstance(plan.model, LadderVariationalAutoencoder)
    return plan.model


def _tiny_quantised() -> QuantisedAutoencoder:
    torch.manual_seed(0)
    data, small = facts(2, height=2, width=2), {"width": 4, "prior_width": 4, "prior_depth": 2}
    model = find("vae.vq")(data, num_codes=3, code_size=2, halvings=0, **small).model
    assert isinstance(model, QuantisedAutoencoder)
    return model


def _widen(model: ExplicitModel) -> None:
    """Makes q(z|x) as wide as the prior: then weights are bounded, and their standard error is true."""
    if isinstance(model, QuantisedAutoencoder):
        return  # its q(z|x) is certain
    if isinstance(model, LinearVariationalAutoencoder):
        model.latent_log_std.data.fill_(0.2)
        return
    if isinstance(model, LadderVariationalAutoencoder):
        for step in model.steps:
            for block, log_std in [(step.prior, 0.0), (step.posterior, 0.4)]:
                num_channels = step.latent_shape[0]
                block.widen.weight.data[-2 * num_channels :] *= 0.02
                block.widen.bias.data[-num_channels:] = log_std
        return
    assert isinstance(model, VariationalAutoencoder)
    head, log_std = model.encoder[1], 0.4
    if isinstance(head, LatentFlow):
        for step in head.flow.steps:
            step.outputs.weight.data *= 0.3
        head, log_std = head.base, 0.4 - head.flow.first_log_slope
    head.linear.weight.data *= 0.1
    head.linear.bias.data[2:] = log_std
