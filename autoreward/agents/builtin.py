"""The built-in designer: no key, no network.

It measures what the environment's schema offers and learns which formula over these components
trains well, from validated fitness alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from random import Random

from autoreward.agents.designer import Attempt, Brief, Draft
from autoreward.agents.grammar import (
    MAX_TERMS,
    Term,
    Terms,
    change_number,
    normal_form,
    read,
    write,
)
from autoreward.agents.policy import Policy, add_term, mode, prior, refit, sample, says_nothing
from autoreward.agents.primitives import Primitive, component_file, primitives
from autoreward.errors import RewardFileError
from autoreward.findings import Finding
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.source import with_formula
from autoreward.seeds import rng

_TRIES = 20
"""Draws per proposal before a formula that the run already has is handed in anyway."""


class BuiltinDesigner:
    """Samples formulas from a policy and, from the second generation on, also changes the best."""

    name = "builtin"
    model: str | None = None

    def propose(self, brief: Brief) -> Draft:
        """Return a reward whose formula is in normal form and, where possible, new to the run.

        Raises:
            UsageError: The environment offers nothing to measure.
        """
        parts = {part.name: part for part in primitives(brief.folder, brief.task)}
        order = list(parts)
        random = rng(brief.run_seed, "builtin", brief.proposal, brief.retry)
        known = list(_known(brief.history, parts))
        policy = _policy(brief, parts, [terms for _, terms in known])
        seen = {write(normal_form(terms, order)) for _, terms in known}
        for _ in range(_TRIES):
            terms, parent = _draw(brief, policy, parts, known, random)
            formula = write(normal_form(terms, order))
            if formula not in seen:
                break
        return Draft(
            text=with_formula(component_file(brief.folder, tuple(parts.values())), formula),
            idea=_idea(normal_form(terms, order)),
            changes=f"{parent.formula} → {formula}" if parent else "",
            operator="mutate" if parent else "sample",
            parents=(parent.id,) if parent else (),
        )

    def repair(
        self, brief: Brief, draft: Draft, findings: Sequence[Finding], attempt: int
    ) -> Draft | None:
        """Return None: its files are valid by construction, so there is nothing to correct."""
        return None


def _known(
    history: Sequence[Attempt], parts: dict[str, Primitive]
) -> Iterator[tuple[Attempt, Terms]]:
    """Yield the attempts whose formulas this grammar can write, best first."""
    for attempt in history:
        terms = _terms(attempt.formula)
        if terms and all(_in_scope(term, parts) for term in terms) and _distinct(terms):
            yield attempt, terms


@lru_cache(maxsize=4096)  # every proposal reads the whole history
def _terms(formula: str) -> Terms | None:
    try:
        return read(parse_formula(formula))
    except RewardFileError:  # edited by a person into something else
        return None


def _in_scope(term: Term, parts: dict[str, Primitive]) -> bool:
    return term.primitive in parts and (term.gate is None or term.gate.primitive in parts)


def _distinct(terms: Terms) -> bool:
    return len({term.primitive for term in terms}) == len(terms)


def _policy(brief: Brief, parts: dict[str, Primitive], ranked: Sequence[Terms]) -> Policy:
    normal = [normal_form(terms, list(parts)) for terms in ranked]
    elites = min(max(2, math.ceil(len(normal) / 4)), len(normal))
    return refit(prior(tuple(parts.values()), brief.relevance), normal, elites)


def _draw(
    brief: Brief,
    policy: Policy,
    parts: dict[str, Primitive],
    known: Sequence[tuple[Attempt, Terms]],
    random: Random,
) -> tuple[Terms, Attempt | None]:
    """Return a formula and the attempt it was made from, if any."""
    if brief.generation == 0 and brief.index == 0 and brief.retry == 0:
        return mode(policy), None
    if brief.generation == 0 or brief.index % 2 or not known:
        return sample(policy, parts, random), None
    parents = known[: max(brief.elites, 1)]
    parent, terms = parents[brief.index // 2 % len(parents)]
    return _mutate(terms, policy, parts, random), parent


def _mutate(terms: Terms, policy: Policy, parts: dict[str, Primitive], random: Random) -> Terms:
    """Return the terms with one number changed, one term more, or one less."""
    draw = random.random()
    if draw < 0.2:
        gone = random.choice(terms)
        rest = tuple(term for term in terms if term is not gone)
        if not says_nothing(term.primitive for term in rest):
            return rest
    if draw < 0.45 and len(terms) < min(MAX_TERMS, len(parts)):
        return add_term(terms, policy, parts, random)
    return change_number(terms, parts, random)


def _idea(terms: Terms) -> str:
    """Return the formula in words."""
    wanted = [term.primitive for term in terms if term.weight > 0]
    avoided = [term.primitive for term in terms if term.weight < 0]
    text = [f"reward {', '.join(wanted)}"] if wanted else []
    text += [f"avoid {', '.join(avoided)}"] if avoided else []
    sentence = "; ".join(text)
    return sentence[:1].upper() + sentence[1:] + "."
