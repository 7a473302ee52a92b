"""Where to compute."""

import torch


def choose_device(wanted: str | None = None) -> torch.device:
    """The device asked for, or the best there is: CUDA, then MPS, then the CPU.

    Raises:
        ValueError: If the device asked for is not one, or not there.
    """
    if wanted is None or wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise ValueError(f"'{wanted}' is not a device. Use auto, cpu, cuda, cuda:1 or mps.") from None
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(device.type, False):
        raise ValueError(
            f"The device '{wanted}' is not available to this installation of PyTorch. Leave --device out to "
            f"take the best there is, or use cpu."
        )
    return device


def describe_device(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return str(device)
