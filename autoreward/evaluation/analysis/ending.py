"""Episodes that end before their time: by accident, or because it pays."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from autoreward.evaluation.analysis.curves import SURE, end_points, learnt, smoothed, step_error
from autoreward.evaluation.analysis.measuring import scalar_fields, step_series
from autoreward.evaluation.analysis.record import Record
from autoreward.evaluation.analysis.taxonomy import found
from autoreward.findings import Finding
from autoreward.pointers import Pointer

_MOST = 0.5
_LOOK_BACK = 50
"""Steps before an end in which its cause is looked for."""
_SHORTER = 0.2


def early_end(record: Record) -> Finding | None:
    """Find lives that grew shorter over training while the reward per step or the return rose.

    A negative reward does that: the sooner the end, the smaller the loss. An honest policy may
    also live shorter because it does more in less time; then the fitness of an episode rises.
    """
    length = record.curve("length")
    known = np.flatnonzero(np.isfinite(length))
    if len(known) < 6 or not record.episodes.terminated.any():
        return None
    start = int(known[0])
    lives, returns = length[start:], record.curve("return")[start:]
    _, fitness, _ = learnt(record)
    even, last = smoothed(lives), end_points(lives)
    peak = int(np.argmax(even[: len(even) - last + 1]))
    loss = float(even[peak] - lives[-last:].mean())
    if loss <= SURE * step_error(lives) or loss < _SHORTER * float(even[peak]):
        return None
    gained = float(fitness[-last:].mean() - smoothed(fitness)[peak])
    if gained > max(2.0 * step_error(fitness), record.in_totals(record.clear_gap)):
        return None
    reward = record.curve("reward")[start:]
    paid = [
        name
        for name, curve in (("reward per step", reward), ("return", returns))
        if np.isfinite(curve).all()
        and float(curve[-last:].mean() - smoothed(curve)[peak]) > SURE * step_error(curve)
    ]
    if not paid:
        return None
    at, count = start + peak + 1, len(record.snapshots)
    row = int(np.argmin(record.episodes.length))
    end = int(record.episodes.length[row]) - 1
    pointers = [
        Pointer("length", "mean", at, at),
        Pointer("length", "mean", count - last + 1, count),
        Pointer("reward", "mean", at, at),
        Pointer("reward", "mean", count - last + 1, count),
        Pointer("reward", "sum", 0, end, row),
    ]
    return found(
        record,
        "early-end",
        f"episodes became shorter over training while the {' and the '.join(paid)} rose: "
        "ending early pays",
        pointers,
        "let every step alive be worth more than the end: add a bonus for living, "
        "or pay progress instead of charging for shortfall",
    )


def falls(record: Record) -> Finding | None:
    """Find that most validation episodes were ended by the task's rule, with cause and step."""
    ended = ended_early(record)
    if len(ended) <= _MOST * record.episodes.count:
        return None
    causes = [cause for cause in (cause_of_end(record, row) for row in ended) if cause]
    typical = int(np.median(record.episodes.length[ended]))
    row = min(ended, key=lambda e: abs(int(record.episodes.length[e]) - typical))
    end = int(record.episodes.length[row]) - 1
    why, pointers = "", []
    if causes:
        name, number = Counter(causes).most_common(1)[0]
        side = [r for r in ended if cause_of_end(record, r) == name]
        row = min(side, key=lambda e: abs(int(record.episodes.length[e]) - typical))
        end = int(record.episodes.length[row]) - 1
        why = f"; in {number} of them {name} is what goes first"
        pointers = [
            Pointer(name, "last", max(0, end - 20), end, row),
            Pointer(name, "first", max(0, end - 20), end, row),
        ]
    pointers.append(Pointer(f"fitness:{record.primary.name}", "mean", 0, end, row))
    return found(
        record,
        "falls",
        f"{len(ended)} of {record.episodes.count} validation episodes end early, typically at step "
        f"{typical} of {record.task.horizon}{why}",
        pointers,
        "pay for staying within the rule before the end comes: "
        + record.folder.termination[record.task.terminate],
    )


def ended_early(record: Record) -> list[int]:
    """Return the validation episodes that the task's rule ended, clearly before the horizon."""
    episodes = record.episodes
    short = episodes.terminated & (episodes.length < 0.9 * record.task.horizon)
    return [int(row) for row in np.flatnonzero(short)]


def cause_of_end(record: Record, row: int) -> str | None:
    """Return the state field that left its usual range first and was outside at the end.

    Fields that the task's rule names come before others. None where all are in range.
    """
    rule = set(re.findall(r"[a-z_]+", record.folder.termination[record.task.terminate]))
    onsets = []
    for name in scalar_fields(record):
        field = record.folder.schema.field(name.partition("[")[0])
        series = step_series(record, row, name)
        if series is None or not len(series):
            continue
        tail = series[-_LOOK_BACK:]
        outside = (tail < field.low) | (tail > field.high)
        named = field.name in rule
        if named and not outside[-1] and _near_edge(tail, field.low, field.high):
            outside = np.arange(len(tail)) == len(tail) - 1
        if outside[-1]:
            inside = np.flatnonzero(~outside)
            onset = int(inside[-1]) + 1 if len(inside) else 0
            onsets.append((not named, onset, name))
    return min(onsets)[2] if onsets else None


def _near_edge(tail: np.ndarray, low: float, high: float) -> bool:
    """Return whether a field is about to leave: in the outer sixth of its range and going out."""
    share = (tail[-1] - low) / (high - low)
    before = (tail[max(0, len(tail) - 10)] - low) / (high - low)
    return bool((share > 5 / 6 and share > before) or (share < 1 / 6 and share < before))
