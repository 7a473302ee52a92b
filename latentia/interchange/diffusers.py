"""Image autoencoders in the layout of `AutoencoderKL`, which `diffusers` loads.

A folder with `config.json` and `diffusion_pytorch_model.safetensors`. Neither way needs `diffusers` itself.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from latentia.distributions import RectifiedFlowPrior
from latentia.models import ImageAutoencoder
from latentia.models.hybrid.bottleneck import GaussianBottleneck
from latentia.networks import LatentGridDecoder, LatentGridEncoder, Layout, PatchCritic, VelocityNetwork

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
PARTS = ("encoder.", "decoder.")
DOWN, UP = "DownEncoderBlock2D", "UpDecoderBlock2D"
MOVED = {"encoder.quant_conv.": "quant_conv.", "decoder.post_quant_conv.": "post_quant_conv."}
"""Layers that we keep in encoder and decoder, and the layout beside them."""
OLD_ATTENTION = {"query.": "to_q.", "key.": "to_k.", "value.": "to_v.", "proj_attn.": "to_out.0."}
"""Names of attention's layers in files of before 2023."""


def export_autoencoder(model: nn.Module, out: str | Path) -> Path:
    """Writes an image autoencoder as a folder that `AutoencoderKL.from_pretrained` opens.

    Latents of the layout's users are (z - shift_factor) scaling_factor, with mean 0 and deviation 1: both
    factors are the running moments that our own prior uses. The prior and the critic are left out.

    Args:
        model: The model of a run of `hybrid.autoencoder_kl`.
        out: A folder that is new or empty.

    Returns:
        The folder.

    Raises:
        ValueError: If the model has another layout, or there is something in the folder.

    Note:
        Our `decode` brings images into [-1, 1], and the decoder of the layout does not; pipelines do.

    Example:
        >>> export_autoencoder(latentia.load("runs/faces"), "faces-vae")  # doctest: +SKIP
        PosixPath('faces-vae')
    """
    if not (isinstance(model, ImageAutoencoder) and isinstance(model.bottleneck, GaussianBottleneck)):
        codes = ", whose latents are codes," if isinstance(model, ImageAutoencoder) else ""
        raise ValueError(
            f"The AutoencoderKL layout of diffusers holds image autoencoders with Gaussian latents, and this "
            f"{type(model).__name__}{codes} is none. Train one: latentia train hybrid.autoencoder_kl."
        )
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already, and not an empty folder. Choose another one.")
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        _moved(name, MOVED): value.detach().cpu().contiguous()
        for name, value in model.state_dict().items()
        if name.startswith(PARTS)
    }
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config_of(model), indent=2) + "\n", encoding="utf-8")
    return folder


def config_of(model: ImageAutoencoder) -> dict[str, Any]:
    """The fields of `config.json`."""
    layout, prior = model.encoder.layout, model.latent_prior
    return {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": list(layout.widths),
        "down_block_types": [DOWN] * len(layout.widths),
        "force_upcast": True,
        "in_channels": layout.channels,
        "latent_channels": layout.size,
        "layers_per_block": layout.depth,
        "mid_block_add_attention": layout.attention,
        "norm_num_groups": layout.num_groups,
        "out_channels": layout.channels,
        "sample_size": max(model.image_shape[1:]),
        "scaling_factor": float(1 / prior.scale),
        "shift_factor": float(prior.centre),
        "up_block_types": [UP] * len(layout.widths),
        "use_post_quant_conv": True,
        "use_quant_conv": True,
    }


