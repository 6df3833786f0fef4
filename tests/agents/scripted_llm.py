"""A language model that answers every request alike, and a designer that asks it."""

from __future__ import annotations

from collections.abc import Callable

from autoreward.agents.designer import Brief, Draft
from autoreward.agents.llm_designer import LLMDesigner
from autoreward.agents.prompts import PromptLibrary
from autoreward.config import LLMSettings
from autoreward.llm.request import Reply, Request

FILE = '''"""Stand tall,
then be fast.

Changed: margin 0.5 → 0.8, because `tall` was near zero.
Kept: the gate.
"""


def tall(state, action, next_state):
    """Torso height, in [0, 1]."""
    return tolerance(next_state.torso_height, lower=1.2, upper=inf, margin=0.8)


FORMULA = "tall"
'''
SNAPSHOT = {
    "tall": {"mean": 0.25, "std": 0.1, "min": 0.0, "max": 0.5, "share": 0.9},
    "fast": {"mean": 0.0, "std": 0.001, "min": 0.0, "max": 0.01, "share": 0.0},
}


class ScriptedLLM:
    """Answers every request with the same text and keeps the requests."""

    def __init__(self, text: str = f"```python\n{FILE}```", finish: str = "stop") -> None:
        self.reply = Reply(text, "scripted", finish, output_tokens=99)
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.reply

    @property
    def system(self) -> str:
        return self.requests[-1].messages[0].content

    @property
    def user(self) -> str:
        return self.requests[-1].messages[1].content


def designer(llm: Callable[[Request], Reply]) -> LLMDesigner:
    return LLMDesigner(llm, LLMSettings(model="openai/some-model"), PromptLibrary())


def ask(brief: Brief, examples: int = 0) -> tuple[ScriptedLLM, Draft]:
    llm = ScriptedLLM()
    agent = LLMDesigner(llm, LLMSettings(model="openai/some-model"), PromptLibrary(), examples)
    return llm, agent.propose(brief)
