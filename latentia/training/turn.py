"""The turn as the loop makes it: noise that is a function of where the run stands.

Every draw is seeded from (seed, images seen, objective, repeat, number of the call), for the whole global
batch, and sliced. So there is no generator state to save: a resumed run draws what the unbroken one would
have drawn, and a divided batch what the whole one would have.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from latentia.protocols import Turn
from latentia.training.processes import Processes


def seed_from(*parts: object) -> int:
    """A 63-bit seed that is a function of its arguments, the same on every machine."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@dataclass
class StepTurn(Turn):
    """A turn, seen from one micro-batch of one objective's step.

    Attributes:
        images_seen: Real images drawn before this turn.
        horizon: Images that the run is planned for.
        seed: The run's seed.
        device: Where noise is drawn.
        processes: This process among all.
        global_batch: Images in the batch of all processes.
        part: The rows of the global batch that this micro-batch is.
        place: What tells this objective's draws from others': player, objective, repeat.
    """

    images_seen: int
    horizon: int
    seed: int
    device: torch.device
    processes: Processes
    global_batch: int
    part: slice = field(default_factory=lambda: slice(None))
    place: tuple[object, ...] = ()
    _calls: int = 0
    _shared: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    _means: dict[int, list[Tensor]] = field(default_factory=dict)
    _rehearsing: bool = False
    _asked: int = 0

    def at(self, part: slice, *place: object, rehearsing: bool = False) -> "StepTurn":
        """Moves to a micro-batch of an objective, where calls are counted from zero again."""
        self.part, self.place, self._rehearsing = part, place, rehearsing
        self._calls = self._asked = 0
        return self

    def noise(self, *shape: int) -> Tensor:
        seed = seed_from(self.seed, self.images_seen, *self.place, self._calls)
        self._calls += 1
        generator = torch.Generator(self.device).manual_seed(seed)
        whole = torch.randn(self.global_batch, *shape, generator=generator, device=self.device)
        return whole[self.part]

    def mean(self, value: Float[Tensor, "batch *event"]) -> Float[Tensor, "*event"]:
        """The mean over the global batch, without gradient.

        Of a batch in one piece it is at hand. Of a divided one the loop has rehearsed the terms of all
        pieces before, without gradient, and the mean of what they said is returned.
        """
        index = self._asked
        self._asked += 1
        if self._rehearsing:
            self._means.setdefault(index, []).append(value.detach().mean(0))
        local = self._means[index] if index in self._means else [value.detach().mean(0)]
        return self.processes.mean(torch.stack(local).mean(0))

    @property
    def asked_for_means(self) -> bool:
        """Whether the terms that ran last asked for a mean over the global batch."""
        return self._asked > 0

    def forget(self) -> None:
        """After a step: what was shared or averaged before it no longer holds."""
        self._shared.clear()
        self._means.clear()

    def shared(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        key = (name, self.part.start or 0)
        if key not in self._shared:
            self._shared[key] = make().detach()
        return self._shared[key]
