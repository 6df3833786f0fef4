"""Adding, dropping and saving one learner's rows of any object that holds stacked tensors."""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor


class Stacked(Protocol):
    """An object whose attributes named in `FIELDS` are tensors with the learner first."""

    FIELDS: ClassVar[tuple[str, ...]]


def keep_rows(item: Stacked, rows: Tensor) -> None:
    """Drop all learners but `rows`."""
    for name in item.FIELDS:
        setattr(item, name, getattr(item, name)[rows].clone())


def append_rows(item: Stacked, other: Stacked) -> None:
    """Append the learners of `other`, on the same device."""
    for name in item.FIELDS:
        setattr(item, name, torch.cat([getattr(item, name), getattr(other, name)]))


def row_state(item: Stacked, index: int, prefix: str) -> dict[str, Tensor]:
    """Return copies of one learner's rows, named `prefix.field`."""
    return {f"{prefix}.{name}": getattr(item, name)[index].clone() for name in item.FIELDS}


def load_row_state(item: Stacked, index: int, prefix: str, state: dict[str, Tensor]) -> None:
    """Put one learner's rows back from `row_state`."""
    for name in item.FIELDS:
        getattr(item, name)[index] = state[f"{prefix}.{name}"]
