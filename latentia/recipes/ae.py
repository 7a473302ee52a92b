"""Autoencoders without a density: a code for every image, the baseline that the others are held against."""

from typing import Literal

from torch import nn

from latentia.data import Facts
from latentia.models import Autoencoder
from latentia.models.ae.autoencoder import AddedNoise, Corruption, Masking
from latentia.models.bounds import PLAYER
from latentia.recipes.ranges import above_zero, at_least
from latentia.recipes.vae.parts import Network, encoder_and_decoder
from latentia.training import Adam, Plan

__all__ = ["contractive", "denoising", "plain"]


def plain(
    facts: Facts,
    *,
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """A code for every image that the image can be decoded from, with the least squared error.

    It reconstructs well and says nothing about how likely an image is. Its draws, from a Gaussian that
    follows the codes, show what a variational autoencoder is for.

    Args:
        facts: Facts of the data.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a code.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Hinton & Salakhutdinov 2006 (Science 313), without its layer by layer start; draws: Ghosh et al.
        2020 (arXiv:1903.12436), section 4.
    """
    return _plan(facts, network, num_latents, width, rate, batch_size, half_life)


def denoising(
    facts: Facts,
    *,
    corruption: Literal["noise", "masking"] = "noise",
    strength: float = 0.5,
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """A code that survives damage: the encoder sees a corrupted image, and the clean one is to be decoded.

    Args:
        facts: Facts of the data.
        corruption: Gaussian noise on every value, or pixels that are lost and become grey.
        strength: Standard deviation of the noise on the scale [-1, 1], or the share of pixels that are lost.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a code.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Vincent et al. 2008 (ICML); Vincent et al. 2010 (JMLR 11), section 3.5.
    """
    above_zero(strength=strength)
    if corruption == "masking" and not strength < 1:
        raise ValueError(
            f"strength is {strength}; as a share of pixels that are lost it has to be below 1: with 0.5 "
            f"every second one is."
        )
    corrupt = AddedNoise(strength) if corruption == "noise" else Masking(strength)
    return _plan(facts, network, num_latents, width, rate, batch_size, half_life, corruption=corrupt)


def contractive(
    facts: Facts,
    *,
    contraction: float = 0.1,
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """A code that hardly moves when the image does: the encoder's slope is penalised.

    Args:
        facts: Facts of the data.
        contraction: Weight of the squared Frobenius norm of the encoder's Jacobian.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a code.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Note:
        The decoder is free to stretch what the encoder shrinks, so part of the penalty only sets the scale
        of codes. The source ties the weights of one layer's decoder to those of its encoder.

    Source:
        Rifai et al. 2011 (ICML), eq. 3. Differs in that the norm is estimated along a random direction.
    """
    above_zero(contraction=contraction)
    return _plan(facts, network, num_latents, width, rate, batch_size, half_life, contraction=contraction)


def _plan(
    facts: Facts,
    network: Network,
    num_latents: int,
    width: int | None,
    rate: float,
    batch_size: int,
    half_life: int,
    *,
    corruption: Corruption | None = None,
    contraction: float = 0.0,
) -> Plan:
    at_least(1, num_latents=num_latents, width=1 if width is None else width)
    at_least(1, batch_size=batch_size, half_life=half_life)
    above_zero(rate=rate)
    encoder, num_features, decoder = encoder_and_decoder(
        facts, network, width=width, num_latents=num_latents, num_outputs=facts.channels
    )
    model = Autoencoder(
        image_shape=facts.image_shape,
        encoder=nn.Sequential(encoder, nn.Linear(num_features, num_latents)),
        decoder=decoder,
        num_latents=num_latents,
        corruption=corruption,
        contraction=contraction,
    )
    return Plan(
        model,
        optimisers={PLAYER: Adam(rate=rate)},
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
    )
