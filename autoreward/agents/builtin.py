"""The built-in designer: no key, no network.

It measures what the environment's schema offers, or takes the components of the best reward, and
learns which formula over them trains well, from validated fitness alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from autoreward.agents.designer import Attempt, Brief, Draft
from autoreward.agents.formulas.choices import encode, terms_of
from autoreward.agents.formulas.grammar import Terms, normal_form, write
from autoreward.agents.formulas.parts import Part
from autoreward.agents.operators.free import FREE
from autoreward.agents.primitives import component_file, primitives
from autoreward.errors import UsageError
from autoreward.findings import Finding
from autoreward.rewards.source import parse_reward, with_formula
from autoreward.seeds import rng

if TYPE_CHECKING:
    from autoreward.agents.formulas.policy import FormulaPolicy

_UNTAUGHT = 0.5
"""How often a formula is drawn as if nothing had been trained yet: a few trainings may have taught
the policy wrong, and what it never draws it cannot unlearn."""
_TRIES = 20
"""Draws per proposal before a formula that the run already has is handed in anyway."""


class BuiltinDesigner:
    """Draws formulas from the formula policy, and carries out the operators that need no model."""

    name = "builtin"
    model: str | None = None

    def propose(self, brief: Brief) -> Draft:
        """Return a reward that is, where possible, new to the run.

        The brief's operator is carried out where it needs no model and fits; else a formula is
        drawn, in normal form.

        Raises:
            UsageError: The environment offers nothing to measure, nor does any earlier reward.
        """
        random = rng(brief.run_seed, "builtin", brief.proposal, brief.retry)
        operator = FREE.get(brief.operator) if brief.operator else None
        if operator is None or not operator.fits(brief):
            return _sample(brief, random)
        parents = operator.parents(brief)
        known = {attempt.id for attempt in brief.history}
        for _ in range(_TRIES):
            draft = operator.make(brief, parents, random)
            if parse_reward(draft.text).identity not in known:
                break
        return _with_parts(draft, parents)

    def repair(
        self, brief: Brief, draft: Draft, findings: Sequence[Finding], attempt: int
    ) -> Draft | None:
        """Return None: its files are valid by construction, so there is nothing to correct."""
        return None


@dataclass(frozen=True)
class _File:
    """Components to draw a formula over."""

    text: str
    parts: tuple[Part, ...]
    parent: Attempt | None = None
    """Whose components they are; None for the environment's own."""


def _sample(brief: Brief, random: Random) -> Draft:
    file, policy = _file(brief), _policy(brief, random)
    order = [part.name for part in file.parts]
    seen = set(_written(brief.history, file.parts))
    first = not brief.uniform and brief.proposal == brief.retry == 0
    for number in range(_TRIES):
        likeliest = first and number == 0
        drawn = policy.mode(file.parts) if likeliest else policy.sample(file.parts, random)
        terms = normal_form(drawn, order)
        formula = write(terms)
        if formula not in seen:
            break
    return Draft(
        text=with_formula(file.text, formula),
        idea=_idea(terms),
        changes=f"{file.parent.formula} → {formula}" if file.parent else "",
        operator="sample",
        parents=(file.parent.id,) if file.parent else (),
        parts=file.parts,
    )


def _policy(brief: Brief, random: Random) -> FormulaPolicy:
    from autoreward.agents.formulas.policy import FormulaPolicy, learned  # torch takes seconds

    if brief.uniform:
        return FormulaPolicy(uniform=True)
    untaught = brief.outcomes and random.random() < _UNTAUGHT
    return learned(brief.warm_start, () if untaught else brief.outcomes)


def _file(brief: Brief) -> _File:
    """Return the components of the best reward or, where it has them too, the environment's own."""
    best = next((attempt for attempt in brief.history if attempt.parts), None)
    try:
        made = primitives(brief.folder, brief.task)
    except UsageError:
        if best is None:
            raise
        return _File(best.text, best.parts, best)
    own = component_file(brief.folder, made)
    if best is None or _same_components(best.text, own):
        return _File(own, tuple(part.part(brief.relevance) for part in made))
    return _File(best.text, best.parts, best)


def _same_components(one: str, other: str) -> bool:
    """Return whether two reward files differ in the formula alone."""
    return with_formula(one, "x") == with_formula(other, "x")


def _with_parts(draft: Draft, parents: Sequence[Attempt]) -> Draft:
    """Return the draft with its parts, where they are those of a parent and need no measuring."""
    alike = (p for p in parents if p.parts and _same_components(p.text, draft.text))
    parent = next(alike, None)
    return draft if parent is None else replace(draft, parts=parent.parts)


def _written(history: Sequence[Attempt], parts: tuple[Part, ...]) -> list[str]:
    """Return the formulas of the history that the policy could draw, in normal form."""
    order = [part.name for part in parts]
    found = (terms_of(attempt.formula) for attempt in history)
    return [write(normal_form(terms, order)) for terms in found if terms and encode(terms, parts)]


def _idea(terms: Terms) -> str:
    """Return the formula in words."""
    wanted = [term.primitive for term in terms if term.weight > 0]
    avoided = [term.primitive for term in terms if term.weight < 0]
    text = [f"reward {', '.join(wanted)}"] if wanted else []
    text += [f"avoid {', '.join(avoided)}"] if avoided else []
    sentence = "; ".join(text)
    return sentence[:1].upper() + sentence[1:] + "."
