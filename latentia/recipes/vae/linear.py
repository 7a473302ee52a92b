"""Linear maps: the variational autoencoder whose density is known."""

from latentia.data import Facts
from latentia.models import LinearVariationalAutoencoder
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Adam, Plan


def linear(
    facts: Facts,
    *,
    num_latents: int = 16,
    rate: float = 3e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """Linear encoder and decoder: probabilistic principal components, whose density is exact.

    Args:
        facts: Facts of the data.
        num_latents: Length of a latent vector.
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Tipping & Bishop 1999 (doi:10.1111/1467-9868.00196); Lucas et al. 2019 (arXiv:1911.02469).
    """
    at_least(1, num_latents=num_latents, batch_size=batch_size, half_life=half_life)
    above_zero(rate=rate)
    model = LinearVariationalAutoencoder(
        image_shape=facts.image_shape,
        num_latents=num_latents,
        levels=facts.levels,
        mean=facts.mean,
        std=facts.std,
    )
    return Plan(
        model,
        optimisers={"autoencoder": Adam(rate=rate)},
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
    )
