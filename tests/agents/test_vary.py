"""Vary: one term drawn anew, whatever is believed of its component."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from free_operators import formula_of, made

from autoreward.agents.critic import review
from autoreward.agents.designer import Attempt, Brief
from autoreward.agents.formulas.choices import size_of
from autoreward.agents.formulas.grammar import Term, read
from autoreward.agents.formulas.parts import Part
from autoreward.agents.operators.free import FREE
from autoreward.agents.primitives import component_file, primitives
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.source import with_formula

MakeBrief = Callable[..., Brief]
MakeAttempt = Callable[..., Attempt]
VARY = FREE["vary"]


@pytest.fixture
def varied(make_brief: MakeBrief, make_attempt: MakeAttempt) -> Callable[[str], list[list[Term]]]:
    """What becomes of a formula over the environment's components in many draws."""

    def vary(formula: str) -> list[list[Term]]:
        brief = make_brief(generation=1)
        file, parts = own(brief)
        text = with_formula(file, formula)
        parent = make_attempt("a", text=text, formula=formula, parts=parts)
        brief, result = replace(brief, history=(parent,), elites=1), []
        for seed in range(200):
            draft = made(VARY, brief, seed)
            assert draft == made(VARY, brief, seed), "the brief and the seed decide"
            assert review(draft.text, brief.folder.schema).accepted
            terms = read(parse_formula(formula_of(draft)))
            assert terms is not None
            result.append(list(terms))
        return result

    return vary


def own(brief: Brief) -> tuple[str, tuple[Part, ...]]:
    """Return the file of the environment's components, and what is known of them."""
    known = primitives(brief.folder, brief.task)
    return component_file(brief.folder, known), tuple(part.part({}) for part in known)


def test_every_component_is_tried_with_either_sign(
    varied: Callable[[str], list[list[Term]]], make_brief: MakeBrief
) -> None:
    _, parts = own(make_brief())
    first, *others = (part.name for part in parts if part.role == "measure")
    tried = Counter(
        (term.primitive, term.weight > 0)
        for terms in varied(first)
        for term in terms
        if term.primitive != first
    )
    assert all(tried[name, sign] for name in others for sign in (True, False))


def test_one_term_is_other_and_the_rest_stays(
    varied: Callable[[str], list[list[Term]]], make_brief: MakeBrief
) -> None:
    """Of the others only the scale may be another; a new term is no larger than the largest."""
    _, parts = own(make_brief())
    named = {part.name: part for part in parts}
    one, two = [part.name for part in parts if part.role == "measure"][:2]
    before = read(parse_formula(f"{one} - 0.2 * tanh(2 * {two})"))
    assert before is not None
    shapes = {(term.primitive, term.kind, term.center, term.width) for term in before}
    sizes = {term.primitive: size_of(term, named[term.primitive]) for term in before}
    lengths = Counter()
    for terms in varied(f"{one} - 0.2 * tanh(2 * {two})"):
        now = {(term.primitive, term.kind, term.center, term.width) for term in terms}
        lengths[len(terms)] += 1
        assert len(shapes - now) <= 1
        assert len(now - shapes) == 1 or {t.weight for t in terms} != {t.weight for t in before}
        added = [term for term in terms if term.primitive not in sizes]
        if added and len(terms) == 3:
            largest = max(size_of(t, named[t.primitive]) for t in terms if t not in added)
            assert size_of(added[0], named[added[0].primitive]) <= 1.1 * largest
    assert set(lengths) == {2, 3}


def test_what_the_grammar_cannot_write_is_left_alone(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    brief = make_brief(generation=1)
    file, parts = own(brief)
    one, two = [part.name for part in parts if part.role == "measure"][:2]
    for formula, known in ((f"{one} * {two}", parts), (one, ())):
        parent = make_attempt("a", text=with_formula(file, formula), formula=formula, parts=known)
        assert not VARY.fits(replace(brief, history=(parent,), elites=1))
