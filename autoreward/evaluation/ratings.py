"""Ratings of policies from people's preferences between them, for tasks that no number measures.

Elo with K = 32 (Hazra et al., REvolve, arXiv 2406.01309), a tie as half a win, and a bootstrap
interval: it says how far the rating hangs on which comparisons happened to be made.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from autoreward.store.records import Preference

START = 1000.0
"""Rating of a candidate that was never compared."""
_K = 32.0
_SCALE = 400.0
"""A lead of this size is odds of ten to one."""
_WON = {"a": 1.0, "tie": 0.5, "b": 0.0}
_RESAMPLES = 500
_LEVEL = 0.95
_FEWEST = 5
"""Comparisons of a candidate below which an interval would be far too narrow."""


@dataclass(frozen=True)
class Rating:
    """How much people like a candidate's policies."""

    candidate: str
    elo: float
    interval: tuple[float, float] | None
    """95 % bootstrap interval; None with fewer than five comparisons."""
    comparisons: int

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


def ratings(candidates: Iterable[str], preferences: Sequence[Preference]) -> list[Rating]:
    """Return the ratings of the candidates, best first; equal ones in the given order.

    Args:
        candidates: Whom to rate. Comparisons with others count, too.
        preferences: In the order in which they were made: Elo depends on it.
    """
    names = list(dict.fromkeys(candidates))
    elo, counts = _elo(preferences), _counts(preferences)
    samples: dict[str, list[float]] = {name: [] for name in names}
    draws = random.Random(0)
    everything = range(len(preferences))
    for _ in range(_RESAMPLES if preferences else 0):
        drawn = sorted(draws.choices(everything, k=len(preferences)))
        again = _elo([preferences[index] for index in drawn])
        for name in names:
            samples[name].append(again.get(name, START))
    result = [
        Rating(
            name,
            elo.get(name, START),
            _interval(samples[name]) if counts.get(name, 0) >= _FEWEST else None,
            counts.get(name, 0),
        )
        for name in names
    ]
    return sorted(result, key=lambda rating: -rating.elo)


def next_pair(
    candidates: Iterable[str],
    preferences: Sequence[Preference],
    without: AbstractSet[frozenset[str]] = frozenset(),
) -> tuple[str, str] | None:
    """Return which two candidates to compare next, None if there is no pair.

    Those with the fewest comparisons, then those that met least often, then the nearest ratings:
    there one more answer says most. The sides take turns, so that a habit of choosing the first
    favours nobody.

    Args:
        candidates: Among whom.
        preferences: What was compared already.
        without: Pairs to leave out.
    """
    names = list(dict.fromkeys(candidates))
    elo, counts = _elo(preferences), _counts(preferences)
    met: dict[frozenset[str], int] = {}
    for made in preferences:
        pair = frozenset((made.candidate_a, made.candidate_b))
        met[pair] = met.get(pair, 0) + 1

    def rank(pair: tuple[str, str]) -> tuple[int, int, float]:
        first, second = pair
        gap = abs(elo.get(first, START) - elo.get(second, START))
        total = counts.get(first, 0) + counts.get(second, 0)
        return total, met.get(frozenset(pair), 0), gap

    pairs = [pair for pair in combinations(names, 2) if frozenset(pair) not in without]
    if not pairs:
        return None
    first, second = min(pairs, key=rank)
    return (first, second) if len(preferences) % 2 == 0 else (second, first)


def _elo(preferences: Iterable[Preference]) -> dict[str, float]:
    """Return the rating of everybody who was compared."""
    elo: dict[str, float] = {}
    for made in preferences:
        a, b = elo.get(made.candidate_a, START), elo.get(made.candidate_b, START)
        expected = 1 / (1 + 10 ** ((b - a) / _SCALE))
        step = _K * (_WON[made.outcome] - expected)
        elo[made.candidate_a], elo[made.candidate_b] = a + step, b - step
    return elo


def _counts(preferences: Iterable[Preference]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for made in preferences:
        for name in (made.candidate_a, made.candidate_b):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _interval(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    tail = (1 - _LEVEL) / 2 * (len(ordered) - 1)
    return ordered[round(tail)], ordered[round(len(ordered) - 1 - tail)]
