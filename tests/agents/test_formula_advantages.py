from __future__ import annotations

import pytest

from autoreward.agents.formulas.advantages import group_advantages
from autoreward.agents.formulas.outcomes import Outcome
from autoreward.agents.formulas.parts import Part

PARTS = (Part("speed", -1.0, 1.0),)
BROKEN = Outcome("speed", PARTS, degenerate=True)


def scored(*scores: float, error: float = 0.0) -> Outcome:
    return Outcome("speed", PARTS, scores, (error,) * len(scores))


def test_advantages_are_standard_scores() -> None:
    """Distance from the group's mean in standard deviations of the group."""
    found = group_advantages([scored(1.0), scored(2.0), scored(3.0)])
    assert found == pytest.approx((-1.0, 0.0, 1.0))
    shifted = group_advantages([scored(-990.0), scored(-980.0), scored(-970.0)])
    assert shifted == pytest.approx(found)


def test_there_is_a_baseline() -> None:
    """A good score in a better group counts against a formula."""
    assert group_advantages([scored(100.0), scored(101.0)])[0] < 0


@pytest.mark.parametrize(
    "group",
    [[], [scored(1.0)], [BROKEN], [BROKEN, BROKEN], [scored(1.0), Outcome("speed", PARTS)]],
)
def test_who_has_nobody_to_compare_with_learns_nothing(group: list[Outcome]) -> None:
    """Fewer than two results, or nothing but broken ones."""
    assert group_advantages(group) == (0.0,) * len(group)


def test_equal_scores_teach_nothing() -> None:
    """No spread, no advantage, and no division by zero, with errors or without."""
    for error in (0.0, 0.1):
        assert group_advantages([scored(2.0, error=error)] * 4) == (0.0,) * 4


def test_below_the_noise_the_win_rate_counts() -> None:
    """A spread that measurement errors explain is not blown up to a standard deviation."""
    # Apart by 0.1 with errors 0.1 each: the better one wins with probability Φ(0.1 / √0.02).
    low, high = group_advantages([scored(0.0, error=0.1), scored(0.1, error=0.1)])
    assert (low, high) == pytest.approx((-0.2602, 0.2602), abs=1e-4)
    low, high = group_advantages([scored(0.0, error=0.05), scored(0.1, error=0.05)])
    assert (low, high) == pytest.approx((-(0.5**0.5), 0.5**0.5))
    exact = group_advantages([scored(0.0), scored(0.1), scored(0.1, error=1.0)])
    assert exact[0] < exact[1]


def test_rungs_are_added_and_never_mixed() -> None:
    """Longer trainings are compared with each other alone, whatever their scores."""
    short = [scored(1.0), scored(2.0), scored(3.0)]
    found = group_advantages([short[0], scored(2.0, 500.0), scored(3.0, 400.0)])
    half = 0.5**0.5
    assert found == pytest.approx((-1.0, half, 1.0 - half))
    alone = group_advantages([*short[:2], scored(3.0, -1000.0)])
    assert alone == pytest.approx((-1.0, 0.0, 1.0))


def test_degenerate_formulas_are_the_worst() -> None:
    """They take part in the lowest rung, one spread below the worst."""
    # The spread of 1 and 3 is √2: the broken one counts as 1 - √2.
    found = group_advantages([scored(1.0), BROKEN, scored(3.0)])
    values = (1.0, 1.0 - 2**0.5, 3.0)
    mean = sum(values) / 3
    scale = (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
    assert found == pytest.approx(tuple((value - mean) / scale for value in values))
    half = 0.5**0.5
    assert group_advantages([scored(-5.0), BROKEN]) == pytest.approx((half, -half))


def test_degenerate_formulas_lose_in_noise_too() -> None:
    """Below the noise they lose all comparisons, but not against each other."""
    found = group_advantages([scored(1.0, error=0.5), scored(1.0, error=0.5), BROKEN, BROKEN])
    assert found == pytest.approx((1 / 3, 1 / 3, -1 / 3, -1 / 3))


def test_scores_that_are_no_numbers_are_left_out() -> None:
    """One lost measurement does not spoil a group."""
    found = group_advantages([scored(float("nan")), scored(1.0), scored(3.0)])
    half = 0.5**0.5
    assert found == pytest.approx((0.0, -half, half))
