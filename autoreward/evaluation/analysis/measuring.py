"""The number that stands at a pointer: what every claim about a training is held against."""

from __future__ import annotations

import re

import numpy as np

from autoreward.evaluation.analysis.record import Record, Values
from autoreward.pointers import Pointer, Statistic

_ENTRY = re.compile(r"(.+)\[(\d+)\]")


def measure(pointer: Pointer, record: Record) -> float | None:
    """Return the number that stands at a pointer, in the quantity's own unit and sign.

    A component in training is a distribution per snapshot: `mean`, `std` and `share` are means over
    the stretch, `min` and `max` its extremes; it has no `sum`.

    Returns:
        None where the episode, the stretch, the quantity or the statistic does not exist, or the
        number is not finite.
    """
    if pointer.episode is None:
        return _in_training(pointer, record)
    series = step_series(record, pointer.episode, pointer.quantity)
    if series is None or pointer.first < 0 or pointer.last >= len(series):
        return None
    return _statistic(pointer.statistic, series[pointer.first : pointer.last + 1])


def step_series(record: Record, episode: int, quantity: str) -> Values | None:
    """Return a quantity of each step that an episode lived, [length]; None if there is none."""
    episodes = record.episodes
    if not 0 <= episode < episodes.count:
        return None
    length = int(episodes.length[episode])
    kind, _, name = quantity.partition(":")
    if name:
        group = {"component": episodes.components, "fitness": episodes.fitness}.get(kind, {})
        table = group.get(name)
    elif quantity == "reward":
        table = episodes.reward
    else:
        entry = _ENTRY.fullmatch(quantity)
        field, index = (entry[1], int(entry[2])) if entry else (quantity, None)
        table = episodes.action if field == "action" else episodes.next_state.get(field)
        if table is None or (index is None) != (table.ndim == 2):
            return None
        if index is not None:
            table = table[..., index] if index < table.shape[-1] else None
    return None if table is None else table[:length, episode].astype(np.float64)


def scalar_fields(record: Record) -> list[str]:
    """Return the quantities of the state, one a number: `pitch`, `foot_position[2]`."""
    names = []
    for name in record.folder.schema.names:
        table = record.episodes.state[name]
        entries = range(table.shape[2]) if table.ndim > 2 else [None]
        names += [name if entry is None else f"{name}[{entry}]" for entry in entries]
    return names


def _in_training(pointer: Pointer, record: Record) -> float | None:
    if pointer.first < 1 or pointer.last > len(record.snapshots):
        return None
    stretch = slice(pointer.first - 1, pointer.last)
    kind, _, name = pointer.quantity.partition(":")
    if kind == "component":
        entries = [snapshot["components"].get(name) for snapshot in record.snapshots[stretch]]
        key = {"first": "mean", "last": "mean"}.get(pointer.statistic, pointer.statistic)
        if key == "sum" or any(entry is None for entry in entries):
            return None
        values = np.array([entry[key] for entry in entries])
        together: Statistic = "mean" if key in ("std", "share") else pointer.statistic
        return _statistic(together, values)
    if pointer.statistic == "share" or kind not in ("fitness", "reward", "length"):
        return None
    if (kind == "fitness") != bool(name):
        return None
    values = record.curve(pointer.quantity)[stretch]
    return _statistic(pointer.statistic, values[np.isfinite(values)])


def _statistic(statistic: Statistic, values: Values) -> float | None:
    if not len(values) or statistic == "share":
        return None
    match statistic:
        case "first":
            value = values[0]
        case "last":
            value = values[-1]
        case _:
            value = getattr(values, statistic)()
    return float(value) if np.isfinite(value) else None
