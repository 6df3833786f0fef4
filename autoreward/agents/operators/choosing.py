"""Which operator makes a proposal: a fixed rule by generation and place."""

from __future__ import annotations

from autoreward.agents.designer import Brief
from autoreward.agents.operators.contract import PromptOperator
from autoreward.agents.operators.cross import CrossOperator
from autoreward.agents.operators.draft import DraftOperator
from autoreward.agents.operators.mutate import MutateOperator
from autoreward.agents.operators.rewrite import RewriteOperator
from autoreward.agents.operators.simplify import SimplifyOperator
from autoreward.agents.operators.turns import turn

_DRAFT: PromptOperator = DraftOperator()
_EVEN: tuple[PromptOperator, ...] = (RewriteOperator(), MutateOperator(), _DRAFT)
_ODD: tuple[PromptOperator, ...] = (CrossOperator(), _DRAFT)
_THIRD: tuple[PromptOperator, ...] = (SimplifyOperator(), *_ODD)


def choose(brief: Brief) -> PromptOperator:
    """Return how to make a proposal: the first operator in line that fits.

    The first generation drafts, and so does a proposal whose first answer could not be mended.
    Later, even places change the parent whose turn it is (rewritten where changes do not help);
    odd places cross two, every third of them simplifies one.
    """
    if brief.generation == 0 or not brief.history or brief.fresh:
        return _DRAFT
    line = _EVEN if brief.index % 2 == 0 else _THIRD if turn(brief) % 3 == 1 else _ODD
    return next(operator for operator in line if operator.fits(brief))
