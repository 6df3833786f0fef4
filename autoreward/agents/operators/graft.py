"""Graft: what pays in one parent put into another, function, term and all."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import TypeVar

from autoreward.agents.designer import Attempt, Brief, Draft, Operator
from autoreward.agents.operators.files import (
    idea_of,
    largest_weight,
    read,
    rescaled,
    rounded,
    says_something,
    terms_of,
    with_terms,
)
from autoreward.agents.operators.turns import elites, turn
from autoreward.rewards.pieces import Pieces, transplant
from autoreward.rewards.source import RewardSource
from autoreward.rewards.terms import (
    Summand,
    outside_gates,
    renamed,
    scale_free,
    weighted_sum,
)
from autoreward.seeds import rng

_Ranked = TypeVar("_Ranked")

_DRAWS = 50
"""Formulas drawn out of the terms of two, before they count as having nothing new between them."""
_MOST_TERMS = 4
"""Terms of such a formula at most, unless a parent has more."""
_SPREAD = 0.2
"""Standard deviation of the logarithm of a grafted weight, so that a second draw differs."""


class GraftOperator:
    """For two parents with different ideas: crossover without a model.

    Of two parents over the same components, each term comes from one or the other. Otherwise the
    component that pays most in one of them, and that the other does not have, is put into the
    other with its term.
    """

    name: Operator = "graft"

    def fits(self, brief: Brief) -> bool:
        """Return whether there are two parents that have something to give."""
        return _pair(brief) is not None

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the parent whose turn it is, and another one drawn by rank."""
        pair = _pair(brief)
        assert pair is not None
        return pair

    def make(self, brief: Brief, parents: Sequence[Attempt], random: Random) -> Draft:
        """Return the first parent with something of the second."""
        receiver, donor = parents
        made, changes = next(_children(receiver, donor, random))
        return Draft(
            text=made.text,
            idea=idea_of(brief, made, receiver),
            changes=changes,
            operator=self.name,
            parents=(receiver.id, donor.id),
        )


def _pair(brief: Brief) -> tuple[Attempt, Attempt] | None:
    """Return who gets something, and from whom; None where nobody has anything to give."""
    first = elites(brief)
    ranked = list({attempt.id: attempt for attempt in (*first, *brief.history)}.values())
    random = rng(brief.run_seed, "graft", brief.proposal, brief.retry)
    for place in range(len(first)):
        receiver = first[(turn(brief) + place) % len(first)]
        for donor in _by_rank(ranked, random):
            if donor.id != receiver.id and _gives(receiver, donor):
                return receiver, donor
    return None


def _by_rank(ranked: Sequence[_Ranked], random: Random) -> Iterator[_Ranked]:
    """Yield all, in an order drawn by rank: first the one at rank r (from 1) with weight 1 / r."""
    # Efraimidis and Spirakis 2006: keys u^(1/w) sort as draws without replacement do.
    keys = [math.log(random.random()) * rank for rank in range(1, len(ranked) + 1)]
    for _, i in sorted(((-key, i) for i, key in enumerate(keys))):
        yield ranked[i]


def _gives(receiver: Attempt, donor: Attempt) -> bool:
    """Return whether one has something that can be put into the other."""
    one, other = read(receiver.text), read(donor.text)
    if one is None or other is None or one.skeleton == other.skeleton:
        return False
    if one.components_text == other.components_text:
        return next(_mixed(one, other, receiver, Random(0)), None) is not None
    return _can_graft(receiver.text, donor.text)


@lru_cache(maxsize=4096)
def _can_graft(receiver: str, donor: str) -> bool:
    one, other = read(receiver), read(donor)
    assert one is not None
    assert other is not None
    return next(_grafted(one, other, {}, Random(0)), None) is not None


def _children(
    receiver: Attempt, donor: Attempt, random: Random
) -> Iterator[tuple[RewardSource, str]]:
    """Yield what can be made of two attempts, each with what is new in it."""
    one, other = read(receiver.text), read(donor.text)
    assert one is not None
    assert other is not None
    if one.components_text == other.components_text:
        yield from _mixed(one, other, receiver, random)
        return
    last = donor.components[-1] if donor.components else {}
    shares = {name: entry["share"] for name, entry in last.items()}
    for made, name in _grafted(one, other, shares, random):
        yield made, f"`{name}` of {donor.id} put in: {made.formula}"


