"""A direction in latent space: something about images that can be turned up and down, kept in a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from latentia._types import Latents
from latentia.metrics.features import hash_of

Vector = Float[Tensor, "latents"]


@dataclass(frozen=True, slots=True)
class Direction:
    """One way to move latents.

    Attributes:
        name: What moving along it is meant to change, such as `Eyeglasses`.
        vector: The move of strength 1. What was found over many images is one standard deviation of images
            long; what examples say is as long as they differ.
        fingerprint: Of the weights that it was found in; latents of other weights mean other things.
        method: How it was found, in words.
        effect: What strength 1 changed when it was measured: `picture` in values from -1 to 1 (root mean
            square), attributes in their standard deviations over images.
    """

    name: str
    vector: Vector
    fingerprint: str
    method: str
    effect: Mapping[str, float] = field(default_factory=dict)

    def save(self, path: str | Path) -> Path:
        """Write it to a .safetensors file.

        Raises:
            ValueError: If the name ends otherwise.
        """
        path = Path(path)
        if path.suffix != ".safetensors":
            raise ValueError(f"A direction is kept in a .safetensors file, and {path} is none.")
        path.parent.mkdir(parents=True, exist_ok=True)
        words = {"name": self.name, "fingerprint": self.fingerprint, "method": self.method}
        words["effect"] = json.dumps(dict(self.effect))
        save_file({"vector": self.vector.cpu().contiguous()}, path, words)
        return path

    @staticmethod
    def load(path: str | Path) -> "Direction":
        """Read what `save` wrote.

        Raises:
            ValueError: If there is no such file, or it holds no direction.
        """
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"There is no file {path} to read a direction from.")
        try:
            with safe_open(path, "pt") as file:
                words = file.metadata() or {}
                effect = json.loads(words["effect"])
                vector = file.get_tensor("vector")
                return Direction(words["name"], vector, words["fingerprint"], words["method"], effect)
        except (SafetensorError, KeyError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{path} holds no direction ({error}); `latentia edit --save` writes such files."
            ) from error

    def vector_for(self, model: nn.Module) -> Vector:
        """The vector on a model's device.

        Raises:
            ValueError: If it was found in other weights.
        """
        if self.fingerprint != fingerprint(model):
            raise ValueError(
                f"The direction {self.name} was found in other weights than this model's: there its numbers "
                f"mean something else. Find it anew in this run."
            )
        return self.vector.to(next(model.parameters()).device)


def fingerprint(model: nn.Module) -> str:
    """First 12 hexadecimal digits of the SHA-256 of a model's weights and buffers."""
    return hash_of(list(model.state_dict().values()))


def of_one_deviation(vector: Vector, latents: Latents) -> Vector:
    """A direction as long as a standard deviation of latents along it.

    Example:
        >>> of_one_deviation(torch.tensor([0.0, 9.0]), torch.tensor([[7.0, -2.0], [5.0, 2.0]]))
        tensor([0.0000, 2.8284])
    """
    unit = torch.nn.functional.normalize(vector, dim=0)
    return unit * (latents @ unit).std()
