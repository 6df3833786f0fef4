"""Formulas as the numbered choices that the policy makes, and back.

Reading takes the nearest option; writing draws a number near the option, so that a policy which is
sure of its choices still tries new formulas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from autoreward.agents.formulas.grammar import KINDS, MAX_TERMS, Gate, Term, Terms, read
from autoreward.agents.formulas.parts import Part, Role
from autoreward.agents.formulas.prior import CENTERS, SLOPES, THRESHOLDS, WEIGHTS, WIDTHS, unit
from autoreward.errors import RewardFileError
from autoreward.rewards.formula import parse_formula


@dataclass(frozen=True)
class Choice:
    """One term; every number but `part`, `gate` and `sign` counts options from the smallest."""

    part: int
    sign: int
    """1 or -1."""
    weight: int
    kind: int = 0
    center: int = 0
    width: int = 0
    slope: int = 0
    gate: int | None = None
    """The component of the gate."""
    threshold: int = 0


Choices = tuple[Choice, ...]
"""A formula, its terms in the order of the components; its largest weight is the last option."""


def says_nothing(roles: Iterable[Role]) -> bool:
    """Return whether a formula over such components is a constant, or asks to do nothing."""
    found = set(roles)
    return found <= {"alive"} or found == {"effort"}


@lru_cache(maxsize=4096)  # every proposal reads the whole history
def terms_of(formula: str) -> Terms | None:
    """Return the terms of a formula, None where the grammar cannot write it."""
    try:
        return read(parse_formula(formula))
    except RewardFileError:  # edited by a person into something else
        return None


def encode(terms: Terms | None, parts: Sequence[Part]) -> Choices | None:
    """Return the choices nearest to `terms`, None where no choices come near.

    That is so with a component that is not among `parts`, one that has two terms, and more than
    four terms.
    """
    index = {part.name: i for i, part in enumerate(parts)}
    names = [term.primitive for term in terms or ()]
    gates = [term.gate.primitive for term in terms or () if term.gate]
    if not terms or len(set(names)) < len(names) or len(terms) > MAX_TERMS:
        return None
    if not index.keys() >= {*names, *gates}:
        return None
    sizes = [size_of(term, parts[index[term.primitive]]) for term in terms]
    made = []
    for term, size in zip(terms, sizes, strict=True):
        part = parts[index[term.primitive]]
        gate, threshold = None, 0
        if term.gate is not None:
            gate = index[term.gate.primitive]
            threshold = _nearest(_share(term.gate.threshold, parts[gate]), THRESHOLDS)
        turned = term.kind == "tanh" and term.width < 0
        made.append(
            Choice(
                part=index[term.primitive],
                sign=1 if (term.weight > 0) is not turned else -1,
                weight=_nearest(_log(size / max(sizes)), [_log(level) for level in WEIGHTS]),
                kind=KINDS.index(term.kind),
                center=_nearest(_share(term.center, part), CENTERS),
                width=_nearest(_log(term.width / (part.span or 1.0)), [_log(w) for w in WIDTHS]),
                slope=_nearest(_log(term.width * unit(part)), [_log(s) for s in SLOPES]),
                gate=gate,
                threshold=threshold,
            )
        )
    return tuple(sorted(made, key=lambda choice: choice.part))


def decode(choices: Choices, parts: Sequence[Part], random: Random | None = None) -> Terms:
    """Return the terms that `choices` stand for; with `random`, numbers near those of the options.

    The terms of the largest weight keep it: only what is relative to them means anything.
    """

    def near(reach: float) -> float:
        return random.uniform(-reach, reach) if random else 0.0

    largest = max(choice.weight for choice in choices)
    terms = []
    for choice in choices:
        part, kind = parts[choice.part], KINDS[choice.kind]
        level = choice.weight + len(WEIGHTS) - 1 - largest
        size = WEIGHTS[level] * (10.0 ** near(0.25) if choice.weight < largest else 1.0)
        center, width = 0.0, 1.0
        if kind == "bell":
            center = part.low + (CENTERS[choice.center] + near(0.1)) * part.span
            width = WIDTHS[choice.width] * part.span * 2.0 ** near(0.5)
        elif kind == "tanh":
            width = SLOPES[choice.slope] / unit(part) * 2.0 ** near(0.5)
        gate = None
        if choice.gate is not None:
            other = parts[choice.gate]
            share = THRESHOLDS[choice.threshold] + near(0.1)
            gate = Gate(other.name, other.low + share * other.span)
        term = Term(part.name, float(choice.sign), kind, center, width, gate)
        terms.append(replace(term, weight=choice.sign * size / _unit(term, part)))
    return tuple(terms)


def size_of(term: Term, part: Part) -> float:
    """Return how much a term pays at most where its component has its usual values."""
    return abs(term.weight) * _unit(term, part)


def _unit(term: Term, part: Part) -> float:
    """Return the size of a term before its weight: bells and tanhs reach 1 by themselves."""
    return unit(part) if term.kind == "linear" else 1.0


def _share(value: float, part: Part) -> float:
    return (value - part.low) / part.span if part.span else 0.5


def _log(value: float) -> float:
    return math.log(max(abs(value), 1e-12))


def _nearest(value: float, options: Sequence[float]) -> int:
    return min(range(len(options)), key=lambda i: abs(options[i] - value))
