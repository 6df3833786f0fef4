"""How numbers, times and amounts are written for people, everywhere the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def number(value: float) -> str:
    """Return a measured value with two or three digits: `3.21`, `0.124`, `0.0062`, `1,230`."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 1e6:
        return f"{value:.1e}"
    if size >= 100:
        return f"{value:,.0f}"
    if size < 0.01:
        return f"{value:.2g}"
    return f"{value:.{3 if size < 1 else 2 if size < 10 else 1}f}"


def interval(form: Mapping[str, Any] | None) -> str:
    """Return `3.21 [3.02, 3.40]` for a fitness in the commands' JSON form, `-` for None."""
    if form is None:
        return "-"
    low, high = form["interval"]
    return f"{number(form['mean'])} [{number(low)}, {number(high)}]"


def signed(form: Mapping[str, Any]) -> str:
    """Return a difference with its sign: `+0.51 [+0.30, +0.72]`."""
    low, high = form["interval"]
    return f"{_plus(form['mean'])} [{_plus(low)}, {_plus(high)}]"


def _plus(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


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
