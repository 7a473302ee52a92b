"""Hybrids: an encoder, so that every image has latents, and a critic, so that images or latents look real."""

from typing import Literal

from latentia.data import Facts
from latentia.distributions import LatentNormal, LatentPoint, StandardNormal
from latentia.losses import GAMES
from latentia.models import AdversarialAutoencoder, BidirectionalNetwork, VariationalAdversarialNetwork
from latentia.networks import Chain, ConvolutionalEncoder, JointCritic, MLPCritic, MLPEncoder, Told
from latentia.protocols import GenerativeModel
from latentia.recipes.conditions import condition_of
from latentia.recipes.gan.parts import USUAL_WIDTH, WIDTHS, pair, slopes
from latentia.recipes.ranges import above_zero, at_least
from latentia.recipes.vae.parts import Network, encoder_and_decoder
from latentia.training import Adam, Plan

__all__ = ["adversarial", "bigan", "vae_gan"]

Posterior = Literal["point", "gaussian"]
HEADS = {"point": LatentPoint, "gaussian": LatentNormal}
BETAS = (0.0, 0.99)
"""Adam's, of players of a game whose critic's slope is penalised."""


def vae_gan(
    facts: Facts,
    *,
    game: Literal["non_saturating", "hinge", "least_squares"] = "non_saturating",
    level: int = -1,
    fidelity: float = 0.1,
    beta: float = 1.0,
    gamma: float = 1.0,
    told: Literal["nothing", "auto", "classes", "attributes"] = "nothing",
    network: Network = "convolutional",
    num_latents: int = 64,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 10_000,
    cool_down: float = 0.0,
) -> Plan:
    """A variational autoencoder that is judged by a critic's eye: its features measure the distortion.

    What is reconstructed looks like the image rather than agreeing with it pixel by pixel, and the decoder
    is also a generator, whose images are as sharp as the critic asks. It encodes and draws, and has no
    density.

    Args:
        facts: Facts of the data.
        game: What decoder and critic want of scores.
        level: Level of the critic whose features are compared, from 0, the shallowest, or from -1, the
            deepest.
        fidelity: Weight of the distortion beside the game, for the decoder alone.
        beta: Weight of the rate beside the distortion, for the encoder alone.
        gamma: Twice the weight of the critic's squared slope at real images; 0 or more.
        told: What all three networks are told of each image: nothing, its class, its attributes, or `auto`
            for whichever the data has.
        network: Convolutions that follow from the image size, the decoder with batch normalisation, or fully
            connected layers.
        num_latents: Length of a latent vector.
        width: Channels at half size (16), or units in a fully connected layer (256).
        rate: Learning rate of Adam, of all players.
        batch_size: Images a step; at least 2 with batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the data has nothing to tell.

    Source:
        Larsen et al. 2016 (arXiv:1512.09300), algorithm 1. Differs in a penalty (R1) instead of batch
        normalisation in the critic, without which the scale of features would be anyone's; in Adam for
        RMSProp; and in width and batch.
    """
    at_least(0, beta=beta, fidelity=fidelity)
    _check_sizes(num_latents, width)
    condition = None if told == "nothing" else condition_of(facts, told, "hybrid.vae_gan")
    decoder, critic = pair(network, facts, num_latents=num_latents, width=width, condition=condition)
    images = _encoder(facts, network, width)
    features = Told(images.num_features, condition, size=num_latents)
    model = VariationalAdversarialNetwork(
        image_shape=facts.image_shape,
        encoder=Chain(images, features, LatentNormal(features.num_outputs, num_latents)),
        decoder=decoder,
        critic=critic,
        game=GAMES[game],
        num_latents=num_latents,
        level=level,
        beta=beta,
        fidelity=fidelity,
        penalties=slopes(gamma)[:1],
        condition=condition,
    )
    return _plan(model, rate, batch_size, half_life, cool_down)


