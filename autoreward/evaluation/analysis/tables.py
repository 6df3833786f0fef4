"""Episodes and training as short text tables, for people and for prompts."""

from __future__ import annotations

import re

import numpy as np

from autoreward.evaluation.analysis.farming import correlation
from autoreward.evaluation.analysis.measuring import scalar_fields, step_series
from autoreward.evaluation.analysis.record import Record

_FRAMES = 8
_EPISODES = 2
_FIELDS = 6
_COMPONENTS = 4
_LOOK_BACK = 40
_LOOK_AHEAD = 20
_MOMENTS = 5
"""Moments of training that the component table shows."""


def frames_tables(record: Record, failures: list[tuple[int, int]]) -> list[str]:
    """Return steps of failed episodes: of a typical failure and of the earliest one.

    Each is a table of about 8 steps up to an early end, or around the first failure, with the
    fields that say most, components, reward and primary fitness. The typical one is shown as a
    whole first: what goes wrong at the end often begins early. Where none failed, the worst
    episode is shown, and how it ends.
    """
    shown = shown_failures(failures)
    if not shown and record.episodes.count:
        worst = int(np.argmin(record.own))
        last = int(record.episodes.length[worst]) - 1
        tables = [_whole(record, worst)]
        if last >= _LOOK_BACK:
            tables.append(f"episode {worst}, its end:\n{_end(record, worst, last)}")
        return tables
    whole = [
        _whole(record, row) for row, _ in shown[:1] if record.episodes.length[row] > _LOOK_BACK
    ]
    return whole + [_last(record, row, step) for row, step in shown]


def shown_failures(failures: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the failures that are shown: the median and the earliest, at most 2."""
    order = sorted(failures, key=lambda failure: (failure[1], failure[0]))
    if not order:
        return []
    return list(dict.fromkeys([order[len(order) // 2], order[0]]))[:_EPISODES]


def episodes_table(record: Record, failures: list[tuple[int, int]]) -> str:
    """Return one row per recorded episode: every fitness, length, how it ended, first failure."""
    lost = dict(failures)
    names = list(record.scores)
    rows = [
        f"| episode | {' | '.join(names)} | steps | end | first failure |",
        "|" + "---|" * (len(names) + 4),
    ]
    for row in range(record.episodes.count):
        values = " | ".join(f"{record.scores[name][row]:.3g}" for name in names)
        end = "ended by the rule" if record.episodes.terminated[row] else "full time"
        failure = f"step {lost[row]}" if row in lost else "none"
        rows.append(f"| {row} | {values} | {record.episodes.length[row]} | {end} | {failure} |")
    return "\n".join(rows)


def components_table(record: Record) -> str:
    """Return how mean and share of each component went, and how it moves with the fitness.

    The first correlation is over the snapshots of training, the second over the steps of the
    validation episodes; positive means that more of the component goes with better fitness.
    """
    if not record.snapshots:
        return "no statistics: training ended too early"
    count = len(record.snapshots)
    moments = sorted({round(i) for i in np.linspace(0, count - 1, min(_MOMENTS, count))})
    fitness = record.sign * record.curve(f"fitness:{record.primary.name}")
    lived = record.episodes.alive
    steps = record.step_fitness(record.episodes)[lived]
    numbers = ", ".join(str(moment + 1) for moment in moments)
    rows = [
        f"| component | mean at snapshots {numbers} | share at them | correlation with fitness "
        "over training | within episodes |",
        "|---|---|---|---|---|",
    ]
    for name in record.components:
        entries = [record.snapshots[moment]["components"].get(name) for moment in moments]
        means = " ".join("-" if e is None else f"{e['mean']:.3g}" for e in entries)
        shares = " ".join("-" if e is None else f"{e['share']:.2f}" for e in entries)
        over = correlation(record.curve(f"component:{name}"), fitness)
        table = record.episodes.components.get(name)
        within = "-" if table is None else f"{correlation(table[lived], steps):+.2f}"
        rows.append(f"| {name} | {means} | {shares} | {over:+.2f} | {within} |")
    return "\n".join(rows)


def informative_fields(record: Record, row: int, first: int, last: int) -> list[str]:
    """Return the state quantities that say most about a stretch of an episode, at most 6.

    First those that the task's fitness, its success or the end of its episodes are made of, as far
    as their texts name them, then those that leave their usual range, then those that move most
    relative to it.
    """
    told = told_fields(record)
    ranked = []
    for name in scalar_fields(record):
        field = record.folder.schema.field(name.partition("[")[0])
        series = step_series(record, row, name)
        if series is None:
            continue
        part = series[first : last + 1]
        outside = bool(((part < field.low) | (part > field.high)).any())
        moved = float(np.ptp(part)) / (field.high - field.low)
        trend = abs(float(part[-1] - part[0])) / (field.high - field.low)
        scalar = "[" not in name
        ranked.append((-10.0 * (name in told) - outside - moved - trend - 0.5 * scalar, name))
    chosen = {name for _, name in sorted(ranked)[:_FIELDS]}
    return [name for name in scalar_fields(record) if name in chosen]


def told_fields(record: Record) -> set[str]:
    """Return the scalar fields that the texts about fitness, success and end name."""
    texts = (
        record.primary.doc,
        record.task.success,
        record.folder.termination.get(record.task.terminate, ""),
    )
    words = set(re.findall(r"[a-z_][a-z0-9_]*", " ".join(texts).lower()))
    return {field.name for field in record.folder.schema.state if field.name in words}


def _whole(record: Record, row: int) -> str:
    last = int(record.episodes.length[row]) - 1
    return f"episode {row} as a whole:\n{_frames(record, row, 0, last)}"


def _last(record: Record, row: int, step: int) -> str:
    episodes = record.episodes
    length = int(episodes.length[row])
    ended = bool(episodes.terminated[row])
    last = length - 1 if ended else min(length - 1, step + _LOOK_AHEAD)
    end = "ended by the rule" if ended else "ran to full time"
    head = f"episode {row}: first failure at step {step}, {end} after {length} steps"
    return f"{head}\n{_end(record, row, last)}"


def _end(record: Record, row: int, last: int) -> str:
    return _frames(record, row, max(0, last - _LOOK_BACK), last)


def _frames(record: Record, row: int, first: int, last: int) -> str:
    fields = informative_fields(record, row, first, last)
    picked = sorted({round(t) for t in np.linspace(first, last, _FRAMES)})
    units = [record.folder.schema.field(name.partition("[")[0]).unit for name in fields]
    heads = [f"{n} ({u})" if u != "1" else n for n, u in zip(fields, units, strict=True)]
    parts = [name for name in record.components if name in record.episodes.components]
    parts = [f"component:{name}" for name in parts[:_COMPONENTS]]
    quantities = [*fields, *parts, "reward", f"fitness:{record.primary.name}"]
    rows = [
        f"| step | {' | '.join([*heads, *quantities[len(heads) :]])} |",
        "|" + "---|" * (len(quantities) + 1),
    ]
    columns = [step_series(record, row, quantity) for quantity in quantities]
    for t in picked:
        values = " | ".join("-" if c is None else _number(float(c[t])) for c in columns)
        rows.append(f"| {t} | {values} |")
    return "\n".join(rows)


def _number(value: float) -> str:
    """Return three significant digits; what is next to nothing is 0."""
    return "0" if abs(value) < 1e-6 else f"{value:.3g}"
