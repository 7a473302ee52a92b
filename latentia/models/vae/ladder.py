"""The ladder: a variational autoencoder whose latents are drawn group after group, from the top down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Density, Normal, PixelHead, soft_bound
from latentia.losses import held_rate, importance_weighted_bound
from latentia.models.bounds import PLAYER, Evidence
from latentia.models.latent import draw_images, portions, standard_normal
from latentia.models.vae.descent import (
    Choice,
    Descent,
    Told,
    draw_from_posterior,
    draw_from_prior,
    take_as_given,
)
from latentia.networks import BottomUp, Pixels, Step
from latentia.protocols import Batch, Decodes, Encodes, ExplicitModel, Objective, Turn


class LadderVariationalAutoencoder(ExplicitModel, Encodes, Decodes):
    """Latents in groups, each drawn given all above it, and by the posterior in the same order.

        p(z) = prod_l p(z_l | z_<l),   q(z|x) = prod_l q(z_l | z_<l, x)

    Flat latents are the groups one after another, the top one first.

    Args:
        image_shape: (channels, height, width).
        bottom_up: From images to what every step is told.
        steps: From the top down.
        pixels: From the state at the foot to numbers a pixel.
        likelihood: Head from these to p(x|z).
        relative: Whether the numbers of q are read in units of p: its mean as a shift in deviations of p,
            its deviation as a part of that of p. Otherwise they stand for themselves.
        bound: What training descends; its free bits are nats a group. Evaluation never uses it.

    Source:
        Sonderby et al. 2016 (arXiv:1602.02282); Kingma et al. 2016 (arXiv:1606.04934), section 5; Child
        2021 (arXiv:2011.10650), section 3; relative: Vahdat & Kautz 2020 (arXiv:2007.03898), section 3.2.
    """

    density: ClassVar[Literal["exact", "lower bound"]] = "lower bound"

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        bottom_up: BottomUp,
        steps: list[Step],
        pixels: Pixels,
        likelihood: PixelHead,
        relative: bool = False,
        bound: Evidence | None = None,
    ) -> None:
        super().__init__()
        assert isinstance(likelihood, nn.Module)
        self.image_shape = image_shape
        self.bottom_up = bottom_up
        self.steps = nn.ModuleList(steps)
        self.likelihood = nn.Sequential(pixels, likelihood)
        self.relative = relative
        self.bound = bound or Evidence()
        self.group_sizes = [step.latent_shape[0] * step.size[0] * step.size[1] for step in steps]
        self.num_latents = sum(self.group_sizes)
        # Where the ladder begins, and what it adds wherever it grows: it knows places before it draws.
        places = {step.size: nn.Parameter(torch.zeros(1, step.split[0], *step.size)) for step in steps}
        self.places = nn.ParameterList(places.values())

    def descend(self, numbers: Latents, choose: Choice, told: Told | None = None) -> Descent:
        """Goes down the ladder once.

        Args:
            numbers: Noise or latents, flat, as `choose` takes them.
            choose: The latents of a group, from its numbers, its prior and its posterior.
            told: What `bottom_up` tells of the images; with more numbers than images, image after image
                is told again from the first. Without it there are no posteriors.
        """
        priors: list[Normal] = []
        posteriors: list[Normal] = []
        latents: list[Tensor] = []
        places = iter(self.places)
        state = next(places).expand(len(numbers), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        for index, group in enumerate(numbers.split(self.group_sizes, dim=1)):
            step: Step = self.steps[index]  # type: ignore[assignment]
            if state.shape[2:] != step.size:
                state = step.enlarge(state) + next(places)
            seen, numbers_of_prior = step.look_ahead(state)
            prior = _normal(numbers_of_prior)
            posterior = None
            if told is not None:
                posterior = _normal(step.look_up(state, _repeated(told[index], len(numbers))))
                posterior = _in_units_of(prior, posterior) if self.relative else posterior
                posteriors.append(posterior)
            drawn = choose(group.unflatten(1, step.latent_shape), prior, posterior)
            state = step.go_on(seen, drawn)
            priors.append(prior)
            latents.append(drawn)
        return Descent(state, latents, priors, posteriors)

    def encode(self, images: Images, *, given: Given | None = None) -> Density:
        return LadderPosterior(self, self.bottom_up(images))

    def decode(self, latents: Latents, *, given: Given | None = None) -> Density:
        return self._pixels(self.descend(latents, take_as_given))

    def prior(self, *, given: Given | None = None) -> Density:
        return LadderPrior(self)

    def sample(
        self,
        num_images: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
        noise: bool = True,
        temperature: float = 1.0,
    ) -> Images:
        return draw_images(self, num_images, generator=generator, noise=noise, temperature=temperature)

    def objectives(self) -> tuple[Objective, ...]:
        free_bits = self.bound.free_bits

        def terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            told = self.bottom_up(batch.images)
            descent = self.descend(turn.noise(self.num_latents), draw_from_posterior, told)
            rates = descent.rates()
            distortion = -self._pixels(descent).dequantised_log_prob(
                batch.images, lambda: turn.uniform(*self.image_shape), turn.mean
            )
            found = {"distortion": distortion, "rate": rates.sum(1)}
            if free_bits:
                floors = torch.full_like(rates[0], free_bits)
                found["held_rate"] = held_rate(rates, turn.mean(rates), floors)
            return found

        descended = "held_rate" if free_bits else "rate"
        return (
            Objective(
                name="evidence",
                player=PLAYER,
                terms=terms,
                moves=(self,),
                weights={"distortion": 1.0, descended: self.bound.weight},
                watched=frozenset({"rate"} - {descended}),
            ),
        )

    def log_weights(
        self,
        images: Images,
        num_draws: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "draws batch"]:
        told, shape = self.bottom_up(images), (len(images), self.num_latents)
        return torch.cat(
            [
                self._log_weights(images, told, standard_normal((draws, *shape), images, generator))
                for draws in portions(num_draws, images)
            ]
        )

    def log_prob(self, images: Images, *, given: Given | None = None) -> PerImage:
        """The importance-weighted bound of 16 draws on the log-mass of the stored levels.

        The draws are the same for every image and in every call.

        Returns:
            Nats an image.
        """
        generator = torch.Generator(images.device).manual_seed(0)
        noise = standard_normal((16, 1, self.num_latents), images, generator)
        return importance_weighted_bound(
            self._log_weights(images, self.bottom_up(images), noise.expand(-1, len(images), -1))
        )

    def rates_by_group(
        self, images: Images, *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "batch groups"]:
        """The rate of every group, the top one first, given one draw of the groups above it, in nats."""
        noise = standard_normal((len(images), self.num_latents), images, generator)
        return self.descend(noise, draw_from_posterior, self.bottom_up(images)).rates()

    def _log_weights(
        self, images: Images, told: Told, noise: Float[Tensor, "draws batch latents"]
    ) -> Float[Tensor, "draws batch"]:
        """Log importance weights: one way down the ladder for every draw."""
        num_draws = len(noise)
        descent = self.descend(noise.flatten(0, 1), draw_from_posterior, told)
        log_likelihood = self._pixels(descent).log_prob(images.repeat(num_draws, 1, 1, 1))
        log_weights = log_likelihood + descent.log_prior() - descent.log_posterior()
        return log_weights.unflatten(0, (num_draws, len(images)))

    def _pixels(self, descent: Descent) -> Density:
        likelihood: Density = self.likelihood(descent.state)
        return likelihood


@dataclass(frozen=True, slots=True)
class LadderPosterior(Density):
    """q(z|x) over all groups.

    Attributes:
        model: The ladder.
        told: What it is told of the images.
    """

    model: LadderVariationalAutoencoder
    told: Told

    @property
    def mean(self) -> Latents:
        """Of every group the mean given the means above it, which is not the mean over draws of those."""
        batch = self.told[0].shape[0]
        return self.draw(self.told[0].new_zeros(batch, self.model.num_latents))

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.model.num_latents,)

    def draw(self, noise: Tensor) -> Tensor:
        return self._descend(noise, draw_from_posterior).flat().reshape(noise.shape)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        return self._descend(value, take_as_given).log_posterior().reshape(value.shape[:-1])

    def draw_and_log_prob(self, noise: Tensor) -> tuple[Tensor, Float[Tensor, "*batch"]]:
        descent = self._descend(noise, draw_from_posterior)
        return descent.flat().reshape(noise.shape), descent.log_posterior().reshape(noise.shape[:-1])

    def _descend(self, numbers: Tensor, choose: Choice) -> Descent:
        return self.model.descend(numbers.reshape(-1, self.model.num_latents), choose, self.told)


@dataclass(frozen=True, slots=True)
class LadderPrior(Density):
    """p(z) over all groups, of one vector.

    Attributes:
        model: The ladder.
    """

    model: LadderVariationalAutoencoder

    @property
    def mean(self) -> Latents:
        """Of every group the mean given the means above it, which is not the mean over draws of those."""
        return self.draw(self.model.places[0].new_zeros(1, self.model.num_latents))

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.model.num_latents,)

    def draw(self, noise: Tensor) -> Tensor:
        return self._descend(noise, draw_from_prior).flat().reshape(noise.shape)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        return self._descend(value, take_as_given).log_prior().reshape(value.shape[:-1])

    def _descend(self, numbers: Tensor, choose: Choice) -> Descent:
        return self.model.descend(numbers.reshape(-1, self.model.num_latents), choose)


def _normal(numbers: Tensor) -> Normal:
    """A Gaussian in float32 or better, its deviation between exp(-6) and exp(2)."""
    mean, log_std = _at_least_single(numbers).chunk(2, dim=1)
    return Normal(mean, soft_bound(log_std, -6.0, 2.0))


def _in_units_of(prior: Normal, relative: Normal) -> Normal:
    """What stands for itself where p is standard normal."""
    return Normal(prior.draw(relative.mean), prior.log_std + relative.log_std)


def _at_least_single(numbers: Tensor) -> Tensor:
    return numbers if numbers.dtype == torch.float64 else numbers.float()


def _repeated(told: Tensor, count: int) -> Tensor:
    """Told for as many as there are, in rounds over all images."""
    rounds = count // len(told)
    return told if rounds == 1 else told.repeat(rounds, 1, 1, 1).contiguous(memory_format=torch.channels_last)
