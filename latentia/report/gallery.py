"""The pictures of one model: samples, reconstructions, ways through latent space, nearest training images."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Images, Latents
from latentia.data import ImageStore
from latentia.protocols import Decodes, Encodes
from latentia.report.contestant import Contestant
from latentia.report.evaluate import Evaluation
from latentia.report.yardstick import choose, choose_told
from latentia.tasks import interpolate_draws, interpolate_images, latents_of, reconstruct
from latentia.tasks.draw import is_conditional

SHOWN = 36  # samples in a square picture: few enough to be recognised on a phone
STEPS = 8
WAYS = 4
REBUILT = 10
MAPPED = 2000


@dataclass(frozen=True, slots=True)
class Gallery:
    """What to show of one model; None where it cannot.

    Attributes:
        draws: Samples, uncurated.
        means: Decoder means, uncurated, of an explicit model.
        reconstructions: Test images, and as many reconstructions after them.
        ways: Interpolations, `STEPS` images each, one after the other.
        between: What the ways lead between, in words.
        pairs: Samples that lie closest to training images, and as many of these after them; None where
            there were too few images to look.
        latents: Posterior means of test images.
    """

    draws: Float[Tensor, "shown channels height width"]
    means: Float[Tensor, "shown channels height width"] | None
    reconstructions: Float[Tensor, "rebuilt channels height width"] | None
    ways: Float[Tensor, "steps channels height width"] | None
    between: str
    pairs: Float[Tensor, "pairs channels height width"] | None
    latents: Float[Tensor, "mapped latents"] | None


def make_gallery(contestant: Contestant, evaluation: Evaluation, store: ImageStore, seed: int) -> Gallery:
    """Everything to show of a model, the first draws of the seed, never chosen by eye."""
    ways, between = _ways(contestant, store, seed)
    return Gallery(
        draws=contestant.draw(SHOWN, seed=seed),
        means=contestant.draw(SHOWN, seed=seed, noise=False) if contestant.explicit else None,
        reconstructions=_reconstructions(contestant, store, seed),
        ways=ways,
        between=between,
        pairs=None if evaluation.search is None else evaluation.search.pairs,
        latents=_latents(contestant, store),
    )


def _reconstructions(contestant: Contestant, store: ImageStore, seed: int) -> Images | None:
    if not (isinstance(contestant.model, Encodes) and isinstance(contestant.model, Decodes)):
        return None
    test = store.split("test")
    chosen = choose_told(test, min(REBUILT, len(test)), seed)
    given = None if chosen.given is None else chosen.given.to(contestant.device)
    rebuilt = reconstruct(contestant.model, chosen.images.to(contestant.device), given=given).cpu()
    return torch.cat([chosen.images, rebuilt.clamp(-1, 1)])


def _ways(contestant: Contestant, store: ImageStore, seed: int) -> tuple[Images | None, str]:
    model, test = contestant.model, store.split("test")
    if not isinstance(model, Decodes):
        return None, "it does not decode latents"
    if isinstance(model, Encodes) and len(test) >= 2 and not is_conditional(model):
        ends, _ = choose([test], min(2 * WAYS, len(test) // 2 * 2), seed)
        start, end = ends.to(contestant.device).chunk(2)
        return interpolate_images(model, start, end, STEPS).cpu().clamp(-1, 1), "two test images"
    generator = torch.Generator(contestant.device).manual_seed(seed)
    ways = interpolate_draws(model, WAYS, STEPS, generator=generator)
    return ways.cpu().clamp(-1, 1), "two draws from the prior"


@torch.no_grad()
def _latents(contestant: Contestant, store: ImageStore) -> Latents | None:
    test = store.split("test")
    if not isinstance(contestant.model, Encodes) or len(test) < 3:
        return None
    images, given = test.images(slice(0, MAPPED)), test.given(slice(0, MAPPED))
    told = None if given is None else given.to(contestant.device)
    return latents_of(contestant.model, images.to(contestant.device), given=told).cpu()
