"""Whose turn it is to be a parent."""

from __future__ import annotations

from autoreward.agents.designer import Attempt, Brief


def turn(brief: Brief) -> int:
    """Return the number of a proposal's turn, from 0.

    Two neighbouring places of a generation share a turn; the count goes on from generation to
    generation, so that small populations come to every parent, too.
    """
    in_generation = (brief.population + 1) // 2
    return max(brief.generation - 1, 0) * in_generation + brief.index // 2


def elites(brief: Brief) -> list[Attempt]:
    """Return the attempts that are parents in turn, the first turn first.

    The brief's pool where it has one; else what people pinned, then the best others. Attempts whose
    training was stopped early come after those that were trained on.
    """
    if brief.pool:
        return list(brief.pool)
    pinned = [attempt for attempt in brief.history if attempt.pinned]
    furthest = sorted(brief.history, key=lambda attempt: -attempt.steps)  # stable: best first
    best = furthest[: max(brief.elites, 1)]
    return [*pinned, *(attempt for attempt in best if not attempt.pinned)]


def in_turn(brief: Brief) -> Attempt:
    """Return the parent whose turn it is; the history must not be empty."""
    parents = elites(brief)
    return parents[turn(brief) % len(parents)]
