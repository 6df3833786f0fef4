"""Which operator makes a proposal, and which language model is asked: learned, or in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from autoreward.agents.designer import Attempt, Brief, Operator
from autoreward.agents.operators.choosing import PROMPT_OPERATORS
from autoreward.agents.operators.free import FREE
from autoreward.search.briefing import success
from autoreward.search.operator_policy import Arm, Pull, choose, in_turn
from autoreward.search.setup import Setup
from autoreward.search.view import View
from autoreward.seeds import rng
from autoreward.store.queries import Queries

_TRAINING_USD = 0.01
"""What a whole training counts among the costs of an operator."""
_CHANGES: tuple[Operator, ...] = ("mutate", "tune", "ablate")
"""What the greedy control does to the best so far, the first of them that fits."""


def plan(
    journal: Queries,
    setup: Setup,
    brief: Brief,
    view: View,
    models: Sequence[str],
    *,
    free: bool = True,
) -> Arm:
    """Return how a proposal is made.

    Args:
        journal: Of the run.
        setup: Its fixed parts.
        brief: What the proposal may know.
        view: What it may see.
        models: The language models that can be asked; empty for the built-in designer.
        free: Whether it may be made without asking a model, where there is one.
    """
    settings = setup.settings
    available = _available(brief, models, settings.search.strategy)
    if models and not free:
        available = [arm for arm in available if arm.model is not None]
    if not settings.search.operator_policy or settings.search.strategy != "full":
        return in_turn(available, brief.proposal)
    pulls = pulls_of(journal, setup, brief.history, view)
    return choose(available, pulls, rng(settings.seed, "operator", brief.proposal))


def idle_arm(brief: Brief) -> Arm:
    """Return how a slot is filled that would stand idle: in turn, without asking anybody."""
    return in_turn(_idle_arms(brief) or [Arm("sample", None)], brief.proposal)


def _idle_arms(brief: Brief) -> list[Arm]:
    """Return the ways to make a proposal that ask nobody: for a slot that would stand idle."""
    if not brief.history:
        return []
    names: list[Operator] = ["sample"]
    names += [name for name, operator in FREE.items() if operator.fits(brief)]
    return [Arm(name, None) for name in names]


def pulls_of(journal: Queries, setup: Setup, history: Sequence[Attempt], view: View) -> list[Pull]:
    """Return what came of earlier choices, oldest first.

    A pull is a success if the child is better than the best of its parents at the highest rung that
    both reached; a child without parents, if it is better than all that came before it. One that
    was refused is a failure. The cost is in dollars, and in environment steps as shares of a whole
    training, each at a cent.
    """
    known = {attempt.id: attempt for attempt in history}
    order = {a.id: n for n, a in enumerate(sorted(history, key=lambda a: a.score))}
    usd: dict[int, float] = {}
    for call in journal.calls():
        if call.proposal is not None:
            usd[call.proposal] = usd.get(call.proposal, 0.0) + call.usd
    pulls = []
    for proposal in journal.proposals():
        if proposal.number not in view.proposals or proposal.state == "duplicate":
            continue
        child = known.get(proposal.candidate or "")
        if proposal.state == "accepted" and child is None:
            continue  # still in training
        won = False
        if child is not None:
            parents = [known[name] for name in proposal.parents if name in known]
            rivals = parents or [a for a in history if a.steps == child.steps and a is not child]
            best = max(rivals, key=lambda a: order[a.id], default=None)
            won = best is not None and success(best, child, journal, setup, view)
        trained = 0.0
        if child is not None:
            trained = child.steps * child.seeds / setup.settings.training.steps
        cost = usd.get(proposal.number, 0.0) + _TRAINING_USD * trained
        arm = Arm(cast(Operator, proposal.operator), proposal.model)
        pulls.append(Pull(arm, won, cost))
    return pulls


def _available(brief: Brief, models: Sequence[str], strategy: str) -> list[Arm]:
    if not models:
        if not brief.history or strategy != "full":
            first: Operator = "sample"
            if strategy == "greedy" and brief.history:
                fitting = [n for n in _CHANGES if n in FREE and FREE[n].fits(brief)]
                first = fitting[brief.index % len(fitting)] if fitting else "sample"
            return [Arm(first, None)]
        return _idle_arms(brief)
    asked: list[Operator] = [n for n, operator in PROMPT_OPERATORS.items() if operator.fits(brief)]
    if not brief.history or brief.generation == 0 or strategy in ("best-of-n", "random"):
        asked = ["draft"]
    elif strategy == "greedy":
        asked = [name for name in _CHANGES if name in asked][:1]
    arms = [Arm(name, model) for name in asked for model in models]
    free = _idle_arms(brief) if strategy == "full" and brief.generation else []
    return [*arms, *free]