def _mixed(
    one: RewardSource, other: RewardSource, receiver: Attempt, random: Random
) -> Iterator[tuple[RewardSource, str]]:
    """Yield files whose formulas have terms of two over the same components."""
    ours, theirs = terms_of(one), rescaled(terms_of(other), 1.0)
    key = _key_for(ours, theirs)
    pairs: dict[Hashable, list[Summand | None]] = {}
    for part, missing in ((rescaled(ours, 1.0), False), (theirs, True)):
        for term in part:
            pairs.setdefault(key(term), [None] if missing else []).append(term)
    choices = [pair if len(pair) > 1 else [*pair, None] for pair in pairs.values()]
    most = max(len(ours), len(theirs), _MOST_TERMS)
    known = {scale_free(weighted_sum(ours)), scale_free(weighted_sum(theirs))}
    for _ in range(_DRAWS):
        drawn = [random.choice(pair) for pair in choices]
        terms = tuple(term for term in drawn if term is not None)
        if not 0 < len(terms) <= most or scale_free(weighted_sum(terms)) in known:
            continue
        ordered = sorted(terms, key=lambda term: _place(one, term))
        made = with_terms(one.text, rescaled(tuple(ordered), largest_weight(ours)))
        if made is not None and made.formula and says_something(made.formula, receiver):
            yield made, f"terms of {one.formula} and of {other.formula}: {made.formula}"


def _place(source: RewardSource, term: Summand) -> int:
    """Return where in its file the first component stands that a term pays for."""
    names = [part.name for part in source.components]
    paid_for = outside_gates(term.body) if term.body is not None else ()
    return min((names.index(name) for name in paid_for if name in names), default=len(names))


def _key_for(ours: Sequence[Summand], theirs: Sequence[Summand]) -> Callable[[Summand], Hashable]:
    """Return what tells terms apart: the components they pay for, or else their structure.

    Two terms of one component are one too many, unless a parent has both.
    """

    def paid_for(term: Summand) -> Hashable:
        return outside_gates(term.body) if term.body is not None else None

    def structure(term: Summand) -> Hashable:
        return term.skeleton

    single = all(len(set(map(paid_for, terms))) == len(terms) for terms in (ours, theirs))
    return paid_for if single else structure


def _grafted(
    one: RewardSource, other: RewardSource, shares: Mapping[str, float], random: Random
) -> Iterator[tuple[RewardSource, str]]:
    """Yield files that have got a component of another file with its term, and which one."""
    if not one.kind == other.kind == "components":
        return
    ours, theirs = terms_of(one), terms_of(other)
    for name in _by_rank(_gifts(one, other, shares), random):
        paying = [t for t in theirs if t.body is not None and name in outside_gates(t.body)]
        if not paying:
            continue
        term = paying[0]
        assert term.body is not None
        made = transplant(_pieces(one.text), _pieces(other.text), sorted(term.components))
        if made is None:
            continue
        # As much of the whole as it was in the donor.
        weight = term.weight / _total(theirs) * _total(ours) * math.exp(random.gauss(0, _SPREAD))
        added = Summand(rounded(weight), renamed(term.body, made.names))
        grown = with_terms(made.text, (*ours, added))
        if grown is not None:
            yield grown, name


def _gifts(one: RewardSource, other: RewardSource, shares: Mapping[str, float]) -> list[str]:
    """Return the components of a file that another's formula does not use, best payer first.

    Those whose name is used there come last: they are likely to measure the same.
    """
    assert one.formula is not None
    assert other.formula is not None
    mine, theirs = _pieces(one.text), _pieces(other.text)
    has = {mine.meaning(name) for name in one.formula.components}
    used = one.formula.components
    names = [name for name in other.formula.components if theirs.meaning(name) not in has]
    return sorted(names, key=lambda name: (name in used, -shares.get(name, 0.0)))


@lru_cache(maxsize=512)
def _pieces(text: str) -> Pieces:
    source = read(text)
    assert source is not None
    return Pieces(source)


def _total(terms: Sequence[Summand]) -> float:
    return sum(abs(term.weight) for term in terms)