def adversarial(
    facts: Facts,
    *,
    game: Literal["non_saturating", "relativistic"] = "non_saturating",
    posterior: Posterior = "point",
    gamma: float = 1.0,
    critic_width: int = 128,
    network: Network = "convolutional",
    num_latents: int = 16,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
) -> Plan:
    """An autoencoder whose codes, all together, a critic holds to N(0, I), so that one can draw from it.

    Single codes pay nothing for being exact, as in a variational autoencoder they would; so reconstructions
    are nearly those of a plain autoencoder. It has no density.

    Args:
        facts: Facts of the data.
        game: What encoder and critic want of scores.
        posterior: Whether an image has one code, or a Gaussian of them.
        gamma: Twice the weight of the critic's squared slope, at draws from the prior and at codes; 0 or
            more.
        critic_width: Units in each of the critic's three hidden layers.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a code.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam, for reconstructions and for both players of the game.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Makhzani et al. 2015 (arXiv:1511.05644), section 2. Differs in the convolutions, in a penalty on the
        critic's slope, in Adam for momentum, and in a prior of deviation 1 (there 5, on MNIST).
    """
    _check_sizes(num_latents, width)
    at_least(1, critic_width=critic_width)
    images, num_features, decoder = encoder_and_decoder(
        facts, network, width=width, num_latents=num_latents, num_outputs=facts.channels
    )
    model = AdversarialAutoencoder(
        image_shape=facts.image_shape,
        encoder=Chain(images, HEADS[posterior](num_features, num_latents)),
        decoder=decoder,
        critic=MLPCritic((num_latents, 1, 1), width=critic_width),
        game=GAMES[game],
        prior=StandardNormal(num_latents),
        penalties=slopes(gamma),
    )
    return _plan(model, rate, batch_size, half_life, cool_down)


def bigan(
    facts: Facts,
    *,
    game: Literal["non_saturating", "relativistic"] = "relativistic",
    posterior: Posterior = "point",
    gamma: float = 1.0,
    critic_width: int = 256,
    network: Network = "convolutional",
    num_latents: int = 64,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 10_000,
    cool_down: float = 0.0,
) -> Plan:
    """An adversarial network with an encoder that is learned in the same game: BiGAN, or ALI.

    The critic sees an image and latents together, and has to tell an image with its code from a generated
    one with the noise that it was made from. Reconstructions are of the same kind as the image, not the same
    image: nothing compares the two.

    Args:
        facts: Facts of the data.
        game: What the players want of scores.
        posterior: Whether an image has one code (BiGAN), or a Gaussian of them (ALI).
        gamma: Twice the weight of the critic's squared slope, with respect to images and latents together,
            at both kinds of pairs; 0 or more.
        critic_width: Units in the critic's layers that see images and latents together.
        network: Convolutions that follow from the image size, the generator with batch normalisation, or
            fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels at half size (16), or units in a fully connected layer (256).
        rate: Learning rate of Adam, of all players.
        batch_size: Images a step; at least 2 with batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Donahue et al. 2017 (arXiv:1605.09782), eq. 3; Dumoulin et al. 2017 (arXiv:1606.00704), eq. 1. Differs
        in the relativistic game and its penalties (Huang et al. 2025, arXiv:2501.05441), and in the networks.
    """
    _check_sizes(num_latents, width)
    at_least(1, critic_width=critic_width)
    generator, _ = pair(network, facts, num_latents=num_latents, width=width)
    images, seen = _encoder(facts, network, width), _encoder(facts, network, width)
    model = BidirectionalNetwork(
        image_shape=facts.image_shape,
        encoder=Chain(images, HEADS[posterior](images.num_features, num_latents)),
        generator=generator,
        critic=JointCritic(seen, num_features=seen.num_features, num_latents=num_latents, width=critic_width),
        game=GAMES[game],
        num_latents=num_latents,
        penalties=slopes(gamma),
    )
    return _plan(model, rate, batch_size, half_life, cool_down)


def _encoder(facts: Facts, network: Network, width: int | None) -> ConvolutionalEncoder | MLPEncoder:
    if network == "mlp":
        return MLPEncoder(facts.image_shape, width=WIDTHS["mlp"] if width is None else width)
    return ConvolutionalEncoder(facts.image_shape, width=USUAL_WIDTH if width is None else width)


def _check_sizes(num_latents: int, width: int | None) -> None:
    at_least(1, num_latents=num_latents, width=1 if width is None else width)


def _plan(model: GenerativeModel, rate: float, batch_size: int, half_life: int, cool_down: float) -> Plan:
    """How a hybrid is trained: all players by Adam alike."""
    objectives = model.objectives()
    at_least(2 if any(o.couples for o in objectives) else 1, batch_size=batch_size)  # one has no deviation
    at_least(1, half_life=half_life)
    above_zero(rate=rate)
    return Plan(
        model,
        optimisers=dict.fromkeys((o.player for o in objectives), Adam(rate=rate, betas=BETAS)),
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
        cool_down=cool_down,
    )
