"""The Pareto front over the fitness vector: who is not beaten in everything by somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

Direction = Literal["max", "min"]
Directions = Mapping[str, Direction]
"""Fitness name → which way is better."""


def pareto_front(vectors: Sequence[Mapping[str, float]], directions: Directions) -> list[int]:
    """Return the numbers of the vectors that no other one dominates, in order.

    One dominates another if it is at least as good in every entry and better in one. Equal ones
    do not dominate each other.

    Args:
        vectors: Fitness name → value; all of trainings of the same length.
        directions: The entries that count; every vector has them.
    """
    points = [
        tuple(vector[name] if way == "max" else -vector[name] for name, way in directions.items())
        for vector in vectors
    ]
    return [
        number
        for number, point in enumerate(points)
        if not any(_dominates(other, point) for other in points)
    ]


def _dominates(first: Sequence[float], second: Sequence[float]) -> bool:
    return first != second and all(a >= b for a, b in zip(first, second, strict=True))
