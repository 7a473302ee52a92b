"""Latents that are codes."""

from latentia.data import Facts
from latentia.distributions import Codebook
from latentia.models import QuantisedAutoencoder
from latentia.models.bounds import PLAYER
from latentia.networks import CausalNetwork, GridDecoder, GridEncoder
from latentia.recipes.ranges import above_zero, at_least
from latentia.recipes.vae.parts import Likelihood, pixel_head
from latentia.training import Adam, Plan


def vq(
    facts: Facts,
    *,
    num_codes: int = 64,
    code_size: int = 16,
    commitment: float = 0.25,
    halvings: int = 2,
    width: int = 64,
    depth: int = 2,
    prior_width: int = 48,
    prior_depth: int = 3,
    likelihood: Likelihood = "auto",
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """VQ-VAE: an image is a small grid of codes, and a network learns which codes go together.

    Both learn at the same time. More codes and larger grids keep more of the image, and what they keep has to
    be learned by the network as well. Draws take one pass of it for each position of the grid.

    Args:
        facts: Facts of the data.
        num_codes: Codes in the codebook.
        code_size: Length of a code's vector.
        commitment: Weight of the squared distance between the encoder's vectors and their codes.
        halvings: How often height and width are halved on the way to the grid: 28 px become 7 with 2.
        width: Channels of encoder and decoder.
        depth: Residual blocks in each.
        prior_width: Channels of the network over codes.
        prior_depth: Its layers.
        likelihood: p(x|z); `auto` is Bernoulli for binary data and a Gaussian a pixel for others.
        rate: Learning rate of Adam, of both players.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, the sides of the images cannot be halved so often, or the
            likelihood does not fit the data.

    Source:
        van den Oord et al. 2017 (arXiv:1711.00937); the network over codes: van den Oord et al. 2016
        (arXiv:1606.05328). Differs in that there are 64 codes by default instead of 512: small data sets do
        not teach which of 512 go together.
    """
    at_least(2, num_codes=num_codes, width=width)
    at_least(1, code_size=code_size, prior_width=prior_width, prior_depth=prior_depth)
    at_least(1, batch_size=batch_size, half_life=half_life)
    at_least(0, depth=depth, halvings=halvings)
    above_zero(commitment=commitment, rate=rate)
    head = pixel_head(facts, likelihood)
    encoder = GridEncoder(facts.image_shape, size=code_size, width=width, halvings=halvings, depth=depth)
    model = QuantisedAutoencoder(
        image_shape=facts.image_shape,
        encoder=encoder,
        codebook=Codebook(num_codes, code_size),
        decoder=GridDecoder(
            code_size, num_outputs=head.num_outputs, width=width, halvings=halvings, depth=depth
        ),
        likelihood=head,
        code_network=CausalNetwork(num_codes, width=prior_width, depth=prior_depth),
        grid=encoder.grid,
        commitment=commitment,
    )
    return Plan(
        model,
        optimisers={PLAYER: Adam(rate=rate), "prior": Adam(rate=rate)},
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
    )
