"""Aggregates over tasks and runs, against numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from autoreward.evaluation.aggregates import interquartile_mean, probability_of_improvement


def test_interquartile_mean_of_eight() -> None:
    """Of eight values the two smallest and the two largest do not count."""
    result = interquartile_mean([[1, 2, 3, 4], [5, 6, 7, 100]])
    assert result.value == pytest.approx((3 + 4 + 5 + 6) / 4)
    assert result.runs == 8
    assert result.low <= result.value <= result.high


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], 7.0),
        ([1.0, 5.0], 3.0),
        ([0.0, 1.0, 8.0], 3.0),
        ([0.0, 1.0, 3.0, 100.0], 2.0),
        ([9.0, 0.0, 1.0, 2.0, -50.0], 1.0),
    ],
)
def test_interquartile_mean_of_few(values: list[float], expected: float) -> None:
    """Below four values nothing is dropped, of four or five one at either end."""
    assert interquartile_mean([values]).value == pytest.approx(expected)


def test_resampling_stays_within_a_task() -> None:
    """Two tasks whose runs all agree leave no doubt, however far apart the tasks are."""
    result = interquartile_mean([[0.0, 0.0, 0.0, 0.0], [10.0, 10.0, 10.0, 10.0]])
    assert (result.value, result.low, result.high) == (5.0, 5.0, 5.0)
    pooled = interquartile_mean([[0.0, 10.0, 0.0, 10.0, 0.0, 10.0, 0.0, 10.0]])
    assert pooled.high - pooled.low > 4


def test_interval_covers_as_often_as_it_says() -> None:
    """Of 200 benchmarks with 2 tasks of 10 runs, about 95 % of the intervals hold the truth."""
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        draws = generator.normal(0.7, 0.3, size=(2, 10))
        result = interquartile_mean(draws.tolist(), resamples=500)
        held += result.low <= 0.7 <= result.high
    assert held >= 0.88 * 200


def test_probability_of_improvement_by_hand() -> None:
    """Pairs that we win over all pairs, ties half, mean over tasks."""
    # Task 1: 3 beats 1 and 2, 1 ties with 1 and loses to 2: (2 + 0.5) / 4. Task 2: all won.
    result = probability_of_improvement([[3, 1], [5, 6]], [[1, 2], [0, 1, 2]])
    assert result.value == pytest.approx((2.5 / 4 + 1.0) / 2)
    assert 0 <= result.low <= result.value <= result.high <= 1


def test_probability_of_improvement_at_the_ends() -> None:
    """Apart it is 1 or 0 for sure, equal it is one half."""
    high, low = [[4.0, 5.0, 6.0]], [[1.0, 2.0, 3.0]]
    assert probability_of_improvement(high, low).to_dict() == {
        "value": 1.0,
        "interval": [1.0, 1.0],
        "runs": 3,
    }
    assert probability_of_improvement(low, high).value == 0.0
    same = probability_of_improvement(high, high)
    assert same.value == pytest.approx(0.5)
    assert same.low < 0.5 < same.high
    assert probability_of_improvement([[1.0]], [[1.0]]).value == 0.5


def test_same_values_same_interval() -> None:
    """Resampling is seeded."""
    strata = [[0.1, 0.5, 0.2], [1.0, 0.7, 0.4]]
    assert interquartile_mean(strata) == interquartile_mean(strata)
    assert probability_of_improvement(strata, strata[::-1]) == probability_of_improvement(
        strata, strata[::-1]
    )


@pytest.mark.parametrize("strata", [[], [[]], [[1.0], []], [[1.0, float("nan")]]])
def test_nothing_to_aggregate(strata: list[list[float]]) -> None:
    """No values, a task without any, or one that is not finite: an error, never a number."""
    with pytest.raises(ValueError, match="aggregate"):
        interquartile_mean(strata)
    with pytest.raises(ValueError, match="aggregate"):
        probability_of_improvement(strata, [[1.0]])


def test_sides_must_fit() -> None:
    """The same tasks on both sides, and a level that is one."""
    with pytest.raises(ValueError, match="same tasks"):
        probability_of_improvement([[1.0]], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="level"):
        interquartile_mean([[1.0]], level=1.5)
