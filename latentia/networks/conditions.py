"""What a model is told of each image, its class or its attributes, and where networks take it in.

A `Condition` belongs to the model: it checks what is given, and holds what is known of it. Networks are built
with it, and make of it a vector beside latents or features, or a projection in a critic.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Latents, PerImage

MOST_ROWS = 4096
"""Attribute vectors of training images that are kept to draw from."""
MOST_DEVIATIONS = 10.0
"""Standardised attributes end here: one that a single image in thousands has would drown all others."""


class Condition(nn.Module, ABC):
    """What is told of each image. It has no parameters; what it knows stands in buffers."""

    @abstractmethod
    def forward(self, given: Given | None) -> Given:
        """What is given as networks take it.

        Raises:
            ValueError: If nothing is given, or something else.
        """

    @abstractmethod
    def draw(self, num_images: int, *, generator: torch.Generator | None, device: torch.device) -> Given:
        """What may be given, where nobody says what."""

    @abstractmethod
    def vectors(self, size: int, *, std: float = 1.0, mean: float = 0.0) -> nn.Module:
        """A network from what `forward` returns to vectors, of that mean and deviation at the start."""


class Classes(Condition):
    """The class of each image, a whole number; every one is drawn as often.

    Args:
        num_classes: How many there are.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes

    def forward(self, given: Given | None) -> Given:
        if given is None or given.dim() != 1 or given.is_floating_point():
            raise ValueError(
                f"This model is told the class of every image, a whole number from 0 to "
                f"{self.num_classes - 1}, and got {_kind(given)}. Give classes, or train on data that has "
                f"some."
            )
        # A batch in training holds the data's own classes; a look at them would wait for the accelerator.
        if not self.training and bool(((given < 0) | (given >= self.num_classes)).any()):
            raise ValueError(
                f"Got classes from {int(given.min())} to {int(given.max())}; this model knows those from "
                f"0 to {self.num_classes - 1}."
            )
        return given

    def draw(self, num_images: int, *, generator: torch.Generator | None, device: torch.device) -> Given:
        return torch.randint(self.num_classes, (num_images,), generator=generator, device=device)

    def vectors(self, size: int, *, std: float = 1.0, mean: float = 0.0) -> nn.Module:
        return ClassVectors(self.num_classes, size, std=std, mean=mean)


class Attributes(Condition):
    """Numbers that describe each image, in the units of the data, NaN where unknown.

        (attribute - mean) / deviation, cut off at -10 and 10

    It is 0 where the attribute is unknown, and where it is the same in all training images.

    Args:
        num_attributes: How many numbers.
        num_images: How many training images there are.
        values: The attributes of all training images; None where a checkpoint is about to bring what
            follows from them.

    Attributes:
        mean: Mean of each attribute over the training images of which it is known.
        scale: One over its deviation; 0 where that is 0.
        rows: Attributes of up to 4,096 training images, evenly spaced, to draw from: attributes depend on
            each other, many have two humps, and numbers drawn from normals would describe nobody.
    """

    mean: Tensor
    scale: Tensor
    rows: Tensor

    def __init__(
        self, num_attributes: int, num_images: int, values: Float[Tensor, "images attributes"] | None = None
    ) -> None:
        super().__init__()
        self.num_attributes = num_attributes
        if values is None:
            values = torch.zeros(num_images, num_attributes)
        known = values.double()
        mean = known.nanmean(0).nan_to_num(0.0)  # of an attribute that no image has
        std = (known - mean).square().nanmean(0).nan_to_num(0.0).sqrt()
        places = torch.linspace(0, len(values) - 1, min(len(values), MOST_ROWS)).round().long()
        rows = known[places]
        self.register_buffer("mean", mean.float())
        self.register_buffer("scale", torch.where(std > 1e-6, 1 / std, 0.0).float())
        self.register_buffer("rows", torch.where(rows.isnan(), mean, rows).float())

    def forward(self, given: Given | None) -> Given:
        if given is None or not given.is_floating_point() or given.shape[1:] != (self.num_attributes,):
            raise ValueError(
                f"This model is told {self.num_attributes} attributes of every image, and got "
                f"{_kind(given)}. Give a row of {self.num_attributes} numbers an image, NaN for what is "
                f"unknown."
            )
        standardised = ((given - self.mean) * self.scale).clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS)
        return torch.where(standardised.isnan(), 0.0, standardised)

    def draw(self, num_images: int, *, generator: torch.Generator | None, device: torch.device) -> Given:
        return self.rows[torch.randint(len(self.rows), (num_images,), generator=generator, device=device)]

    def vectors(self, size: int, *, std: float = 1.0, mean: float = 0.0) -> nn.Module:
        return AttributeVectors(self.num_attributes, size, std=std, mean=mean)


