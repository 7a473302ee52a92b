"""What recipes of variational autoencoders build their models from."""

from collections.abc import Callable
from typing import Literal

from torch import nn

from latentia.data import Facts
from latentia.distributions import (
    BernoulliPixels,
    CategoricalPixels,
    LatentNormal,
    LogisticMixturePixels,
    NormalPixels,
    PixelHead,
    StandardNormal,
    Variance,
)
from latentia.models import VariationalAutoencoder
from latentia.models.bounds import Bound
from latentia.networks import (
    Chain,
    Condition,
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    MLPDecoder,
    MLPEncoder,
    Told,
)
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Adam, Plan

Likelihood = Literal[
    "auto", "gaussian", "shared", "optimal", "fixed", "bernoulli", "logistic", "mixture", "categorical"
]
Network = Literal["convolutional", "mlp"]

VARIANCES: dict[str, Variance] = {
    "auto": "pixel",
    "gaussian": "pixel",
    "shared": "shared",
    "optimal": "optimal",
    "fixed": "fixed",
}
WIDTHS: dict[str, int] = {"convolutional": 32, "mlp": 512}


def pixel_head(
    facts: Facts, likelihood: Likelihood, *, num_mixtures: int = 5, fixed_std: float = 0.1
) -> PixelHead:
    """The head of a likelihood; `auto` is Bernoulli for binary data and a Gaussian a pixel for others.

    Args:
        facts: Facts of the data.
        likelihood: Gaussian with a variance a pixel, shared, optimal for each batch, or fixed; Bernoulli;
            discretised logistic, or a mixture of them; categorical.
        num_mixtures: Components of the mixture.
        fixed_std: Standard deviation of the Gaussian whose variance is fixed.

    Raises:
        ValueError: If the likelihood does not fit the data.
    """
    shape, levels = facts.image_shape, facts.levels
    if likelihood == "bernoulli" or (likelihood == "auto" and levels == 2):
        return BernoulliPixels(shape, levels=levels, mean=facts.mean)
    if likelihood == "categorical":
        return CategoricalPixels(shape, levels=levels, mean=facts.mean, std=facts.std)
    if likelihood in ("logistic", "mixture"):
        components = num_mixtures if likelihood == "mixture" else 1
        return LogisticMixturePixels(
            shape, levels=levels, num_mixtures=components, mean=facts.mean, std=facts.std
        )
    variance = VARIANCES[likelihood]
    return NormalPixels(
        shape, levels=levels, variance=variance, fixed_std=fixed_std, mean=facts.mean, std=facts.std
    )


def encoder_and_decoder(
    facts: Facts,
    network: Network,
    *,
    width: int | None,
    num_latents: int,
    num_outputs: int,
    condition: Condition | None = None,
) -> tuple[nn.Module, int, nn.Module]:
    """An encoder, how many features it gives, and a decoder; with a condition both are told it.

    What is told is a vector as long as the latents, beside the features and beside the latents.
    """
    shape = facts.image_shape
    width = WIDTHS[network] if width is None else width
    encoder: MLPEncoder | ConvolutionalEncoder
    decoder: MLPDecoder | ConvolutionalDecoder
    latents = Told(num_latents, condition)
    if network == "mlp":
        encoder = MLPEncoder(shape, width=width)
        decoder = MLPDecoder(latents.num_outputs, shape, num_outputs=num_outputs, width=width)
    else:
        encoder = ConvolutionalEncoder(shape, width=width)
        decoder = ConvolutionalDecoder(
            latents.num_outputs, shape, num_outputs=num_outputs, width=width, output_gain=0.1
        )
    if condition is None:
        return encoder, encoder.num_features, decoder
    features = Told(encoder.num_features, condition, size=num_latents)
    return Chain(encoder, features), features.num_outputs, Chain(latents, decoder)


def autoencoder(
    facts: Facts,
    *,
    likelihood: Likelihood | PixelHead,
    network: Network,
    num_latents: int,
    width: int | None,
    bound: Bound | None = None,
    posterior: Callable[[int], nn.Module] | None = None,
    prior: nn.Module | None = None,
    fitted_prior: nn.Module | None = None,
    condition: Condition | None = None,
) -> VariationalAutoencoder:
    """A variational autoencoder, its posterior a diagonal Gaussian unless a number of features makes another.

    Raises:
        ValueError: If an argument is out of range, or the likelihood does not fit the data.
    """
    at_least(1, num_latents=num_latents, width=1 if width is None else width)
    head = pixel_head(facts, likelihood) if isinstance(likelihood, str) else likelihood
    encoder, num_features, decoder = encoder_and_decoder(
        facts,
        network,
        width=width,
        num_latents=num_latents,
        num_outputs=head.num_outputs,
        condition=condition,
    )
    return VariationalAutoencoder(
        image_shape=facts.image_shape,
        encoder=encoder,
        posterior=LatentNormal(num_features, num_latents) if posterior is None else posterior(num_features),
        decoder=decoder,
        likelihood=head,
        prior=prior or StandardNormal(num_latents),
        fitted_prior=fitted_prior,
        bound=bound,
        condition=condition,
    )


def plan(
    model: VariationalAutoencoder, *, rate: float, batch_size: int, half_life: int, cool_down: float = 0.0
) -> Plan:
    """How a variational autoencoder is trained.

    Raises:
        ValueError: If an argument is out of range.
    """
    at_least(1, batch_size=batch_size, half_life=half_life)
    above_zero(rate=rate)
    return Plan(
        model,
        optimisers=dict.fromkeys((o.player for o in model.objectives()), Adam(rate=rate)),
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
        cool_down=cool_down,
    )
