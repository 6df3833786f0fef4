"""A reward file for the operators that ask nobody, and how they are carried out in tests."""

from __future__ import annotations

from random import Random

from autoreward.agents.designer import Brief, Draft
from autoreward.agents.operators.contract import FreeOperator
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.source import parse_reward

DEAD = {"mean": 0.0, "std": 0.0, "min": 0.0, "max": 0.01, "share": 0.0}
"""Statistics of a component that never paid."""
FILE = '''"""Stand tall."""

LOW = 0.5  # m


def _height(s):
    return s.torso_height - LOW


# How tall it stands.
def tall(state, action, next_state):
    """Height above 0.5 m."""
    return _height(next_state)


def fast(state, action, next_state):
    """Forward speed in m/s."""
    return next_state.forward_velocity


def calm(state, action, next_state):
    """Little effort, in [0, 1]."""
    return 1.0 - action.square().mean(dim=-1)


FORMULA = "{}"
'''


def made(operator: FreeOperator, brief: Brief, seed: int = 0) -> Draft:
    """Carry an operator out; what it says of itself is checked."""
    assert operator.fits(brief)
    parents = operator.parents(brief)
    draft = operator.make(brief, parents, Random(seed))
    assert draft.operator == operator.name
    assert draft.parents == tuple(parent.id for parent in parents)
    return draft


def formula_of(draft: Draft) -> str:
    return str(parse_reward(draft.text).formula)


def shares(formula: str, **last: dict[str, float]) -> tuple[dict[str, dict[str, float]], ...]:
    """Components that rise evenly over training, but for those given."""
    names = parse_formula(formula).components
    rising = [
        {"mean": 0.1 * i, "std": 0.2, "min": 0.0, "max": 1.0, "share": 0.3} for i in range(10)
    ]
    return tuple({name: last.get(name, point) for name in names} for point in rising)
