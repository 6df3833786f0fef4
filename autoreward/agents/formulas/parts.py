"""What the formula policy may know of a component; the same for any reward file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Role = Literal["measure", "effort", "alive"]
"""`effort` grows with the action, `alive` is a constant for each step lived; one whose range is
negative is the opposite of that."""

_USUAL = (1.0, 99.0)
"""Percentiles that bound the usual range."""
_SAME = 0.95
"""Correlation with the mean squared action from which a component counts as effort."""


@dataclass(frozen=True)
class Part:
    """One component of a reward file."""

    name: str
    low: float
    """Usual range of its values."""
    high: float
    role: Role = "measure"
    correlation: float = 0.0
    """With the primary fitness of the step on recorded transitions, in [-1, 1]; positive where more
    of it goes with better fitness. 0 where nothing is known."""

    @property
    def span(self) -> float:
        """Width of the usual range; 0 for a constant."""
        return self.high - self.low

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `Part(**dict)` reads it back."""
        return dict(vars(self))


def parts_of_values(
    values: Mapping[str, NDArray[Any]], fitness: NDArray[Any], action: NDArray[Any]
) -> tuple[Part, ...]:
    """Return what recorded transitions say about the components of a reward file.

    Args:
        values: Component → its value in each transition, [R].
        fitness: Primary fitness of each step, higher is better, [R].
        action: [R, A]; what goes along with its mean square is effort.

    Returns:
        One part per component, in the given order. Values that are not finite are left out; a
        component of nothing else is the constant 0.
    """
    effort = np.square(np.asarray(action, dtype=np.float64)).mean(axis=1)
    target = np.asarray(fitness, dtype=np.float64)
    return tuple(
        _part(name, np.asarray(value, dtype=np.float64), target, effort)
        for name, value in values.items()
    )


def _part(name: str, values: NDArray[Any], fitness: NDArray[Any], effort: NDArray[Any]) -> Part:
    finite = np.isfinite(values)
    known = values[finite]
    low, high = (float(v) for v in np.percentile(known, _USUAL)) if known.size else (0.0, 0.0)
    role: Role = "measure"
    moves = _correlation(known, effort[finite])
    if low == high != 0.0:
        role = "alive"
    elif moves > _SAME or (moves < -_SAME and high <= 0.0):
        role = "effort"
    return Part(name, low, high, role, round(_correlation(known, fitness[finite]), 4))


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return Pearson's correlation of the rows where both are finite, 0 where one is constant."""
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < 2:
        return 0.0
    a, b = one[both] - one[both].mean(), other[both] - other[both].mean()
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    value = float((a * b).sum()) / scale if scale > 1e-12 else 0.0
    return min(max(value, -1.0), 1.0) if np.isfinite(value) else 0.0
