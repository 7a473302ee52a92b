"""Latents that mean something."""

from latentia.data import Facts
from latentia.distributions import CodedPrior, Codes
from latentia.models.gan.recognition import CodeRecognition
from latentia.recipes.gan.parts import num_deepest, pair, plan
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Plan


def info(
    facts: Facts,
    *,
    num_categories: int = 10,
    num_continuous: int = 2,
    information: float = 0.1,
    num_latents: int = 62,
    width: int = 16,
    rate: float = 2e-4,
    batch_size: int = 16,
    half_life: int = 10_000,
) -> Plan:
    """Codes among the latents that can be read off the images: a category, and numbers.

    Nothing tells what they are to mean; often they come to be classes, slant and width. A latent vector is
    the noise, then the category (one-hot), then the numbers.

    Args:
        facts: Facts of the data.
        num_categories: Values of the categorical code; 0 for none, else at least 2.
        num_continuous: Codes that are numbers from -1 to 1.
        information: Weight of the information that images give of the codes; above 0. Numbers
            may be read to a tenth, and at a weight of 1 that outweighs the game.
        num_latents: Length of the noise beside the codes.
        width: Channels after the critic's first convolution and before the generator's last.
        rate: Learning rate of Adam, of both players.
        batch_size: Images a step; at least 2, for batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or there is no code at all.

    Note:
        There is no augmentation here: it hides what the codes show.

    Source:
        Chen et al. 2016 (arXiv:1606.03657), eq. 5 and 6. Differs in one step of recognition, which is the
        critic's, in the networks, which are those of `gan.dcgan`, and in one weight for all codes.
    """
    at_least(0, num_continuous=num_continuous, num_latents=num_latents)
    above_zero(information=information)
    if num_categories < 0 or num_categories == 1 or num_categories + num_continuous == 0:
        raise ValueError(
            f"num_categories is {num_categories} and num_continuous {num_continuous}: a category has at "
            f"least 2 values (0: there is none), and without any code there is nothing to be read. Take 10 "
            f"and 2."
        )
    categories = (num_categories,) if num_categories else ()
    codes = Codes(num_latents, categories=categories, num_continuous=num_continuous)
    generator, critic = pair("convolutional", facts, num_latents=codes.num_latents, width=width, norm="batch")
    return plan(
        facts,
        (generator, critic),
        game="non_saturating",
        num_latents=codes.num_latents,
        prior=CodedPrior(codes),
        recognition=CodeRecognition(num_deepest(critic, facts), codes),
        recognition_weight=information,
        augment="none",
        flip=False,
        rate=rate,
        betas=(0.5, 0.999),
        batch_size=batch_size,
        half_life=half_life,
    )
