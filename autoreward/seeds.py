"""Seeds of three kinds that can never meet: training, validation, test.

The kind is part of the number (its two top bits), so two seeds of different kinds differ by
construction, and it is part of the type, so a function that selects on validation seeds cannot be
handed test seeds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random
from typing import ClassVar, TypeVar

S = TypeVar("S", bound="Seed")


@dataclass(frozen=True)
class Seed:
    """One seed: the run's own seed and an index. Use a subclass."""

    run_seed: int
    index: int
    split: ClassVar[str] = ""
    tag: ClassVar[int] = 0

    @property
    def value(self) -> int:
        """A 62-bit number for a random generator; its top two bits tell the split."""
        text = f"{self.split}/{self.run_seed}/{self.index}"
        low = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 4
        return (self.tag << 60) | low

    def __str__(self) -> str:
        """Render as `validation-3`."""
        return f"{self.split}-{self.index}"

    @classmethod
    def first(cls: type[S], run_seed: int, count: int, start: int = 0) -> tuple[S, ...]:
        """Return `count` seeds of this kind from index `start`."""
        return tuple(cls(run_seed, start + i) for i in range(count))


class TrainingSeed(Seed):
    """For a policy and its training episodes; search and confirmation use different ones."""

    split = "training"
    tag = 1


class ValidationSeed(Seed):
    """Start states on which candidates are compared during search."""

    split = "validation"
    tag = 2


class TestSeed(Seed):
    """Start states used once, for the final report."""

    __test__ = False  # not a pytest class
    split = "test"
    tag = 3


def rng(run_seed: int, *purpose: object) -> Random:
    """Return the generator of one decision: same run seed and purpose, same draws; never saved.

    String seeding is SHA-512 based and stable across Python versions.
    """
    return Random("/".join(map(str, (run_seed, *purpose))))
