"""How much better than its group a formula did: what the policy is reinforced by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

from autoreward.agents.formulas.outcomes import Outcome

_NORMAL = NormalDist()


def group_advantages(group: Sequence[Outcome]) -> tuple[float, ...]:
    """Return each outcome's advantage within its group.

    The baseline is the group's mean (group-relative policy optimisation, Shao et al. 2024). Where a
    group's spread is less than its measurement error, the probability of winning a comparison
    takes the place of the standard score, so that noise is not blown up (Pref-GRPO, Wang et al.
    2025). Rungs are compared within themselves and added up. Degenerate formulas take part in
    the lowest rung, as worse than the worst by one spread.

    Returns:
        One number per outcome, 0 where nothing can be said: no score, or nobody to compare with.
    """
    total = [0.0] * len(group)
    rungs = max((len(outcome.scores) for outcome in group if not outcome.degenerate), default=0)
    for rung in range(rungs):
        reached = [
            i
            for i, outcome in enumerate(group)
            if not outcome.degenerate
            and len(outcome.scores) > rung
            and math.isfinite(outcome.scores[rung])
        ]
        broken = [i for i, o in enumerate(group) if o.degenerate] if rung == 0 else []
        scores = [group[i].scores[rung] for i in reached]
        errors = [group[i].errors[rung] if rung < len(group[i].errors) else 0.0 for i in reached]
        for i, value in zip(
            reached + broken, _advantages(scores, errors, len(broken)), strict=True
        ):
            total[i] += value
    return tuple(total)


def _advantages(scores: list[float], errors: list[float], broken: int) -> list[float]:
    """Return the advantages of these scores and, behind them, of the broken ones."""
    if len(scores) + broken < 2:
        return [0.0] * (len(scores) + broken)
    noise = math.sqrt(fmean(error**2 for error in errors))
    spread = stdev(scores) if len(scores) > 1 else 0.0
    if noise > 0.0 and spread < noise:
        wins = [_win_rate(i, scores, errors, broken) - 0.5 for i in range(len(scores))]
        # Everyone wins as often as another one loses.
        return [*wins, *[-sum(wins) / max(broken, 1)] * broken]
    worst = min(scores) - (spread or 1.0)
    values = scores + [worst] * broken
    scale = stdev(values)
    mean = fmean(values)
    return [(value - mean) / scale if scale > 0.0 else 0.0 for value in values]


def _win_rate(i: int, scores: list[float], errors: list[float], broken: int) -> float:
    """Return how often one score wins against the others; against broken ones always."""
    wins = float(broken)
    for j, other in enumerate(scores):
        if j != i:
            error = math.hypot(errors[i], errors[j])
            gap = scores[i] - other
            wins += _NORMAL.cdf(gap / error) if error > 0.0 else 0.5 + 0.5 * _side(gap)
    return wins / (len(scores) + broken - 1)


def _side(value: float) -> float:
    return math.copysign(1.0, value) if value else 0.0
