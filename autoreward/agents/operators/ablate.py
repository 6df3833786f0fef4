"""Ablate: a parent without one term or factor, which keeps rewards short."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random

from autoreward.agents.designer import Attempt, Brief, Draft, Operator
from autoreward.agents.operators.faults import useless
from autoreward.agents.operators.files import (
    accepted,
    idea_of,
    is_shared,
    largest_weight,
    read,
    rescaled,
    says_something,
    terms_of,
    with_terms,
)
from autoreward.agents.operators.turns import elites, turn
from autoreward.rewards.formula import Formula, print_node, walk
from autoreward.rewards.pieces import without_functions
from autoreward.rewards.source import RewardSource
from autoreward.rewards.terms import (
    Reduction,
    components_of,
    is_gate,
    outside_gates,
    reductions,
    summands,
    weighted_sum,
)

_IDLE, _TERM = 8.0, 2.0
"""How readily a part is dropped that never paid, and another term or gate."""
_SHARE = 1.1
"""From which the share of a part is taken: what pays most is rarely ballast."""

_Options = list[tuple[float, Reduction]]
"""What can be dropped, each with its weight in the draw."""


class AblateOperator:
    """For a parent of several parts: one of them, preferably an idle one, is left out.

    A term of the sum or a gate is dropped where there is one, else a factor.
    """

    name: Operator = "ablate"

    def fits(self, brief: Brief) -> bool:
        """Return whether a parent says something without one of its parts."""
        return any(_options(brief, attempt) for attempt in elites(brief))

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return a parent with an idle part, else the one whose turn it is."""
        known = [attempt for attempt in elites(brief) if _options(brief, attempt)]
        idle = [a for a in known if any(weight >= _IDLE for weight, _ in _options(brief, a))]
        choice = idle or known
        return (choice[turn(brief) % len(choice)],)

    def make(self, brief: Brief, parents: Sequence[Attempt], random: Random) -> Draft:
        """Return the parent without one part, and its file without what nothing uses any more."""
        parent, source = parents[0], read(parents[0].text)
        assert source is not None
        options = _options(brief, parent)
        made, chosen = None, None
        while made is None and options:
            index = random.choices(range(len(options)), [weight for weight, _ in options])[0]
            chosen = options.pop(index)[1]
            made = _without(source, chosen)
        assert made is not None
        assert chosen is not None
        swept = made.text if is_shared(brief, source) else _swept(source, made)
        return Draft(
            text=swept,
            idea=idea_of(brief, made, parent),
            changes=f"without {print_node(chosen.dropped)}: {parent.formula} → {made.formula}",
            operator=self.name,
            parents=(parent.id,),
        )


def _options(brief: Brief, attempt: Attempt) -> _Options:
    """Return what can be dropped of an attempt: idle parts, terms and gates, else factors."""
    known = [r for r in _reductions(attempt.text) if says_something(Formula(r.rest), attempt)]
    idle = {id(r) for name in useless(brief, attempt) for r in _paid_by(name, known)}
    simple = [r for r in known if r.term or is_gate(r.dropped) or id(r) in idle]
    return [
        (_IDLE if id(r) in idle else _TERM * (_SHARE - _share(attempt, r)), r)
        for r in simple or known
    ]


@lru_cache(maxsize=2048)
def _reductions(text: str) -> tuple[Reduction, ...]:
    source = read(text)
    if source is None:
        return ()
    return tuple(reductions(weighted_sum(terms_of(source)).root))


def _paid_by(name: str, known: Sequence[Reduction]) -> list[Reduction]:
    """Return the smallest parts that a component makes up: terms it is in, else its gates."""
    terms = [r for r in known if r.term and name in outside_gates(r.dropped)]
    smallest = min((_size(r) for r in terms), default=0)
    gates = [r for r in known if is_gate(r.dropped) and components_of(r.dropped) == {name}]
    return [r for r in terms if _size(r) == smallest] or gates


def _size(reduction: Reduction) -> int:
    return sum(1 for _ in walk(reduction.dropped))


def _share(attempt: Attempt, reduction: Reduction) -> float:
    """Return how much of the reward a part paid in the end, 0 where that is not known."""
    last = attempt.components[-1] if attempt.components else {}
    names = outside_gates(reduction.dropped) & last.keys()
    return min(max((last[name]["share"] for name in names), default=0.0), 1.0)


def _without(source: RewardSource, reduction: Reduction) -> RewardSource | None:
    """Return a file whose formula lacks a part, None where that breaks a rule."""
    before, terms = terms_of(source), summands(Formula(reduction.rest))
    if not terms:
        return None
    if largest_weight(before) == 1.0:  # how formulas are written here where nothing else is said
        terms = rescaled(terms, 1.0)
    return with_terms(source.text, terms)


def _swept(before: RewardSource, after: RewardSource) -> str:
    """Return a file without the components that its formula has just stopped using."""
    assert before.formula is not None
    assert after.formula is not None
    unused = set(before.formula.components) - set(after.formula.components)
    if after.kind == "compute_reward" or not unused:
        return after.text
    shorter = without_functions(after, unused)
    return shorter if accepted(shorter) else after.text
