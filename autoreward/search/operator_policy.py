"""Which operator and which language model make the next proposal: factored Thompson sampling.

An operator and a model are drawn apart, each from the successes that it had so far (Thompson 1933,
"On the likelihood that one unknown probability exceeds another"; Chapelle and Li 2011): with some
dozens of proposals in a run there is too little to learn about every pair of them. What is dearer
must win more often, and what happened long ago counts less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from autoreward.agents.designer import Operator

_Choice = TypeVar("_Choice")

_DISCOUNT = 0.98
"""What a pull weighs, relative to the one after it."""
_FAILURES = 3.0
"""Beta(1, 3) is what is believed of a choice that was never made: most changes do not help."""
_COST_EXPONENT = 0.25
_LEAST_COST = 0.01
"""Cost relative to the mean below which being cheaper is no further advantage."""


@dataclass(frozen=True)
class Arm:
    """One way to make a proposal."""

    operator: Operator
    model: str | None
    """The language model that is asked; None for operators that ask nobody."""


@dataclass(frozen=True)
class Pull:
    """What came of a choice. Failures of the machine are no pulls."""

    arm: Arm
    success: bool
    """Whether the child was better than the best of its parents."""
    cost: float
    """What it took, training included, in any one unit; not negative."""


def choose(available: Sequence[Arm], pulls: Sequence[Pull], random: Random) -> Arm:
    """Return how to make the next proposal.

    The operator has the largest theta / cost^0.25, with theta drawn from
    Beta(1 + successes, 3 + failures) and the operator's mean cost relative to that of all; among
    the models that it can ask, one is chosen in the same way. Without pulls, all operators are
    equally likely, and all models of an operator.

    Args:
        available: What can be chosen; at least one.
        pulls: What was chosen before, oldest first.
        random: For the draws.
    """
    operators = list(dict.fromkeys(arm.operator for arm in available))
    operator = _drawn(operators, pulls, lambda arm: arm.operator, random)
    models = list(dict.fromkeys(arm.model for arm in available if arm.operator == operator))
    asked = [pull for pull in pulls if pull.arm.model is not None]
    model = _drawn(models, asked, lambda arm: arm.model, random)
    return Arm(operator, model)


def in_turn(available: Sequence[Arm], k: int) -> Arm:
    """Return the arm of proposal `k`, where nothing is learned: one after the other."""
    return available[k % len(available)]


def _drawn(
    choices: Sequence[_Choice],
    pulls: Sequence[Pull],
    of: Callable[[Arm], _Choice],
    random: Random,
) -> _Choice:
    """Return the choice of the largest draw; `of` says which choice a pull was about."""
    if len(choices) == 1:
        return choices[0]
    known = [(of(pull.arm), pull, _DISCOUNT**age) for age, pull in enumerate(reversed(pulls))]
    mean = sum(pull.cost for pull in pulls) / max(len(pulls), 1)

    def worth(choice: _Choice) -> float:
        mine = [(pull, weight) for name, pull, weight in known if name == choice]
        won = sum(weight for pull, weight in mine if pull.success)
        lost = sum(weight for pull, weight in mine if not pull.success)
        theta = random.betavariate(1.0 + won, _FAILURES + lost)
        cost = sum(pull.cost for pull, _ in mine) / len(mine) / mean if mine and mean else 1.0
        return float(theta / max(cost, _LEAST_COST) ** _COST_EXPONENT)

    return max(choices, key=worth)