def import_autoencoder(
    folder: str | Path, image_shape: tuple[int, int, int], *, prior_width: int = 96, prior_depth: int = 6
) -> ImageAutoencoder:
    """Reads an autoencoder of the `AutoencoderKL` layout as a model of ours, in evaluation mode.

    It encodes and decodes as it does there. Its critic and its prior are new: until the prior is fitted,
    draws are decoded noise with the mean and the deviation of latents.

    Args:
        folder: Holds `config.json` and `diffusion_pytorch_model.safetensors`.
        image_shape: (channels, height, width) of the images that it is to be used for.
        prior_width: Channels of the prior's network.
        prior_depth: Its residual blocks.

    Raises:
        ValueError: If something is missing or of another layout: says what.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ValueError(
                f"{folder} has no {name}. Give a folder that `AutoencoderKL.save_pretrained` or `latentia "
                f"export` has written; of a whole pipeline it is the one called vae."
            )
    config = _read(folder / CONFIG)
    layout = _layout_of(config, image_shape)
    shape = (layout.size, *layout.grid_of(image_shape))
    model = ImageAutoencoder(
        image_shape=image_shape,
        encoder=LatentGridEncoder(layout, num_outputs=2 * layout.size),
        decoder=LatentGridDecoder(layout),
        critic=PatchCritic(image_shape, width=32),
        bottleneck=GaussianBottleneck(1e-3),
        prior=RectifiedFlowPrior(VelocityNetwork(shape, width=prior_width, depth=prior_depth), shape),
    )
    model.latent_prior.centre.fill_(config.get("shift_factor") or 0.0)
    model.latent_prior.variance.fill_(config.get("scaling_factor", 0.18215) ** -2)
    _fill(model, _tensors(folder / WEIGHTS), config, folder)
    return model.eval()


def _read(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}. Copy it again from where it came.") from error
    if not isinstance(config, dict):
        raise ValueError(f"{file} holds a {type(config).__name__} and no configuration. Copy it again.")
    return config


def _tensors(file: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(file)
    except SafetensorError as error:
        raise ValueError(f"{file} is damaged: {error}. Copy it again from where it came.") from error
    return tensors


def _layout_of(config: Mapping[str, Any], image_shape: tuple[int, int, int]) -> Layout:
    """What a configuration says of the networks.

    Raises:
        ValueError: If we have no such networks.
    """
    widths = tuple(config.get("block_out_channels", (64,)))
    expected = {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "down_block_types": [DOWN] * len(widths),
        "in_channels": image_shape[0],
        "out_channels": image_shape[0],
        "up_block_types": [UP] * len(widths),
    }
    for key, value in expected.items():
        if config.get(key, value) != value:
            raise ValueError(
                f"The configuration has {key} {config[key]!r}, and only {value!r} can be read for images of "
                f"{image_shape} (channels, height, width)."
            )
    return Layout(
        channels=image_shape[0],
        widths=widths,
        size=config.get("latent_channels", 4),
        depth=config.get("layers_per_block", 1),
        num_groups=config.get("norm_num_groups", 32),
        attention=config.get("mid_block_add_attention", True),
    )


def _fill(
    model: ImageAutoencoder, weights: Mapping[str, Tensor], config: Mapping[str, Any], folder: Path
) -> None:
    """Puts weights into a model; 1 x 1 convolutions that the configuration does without change nothing.

    Raises:
        ValueError: If they are not those of the model.
    """
    back = {theirs: ours for ours, theirs in MOVED.items()}
    named = {_attention(_moved(name, back)): value for name, value in weights.items()}
    for ours, theirs in MOVED.items():
        if not config.get(f"use_{theirs}".rstrip("."), True):
            layer = model.get_submodule(ours.rstrip("."))
            nn.init.dirac_(layer.get_parameter("weight"))
            nn.init.zeros_(layer.get_parameter("bias"))
            named |= {ours + name: value for name, value in layer.state_dict().items()}
    own = {name: value for name, value in model.state_dict().items() if name.startswith(PARTS)}
    odd = sorted(
        name
        for name in own.keys() | named.keys()
        if name not in own or name not in named or own[name].shape != named[name].shape
    )
    if odd:
        raise ValueError(
            f"The weights in {folder} are not those of the configuration beside them: {len(odd)} are "
            f"missing, unknown or of another shape, the first of them {odd[0]}. Take both files from one "
            f"folder."
        )
    model.load_state_dict(model.state_dict() | named)


def _moved(name: str, table: Mapping[str, str]) -> str:
    for start, other in table.items():
        if name.startswith(start):
            return other + name.removeprefix(start)
    return name


def _attention(name: str) -> str:
    for old, new in OLD_ATTENTION.items():
        if f".attentions.0.{old}" in name:
            return name.replace(old, new)
    return name
