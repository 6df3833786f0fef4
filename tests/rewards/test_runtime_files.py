"""Reward files in the spellings that people and editors use."""

from __future__ import annotations

import pytest
import torch
from honest_rewards import SCHEMA

from autoreward.rewards.runtime import load_reward

ROWS = 5


def shape(text: str) -> tuple[int, ...]:
    """Load a reward and return the shape of its component `a`."""
    state = {field.name: torch.ones(ROWS, *field.shape) for field in SCHEMA.state}
    action = torch.zeros(ROWS, len(SCHEMA.action))
    return tuple(load_reward(text, SCHEMA).compute(state, action, state, {})["a"].shape)


@pytest.mark.parametrize(
    "line",
    [
        "from torch import exp as f",
        "from torch import where, exp as f",
        "from torch.special import expit as f",
        "from torch.nn.functional import relu as f",
        "from torch.linalg import vector_norm\nfrom math import exp\nfrom torch import abs as f",
    ],
)
def test_functions_may_be_imported_by_name(line: str) -> None:
    """What the rules let a file import is there under the name it chose."""
    text = f"{line}\n\ndef a(state, action, next_state):\n    return f(next_state.height)\n"
    assert shape(text) == (ROWS,)


def test_marks_of_other_editors_do_no_harm() -> None:
    """A byte-order mark and carriage returns are accepted and the file runs."""
    text = "\ufeffdef a(state, action, next_state):\r\n    return next_state.height\r\n"
    assert shape(text) == (ROWS,)
