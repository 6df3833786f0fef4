"""How numbers, times and amounts are written for people, everywhere the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_DECIMALS = ((100.0, 0), (10.0, 1), (1.0, 2), (0.01, 3), (0.001, 4), (0.0001, 5))
"""Least size → digits after the point."""


def number(value: float) -> str:
    """Return a measured value with two or three digits: `3.21`, `0.124`, `0.0062`, `1,230`."""
    return numbers(value)[0]


def numbers(*values: float) -> list[str]:
    """Return values that belong together with the same precision, that of the largest."""
    size = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if size == 0:
        return ["0" if value == 0 else str(value) for value in values]
    digits = next((digits for least, digits in _DECIMALS if size >= least), None)
    if digits is None or size >= 1e6:
        return [f"{value:.1e}" if value else "0" for value in values]
    texts = [f"{value:,.{digits}f}" for value in values]
    return [text.lstrip("-") if not text.strip("-0.,") else text for text in texts]


def interval(form: Mapping[str, Any] | None) -> str:
    """Return `3.21 [3.02, 3.40]` for a fitness in the commands' JSON form, `-` for None."""
    if form is None:
        return "-"
    mean, low, high = numbers(form["mean"], *form["interval"])
    return f"{mean} [{low}, {high}]"


def signed(form: Mapping[str, Any]) -> str:
    """Return a difference with its sign: `+0.51 [+0.30, +0.72]`."""
    values = (form["mean"], *form["interval"])
    texts = numbers(*values)
    mean, low, high = (f"+{t}" if v > 0 else t for v, t in zip(values, texts, strict=True))
    return f"{mean} [{low}, {high}]"


def count(value: float) -> str:
    """Return an amount: `950`, `204,800`, `3.07 M`."""
    return f"{value / 1e6:.3g} M" if value >= 1e6 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return a time span in its two largest units: `4.2 s`, `3 min 20 s`, `1 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def dollars(usd: float) -> str:
    """Return an amount of money: `$0`, `$0.0123`, `$4.50`."""
    if usd == 0:
        return "$0"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}"


def plural(amount: int, noun: str) -> str:
    """Return `1 seed`, `3 seeds`."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def arrow(direction: str) -> str:
    """Return `↑` where higher is better, `↓` where lower is."""
    return "↑" if direction == "max" else "↓"


def with_unit(unit: str) -> str:
    """Return ` m/s`, or nothing where there is no unit."""
    return "" if unit == "1" else f" {unit}"
