"""Vary: one term of a formula added, exchanged, or given another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from random import Random

from autoreward.agents.designer import Attempt, Brief, Draft, Operator
from autoreward.agents.formulas.choices import (
    Choice,
    decode,
    encode,
    says_nothing,
    size_of,
    terms_of,
)
from autoreward.agents.formulas.grammar import KINDS, MAX_TERMS, Term, Terms, normal_form, write
from autoreward.agents.formulas.parts import Part
from autoreward.agents.formulas.prior import CENTERS, SLOPES, WIDTHS
from autoreward.agents.operators.files import accepted, idea_of
from autoreward.agents.operators.turns import elites, turn
from autoreward.rewards.source import RewardSource, with_formula

_ADD, _EXCHANGE = 0.5, 0.2
"""How often a term is added, and how often one gives way to another; else one is reshaped."""
_SMALLEST = 0.03
"""Size of an added term at least, relative to the formula's largest."""
_LINEAR = 0.6
"""How often a new term has no shape."""
_TRIES = 20


class VaryOperator:
    """For a parent that works and lacks something: subtree mutation (Koza 1992) over the grammar.

    Unlike the formula policy's, its draws follow no belief: a component that did badly so far, or
    with the other sign, gets as many tries as any.
    """

    name: Operator = "vary"

    def fits(self, brief: Brief) -> bool:
        """Return whether the formula of a parent is one of the grammar, over known components."""
        return any(_is_open(attempt) for attempt in elites(brief))

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the parent whose turn it is, among those that can be varied."""
        known = [attempt for attempt in elites(brief) if _is_open(attempt)]
        return (known[turn(brief) % len(known)],)

    def make(self, brief: Brief, parents: Sequence[Attempt], random: Random) -> Draft:
        """Return the parent with one other term."""
        parent = parents[0]
        made = _varied(parent, random)
        return Draft(
            text=made.text,
            idea=idea_of(brief, made, parent),
            changes=f"one term varied: {parent.formula} → {made.formula}",
            operator=self.name,
            parents=(parent.id,),
        )


def _is_open(attempt: Attempt) -> bool:
    measured = [part for part in attempt.parts if part.role == "measure" and part.span]
    return bool(measured) and _terms(attempt.formula, attempt.parts) is not None


@lru_cache(maxsize=2048)
def _terms(formula: str, parts: tuple[Part, ...]) -> Terms | None:
    """Return the terms of a formula, None where the grammar cannot write it over these parts."""
    terms = terms_of(formula)
    return terms if encode(terms, parts) is not None else None


def _varied(parent: Attempt, random: Random) -> RewardSource:
    """Return the parent's file with one other term in its formula."""
    order = [part.name for part in parent.parts]
    roles = {part.name: part.role for part in parent.parts}
    terms = _terms(parent.formula, parent.parts)
    assert terms is not None
    before = write(normal_form(terms, order))
    for _ in range(_TRIES):
        drawn = normal_form(_changed(terms, parent.parts, random), order)
        if write(drawn) == before or says_nothing(roles[term.primitive] for term in drawn):
            continue
        made = accepted(with_formula(parent.text, write(drawn)))
        if made is not None:
            return made
    source = accepted(parent.text)  # a twin, which is closed as such
    assert source is not None
    return source


def _changed(terms: Terms, parts: Sequence[Part], random: Random) -> Terms:
    used = {term.primitive for term in terms}
    free = [i for i, part in enumerate(parts) if part.name not in used]
    kind, place = random.random(), random.randrange(len(terms))
    others = terms[:place] + terms[place + 1 :]
    if free and kind < _ADD and len(terms) < MAX_TERMS:
        return (*terms, _drawn(random.choice(free), parts, terms, random))
    if free and kind < _ADD + _EXCHANGE:
        return (*others, _drawn(random.choice(free), parts, others or terms, random))
    old = terms[place]
    row = next(i for i, part in enumerate(parts) if part.name == old.primitive)
    new = _drawn(row, parts, (old,), random)
    weight = math.copysign(_size(old, parts) / _size(replace(new, weight=1.0), parts), old.weight)
    if new.kind == "bell" and new.weight * weight < 0:  # where it stands decides what it asks for
        weight = -weight
    return (*others, replace(new, weight=weight, gate=old.gate))


def _drawn(row: int, parts: Sequence[Part], beside: Terms, random: Random) -> Term:
    """Return a term over a component, at most as large as the largest of those beside it."""
    shaped = parts[row].role == "measure" and parts[row].span > 0 and random.random() > _LINEAR
    choice = Choice(
        part=row,
        sign=random.choice((-1, 1)),
        weight=0,
        kind=random.randrange(1, len(KINDS)) if shaped else 0,
        center=random.randrange(len(CENTERS)),
        width=random.randrange(len(WIDTHS)),
        slope=random.randrange(len(SLOPES)),
    )
    (term,) = decode((choice,), parts, random)
    largest = max(_size(other, parts) for other in beside)
    size = largest * _SMALLEST ** random.random()
    return replace(term, weight=term.weight * size / _size(term, parts))


def _size(term: Term, parts: Sequence[Part]) -> float:
    return size_of(term, next(part for part in parts if part.name == term.primitive))
