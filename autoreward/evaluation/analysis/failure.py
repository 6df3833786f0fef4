"""When an episode was lost: the first step after which nothing good came."""

from __future__ import annotations

import numpy as np

from autoreward.evaluation.analysis.record import Record, Values

_WINDOW = 0.05
"""Share of the horizon that a step's fitness is averaged over: gaits swing."""
_ABOVE = 0.1
"""A step is no failure if its fitness is above the level of failure by this share of the way to
the policy's own good steps."""
_GOOD = 95
"""Percentile of the policy's steps that stands for its good ones."""
_TAIL = 0.05
"""Shortest stretch without success, as a share of the horizon, that counts as a failure."""


def first_failures(record: Record) -> list[tuple[int, int]]:
    """Return (episode, step) for each validation episode that failed.

    The step is the first one from which the primary fitness stays at the level of failure to the
    episode's end; where there is none and the task's rule ended the episode, its last one. The
    level of failure is what a step of the better of the two policies that learnt nothing is worth.
    An episode whose fitness is its best step has not failed if it has one above that level.
    """
    episodes = record.episodes
    table = record.step_fitness(episodes)
    width = max(1, round(_WINDOW * record.task.horizon))
    even = [_running_mean(table[: episodes.length[e], e], width) for e in range(episodes.count)]
    lived = np.concatenate(even) if even else np.zeros(0)
    if not len(lived):
        return []
    level = _level_of_failure(record)
    good = float(np.percentile(lived, _GOOD))
    threshold = level + max(_ABOVE * (good - level), _least_gap(record))
    by_best_step = record.primary.reduce in ("max", "any")
    found = []
    for number, series in enumerate(even):
        above = np.flatnonzero(series > threshold)
        if by_best_step and len(above):
            continue
        lost = int(above[-1]) + 1 if len(above) else 0
        if len(series) - lost >= max(1.0, _TAIL * record.task.horizon):
            found.append((number, lost))
        elif episodes.terminated[number]:
            found.append((number, len(series) - 1))
    return found


def _level_of_failure(record: Record) -> float:
    levels = [
        float(record.step_fitness(episodes)[episodes.alive].mean())
        for episodes in (record.zero, record.random)
        if episodes is not None
    ]
    return max(levels) if levels else record.baseline


def _least_gap(record: Record) -> float:
    """Return by how much a step must be above the level of failure at least."""
    if record.primary.reduce == "any":
        return 0.0
    return record.clear_gap / (record.task.horizon if record.primary.reduce == "sum" else 1.0)


def _running_mean(values: Values, width: int) -> Values:
    """Return the mean over the `width` steps that begin at each step (fewer at the end)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    begin = np.arange(len(values))
    end = np.minimum(begin + width, len(values))
    means: Values = (sums[end] - sums[begin]) / np.maximum(end - begin, 1)
    return means
