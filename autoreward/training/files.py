"""Writes and reads the files of one training: checkpoint, policy, result; always by rename."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from autoreward.store.rundir import write_atomic
from autoreward.training.messages import CHECKPOINT_FILE, POLICY_FILE, RESULT_FILE


def write_checkpoint(directory: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write all a learner needs to go on: tensors and metadata in one file."""
    blob = save(_contiguous(tensors), metadata={"learner": json.dumps(metadata)})
    write_atomic(directory / CHECKPOINT_FILE, blob)


def read_checkpoint(directory: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return tensors and metadata of a checkpoint; None if there is none that can be read."""
    try:
        with safe_open(directory / CHECKPOINT_FILE, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads((file.metadata() or {})["learner"])
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def write_policy(directory: Path, policy: dict[str, Tensor]) -> Path:
    """Write a policy and return its file."""
    path = directory / POLICY_FILE
    write_atomic(path, save(_contiguous(policy)))
    return path


def write_result(directory: Path, result: dict[str, Any], keep: bool = False) -> None:
    """Write the result; from now on the job is finished. The checkpoint goes, unless to `keep`."""
    write_atomic(directory / RESULT_FILE, json.dumps(result))
    if not keep:
        (directory / CHECKPOINT_FILE).unlink(missing_ok=True)


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
