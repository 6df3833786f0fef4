"""Which prompt makes a proposal: the one asked for, else a fixed rule by generation and place."""

from __future__ import annotations

from autoreward.agents.designer import Brief, Operator
from autoreward.agents.operators.contract import PromptOperator
from autoreward.agents.operators.cross import CrossOperator
from autoreward.agents.operators.draft import DraftOperator
from autoreward.agents.operators.mutate import MutateOperator
from autoreward.agents.operators.rewrite import RewriteOperator
from autoreward.agents.operators.simplify import SimplifyOperator
from autoreward.agents.operators.turns import turn

PROMPT_OPERATORS: dict[Operator, PromptOperator] = {
    operator.name: operator
    for operator in (
        DraftOperator(),
        MutateOperator(),
        RewriteOperator(),
        CrossOperator(),
        SimplifyOperator(),
    )
}
"""The operators that a language model carries out, but for `repair`, which needs a refused file."""

_EVEN: tuple[Operator, ...] = ("rewrite", "mutate", "draft")
_ODD: tuple[Operator, ...] = ("cross", "draft")
_THIRD: tuple[Operator, ...] = ("simplify", *_ODD)


def choose(brief: Brief) -> PromptOperator:
    """Return how to make a proposal: as the brief asks, or the first operator in line that fits.

    A proposal whose first answer could not be mended is drafted. Where the brief leaves it open, or
    what it asks for does not fit, the first generation drafts; later, even places change the parent
    whose turn it is (rewritten where changes do not help), and odd places cross two, every third of
    them simplifies one.
    """
    if brief.fresh:
        return PROMPT_OPERATORS["draft"]
    asked = PROMPT_OPERATORS.get(brief.operator) if brief.operator else None
    if asked is not None and asked.fits(brief):
        return asked
    if brief.generation == 0 or not brief.history:
        return PROMPT_OPERATORS["draft"]
    line = _EVEN if brief.index % 2 == 0 else _THIRD if turn(brief) % 3 == 1 else _ODD
    fitting = (PROMPT_OPERATORS[name] for name in line)
    return next(operator for operator in fitting if operator.fits(brief))
