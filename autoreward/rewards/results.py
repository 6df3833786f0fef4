"""What a reward's functions may return and keep: turned into float32 `[B]`, or named as wrong."""

from __future__ import annotations

import keyword
import re
from typing import Any

import torch
from torch import Tensor

from autoreward.rewards.source import TWO_TOTALS

_MEMORY_FIX = (
    "keep a tensor with one entry per row, shape [B] or [B, k], because memory is cleared row by "
    "row where episodes start; begin e.g. with torch.zeros_like(next_state.FIELD)"
)
_COMPONENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


class ContractViolation(Exception):
    """The reward file or a value it returned breaks the contract.

    Args:
        code: The finding code: `shape`, `dtype`, `missing-return`, `unknown-name`, …
        message: One sentence: what is wrong and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def split_total(result: Any, rows: int) -> dict[str, Tensor]:
    """Return the components of a `compute_reward` result: its dict's entries, then `total`."""
    if isinstance(result, dict) and "total" in result:
        result = (result["total"], {key: value for key, value in result.items() if key != "total"})
    if isinstance(result, dict):
        raise ContractViolation(
            "shape",
            "compute_reward returned a dict without a total: return (total, dict), or put the "
            'total into the dict as its entry "total"',
        )
    total, parts = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
    if not isinstance(parts, dict):
        raise ContractViolation(
            "shape",
            "compute_reward must return the total, or the total and a dict of components: "
            f"the second value is a {type(parts).__name__}",
        )
    if "total" in parts:
        raise ContractViolation("components", TWO_TOTALS)
    values = {}
    for name, value in parts.items():
        if not isinstance(name, str) or not _COMPONENT_NAME.fullmatch(name):
            raise ContractViolation(
                "components", f"a component's name must be a short identifier, not {name!r:.60}"
            )
        if keyword.iskeyword(name):
            raise ContractViolation("components", f"{name!r} is a Python keyword: rename it")
        values[name] = as_component(name, value, rows)
    return {**values, "total": as_component("total", total, rows)}


def memory_problem(key: Any, value: Any, rows: int) -> str:
    """Return what is wrong with an entry of a component's memory; empty if nothing is."""
    if not isinstance(key, str | int):
        return f"an entry of memory under a {type(key).__name__}: use a text as key"
    if not isinstance(value, Tensor):
        what = f"a Python {type(value).__name__}"
    elif value.is_complex():
        what = "complex numbers"
    elif not value.dim() or len(value) != rows:
        what = f"a tensor of shape {list(value.shape)}, for a batch of {rows} rows,"
    else:
        return ""
    return f"{what} in memory[{key!r:.40}]: {_MEMORY_FIX}"


def as_component(name: str, value: Any, rows: int) -> Tensor:
    """Return a component's result as float32 `[B]`, or say what is wrong with it."""
    if value is None:
        raise ContractViolation(
            "missing-return", f"{name} returned nothing: end it with `return` and a tensor"
        )
    if not isinstance(value, Tensor):
        raise ContractViolation(
            "shape",
            f"{name} returned a Python {type(value).__name__}: return a tensor with one value "
            "per row, shape [B], e.g. by torch.full_like(next_state.FIELD, value)",
        )
    if value.is_complex():
        raise ContractViolation("dtype", f"{name} returned complex numbers: return real ones")
    shape = tuple(value.shape)
    if shape != (rows,):
        raise ContractViolation("shape", f"{name} returned {_shape_problem(shape, rows)}")
    return value.to(torch.float32)


def _shape_problem(shape: tuple[int, ...], rows: int) -> str:
    if shape == (rows, 1):
        return "shape [B, 1] and must return [B]: add .squeeze(-1)"
    if shape == ():
        return (
            "one number for the whole batch and must return one per row, shape [B]: "
            "reduce with dim=-1, not over all rows"
        )
    if shape[0] == rows:
        inner = ", ".join(map(str, shape[1:]))
        return f"shape [B, {inner}] and must return [B]: index it, or reduce it with dim=-1"
    return f"shape {list(shape)} for a batch of {rows} rows and must return [{rows}]"
