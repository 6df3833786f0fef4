"""A reward file's components as the formula policy sees them: features, prior, what is barred."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from autoreward.agents.formulas import prior as layout
from autoreward.agents.formulas.choices import says_nothing
from autoreward.agents.formulas.grammar import MAX_TERMS
from autoreward.agents.formulas.parts import Part, Role

FLOOR = -60.0
"""Logit of what may not be chosen: finite, so that any formula has a probability."""
FEATURES = 7
CONTEXT = 4
OPTIONS = 5
"""Of a head, at most."""
_ROLES: tuple[Role, ...] = ("measure", "effort", "alive")


class Head(IntEnum):
    """The choices that make a term, but for the component of its gate."""

    SIGN, WEIGHT, KIND, CENTER, WIDTH, SLOPE, GATED, THRESHOLD = range(8)


def float_tensor(rows: Sequence[object]) -> Tensor:
    """Return a tensor in double precision: small, and the same on any machine to many digits."""
    return torch.tensor(rows, dtype=torch.float64)


@dataclass(frozen=True)
class Scene:
    """One reward file's components as the network sees them; K is their number."""

    parts: tuple[Part, ...]
    even: bool = False
    """Whether nothing is preferred to anything."""

    @cached_property
    def prior(self) -> Tensor:
        """Logits [K, LOGITS]."""
        if self.even:
            return float_tensor(layout.even_logits(self.parts))
        return float_tensor([layout.prior_logits(part) for part in self.parts])

    @cached_property
    def features(self) -> Tensor:
        """What the network sees of each component, [K, features]."""
        rows = []
        for part in self.parts:
            size = layout.unit(part)
            roles = [float(part.role == role) for role in _ROLES[1:]]
            correlation = part.correlation
            reach = [part.low / size, part.high / size]
            scale = min(max(math.log10(size), -4.0), 4.0) / 4.0
            rows.append([correlation, abs(correlation), *roles, *reach, scale])
        return float_tensor(rows)

    @cached_property
    def barred(self) -> Tensor:
        """Added to a term's options, [K, heads, OPTIONS]: 0, or the floor where one has no sense.

        A constant and effort have no shape, and what no other component can gate has no gate.
        """
        result = torch.zeros(len(self.parts), len(Head), OPTIONS, dtype=torch.float64)
        for i, part in enumerate(self.parts):
            if part.role != "measure" or not part.span:
                result[i, Head.KIND, 1:] = FLOOR
        result[~self.gates.any(dim=1), Head.GATED, 1] = FLOOR
        return result

    @cached_property
    def gates(self) -> Tensor:
        """Which component may be gated by which, [K, K]: a measured one by another that varies."""
        parts = self.parts
        return torch.tensor(
            [
                [
                    part.role == other.role == "measure" and part != other and other.span > 0
                    for other in parts
                ]
                for part in parts
            ]
        )

    @cached_property
    def after(self) -> list[list[int]]:
        """Roles seen so far, as bits, before and after a component is taken: [K][8]."""
        return [[seen | 1 << _ROLES.index(part.role) for seen in range(8)] for part in self.parts]

    @cached_property
    def ends(self) -> Tensor:
        """Log-probability to be a formula for each set of roles, [8]: 0 or the floor."""
        hopeless = says_nothing(part.role for part in self.parts)
        rows = []
        for seen in range(8):
            roles = [role for bit, role in enumerate(_ROLES) if seen >> bit & 1]
            rows.append(0.0 if roles and (hopeless or not says_nothing(roles)) else FLOOR)
        return float_tensor(rows)

    def context(self, before: Sequence[int]) -> list[float]:
        """Return what the network sees of the terms so far, given their components."""
        parts = [self.parts[i] for i in before]
        return [
            len(parts) / MAX_TERMS,
            max((abs(part.correlation) for part in parts), default=0.0),
            float(any(part.role == "effort" for part in parts)),
            float(any(part.role == "alive" for part in parts)),
        ]


@lru_cache(maxsize=64)
def scene_of(parts: tuple[Part, ...], even: bool = False) -> Scene:
    """Return the scene of these components; the one that is there already, if there is one."""
    return Scene(parts, even)
