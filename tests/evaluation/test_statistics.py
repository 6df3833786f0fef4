"""Statistics: checked against arithmetic done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoreward.evaluation.statistics import (
    Estimate,
    bootstrap_interval,
    disjoint,
    estimate,
    lower_confidence,
    paired_difference,
    shrunken,
)


def between(low: float, high: float, episodes: int = 10) -> Estimate:
    return Estimate((low + high) / 2, low, high, 0.1, episodes, 3)


def test_two_seeds_by_hand() -> None:
    """Seed means 2 and 6: mean 4, deviation sqrt(8), standard error sqrt(8)/sqrt(2) = 2."""
    result = estimate([[1.0, 3.0], [5.0, 7.0]])
    assert (result.mean, result.episodes, result.seeds) == (4.0, 4, 2)
    assert result.standard_error == pytest.approx(2.0)
    # Resampled means are 1 … 7. Both seeds drawn the same and all episodes its lowest: 1/4 · 1/16
    # = 1.6 % at 1, likewise 1.6 % at 7; mean 1.5 has 1/4 · 4/16 = 6.3 %: the 2.5 % point is 1.5.
    assert (result.low, result.high) == (1.5, 6.5)


def test_one_seed_is_over_its_episodes() -> None:
    """One seed, values 1, 2, 3, 4: standard error sqrt(5/3)/2, and it says that it is one seed."""
    result = estimate([[1.0, 2.0, 3.0, 4.0]])
    assert result.seeds == 1
    assert result.standard_error == pytest.approx(math.sqrt(5 / 3) / 2)
    assert result.low < 2.5 < result.high
    assert (result.low, result.high) == bootstrap_interval([1.0, 2.0, 3.0, 4.0])


def test_seeds_weigh_the_same() -> None:
    """A seed with more episodes counts no more: (mean 0 + mean 10) / 2 = 5."""
    result = estimate([[0.0] * 8, [10.0] * 2])
    assert result.mean == 5.0
    # A draw is (0, 0), (0, 10) or (10, 10), whatever episodes are drawn.
    assert (result.low, result.high) == (0.0, 10.0)


def test_bootstrap_of_two_values_by_hand() -> None:
    """Of 0 and 1 the resampled mean is 0, 1/2, 1 with probability 1/4, 1/2, 1/4."""
    assert bootstrap_interval([0.0, 1.0]) == (0.0, 1.0)
    assert bootstrap_interval([0.0, 1.0], level=0.4) == (0.5, 0.5)


def test_bootstrap_of_many_values_meets_the_normal_interval() -> None:
    """For 400 normal values the interval is mean ± 1.96 standard errors, nearly."""
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    error = values.std(ddof=1) / 20
    low, high = bootstrap_interval(values.tolist())
    # The resampling's own noise is about 0.05 standard errors.
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_interval_covers_over_seeds_and_not_over_episodes() -> None:
    """Where seeds differ and episodes hardly do, only the nested interval covers the true mean."""
    generator = np.random.default_rng(2)
    nested = pooled = 0
    for _ in range(100):
        seeds = generator.normal(0.0, 1.0, 10)
        groups = (seeds[:, None] + generator.normal(0.0, 0.1, (10, 20))).tolist()
        result = estimate(groups, resamples=400)
        nested += result.low < 0 < result.high
        low, high = bootstrap_interval(
            [value for group in groups for value in group], resamples=400
        )
        pooled += low < 0 < high
    assert nested >= 82
    assert pooled <= 50


def test_constant_and_single_values() -> None:
    """No spread is no interval; a single value is a point with nothing known about it."""
    assert estimate([[2.0, 2.0], [2.0]]) == Estimate(2.0, 2.0, 2.0, 0.0, 3, 2)
    assert estimate([[5.0]]) == Estimate(5.0, 5.0, 5.0, 0.0, 1, 1)


def test_the_same_values_give_the_same_interval() -> None:
    """Resampling is seeded."""
    groups = [[1.0, 4.0, 2.0], [0.0, 3.0, 9.0]]
    assert estimate(groups) == estimate(groups)
    assert bootstrap_interval([1.0, 4.0, 2.0], seed=1) == bootstrap_interval(
        [1.0, 4.0, 2.0], seed=1
    )


def test_paired_difference_by_hand() -> None:
    """Differences between seeds cancel: every pair differs by 1 or 3, each seed by 2."""
    a = [[11.0, 13.0], [101.0, 103.0]]
    b = [[10.0, 10.0], [100.0, 100.0]]
    result = paired_difference(a, b)
    assert (result.mean, result.standard_error) == (2.0, 0.0)
    assert (result.low, result.high) == (1.0, 3.0)
    assert paired_difference(b, a).mean == -2.0
    assert estimate(a).low < estimate(b).high  # unpaired, nothing could be said


@pytest.mark.parametrize(("a", "b"), [([[1.0]], [[1.0], [2.0]]), ([[1.0, 2.0]], [[1.0]])])
def test_what_does_not_pair_is_refused(a: list[list[float]], b: list[list[float]]) -> None:
    """Different seeds or episodes cannot be compared pairwise."""
    with pytest.raises(ValueError, match="same seeds"):
        paired_difference(a, b)


@pytest.mark.parametrize("groups", [[], [[]], [[1.0], []], [[1.0, math.nan]], [[math.inf]]])
def test_nothing_to_estimate_from(groups: list[list[float]]) -> None:
    """No values, or values that are not finite, are an error and not a number."""
    with pytest.raises(ValueError, match="estimate"):
        estimate(groups)


def test_level_must_be_a_fraction() -> None:
    """95 is not a level."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        bootstrap_interval([1.0, 2.0], level=95)


def test_lower_confidence() -> None:
    """Ranking is cautious in the direction that counts: 4 − 2 for more, −(4 + 2) for less."""
    result = estimate([[1.0, 3.0], [5.0, 7.0]])
    assert lower_confidence(result) == pytest.approx(2.0)
    assert lower_confidence(result, "min") == pytest.approx(-6.0)


def test_means_of_few_are_drawn_to_the_middle() -> None:
    """By hand, with a noise of 2: a third of the way out is left for one value, half for two."""
    assert shrunken([(6.0, 1), (0.0, 1), (3.0, 2)]) == pytest.approx([4.0, 2.0, 3.0])
    assert shrunken([(6.0, 2), (0.0, 2)]) == pytest.approx([4.5, 1.5])
    assert shrunken([(5.0, 1)]) == [5.0], "alone it is the middle"
    lucky, sure, _, _ = shrunken([(9.0, 1), (8.0, 2), (1.0, 1), (-1e6, 1)])
    assert lucky < sure, "one training gone wrong does not decide between others"
    assert shrunken([]) == []


def test_disjoint() -> None:
    """Intervals that touch are not disjoint, and a single value never is."""
    assert disjoint(between(0, 1), between(1.1, 2)) and disjoint(between(1.1, 2), between(0, 1))
    assert not disjoint(between(0, 1), between(1, 2))
    assert not disjoint(between(0, 3), between(1, 2))
    assert not disjoint(between(0, 0, episodes=1), between(1, 2))


def test_json_form() -> None:
    """The form that the commands print."""
    assert between(1, 3).to_dict() == {"mean": 2, "interval": [1, 3], "seeds": 3}
