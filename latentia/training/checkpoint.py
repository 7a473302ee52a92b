"""Checkpoints: written whole or not at all, and never a pickle.

A checkpoint is two files, `weights.safetensors` and `state.safetensors`. Both are written under temporary
names and synced before either is renamed; a kill between the two renames leaves a complete temporary file
behind, which the next reader puts in place.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from latentia.training.state import State

WEIGHTS, STATE = "weights.safetensors", "state.safetensors"
RESCUE = "rescue/"
"""What the names of tensors begin with that rescues depend on."""


def save(state: State, folder: Path) -> None:
    """Writes the checkpoint of a state, replacing the one before it.

    Raises:
        OSError: If it cannot be written; the checkpoint before it is untouched.
    """
    # The weights say one thing only: time would differ from run to run, and the format writes several
    # entries in no fixed order, but equal runs have equal bytes.
    stands = {"images_seen": str(state.images_seen)}
    held = state.optimizer_tensors() | {f"{RESCUE}{k}": v for k, v in state.rescue_tensors().items()}
    more = {"turns": str(state.turns), "seconds": repr(state.seconds), "looked": str(state.looked)}
    write(folder, {STATE: (held, stands | more), WEIGHTS: (state.weights(), stands)})


def write(folder: Path, files: Mapping[str, tuple[Mapping[str, Tensor], dict[str, str]]]) -> None:
    """Replaces files of tensors, each with its note, whole or not at all.

    Raises:
        OSError: If they cannot be written; those before them are untouched.
    """
    try:
        for name, (tensors, said) in files.items():
            # Same-storage tensors are refused by the format, so each is its own contiguous copy.
            own = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
            save_file(own, folder / f"{name}.new", metadata=said)
            sync(folder / f"{name}.new")
    except (OSError, SafetensorError) as error:
        for name in files:
            (folder / f"{name}.new").unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise
        raise OSError(f"{', '.join(files)} could not be written to {folder}: {error}") from error
    for name in files:
        os.replace(folder / f"{name}.new", folder / name)
    sync(folder)


def position(folder: Path) -> dict[str, float]:
    """Where the checkpoint of a run stands: `images_seen`, `turns`, `seconds`, `looked`.

    Raises:
        ValueError: If there is no checkpoint, or it is damaged.
    """
    _finish_renames(folder)
    stands = {
        STATE: note(folder / STATE, "images_seen", "turns", "seconds"),
        WEIGHTS: note(folder / WEIGHTS, "images_seen"),
    }
    if stands[STATE]["images_seen"] != stands[WEIGHTS]["images_seen"]:
        raise ValueError(
            f"The files of the checkpoint in {folder} belong to different steps "
            f"({stands[STATE]['images_seen']} and {stands[WEIGHTS]['images_seen']} images): one of them was "
            f"replaced by hand. Put the one that belongs to it back, or train again into a new folder."
        )
    where: dict[str, float] = {key: json.loads(value) for key, value in stands[STATE].items()}
    return {"looked": 0} | where  # which is not in older runs


def load(state: State, folder: Path) -> None:
    """Puts a checkpoint into a state whose model has the same shape.

    Raises:
        ValueError: If the tensors do not fit the model: says which.
    """
    where = position(folder)
    weights = read(folder / WEIGHTS)
    for name, model in state.models().items():
        fit(model, part_of(weights, f"{name}."), folder)
    held = read(folder / STATE)
    state.load_optimizer_tensors({k: v for k, v in held.items() if not k.startswith(RESCUE)})
    state.images_seen, state.turns = int(where["images_seen"]), int(where["turns"])
    state.seconds, state.looked = where["seconds"], int(where["looked"])
    state.load_rescue_tensors(part_of(held, RESCUE))


def load_weights(model: nn.Module, folder: Path, *, averaged: bool = True) -> None:
    """Puts the weights of a run into a model.

    Raises:
        ValueError: If the tensors do not fit the model: says which.
    """
    position(folder)
    fit(model, part_of(read(folder / WEIGHTS), "average." if averaged else "raw."), folder)


def part_of(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def fit(model: nn.Module, tensors: dict[str, Tensor], folder: Path) -> None:
    """Copies tensors into a model, after a check that all of them fit."""
    own = model.state_dict()
    faults = [f"{name} is missing" for name in own.keys() - tensors.keys()]
    faults += [f"{name} is not part of the model" for name in tensors.keys() - own.keys()]
    faults += [
        f"{name} is {tuple(tensors[name].shape)}, the model's is {tuple(own[name].shape)}"
        for name in own.keys() & tensors.keys()
        if own[name].shape != tensors[name].shape
    ]
    if faults:
        listed = "; ".join(sorted(faults)[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        raise ValueError(
            f"The checkpoint in {folder} does not fit the model: {listed}. It was trained with other "
            f"arguments or by another version; load it with the recipe and arguments of its run.json."
        )
    model.load_state_dict(tensors)


def sync(path: Path) -> None:
    """Waits until a file or folder is on the disk, where the system can."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _finish_renames(folder: Path) -> None:
    """After a kill between two renames, the second: state is renamed first, so only weights lag."""
    newer = folder / f"{WEIGHTS}.new"
    if not newer.exists() or not (folder / STATE).exists():
        return
    try:
        stands = [note(path, "images_seen")["images_seen"] for path in (newer, folder / STATE)]
    except ValueError:
        return  # killed while writing: the checkpoint before it is whole
    if stands[0] == stands[1]:
        os.replace(newer, folder / WEIGHTS)


def note(path: Path, *expected: str) -> dict[str, str]:
    """What a file says beside its tensors.

    Raises:
        ValueError: If it is missing or damaged, or does not say what is expected.
    """
    try:
        with safe_open(path, framework="pt") as file:
            said: dict[str, str] = file.metadata() or {}
    except FileNotFoundError:
        raise ValueError(
            f"{path.parent} has no checkpoint: {path.name} is missing. The run was stopped before its first "
            f"checkpoint, or this is not a run folder; train again into a new folder."
        ) from None
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is damaged ({error}). Copy it again from where it came, or train again into a new "
            f"folder."
        ) from error
    if not set(expected) <= said.keys():
        raise ValueError(f"{path} was not written by Latentia: it does not say which step it belongs to.")
    return said


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU."""
    tensors: dict[str, Tensor] = load_file(path, device="cpu")
    return tensors


def all_finite(tensors: dict[str, Tensor]) -> bool:
    """Whether every number of every tensor is finite."""
    return all(bool(torch.isfinite(value).all()) for value in tensors.values() if value.is_floating_point())
