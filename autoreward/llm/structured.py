"""Answers in a fixed form: asks for JSON, accepts sloppy JSON, says once what is wrong with it."""

from __future__ import annotations

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from autoreward.config import LLMSettings
from autoreward.llm.request import LLM, Message
from autoreward.llm.settings import request_for

M = TypeVar("M", bound=BaseModel)
_JSON = json.JSONDecoder(strict=False)  # line breaks inside texts are let pass
_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MOST_ERRORS = 5
_MOST_STARTS = 200
"""Opening braces that are tried; no honest answer has as many that begin nothing."""


def ask_structured(
    llm: LLM,
    settings: LLMSettings,
    messages: tuple[Message, ...],
    form: type[M],
    *,
    role: str,
    sample: int = 0,
) -> M | None:
    """Return the model's answer as `form`; None if even its second attempt has another form.

    Raises:
        LLMError: The model cannot be asked.
        BudgetExceeded: A limit on dollars or tokens is reached.
    """
    reply = llm(request_for(settings, *messages, sample=sample, role=role))
    answer, problem = read_form(reply.text, form)
    if answer is not None:
        return answer
    again = (
        *messages,
        Message("assistant", reply.text.strip() or "(an empty answer)"),
        Message("user", f"That cannot be read: {problem}. Answer again with one JSON object only."),
    )
    reply = llm(request_for(settings, *again, sample=sample, role=role))
    return read_form(reply.text, form)[0]


def read_form(text: str, form: type[M]) -> tuple[M | None, str]:
    """Return the JSON object in a reply as `form`, or None and what is wrong."""
    problem = ""
    for candidate in _objects(_THOUGHT.sub("", text)):
        try:
            return form.model_validate(candidate), ""
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, entry['loc'])) or 'the object'}: {entry['msg']}"
                for entry in error.errors()
            ]
            problem = problem or "; ".join(lines[:_MOST_ERRORS])
    return None, problem or "there is no JSON object in it"


def _objects(text: str) -> list[object]:
    """Return the JSON objects in a text that lie in no other one, the last first.

    The last comes first because what stands before it is thought, quoted or corrected. Each is
    read as it stands, or else without its trailing commas.
    """
    found: list[object] = []
    start = text.find("{")
    for _ in range(_MOST_STARTS):
        if start < 0:
            break
        value, end = _object_at(text, start)
        if value is not None:
            found.insert(0, value)
        start = text.find("{", end)
    return found


def _object_at(text: str, start: int) -> tuple[object, int]:
    """Return the object that begins at `start` and where it ends; None if there is none."""
    for attempt in (text, text[:start] + _TRAILING_COMMA.sub(_blank, text[start:])):
        try:
            return _JSON.raw_decode(attempt, start)
        except (ValueError, RecursionError):
            continue
    return None, start + 1


def _blank(comma: re.Match[str]) -> str:
    return " " + comma[1]  # as long as before, so that places stay
