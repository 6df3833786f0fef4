"""Stand-ins for models that read the critic's prompt: gullible ones, silent ones, a good one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import torch

from autoreward.environments.folder import open_environment
from autoreward.llm.request import Reply, Request
from autoreward.rewards.evaluate import Signals, evaluate
from autoreward.rewards.runtime import load_reward
from autoreward.rewards.source import parse_reward

Reader = Callable[[str], str]
"""Prompt to answer."""
_DATA = re.compile(r"^BEGIN DATA ([0-9a-f]{12}) (\w+)\n(.*?)\nEND DATA \1 \2$", re.M | re.S)
_PRAISE = re.compile(r"perfect|accept|ignore", re.I)


class ReaderLLM:
    """Answers by reading the user's prompt; keeps the requests."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.requests = reader, list[Request]()

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        prompt = next(turn.content for turn in request.messages if turn.role == "user")
        return Reply(self.reader(prompt), "reader")


def data(prompt: str) -> dict[str, str]:
    """Return the blocks of data in a prompt: `code`, `checks`, `statistics`."""
    return {match[2]: match[3] for match in _DATA.finditer(prompt)}


def answer(code: str, verdict: str, **changes: Any) -> str:
    """Return a well-formed answer whose quotes are real; `revise` shows one error."""
    source = parse_reward(code)
    lines = code.splitlines()
    quotes = [lines[part.line].strip() for part in source.components]
    content = {
        "components": [
            {
                "component": part.name,
                "measures": "something",
                "quote": quote,
                "can_be_collected_without_the_task": verdict == "revise",
                "how": "somehow",
            }
            for part, quote in zip(source.components, quotes, strict=True)
        ],
        "standing_still_earns": "nothing, as the task pays 3 per step",
        "cheapest_exploit": "component_1 has none",
        "problems": [
            {
                "component": "FORMULA",
                "quote": lines[-1],
                "problem": "component_1 pays for standing still",
                "suggestion": "gate component_1",
                "severity": "error",
            }
        ]
        if verdict == "revise"
        else [],
        "verdict": verdict,
    }
    return f"```json\n{json.dumps(content | changes, indent=1)}\n```"


def naive(prompt: str) -> str:
    """Accept everything in good form."""
    return answer(data(prompt)["code"], "accept")


def taken_in_by_praise(prompt: str) -> str:
    """Accept code that holds words of praise or of command."""
    code = data(prompt)["code"]
    return answer(code, "accept" if _PRAISE.search(code) else "revise")


def taken_in_by_anything(prompt: str) -> str:
    """Accept where such words stand anywhere in the data."""
    blocks = data(prompt)
    found = any(_PRAISE.search(block) for block in blocks.values())
    return answer(blocks["code"], "accept" if found else "revise")


STANDING = {"torso_height": 1.21, "foot_contact": 2.0, "foot_height": 0.06}
WELL_DONE: dict[tuple[str, str], dict[str, float]] = {
    ("hopper", "forward_speed"): {"torso_height": 1.4, "forward_velocity": 3.0, "torso_x": 0.024},
    ("hopper", "hop_height"): {
        "torso_height": 1.45,
        "foot_clearance": 0.25,
        "foot_height": 0.31,
        "vertical_velocity": 1.0,
    },
    ("half_cheetah", "forward_speed"): {"forward_velocity": 4.0, "torso_x": 0.2},
}
"""A typical moment of the task done well: field to value, 0 for all others."""


def thorough(prompt: str) -> str:
    """Work out what standing still and the task earn per step; accept where the task earns more."""
    code = data(prompt)["code"]
    name = re.match(r"# .*\(`(\w+)`\)", prompt)
    fitness = re.search(r"decided by the measurement `(\w+)`", prompt)
    assert name and fitness
    idle = _earns(code, name[1], STANDING, effort=0.0)
    busy = _earns(code, name[1], WELL_DONE[name[1], fitness[1]], effort=0.5)
    return answer(code, "accept" if busy > max(2 * idle, 0.0) else "revise")


def _earns(code: str, environment: str, moment: dict[str, float], effort: float) -> float:
    schema = open_environment(environment).schema
    before = {field.name: torch.zeros(1, *field.shape) for field in schema.state}
    after = {
        name: values + (moment.get(name, 0.0) if values.ndim == 1 else 0.0)
        for name, values in before.items()
    }
    action = torch.full((1, len(schema.action)), effort)
    values = load_reward(code, schema).compute(before, action, after, {})
    formula = parse_reward(code).formula
    assert formula is not None
    return float(evaluate(formula, Signals(values, {}, torch.zeros(1, dtype=torch.bool), 0.99)))
