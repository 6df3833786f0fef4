"""Training statistics as short text tables: numbers come from here, a model only explains them.

Both tables have a column for each snapshot of training, numbered from 1, so that a column of one is
the same moment as that column of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Snapshot = Mapping[str, Mapping[str, float]]
"""Component → mean, std, min, max, share, at one moment of training."""

USELESS = frozenset({"near zero", "constant", "flat"})
"""Remarks on components that a policy cannot learn from."""
_NEAR_ZERO = 0.01
_FLAT = 0.05
_DOMINANT = 0.8
_DECIDES = 0.5
"""A component with such a share in the reward is not idle, however little its mean moves."""
_SATURATED = 0.02
_COLUMNS = 10


def component_table(snapshots: Sequence[Snapshot]) -> str:
    """Return one row per component: how it went over training, and what is wrong with it.

    Args:
        snapshots: From the start of training to its end; all with the same components.
    """
    if not snapshots:
        return "no statistics: training ended too early"
    count = len(snapshots)
    thirds = list(dict.fromkeys((0, count // 2, count - 1)))
    moments = ", ".join(str(i + 1) for i in thirds)
    rows = _head(
        "mean in snapshot",
        *_numbers(count),
        f"std in {moments}",
        f"min, max in {count}",
        f"share in {moments}",
        "remark",
    )
    for name in snapshots[-1]:
        series = [snapshot[name] for snapshot in snapshots]
        last = series[-1]
        rows.append(
            _row(
                name,
                *(short(series[i]["mean"]) for i in _picked(count)),
                ", ".join(short(series[i]["std"]) for i in thirds),
                f"{short(last['min'])}, {short(last['max'])}",
                ", ".join(f"{series[i]['share']:.2f}" for i in thirds),
                diagnose(series, alone=len(snapshots[-1]) == 1),
            )
        )
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
    steady = max(means) - min(means) < _FLAT * max(width, abs(means[-1]))
    if steady and last["share"] < _DECIDES:
        return "flat"
    return "dominant" if last["share"] > _DOMINANT and not alone else ""


def curve_table(curve: Sequence[tuple[int, float, float, float]]) -> str:
    """Return how (environment steps, fitness per step, episode length, reward) went.

    Args:
        curve: At the snapshots of training; a length of 0 means that no episode had ended yet.
    """
    if not curve:
        return "no curve: training ended too early"
    points = [curve[i] for i in _picked(len(curve))]
    rows = _head("in snapshot", *_numbers(len(curve)))
    rows += [
        _row("environment steps", *(str(point[0]) for point in points)),
        _row("fitness per step", *(short(point[1]) for point in points)),
        _row("episode length", *(f"{point[2]:.0f}" if point[2] else "-" for point in points)),
        _row("reward per step", *(short(point[3]) for point in points)),
    ]
    return "\n".join(rows)


def short(value: float) -> str:
    """Return a number in three significant digits."""
    return f"{value:.3g}"


def _picked(count: int) -> list[int]:
    """Return the snapshots that have a column: all, or 10 from the first to the last."""
    columns = min(_COLUMNS, count)
    return [round(i * (count - 1) / max(columns - 1, 1)) for i in range(columns)]


def _numbers(count: int) -> list[str]:
    return [str(i + 1) for i in _picked(count)]


def _head(*cells: str) -> list[str]:
    return [_row(*cells), "|" + "---|" * len(cells)]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
