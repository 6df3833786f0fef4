"""What the policy itself does: nothing, the opposite, jitter, impossible speeds, lucky starts."""

from __future__ import annotations

import numpy as np

from autoreward.evaluation.analysis.measuring import scalar_fields, step_series
from autoreward.evaluation.analysis.record import Record
from autoreward.evaluation.analysis.taxonomy import found
from autoreward.findings import Finding
from autoreward.pointers import Pointer, Statistic
from autoreward.training.episodes import Episodes

_STILL = 0.05
"""Speed, relative to half of its usual range, below which a robot hardly moves."""
_FLIPS = 0.5
_SWING = 1.2
_BEYOND = 1.0
"""Usual ranges beyond the usual range from which a velocity is an exploit."""
_SUSTAINED = 0.02
"""Share of the horizon that a velocity must stay there, without a break."""
_JUMP = 1.5
"""Usual ranges within one step that are a jump."""
_JUMPS = 3


def wrong_direction(record: Record) -> Finding | None:
    """Find a policy that is clearly worse than the one that never acts."""
    if record.zero is None or len(record.own) < 2:
        return None
    idle = record.fitness(record.zero)
    error = float(np.sqrt(record.own.var() / len(record.own) + idle.var() / len(idle)))
    loss = float(idle.mean() - record.own.mean())
    if loss <= max(record.clear_gap, 3.0 * error):
        return None
    row = int(np.argmin(np.abs(record.own - np.median(record.own))))
    return found(
        record,
        "wrong-direction",
        f"{record.primary.name} is {record.sign * record.own.mean():.3g} on average, worse than "
        f"{record.sign * idle.mean():.3g} of the policy that never acts",
        [_whole(record, row, f"fitness:{record.primary.name}")],
        "check signs and directions of the components against the state's documentation",
    )


def standing_still(record: Record) -> Finding | None:
    """Find a policy that hardly moves in the second half of its life and is no good for it."""
    speeds = _velocities(record)
    if not speeds or not record.no_better:
        return None
    motion = _motion(record, record.episodes)
    if float(np.median(motion)) > _STILL:
        return None
    row = int(np.argmin(np.abs(motion - np.median(motion))))
    last = int(record.episodes.length[row]) - 1
    half = (last + 1) // 2
    pointers = [
        Pointer(speeds[0], "min", half, last, row),
        Pointer(speeds[0], "max", half, last, row),
    ]
    pointers.append(_whole(record, row, f"fitness:{record.primary.name}"))
    if record.episodes.reward is not None:
        pointers.append(Pointer("reward", "mean", half, last, row))
    return found(
        record,
        "standing-still",
        f"the policy hardly moves, and {record.primary.name} is no better than doing nothing",
        pointers,
        "if that is paid, pay for progress instead; if not, give a slope that leads on from there",
    )


def jitter(record: Record) -> Finding | None:
    """Find actions that change sign from step to step with nearly their full size."""
    episodes = record.episodes
    best, place = 0.0, (0, 0)
    for row in range(episodes.count):
        action = episodes.action[: episodes.length[row], row].astype(np.float64)
        if len(action) < 10:
            continue
        swings = np.abs(np.diff(action, axis=0))
        flips = (action[1:] * action[:-1] < 0) & (swings > _SWING)
        for entry, share in enumerate(flips.mean(axis=0)):
            if share > best:
                best, place = float(share), (row, entry)
    if best < _FLIPS:
        return None
    row, entry = place
    return found(
        record,
        "jitter",
        f"action[{entry}] changes sign at {best:.0%} of the steps with nearly full size",
        [_whole(record, row, f"action[{entry}]", "std"), _whole(record, row, f"action[{entry}]")],
        "charge a little for the change of the action or for joint velocities",
        "note",
    )


def velocity_exploit(record: Record) -> Finding | None:
    """Find a velocity that is far beyond its usual range for a while, beyond random play's, too."""
    for name in _velocities(record):
        field = record.folder.schema.field(name.partition("[")[0])
        width = field.high - field.low
        low, high = field.low - _BEYOND * width, field.high + _BEYOND * width
        if record.random is not None:
            wild = _lived(record.random, name)
            low, high = min(low, 2.0 * wild.min()), max(high, 2.0 * wild.max())
        for row in range(record.episodes.count):
            series = step_series(record, row, name)
            if series is None or not len(series):
                continue
            first, last = _longest_run((series < low) | (series > high))
            if last - first + 1 < max(3.0, _SUSTAINED * record.task.horizon):
                continue
            series = series[first : last + 1]
            statistics: tuple[Statistic, ...] = ("max", "min")
            if abs(series.min()) > abs(series.max()):
                statistics = ("min", "max")
            return found(
                record,
                "velocity-exploit",
                f"{name} is far beyond its usual {field.low:g} to {field.high:g} {field.unit}",
                [Pointer(name, statistic, first, last, row) for statistic in statistics],
                "bound what a velocity can earn (tolerance, clip), or charge for it",
            )
    return None


