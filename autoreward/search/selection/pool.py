"""The pool of parents: the best, one that is best elsewhere, and one that behaves differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from random import Random

from autoreward.agents.designer import Attempt
from autoreward.search.selection.descriptors import Point, behaviour_distance
from autoreward.search.selection.pareto import Directions

VARIED_FROM = 3
"""Elites from which two places go to others than the best."""


def parent_pool(
    attempts: Sequence[Attempt],
    descriptors: Mapping[str, Point],
    elites: int,
    random: Random,
    directions: Directions | None = None,
) -> list[Attempt]:
    """Return the parents in the order in which they take turns.

    First what people pinned, then the best by rank; those of equal score by how few children they
    have. From three elites on the last two places are kept for others of the better half: the
    member of the Pareto front that is best in the entries of the fitness vector that do not decide,
    and the attempt whose policy behaves least like those chosen before. All but the pinned ones had
    the longest training: scores of different lengths are not compared.

    Args:
        attempts: Best first, those of the longest training before others.
        descriptors: Candidate → what its policy does; for as many as are known.
        elites: Places beside the pinned ones; at least 1 is given.
        random: Decides between attempts that are equal in all this.
        directions: Entries of the fitness vector that do not decide; None leaves the Pareto place
            to the best.
    """
    places = max(elites, 1)
    pinned = [attempt for attempt in attempts if attempt.pinned]
    ranked = _ranked([attempt for attempt in attempts if not attempt.pinned], random)
    furthest = max((attempt.steps for attempt in ranked), default=0)
    peers = [attempt for attempt in ranked if attempt.steps == furthest]
    better = peers[: (len(peers) + 1) // 2]
    chosen = ranked[: places - 2] if places >= VARIED_FROM else []
    if chosen:
        other = _best_elsewhere(_without(better, chosen), better, directions or {})
        chosen += [] if other is None else [other]
        other = _most_different(_without(better, chosen), chosen, descriptors)
        chosen += [] if other is None else [other]
    best = _without(ranked, chosen)[: places - len(chosen)]
    return pinned + chosen + best


def _ranked(attempts: Sequence[Attempt], random: Random) -> list[Attempt]:
    """Return the attempts in their order; among neighbours of equal score childless ones first."""
    ranked: list[Attempt] = []
    for _, equals in groupby(attempts, key=lambda a: (a.steps, a.preference, a.score)):
        ranked += sorted(equals, key=lambda a: (a.children, random.random()))
    return ranked


def _without(attempts: Sequence[Attempt], chosen: Sequence[Attempt]) -> list[Attempt]:
    names = {attempt.id for attempt in chosen}
    return [attempt for attempt in attempts if attempt.id not in names]


def _best_elsewhere(
    free: Sequence[Attempt], among: Sequence[Attempt], directions: Directions
) -> Attempt | None:
    """Return the member of the front with the best mean rank in the entries of `directions`."""
    front = [attempt for attempt in free if attempt.front]
    if not front or not directions:
        return None

    def beaten(attempt: Attempt) -> int:
        """Return how often another attempt is better in one of the entries."""
        mine = attempt.fitness
        return sum(
            other.fitness[name][0] > mine[name][0]
            if way == "max"
            else other.fitness[name][0] < mine[name][0]
            for name, way in directions.items()
            for other in among
        )

    return min(front, key=beaten)


def _most_different(
    free: Sequence[Attempt], chosen: Sequence[Attempt], descriptors: Mapping[str, Point]
) -> Attempt | None:
    """Return the attempt whose nearest neighbour among the chosen is furthest away."""
    known = [descriptors[attempt.id] for attempt in chosen if attempt.id in descriptors]
    seen = [attempt for attempt in free if attempt.id in descriptors]
    if not known or not seen:
        return None
    return max(
        seen,
        key=lambda a: min(behaviour_distance(descriptors[a.id], other) for other in known),
    )
