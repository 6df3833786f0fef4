"""Training statistics as short text tables: numbers come from here, a model only explains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Snapshot = Mapping[str, Mapping[str, float]]
"""Component → mean, std, min, max, share, at one moment of training."""

_NEAR_ZERO = 0.01
_FLAT = 0.05
_DOMINANT = 0.8
_SATURATED = 0.02
_CURVE_ROWS = 6


def component_table(snapshots: Sequence[Snapshot]) -> str:
    """Return one row per component: how it went over training, and what is wrong with it.

    Args:
        snapshots: From the start of training to its end; all with the same components.
    """
    if not snapshots:
        return "no statistics: training ended too early"
    rows = [
        "| component | mean, start to end | std, min, max at the end | share at the end | remark |",
        "|---|---|---|---|---|",
    ]
    for name in snapshots[-1]:
        series = [snapshot[name] for snapshot in snapshots if name in snapshot]
        means = " ".join(short(entry["mean"]) for entry in series)
        last = series[-1]
        spread = ", ".join(short(last[key]) for key in ("std", "min", "max"))
        remark = diagnose(series, alone=len(snapshots[-1]) == 1)
        rows.append(f"| {name} | {means} | {spread} | {last['share']:.2f} | {remark} |")
    return "\n".join(rows)


def diagnose(series: Sequence[Mapping[str, float]], alone: bool = False) -> str:
    """Return a remark on one component: `near zero`, `constant`, `saturated`, `flat`, `dominant`.

    Returns nothing (an empty text) where there is nothing to say.

    Args:
        series: Its statistics over training.
        alone: Whether it is the only component, which therefore dominates rightly.
    """
    means, last = [entry["mean"] for entry in series], series[-1]
    width = max(entry["max"] for entry in series) - min(entry["min"] for entry in series)
    if all(abs(entry["mean"]) < _NEAR_ZERO and entry["std"] < _NEAR_ZERO for entry in series):
        return "near zero"
    if width == 0:
        return "constant"
    if last["max"] - last["mean"] < _SATURATED * width:
        return "saturated"
    if max(means) - min(means) < _FLAT * max(width, abs(means[-1])):
        return "flat"
    return "dominant" if last["share"] > _DOMINANT and not alone else ""


def curve_table(curve: Sequence[tuple[int, float, float, float]]) -> str:
    """Return a few rows of (environment steps, fitness per step, episode length, reward)."""
    if not curve:
        return "no curve: training ended too early"
    count = min(_CURVE_ROWS, len(curve))
    picked = [curve[round(i * (len(curve) - 1) / max(count - 1, 1))] for i in range(count)]
    rows = ["| steps | fitness per step | episode length | reward |", "|---|---|---|---|"]
    rows += [
        f"| {steps} | {short(fitness)} | {length:.0f} | {short(reward)} |"
        for steps, fitness, length, reward in picked
    ]
    return "\n".join(rows)


def short(value: float) -> str:
    """Return a number in three significant digits."""
    return f"{value:.3g}"
