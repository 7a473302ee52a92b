"""The restorer: what damaged images were, in the mean and one by one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Given, Images, Latents, Measured, PerImage
from latentia.data.degradation import Degradation
from latentia.networks.restoring import RestoringNetwork
from latentia.protocols import Batch, GenerativeModel, Objective, Turn, told_of

COARSE = 4
"""Places a side of the images that are made up where none are given."""


@dataclass(frozen=True, slots=True)
class Case:
    """Damaged images and what is known of them.

    Attributes:
        measured: What was measured.
        expected: Their expected images, without gradient.
        degradation: What was done to them.
    """

    measured: Measured
    expected: Images
    degradation: Degradation

    @property
    def clues(self) -> Measured:
        """What networks are shown: the expected images beside what was measured."""
        return torch.cat([self.expected, self.measured], 1)

    def moved(self, changes: Images) -> Images:
        """The expected images, changed, and brought to agree with what was measured."""
        return self.degradation.lean(self.expected + changes, self.measured)


Cases = Callable[[Batch, Turn], Case]


@runtime_checkable
class Answers(Protocol):
    """What makes one of many answers of a case, and how it learns to."""

    def num_latents(self, height: int, width: int) -> int:
        """Numbers that an answer of that size is drawn with."""
        ...

    def draw(self, case: Case, latents: Latents) -> Images:
        """Answers from standard normal latents."""
        ...

    def objectives(self, cases: Cases) -> tuple[Objective, ...]:
        """What training makes small."""
        ...


class Restorer(GenerativeModel):
    """Networks that are shown damaged images: one says what is to be expected, others what may have been.

        expectation:  |x - m(y)|^2,   y = measure(x)
        answers:      draws of x given y, as the family of `answers` learns them

    m is the mean of all images that are measured as y, and the best guess by squared error. Where images are
    measured by a linear map, both are moved to agree with y before anything is compared, so that a network
    learns only what was lost. Every training image is damaged anew each time that it is seen.

    Args:
        image_shape: (channels, height, width) of the training images; others may be restored.
        degradation: What is done to images.
        expectation: Network from a first guess beside what was measured to what the guess lacks.
        answers: What draws answers.

    Source:
        An expected image first, and draws of what differs from it: Whang et al. 2022 (arXiv:2112.02475),
        whose draws come from diffusion.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        degradation: Degradation,
        expectation: RestoringNetwork,
        answers: nn.Module,
    ) -> None:
        super().__init__()
        assert isinstance(answers, Answers)
        self.image_shape = image_shape
        self.degradation = degradation
        self.expectation = expectation
        self.drawing: Answers = answers

    def expected(self, measured: Measured) -> Images:
        self._check(measured)
        guess = self.degradation.first_guess(measured)
        missing = self.expectation(torch.cat([guess, measured], 1))
        return self.degradation.lean(guess + missing, measured)

    def answers(
        self, measured: Measured, *, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Images:
        case = Case(measured, self.expected(measured).detach(), self.degradation)
        shape = (len(measured), self.drawing.num_latents(*measured.shape[2:]))
        noise = torch.randn(shape, generator=generator, device=measured.device)
        return self.drawing.draw(case, temperature * noise)

    def sample(
        self,
        num_images: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
        noise: bool = True,
        temperature: float = 1.0,
    ) -> Images:
        """Answers to what was measured, which is `given`; without it to smooth images that are made up."""
        if num_images < 1:
            raise ValueError(f"Asked for {num_images} images; ask for at least 1.")
        if not temperature >= 0:
            raise ValueError(f"The temperature is {temperature}; it has to be 0 or more.")
        if given is None:
            device = next(self.parameters()).device
            shape = (num_images, self.image_shape[0], COARSE, COARSE)
            coarse = torch.randn(shape, generator=generator, device=device)
            smooth = functional.interpolate(coarse, self.image_shape[1:], mode="bicubic")
            given = told_of(self, (temperature * smooth / 2).clamp(-1, 1), generator=generator)
        assert given is not None
        return self.answers(given, generator=generator, temperature=temperature).clamp(-1, 1)

    def objectives(self) -> tuple[Objective, ...]:
        expectation = Objective(
            name="expectation",
            player="expectation",
            terms=self._terms,
            moves=(self.expectation,),
            weights={"error": 1.0},
        )
        return (expectation, *self.drawing.objectives(self._case))

    def _terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        expected = self.expected(self.degradation.measure(batch.images, turn.noise))
        return {"error": (batch.images - expected).square().flatten(1).mean(1)}

    @torch.no_grad()
    def _case(self, batch: Batch, turn: Turn) -> Case:
        measured = self.degradation.measure(batch.images, turn.noise)
        return Case(measured, self.expected(measured), self.degradation)

    def _check(self, measured: Tensor) -> None:
        channels = self.image_shape[0] + 1
        if measured.dim() != 4 or measured.shape[1] != channels:
            raise ValueError(
                f"This model restores images of {channels - 1} channels and is given them beside one that "
                f"says where they are known, {channels} in all; got shape {tuple(measured.shape)}. "
                f"`model.degradation.measure(images, noise)` makes it."
            )
