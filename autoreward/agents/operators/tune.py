"""Tune: the numbers of a formula moved, by what is known of formulas with other numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from autoreward.agents.designer import Attempt, Brief, Draft, Operator
from autoreward.agents.operators.files import (
    idea_of,
    largest_weight,
    read,
    rescaled,
    rounded,
    terms_of,
    with_terms,
)
from autoreward.agents.operators.turns import elites, turn
from autoreward.rewards.source import RewardSource
from autoreward.rewards.terms import (
    Summand,
    gate_thresholds,
    numbers_of,
    scale_free,
    weighted_sum,
    with_numbers,
)

_SPREAD = 0.5
"""Standard deviation of the logarithm of a number while nothing is known."""
_BELIEF = 4.0
"""Elites that the parent and the default spread weigh as much as."""
_ELITE_SHARE = 0.25
_MOST_ELITES = 4
_MOMENTUM = 0.5
"""How far the mean goes on in the direction in which the elites lie from all attempts."""
_FLIP = 0.1
"""How often the sign of a weight is turned."""
_TRIES = 40
_SHRINK = 0.9
"""Factor of the spread after a draw that breaks a rule."""


class TuneOperator:
    """For a parent whose structure is right: a step of the cross-entropy method.

    All earlier attempts with the parent's formula but for its numbers, over the same components,
    are ranked; new numbers are drawn around those of the best, on a logarithmic scale, with their
    spread (Rubinstein 1999, "The cross-entropy method for combinatorial and continuous
    optimization"), blended with a default around the parent as long as few are known.
    """

    name: Operator = "tune"

    def fits(self, brief: Brief) -> bool:
        """Return whether a parent has numbers that decide something."""
        return any(_is_tunable(attempt.text) for attempt in elites(brief))

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the parent whose turn it is, among those with numbers."""
        known = [attempt for attempt in elites(brief) if _is_tunable(attempt.text)]
        return (known[turn(brief) % len(known)],)

    def make(self, brief: Brief, parents: Sequence[Attempt], random: Random) -> Draft:
        """Return the parent with other numbers, each with two digits."""
        parent = parents[0]
        made = _drawn(parent, brief.history, random)
        return Draft(
            text=made.text,
            idea=idea_of(brief, made, parent),
            changes=f"numbers moved: {parent.formula} → {made.formula}",
            operator=self.name,
            parents=(parent.id,),
        )


@dataclass(frozen=True)
class _Numbers:
    """A formula as a point: logarithms of its numbers, in one order for equal structures."""

    terms: tuple[Summand, ...]
    logs: tuple[float, ...]
    """Of the weights relative to their geometric mean, then of the numbers inside the terms but for
    zeros. One common factor of all weights means nothing."""
    structure: tuple[object, ...]
    """Equal for formulas that differ in the size of their numbers alone."""
    signs: tuple[float, ...]
    """Of the numbers in `logs`."""
    limits: tuple[tuple[int, str], ...]
    """Which of `logs` are thresholds of gates, and of which component."""


@lru_cache(maxsize=2048)
def _numbers(text: str) -> _Numbers | None:
    source = read(text)
    if source is None:
        return None
    terms = terms_of(source)
    weights = [math.log(abs(term.weight)) for term in terms]
    middle = sum(weights) / len(weights)
    inner: list[float] = []
    limits: list[tuple[int, str]] = []
    zeros: list[bool] = []
    for term in terms:
        values = numbers_of(term.body) if term.body is not None else ()
        gates = gate_thresholds(term.body) if term.body is not None else {}
        for i, value in enumerate(values):
            if value and i in gates:
                limits.append((len(terms) + len(inner), gates[i]))
            zeros.append(not value)
            inner += [value] if value else []
    logs = (*(weight - middle for weight in weights), *(math.log(abs(v)) for v in inner))
    signs = tuple(math.copysign(1.0, v) for v in (*(term.weight for term in terms), *inner))
    skeletons = tuple(term.skeleton for term in terms)
    structure = (source.components_text, skeletons, tuple(zeros), signs)
    return _Numbers(terms, logs, structure, signs, tuple(limits))


@lru_cache(maxsize=2048)
def _is_tunable(text: str) -> bool:
    """Return whether other numbers would give another reward."""
    numbers = _numbers(text)
    if numbers is None or len(numbers.terms) > 1:
        return numbers is not None
    before = scale_free(weighted_sum(numbers.terms))
    moved = (
        tuple(log + 0.3 * (i == changed) for i, log in enumerate(numbers.logs))
        for changed in range(1, len(numbers.logs))
    )
    return any(scale_free(weighted_sum(_terms(numbers, logs))) != before for logs in moved)


def _drawn(parent: Attempt, history: Sequence[Attempt], random: Random) -> RewardSource:
    """Return the parent's file with a formula of other numbers."""
    numbers, source = _numbers(parent.text), read(parent.text)
    assert numbers is not None
    assert source is not None
    before = scale_free(weighted_sum(numbers.terms))
    mean, spread = _belief(parent, numbers, history)
    for attempt in range(_TRIES):
        width = _SHRINK**attempt
        logs = [random.gauss(m, width * s) for m, s in zip(mean, spread, strict=True)]
        terms = _terms(numbers, _within(numbers, logs, parent))
        if len(terms) > 1 and random.random() < _FLIP:
            turned = random.randrange(len(terms))
            terms = tuple(
                Summand(-term.weight if i == turned else term.weight, term.body)
                for i, term in enumerate(terms)
            )
        made = with_terms(parent.text, terms)
        if made is not None and made.formula is not None and scale_free(made.formula) != before:
            return made
    return source


def _belief(
    parent: Attempt, numbers: _Numbers, history: Sequence[Attempt]
) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation that each logarithm is drawn with."""
    like = [
        other.logs
        for attempt in history
        if attempt.steps == parent.steps
        and (other := _numbers(attempt.text)) is not None
        and other.structure == numbers.structure
    ]
    best = like[: min(_MOST_ELITES, math.ceil(_ELITE_SHARE * len(like)))]
    mean, spread = [], []
    for i, own in enumerate(numbers.logs):
        values = [logs[i] for logs in best]
        middle = sum(values) / len(values) if values else own
        everywhere = sum(logs[i] for logs in like) / len(like) if like else own
        blended = (_BELIEF * own + sum(values)) / (_BELIEF + len(values))
        mean.append(blended + _MOMENTUM * (middle - everywhere))
        squares = sum((value - middle) ** 2 for value in values)
        spread.append(math.sqrt((_BELIEF * _SPREAD**2 + squares) / (_BELIEF + len(values))))
    return mean, spread


def _within(numbers: _Numbers, logs: Sequence[float], parent: Attempt) -> list[float]:
    """Return logarithms whose thresholds lie in the usual range of their component."""
    parts = {part.name: part for part in parent.parts}
    result = list(logs)
    for i, name in numbers.limits:
        part = parts.get(name)
        bound = 0.0
        if part is not None:
            bound = part.high if numbers.signs[i] > 0 else -part.low
        if bound > 0:
            result[i] = min(result[i], math.log(bound))
    return result


def _terms(numbers: _Numbers, logs: Sequence[float]) -> tuple[Summand, ...]:
    """Return terms with other numbers, the largest weight as large as before."""
    sizes = [sign * math.exp(log) for sign, log in zip(numbers.signs, logs, strict=True)]
    count = len(numbers.terms)
    inner = iter(sizes[count:])
    moved = []
    for weight, term in zip(sizes[:count], numbers.terms, strict=True):
        body = term.body
        if body is not None:
            values = [rounded(next(inner)) if value else 0.0 for value in numbers_of(body)]
            body = with_numbers(body, values)
        moved.append(Summand(weight, body))
    return rescaled(tuple(moved), largest_weight(numbers.terms))