class ClassVectors(nn.Embedding):
    """A learned vector for each class.

    Args:
        num_classes: How many classes.
        size: Length of a vector.
        std: Deviation of the vectors at the start.
        mean: Their mean.
    """

    def __init__(self, num_classes: int, size: int, *, std: float = 1.0, mean: float = 0.0) -> None:
        super().__init__(num_classes, size)
        nn.init.normal_(self.weight, mean, std)

    def forward(self, given: Given | None) -> Float[Tensor, "batch size"]:
        """The vectors of some classes.

        Raises:
            ValueError: If no classes are given, or something else.
        """
        if given is None or given.dim() != 1:
            raise ValueError(
                f"A network of {self.num_embeddings} classes has to be given the class of every image, and "
                f"got {_kind(given)}. Hand in `given`: whole numbers from 0 to {self.num_embeddings - 1}."
            )
        vectors: Tensor = super().forward(given)
        return vectors


class AttributeVectors(nn.Module):
    """A vector that is a linear map of standardised attributes.

    No `nn.Linear`, so that it starts as vectors of classes do, whatever a network does to its layers.

    Args:
        num_attributes: How many attributes.
        size: Length of a vector.
        std: Deviation of the vectors at the start, for attributes that do not depend on each other.
        mean: Their mean.
    """

    def __init__(self, num_attributes: int, size: int, *, std: float = 1.0, mean: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, num_attributes) * std * num_attributes**-0.5)
        self.bias = nn.Parameter(torch.full((size,), mean))

    def forward(self, given: Given | None) -> Float[Tensor, "batch size"]:
        """The vectors of some attributes.

        Raises:
            ValueError: If no attributes are given, or something else.
        """
        num_attributes = self.weight.shape[1]
        if given is None or given.shape[1:] != (num_attributes,):
            raise ValueError(
                f"A network of {num_attributes} attributes has to be given those of every image, and got "
                f"{_kind(given)}. Hand in `given`: a row of standardised numbers an image."
            )
        return nn.functional.linear(given, self.weight, self.bias)


class Told(nn.Module):
    """Latents or features, and beside them a vector of what is told; without a condition they alone.

    Args:
        num_inputs: Length of the latents or features.
        condition: What is told.
        size: Length of its vector; as long as they are without it.

    Attributes:
        num_outputs: Length of what comes out.
    """

    def __init__(self, num_inputs: int, condition: Condition | None, *, size: int | None = None) -> None:
        super().__init__()
        size = num_inputs if size is None else size
        self.vectors = None if condition is None else condition.vectors(size)
        self.num_outputs = num_inputs if condition is None else num_inputs + size

    def forward(self, inputs: Latents, given: Given | None = None) -> Float[Tensor, "batch outputs"]:
        return inputs if self.vectors is None else torch.cat([inputs, self.vectors(given)], 1)


class Chain(nn.Sequential):
    """Networks one after the other, of which those that are made for it are told what is given."""

    def forward(self, inputs: Tensor, given: Given | None = None) -> object:
        """What the last one returns: a tensor, or a distribution from a head."""
        outputs: object = inputs
        for network in self:
            outputs = network(outputs, given) if isinstance(network, Told | Chain) else network(outputs)
        return outputs


class Score(nn.Linear):
    """A critic's last layer: features to a score, and how well they fit what is told.

        score = w . f + b + v_y . f

    Args:
        num_features: Length of the features f.
        condition: What is told, y; None for no last term.

    Source:
        Miyato & Koyama 2018 (arXiv:1802.05637), eq. 3.
    """

    def __init__(self, num_features: int, condition: Condition | None = None) -> None:
        super().__init__(num_features, 1)
        std = num_features**-0.5
        # Vectors of attributes too: checkpoints know them by this name.
        self.classes = None if condition is None else condition.vectors(num_features, std=std)

    def forward(self, features: Float[Tensor, "batch features"], given: Given | None = None) -> PerImage:
        scores = super().forward(features).squeeze(1)
        if self.classes is not None:
            scores = scores + (self.classes(given) * features).sum(1)  # eq. 3
        return scores


def _kind(given: Given | None) -> str:
    return "nothing" if given is None else f"{given.dtype} of shape {tuple(given.shape)}"
