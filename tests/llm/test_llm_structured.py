from __future__ import annotations

import time

import pytest
from pydantic import BaseModel

from autoreward.config import LLMSettings
from autoreward.llm.request import Message, Reply, Request
from autoreward.llm.structured import ask_structured, read_form

GOOD = '{"name": "a", "parts": [{"size": 1}, {"size": 2}]}'
SETTINGS = LLMSettings(model="openai/some-model")
QUESTION = (Message("system", "Answer."), Message("user", "What?"))


class Part(BaseModel):
    size: int


class Form(BaseModel):
    name: str
    parts: list[Part]


class ScriptedLLM:
    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(self.answers.pop(0), "scripted")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure!\n~~~\n{GOOD}\n~~~\nHope this helps {{smile}}.",
        f"```json\n{GOOD}",
        f"In state {{x}} it falls. {GOOD}",
        f"<think>maybe {{'name': 1}}</think>{GOOD}",
        f"<thinking>{GOOD.replace('a', 'b')}</thinking>\n{GOOD}",
        '{"name": "a", "parts": [{"size": 1,}, {"size": 2},],}',
        f"{GOOD.replace('a', 'draft', 1)}\nCorrected:\n{GOOD}",
        f'{GOOD}\n{{"name": 3}}',
    ],
)
def test_sloppy_json_is_read(text: str) -> None:
    """Fences of any kind, prose, thought, drafts and trailing commas do not hide the answer."""
    form, problem = read_form(text, Form)
    assert problem == ""
    assert form == Form(name="a", parts=[Part(size=1), Part(size=2)])


def test_texts_stay_as_they_are() -> None:
    """Line breaks, fences and commas before brackets inside a text survive."""
    form, _ = read_form('{"name": "x ```y``` {z},]\nw", "parts": []}', Form)
    assert form is not None
    assert form.name == "x ```y``` {z},]\nw"


def test_the_last_valid_object_counts() -> None:
    """What a model quotes before its answer is not its answer."""
    form, _ = read_form(
        'The file says {"name": "pass", "parts": []}. {"name": "no", "parts": []}', Form
    )
    assert form is not None
    assert form.name == "no"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no JSON object in it"),
        ("[1, 2]", "there is no JSON object in it"),
        ('{"name": "a"', "there is no JSON object in it"),
        ('{"name": "a"}', "parts: Field required"),
        (
            '{"name": "a", "parts": [{"size": "big"}]}',
            "parts.0.size: Input should be a valid integer",
        ),
    ],
)
def test_problems_are_named(text: str, problem: str) -> None:
    """The model is told what is wrong, field by field."""
    form, said = read_form(text, Form)
    assert form is None
    assert problem in said


def test_hostile_answers_take_no_time() -> None:
    """Deep nesting and thousands of braces end in a sentence, soon."""
    started = time.perf_counter()
    for text in ("{" * 50_000, '{"a":' * 20_000, "{} " * 20_000, '{"a":[' * 5_000 + "]}" * 5_000):
        assert read_form(text, Form)[0] is None
    assert time.perf_counter() - started < 5.0


def test_second_attempt_sees_the_first() -> None:
    """A form that cannot be read is shown again with what is wrong; role and sample stay."""
    llm = ScriptedLLM('{"name": "a"}', GOOD)
    form = ask_structured(llm, SETTINGS, QUESTION, Form, role="critic", sample=3)
    assert form is not None
    first, second = llm.requests
    assert first.messages == QUESTION
    assert second.messages[:2] == QUESTION
    assert second.messages[2] == Message("assistant", '{"name": "a"}')
    assert "parts: Field required" in second.messages[3].content
    assert (second.role, second.sample) == (first.role, first.sample) == ("critic", 3)


def test_two_bad_answers_are_none() -> None:
    """There is no third attempt, and an empty answer is no empty message."""
    llm = ScriptedLLM("", "no", GOOD)
    assert ask_structured(llm, SETTINGS, QUESTION, Form, role="critic") is None
    assert len(llm.requests) == 2
    assert llm.requests[1].messages[2].content == "(an empty answer)"
