from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from free_operators import FILE

from autoreward.agents.designer import Attempt, Brief
from autoreward.environments.folder import EnvironmentFolder, open_environment

REWARD = '''"""Stand tall, then be fast."""


def tall(state, action, next_state):
    """Torso height, in [0, 1]."""
    return tolerance(next_state.torso_height, lower=1.2, upper=inf, margin=0.5)


def fast(state, action, next_state):
    """Forward speed, in [-1, 1]."""
    return torch.tanh(next_state.forward_velocity)


FORMULA = "gate(tall, 0.5) * fast"
'''


@pytest.fixture
def hopper() -> EnvironmentFolder:
    return open_environment("hopper")


@pytest.fixture
def make_brief(hopper: EnvironmentFolder) -> Callable[..., Brief]:
    def make(**changes: Any) -> Brief:
        folder = changes.pop("folder", hopper)
        values: dict[str, Any] = {
            "description": "hop forward like a kangaroo",
            "task": next(iter(folder.tasks.values())),
            "folder": folder,
            "run_seed": 0,
            "proposal": 0,
            "generation": 0,
            "index": 0,
            "population": 6,
            "steps": 1000,
            "gamma": 0.99,
        }
        return Brief(**values | changes)

    return make


@pytest.fixture
def make_attempt() -> Callable[..., Attempt]:
    def make(name: str, score: float = 1.0, **changes: Any) -> Attempt:
        values: dict[str, Any] = {
            "id": name,
            "text": REWARD,
            "formula": "gate(tall, 0.5) * fast",
            "idea": f"the idea of {name}",
            "score": score,
            "fitness": {"forward_speed": (score, score - 0.125, score + 0.125)},
            "episodes": 17,
        }
        return Attempt(**values | changes)

    return make


@pytest.fixture
def attempt(make_attempt: Callable[..., Attempt]) -> Callable[..., Attempt]:
    """An attempt with a formula over three components."""

    def make(name: str, formula: str, file: str = FILE, **changes: object) -> Attempt:
        return make_attempt(name, text=file.format(formula), formula=formula, **changes)

    return make


@pytest.fixture
def over(make_brief: Callable[..., Brief]) -> Callable[..., Brief]:
    """A brief with a history."""

    def make(*history: Attempt, **changes: object) -> Brief:
        return make_brief(generation=1, history=history, **changes)

    return make