def contact_exploit(record: Record) -> Finding | None:
    """Find jumps of a velocity within one step, again and again, that pay above the average.

    Where a velocity is far beyond its range all the time, jumps are no news.
    """
    episodes = record.episodes
    if episodes.reward is None or velocity_exploit(record):
        return None
    pay = episodes.reward[episodes.alive].astype(np.float64)
    rich = float(pay.mean() + pay.std())
    for name in _velocities(record):
        field = record.folder.schema.field(name.partition("[")[0])
        bound = _JUMP * (field.high - field.low)
        if record.random is not None:
            bound = max(bound, float(np.abs(np.diff(_table(record.random, name), axis=0)).max()))
        for row in range(episodes.count):
            series = step_series(record, row, name)
            if series is None or len(series) < 3:
                continue
            jumps = np.flatnonzero(np.abs(np.diff(series)) > bound) + 1
            if len(jumps) < _JUMPS or float(episodes.reward[jumps, row].mean()) < rich:
                continue
            step = int(jumps[np.argmax(episodes.reward[jumps, row])])
            return found(
                record,
                "contact-exploit",
                f"{name} jumps by more than {bound:.3g} {field.unit} within a step, {len(jumps)} "
                "times in one episode, and these steps are paid above the others",
                [
                    Pointer(name, "first", step - 1, step, row),
                    Pointer(name, "last", step - 1, step, row),
                    Pointer("reward", "last", step - 1, step, row),
                ],
                "bound what one step can earn",
            )
    return None


def lucky_seed(record: Record) -> Finding | None:
    """Find a mean that one validation episode alone lifts above the level of no learning."""
    values = record.own
    if len(values) < 4:
        return None
    best = int(np.argmax(values))
    others = np.delete(values, best)
    gain, without = float(values.mean()) - record.baseline, float(others.mean()) - record.baseline
    spread = float(others.std())
    apart = values[best] - others.max() > max(3.0 * spread, record.clear_gap)
    if gain <= 0 or without > 0.5 * gain or not apart:
        return None
    return found(
        record,
        "lucky-seed",
        f"without episode {best} the mean {record.primary.name} is "
        f"{record.sign * others.mean():.3g} instead of {record.sign * values.mean():.3g}",
        [_whole(record, best, f"fitness:{record.primary.name}")],
        "do not build on it; see what the start of that episode has that others have not",
        "note",
    )


def _whole(record: Record, row: int, quantity: str, statistic: Statistic = "mean") -> Pointer:
    """Return a pointer to all of an episode."""
    last = max(0, int(record.episodes.length[row]) - 1)
    return Pointer(quantity, statistic, 0, last, row)


def _velocities(record: Record) -> list[str]:
    """Return the scalar quantities of the state that are velocities."""
    schema = record.folder.schema
    names = scalar_fields(record)
    return [n for n in names if schema.field(n.partition("[")[0]).unit in ("m/s", "rad/s")]


def _table(episodes: Episodes, name: str) -> np.ndarray:
    """Return a scalar quantity of the state after each step, [T, E]."""
    field, _, entry = name.partition("[")
    table = episodes.next_state[field].astype(np.float64)
    return table[..., int(entry[:-1])] if entry else table


def _lived(episodes: Episodes, name: str) -> np.ndarray:
    return np.asarray(_table(episodes, name)[episodes.alive])


def _longest_run(true: np.ndarray) -> tuple[int, int]:
    """Return first and last step of the longest stretch of true steps; (0, -1) if there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], true.astype(np.int8), [0]])))
    if not len(edges):
        return 0, -1
    longest = int(np.argmax(edges[1::2] - edges[::2]))
    return int(edges[2 * longest]), int(edges[2 * longest + 1]) - 1


def _motion(record: Record, episodes: Episodes) -> np.ndarray:
    """Return how fast things are in the second half of each episode, [E].

    Root mean square over all velocities, each relative to half of its usual range.
    """
    squares = []
    for name in _velocities(record):
        field = record.folder.schema.field(name.partition("[")[0])
        squares.append(np.square(_table(episodes, name) / (0.5 * (field.high - field.low))))
    table = np.mean(squares, axis=0)
    halves = [slice(int(n) // 2, max(int(n), 1)) for n in episodes.length]
    return np.sqrt([table[half, row].mean() for row, half in enumerate(halves)])
