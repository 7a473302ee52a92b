"""Feature spaces of published networks, whose numbers compare with those of papers: Inception and DINOv2.

Neither network is part of this library: each is a file or folder that is named, or downloaded and checked.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Images
from latentia.data import cache_folder
from latentia.data.download import Remote, fetch
from latentia.metrics.features import FeatureSpace, Vectors

INCEPTION = Remote(
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
)
INCEPTION_SIDE, DINO_SIDE = 299, 224  # pixels
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of colours from 0 to 1
OFFLINE = "The spaces `random`, `domain` and `pixels` need no file."


class InceptionFeatures(FeatureSpace):
    """The 2,048 pooled features of the Inception network that the FID is defined with.

    Images are rounded to 8 bits, resized to 299 pixels (antialiased bicubic, float results kept) and, where
    they are grey, repeated to three channels.

    Args:
        path: The TorchScript file `inception-2015-12-05.pt`; without it, the file that the environment
            variable LATENTIA_INCEPTION names, else the published one, downloaded once and checked.
        cache: Folder for the download; without it, the user's cache folder.
        progress: Whether a bar is shown while it downloads.

    Raises:
        ValueError: If the file is not there or cannot be had, or is not such a network.

    Note:
        A TorchScript file is a program: loading one runs what is in it. The downloaded file is refused
        unless its SHA-256 is the published one; a file that you name is trusted, and where its
        checksum is another the space is not called Inception.

    Source:
        Szegedy et al. 2016, arXiv:1512.00567, with the weights of 2015-12-05 as Heusel et al. 2017,
        arXiv:1706.08500, use them, in NVIDIA's translation (StyleGAN2-ADA); resized as Parmar et al. 2022,
        arXiv:2104.11222 (clean-fid), since plain bilinear shrinking aliases.
    """

    costly = True

    def __init__(
        self, path: str | Path | None = None, *, cache: Path | None = None, progress: bool = True
    ) -> None:
        named = path or os.environ.get("LATENTIA_INCEPTION")
        file = Path(named).expanduser() if named else _downloaded(cache or cache_folder(), progress)
        if not file.is_file():
            raise ValueError(
                f"there is no Inception network in {file}. It is published as {INCEPTION.url}; name your "
                f"copy as inception:PATH or in LATENTIA_INCEPTION. {OFFLINE}"
            )
        found = _sha256(file)
        if not named and found != INCEPTION.sha256:
            raise ValueError(f"{file} is damaged (SHA-256 {found}). Delete it; it is then downloaded again.")
        try:
            self._network = torch.jit.load(file, map_location="cpu").eval()
        except RuntimeError as error:
            raise ValueError(f"{file} is not a TorchScript network: {error}. {OFFLINE}") from error
        known = (
            "Inception, FID weights of 2015-12-05" if found == INCEPTION.sha256 else f"network {file.name}"
        )
        self.hash = found[:12]
        self.name = f"{known} ({INCEPTION_SIDE} px, antialiased bicubic)"

    def _embed(self, images: Images) -> Vectors:
        network = self._network.to(images.device)
        # The network's own resizing, which would alias, is the identity at this size.
        features: Tensor = network(_colour_levels(images, INCEPTION_SIDE), return_features=True)
        return features.flatten(1)


class DinoFeatures(FeatureSpace):
    """The class token of a DINOv2 vision transformer, which sees what images show rather than textures.

    Images are rounded to 8 bits, resized to 224 pixels (antialiased bicubic) and normalised with
    ImageNet's colours; grey is repeated to three channels.

    Args:
        path: A folder in Hugging Face's format with `config.json` and `model.safetensors`, such as a
            download of `facebook/dinov2-small`.

    Raises:
        ValueError: If the folder lacks a file or holds another model, or transformers is not installed.

    Source:
        Oquab et al. 2023, arXiv:2304.07193; as a space for judging generators Stein et al. 2023,
        arXiv:2306.04675.
    """

    costly = True

    def __init__(self, path: str | Path) -> None:
        folder = Path(path).expanduser()
        weights = folder / "model.safetensors"
        if not (weights.is_file() and (folder / "config.json").is_file()):
            raise ValueError(
                f"{folder} is no DINOv2 folder: it needs config.json and model.safetensors, as in a download "
                f"of facebook/dinov2-small from the Hugging Face hub. {OFFLINE}"
            )
        self._network = _dino(folder)
        self.hash = _sha256(weights)[:12]
        self.name = f"DINOv2 {folder.name} (class token, {DINO_SIDE} px)"

    def _embed(self, images: Images) -> Vectors:
        colours = _colour_levels(images, DINO_SIDE).clamp(0, 255) / 255
        mean, std = (colours.new_tensor(c).view(3, 1, 1) for c in (IMAGENET_MEAN, IMAGENET_STD))
        answer = self._network.to(images.device)(pixel_values=(colours - mean) / std)
        token: Tensor = answer.last_hidden_state[:, 0]
        return token


def _colour_levels(images: Images, side: int) -> Float[Tensor, "batch 3 side side"]:
    """8-bit levels of three channels, 0 to 255, resized as floats: values may overshoot a little."""
    levels = (images.clamp(-1, 1) * 127.5 + 127.5).round()
    if levels.shape[1] == 1:
        levels = levels.expand(-1, 3, -1, -1)
    return functional.interpolate(levels, (side, side), mode="bicubic", antialias=True)


def _downloaded(cache: Path, progress: bool) -> Path:
    try:
        return fetch(INCEPTION, cache / "downloads" / "inception", progress=progress)
    except ValueError as error:
        raise ValueError(
            f"the Inception network could not be downloaded ({error.__cause__ or error}). Fetch "
            f"{INCEPTION.url} elsewhere and name the file as inception:PATH or in "
            f"LATENTIA_INCEPTION. {OFFLINE}"
        ) from error


def _dino(folder: Path) -> Any:
    """The transformer, from local safetensors alone."""
    try:
        from transformers import AutoModel
    except ImportError as error:
        raise ValueError(
            f"dinov2 needs the package transformers: pip install 'latentia[dinov2]'. {OFFLINE}"
        ) from error
    network = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    if not network.config.model_type.startswith("dinov2"):
        raise ValueError(f"{folder} holds a {network.config.model_type}, expected a DINOv2 model. {OFFLINE}")
    return network.eval()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
