"""A cross-entropy policy over the built-in grammar (Rubinstein 1999; elites refit a distribution).

It has no state: the prior follows from measured correlations, and the whole history is read again
at each proposal. Per component it holds the probability of being in the formula, of a positive
sign, of each shape and of a gate, and the spread of log |weight|.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from autoreward.agents.grammar import KINDS, MAX_TERMS, MIN_WEIGHT, Gate, Kind, Term, Terms
from autoreward.agents.primitives import ALIVE, EFFORT, Primitive

SMOOTHING = 0.7
"""Share of the elites in the refitted distribution; the rest stays with the prior."""
_MODE = 0.6
"""Components at least this probable are in the most probable formula's draft."""
_LEAST_SPREAD = 0.2
"""Of log |weight|: keeps a few equal elites from freezing the search."""
_DOUBT = 1.0
"""Imagined formulas per choice that say nothing: what holds the policy back while few are known."""
_WIDTHS = (0.05, 0.1, 0.2, 0.4)
"""Sigmas of a bell, as shares of the component's usual range."""
_SLOPES = (1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Choice:
    """How one component enters formulas."""

    include: float
    """Probability."""
    positive: float
    """Probability of a positive weight, if included."""
    log_weight: tuple[float, float]
    """Mean and standard deviation of log |weight|, if included."""
    kinds: Mapping[Kind, float]
    """Probabilities of the shapes."""
    gated: float
    """Probability of a gate in front."""
    gate_weight: float
    """How readily this component serves as the gate of another one; 0 never."""


Policy = Mapping[str, Choice]


def prior(parts: Sequence[Primitive], relevance: Mapping[str, float]) -> Policy:
    """Return the policy before anything was trained.

    Args:
        parts: The components.
        relevance: State field → correlation with the primary fitness under random behaviour,
            positive where it helps; fields without one count as uncorrelated.
    """
    return {part.name: _prior_choice(part, relevance.get(part.field, 0.0)) for part in parts}


def _prior_choice(part: Primitive, correlation: float) -> Choice:
    linear: dict[Kind, float] = {"linear": 1.0, "bell": 0.0, "tanh": 0.0}
    if part.name == EFFORT:
        return Choice(0.6, 0.05, (math.log(0.1), 0.7), linear, 0.0, 0.0)
    if part.name == ALIVE:
        return Choice(0.6, 0.95, (math.log(0.3), 0.7), linear, 0.0, 0.0)
    r = min(max(correlation, -1.0), 1.0) if math.isfinite(correlation) else 0.0
    return Choice(
        include=0.3 + 0.6 * abs(r),
        positive=0.5 + 0.45 * r,
        log_weight=(math.log(0.3 + 0.7 * abs(r)), 0.6),
        kinds={"linear": 0.6, "bell": 0.2, "tanh": 0.2},
        gated=0.1,
        gate_weight=1.0,
    )


def refit(
    start: Policy, ranked: Sequence[Terms], elites: int, smoothing: float = SMOOTHING
) -> Policy:
    """Return `start` moved toward the elites by `smoothing`.

    Past formulas were not drawn from `start`, so what counts is not how often the elites made a
    choice but how much oftener they made it than all formulas did.

    Args:
        start: The policy to move.
        ranked: All past formulas in normal form, best first.
        elites: How many of them are elites.
        smoothing: Share of what the elites say.
    """
    if not elites:
        return start
    gates = [term.gate.primitive for terms in ranked[:elites] for term in terms if term.gate]
    refitted = {}
    for name, choice in start.items():
        uses = [next((t for t in terms if t.primitive == name), None) for terms in ranked]
        refitted[name] = _refit_choice(choice, uses, elites, gates.count(name), smoothing)
    return refitted


def _refit_choice(
    start: Choice, uses: Sequence[Term | None], elites: int, gating: int, smoothing: float
) -> Choice:
    def blend(old: float, new: float) -> float:
        return (1.0 - smoothing) * old + smoothing * new

    def lift(sign: int) -> float:
        """Return how much likelier an elite is among the formulas with this sign."""
        alike = [_sign(term) == sign for term in uses]
        chance = elites / len(uses)
        return (sum(alike[:elites]) + _DOUBT * chance) / (sum(alike) + _DOUBT) / chance

    plus = start.include * start.positive * lift(1)
    minus = start.include * (1.0 - start.positive) * lift(-1)
    absent = (1.0 - start.include) * lift(0)
    moved = replace(
        start,
        include=blend(start.include, (plus + minus) / (plus + minus + absent)),
        positive=blend(start.positive, plus / (plus + minus)),
    )
    terms = [term for term in uses[:elites] if term is not None]
    if start.gate_weight:
        moved = replace(moved, gate_weight=start.gate_weight + gating)
    if not terms:
        return moved
    count = len(terms)
    logs = [math.log(abs(term.weight)) for term in terms]
    mean = sum(logs) / count
    spread = math.sqrt(sum((value - mean) ** 2 for value in logs) / count)
    old_mean, old_spread = start.log_weight
    return replace(
        moved,
        log_weight=(blend(old_mean, mean), max(blend(old_spread, spread), _LEAST_SPREAD)),
        kinds={
            kind: blend(old, sum(term.kind == kind for term in terms) / count)
            for kind, old in start.kinds.items()
        },
        gated=blend(start.gated, sum(term.gate is not None for term in terms) / count),
    )


def says_nothing(names: Iterable[str]) -> bool:
    """Return whether a formula over these components is a constant, or asks to do nothing."""
    return set(names) <= {ALIVE} or set(names) == {EFFORT}


def _measured(policy: Policy) -> list[str]:
    return [name for name in policy if name not in (ALIVE, EFFORT)]


def _sign(term: Term | None) -> int:
    return 0 if term is None else 1 if term.weight > 0 else -1


def mode(policy: Policy) -> Terms:
    """Return the most probable formula: likely components, each with its likeliest weight."""
    ranked = sorted(policy, key=lambda name: policy[name].include, reverse=True)
    names = [name for name in ranked if policy[name].include >= _MODE][:MAX_TERMS]
    if says_nothing(names):
        names.append(next(name for name in ranked if name in _measured(policy)))
    terms = []
    for name in names:
        choice = policy[name]
        sign = 1.0 if choice.positive >= 0.5 else -1.0
        terms.append(Term(name, sign * math.exp(choice.log_weight[0])))
    return tuple(terms)


def sample(policy: Policy, parts: Mapping[str, Primitive], random: Random) -> Terms:
    """Draw a formula."""
    names = [name for name, choice in policy.items() if random.random() < choice.include]
    if says_nothing(names):
        names.append(_weighted({n: policy[n].include for n in _measured(policy)}, random))
    if len(names) > MAX_TERMS:  # without replacement, likely components first (Efraimidis 2006)
        keys = {name: random.random() ** (1.0 / policy[name].include) for name in names}
        names = sorted(names, key=keys.__getitem__, reverse=True)[:MAX_TERMS]
    return tuple(sample_term(name, policy, parts, random) for name in names)


def sample_term(name: str, policy: Policy, parts: Mapping[str, Primitive], random: Random) -> Term:
    """Draw the term of one component."""
    choice, part = policy[name], parts[name]
    sign = 1.0 if random.random() < choice.positive else -1.0
    weight = min(max(math.exp(random.gauss(*choice.log_weight)), MIN_WEIGHT), 1.0 / MIN_WEIGHT)
    kind = random.choices(KINDS, [choice.kinds[kind] for kind in KINDS])[0]
    center, width = 0.0, 1.0
    if kind == "bell":
        center = random.uniform(part.low, part.high)
        width = random.choice(_WIDTHS) * part.span
    elif kind == "tanh":
        width = random.choice(_SLOPES)
    gate = None
    if random.random() < choice.gated:
        gate = _sample_gate(name, policy, parts, random)
    return Term(name, sign * weight, kind, center, width, gate)


def add_term(terms: Terms, policy: Policy, parts: Mapping[str, Primitive], random: Random) -> Terms:
    """Return the terms and one of a component that is not among them."""
    used = {term.primitive for term in terms}
    name = _weighted({n: c.include for n, c in policy.items() if n not in used}, random)
    return (*terms, sample_term(name, policy, parts, random))


def _sample_gate(
    gated: str, policy: Policy, parts: Mapping[str, Primitive], random: Random
) -> Gate | None:
    weights = {n: c.gate_weight for n, c in policy.items() if c.gate_weight and n != gated}
    if not weights:
        return None
    part = parts[_weighted(weights, random)]
    # Neither end of the range: a gate that is always open or always shut decides nothing.
    return Gate(part.name, part.low + random.uniform(0.1, 0.9) * part.span)


def _weighted(weights: Mapping[str, float], random: Random) -> str:
    return random.choices(list(weights), list(weights.values()))[0]
