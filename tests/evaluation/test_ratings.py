"""Ratings from preferences: Elo, its interval, and which pair is asked about next."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from autoreward.evaluation.ratings import START, next_pair, ratings
from autoreward.store.records import Outcome, Preference


def made(a: str, b: str, outcome: Outcome = "a") -> Preference:
    """Return a preference between two candidates."""
    return Preference(0, 0.0, f"{a}-s0", f"{b}-s0", a, b, outcome, 0, 0)


def elo(names: str, preferences: list[Preference]) -> dict[str, float]:
    return {rating.candidate: rating.elo for rating in ratings(names, preferences)}


def test_one_comparison_moves_both_by_half_of_k() -> None:
    """Between equals the winner gains K/2 = 16 and the loser loses it; a tie moves nobody."""
    assert elo("xy", [made("x", "y")]) == {"x": 1016.0, "y": 984.0}
    assert elo("xy", [made("x", "y", "b")]) == {"y": 1016.0, "x": 984.0}
    assert elo("xy", [made("x", "y", "tie")]) == {"x": 1000.0, "y": 1000.0}


def test_the_published_expectation() -> None:
    """The favourite gains less than an outsider: by the logistic curve of scale 400."""
    twice = elo("xy", [made("x", "y"), made("x", "y")])
    expected = 1 / (1 + 10 ** (-32 / 400))
    assert twice["x"] == pytest.approx(1016 + 32 * (1 - expected))
    assert sum(twice.values()) == pytest.approx(2000)


def test_best_first_with_counts_and_intervals() -> None:
    """The true order comes out of enough noisy answers, and intervals hold the ratings."""
    rng = random.Random(0)
    strength = {"x": 3.0, "y": 1.5, "z": 0.0}
    history = []
    for _ in range(90):
        a, b = rng.sample("xyz", 2)
        wins = rng.random() < 1 / (1 + 10 ** (strength[b] - strength[a]))
        history.append(made(a, b, "a" if wins else "b"))
    result = ratings("zyxw", history)
    assert [rating.candidate for rating in result if rating.comparisons] == ["x", "y", "z"]
    for rating in result:
        if rating.candidate == "w":
            assert (rating.elo, rating.interval, rating.comparisons) == (START, None, 0)
        else:
            assert rating.interval is not None
            assert rating.interval[0] <= rating.elo <= rating.interval[1]
            assert rating.interval[1] - rating.interval[0] > 10
    assert sum(rating.comparisons for rating in result) == 180
    assert ratings("zyxw", history) == result, "the interval's resamples are the same every time"


def test_few_comparisons_have_no_interval() -> None:
    """Four answers that all agree would give an interval of no width; the fifth brings one."""
    few, enough = ratings("xy", [made("x", "y")] * 4), ratings("xy", [made("x", "y")] * 5)
    assert [rating.interval for rating in few] == [None, None]
    assert all(rating.interval is not None for rating in enough)


def test_every_candidate_gets_its_turn() -> None:
    """Asked again and again, no candidate is ever two comparisons behind another."""
    history: list[Preference] = []
    for _ in range(30):
        pair = next_pair("vwxyz", history)
        assert pair is not None
        history.append(made(*pair))
        counts = Counter(name for p in history for name in (p.candidate_a, p.candidate_b))
        numbers = [counts[name] for name in "vwxyz"]
        assert max(numbers) - min(numbers) <= 2
    assert len({frozenset((p.candidate_a, p.candidate_b)) for p in history}) == 10
    first = Counter(p.candidate_a for p in history)
    assert max(first.values()) < 12, "nobody is always shown first"


def test_nearest_ratings_are_asked_about() -> None:
    """Among equally often compared pairs that have never met, the closest ratings meet."""
    history = [made("p", "q"), made("r", "s", "tie"), made("t", "u", "tie")]
    pair = next_pair("pqrstu", history)
    assert pair is not None and set(pair) in ({"r", "t"}, {"r", "u"}, {"s", "t"}, {"s", "u"})


def test_pairs_left_out_and_no_pair() -> None:
    """A skipped pair is not asked about again; alone there is none to ask about."""
    assert next_pair("xy", [], frozenset({frozenset("xy")})) is None
    assert next_pair("x", []) is None
    pair = next_pair("xyz", [], frozenset({frozenset("xy"), frozenset("xz")}))
    assert pair is not None and set(pair) == {"y", "z"}
