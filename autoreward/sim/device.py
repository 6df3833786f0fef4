"""The device that tensors of a training live on."""

from __future__ import annotations

import torch

from autoreward.errors import UsageError


def open_device(name: str) -> torch.device:
    """Return the device of that name, with its number where there may be several.

    Raises:
        UsageError: It is `cuda`, and torch can use no GPU here.
    """
    if name == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        why = "no GPU is visible" if torch.version.cuda else "this torch is built without CUDA"
        raise UsageError(f"training.device={name} cannot be used on this machine: {why}")
    return torch.device("cuda", torch.cuda.current_device())
