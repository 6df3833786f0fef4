"""What is likely to be a good formula before anything was trained: the policy's cold start.

Each component has a vector of logits, laid out as below. An ordered choice (a weight, a centre, a
threshold) has two numbers `a, b`: option i of n has the logit `a p + b p² / 2` at `p = i - middle`,
so that `b = -1 / spread²` and `a = -b mean` make a discretised Gaussian.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoreward.agents.formulas.grammar import KINDS
from autoreward.agents.formulas.parts import Part

WEIGHTS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""|weight| × the component's unit, relative to the formula's largest."""
CENTERS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of a bell, as shares of the component's usual range."""
WIDTHS = (0.05, 0.1, 0.2, 0.4)
"""Sigmas of a bell, as shares of the component's usual range."""
SLOPES = (1.0, 2.0, 4.0)
"""Of a tanh, per unit of the component."""
THRESHOLDS = (0.2, 0.4, 0.6, 0.8)
"""Of a gate, as shares of the range: one that is always open or always shut decides nothing."""

POSITIVE, NEGATIVE, GATED, GATE = range(4)
"""Logits: being in the formula with either sign, a gate in front, serving as a gate. A sign that
does badly makes that sign rarer, not the component with the other one."""
KIND = slice(4, 4 + len(KINDS))
WEIGHT, CENTER, WIDTH, SLOPE, THRESHOLD = (slice(i, i + 2) for i in range(7, 17, 2))
LOGITS = 17

_TERMS = 2.5
"""Components that a formula of evenly drawn ones has about."""
_STEP = math.log(10.0) / 2
"""Between two weights, about."""


def unit(part: Part) -> float:
    """Return the size of a component's usual values, 1 where they are all 0."""
    return max(abs(part.low), abs(part.high)) or 1.0


def prior_logits(part: Part) -> list[float]:
    """Return one component's logits, [LOGITS].

    Strong correlation makes it likely, its sign the sign; effort is a small cost, a step lived a
    small gain.
    """
    opposite = part.high <= 0.0
    if part.role == "effort":
        return _logits(include=0.6, positive=0.95 if opposite else 0.05, weight=(0.1, 0.8))
    if part.role == "alive":
        return _logits(include=0.6, positive=0.05 if opposite else 0.95, weight=(0.3, 0.8))
    size = abs(part.correlation)
    return _logits(
        include=0.3 + 0.6 * size,
        positive=0.5 + 0.45 * part.correlation,
        weight=(0.3 + 0.7 * size, 0.8),
        kinds=(0.6, 0.2, 0.2),
    )


def even_logits(parts: Sequence[Part]) -> list[list[float]]:
    """Return logits [components, LOGITS] that prefer nothing to anything."""
    row = [0.0] * LOGITS
    row[POSITIVE] = row[NEGATIVE] = -math.log(2.0 * max(len(parts) / _TERMS - 1.0, 1.0))
    return [row for _ in parts]


def _logits(
    include: float,
    positive: float,
    weight: tuple[float, float],
    kinds: Sequence[float] = (1.0, 1.0, 1.0),
) -> list[float]:
    row = [0.0] * LOGITS
    odds = include / (1.0 - include)
    row[POSITIVE], row[NEGATIVE] = math.log(odds * positive), math.log(odds * (1.0 - positive))
    row[GATED] = math.log(0.1 / 0.9)
    row[KIND] = [math.log(kind) for kind in kinds]
    mean, spread = math.log(weight[0]) / _STEP + (len(WEIGHTS) - 1) / 2, weight[1] / _STEP
    row[WEIGHT] = [mean / spread**2, -1.0 / spread**2]
    return row
