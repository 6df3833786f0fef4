"""Turns what goes wrong on the way to a model into one sentence, and says whether to ask again.

Every provider builds its errors here, so the rule of what can pass and the redaction stand once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from autoreward.errors import LLMError
from autoreward.llm.redact import redact

_CAN_PASS = frozenset({408, 409, 425, 429})
_NO_CREDIT = ("insufficient_quota", "credit balance", "billing")
_QUOTED = 300  # characters of a server's own words


@dataclass(frozen=True)
class Target:
    """Whom a provider asks, as its errors name it."""

    model: str
    endpoint: str
    """URL of the server."""
    key_env: str
    """Environment variable that holds (or would hold) the key."""
    timeout_s: float


def refused(target: Target, status: int, said: str, headers: Mapping[str, str]) -> LLMError:
    """Return the error for an HTTP status of 4xx or 5xx.

    Args:
        target: Whom we asked.
        status: The HTTP status.
        said: The server's own words.
        headers: The answer's headers; `retry-after` is read.
    """
    broke = status == 429 and any(word in said.lower() for word in _NO_CREDIT)
    transient = (status in _CAN_PASS or status >= 500) and not broke
    if status in (401, 403):
        advice = f"; check the key in the environment variable {target.key_env}"
    elif status == 402 or broke:
        advice = "; the account has no credit left"
    elif status == 404:
        advice = "; check the model's name and llm.api_base (OpenAI-compatible servers' end in /v1)"
    else:
        advice = ""
    sentence = f"{target.model}: {target.endpoint} answered {status}: {_quote(said)}{advice}"
    return LLMError(redact(sentence), transient=transient, retry_after=_retry_after(headers))


def unreachable(target: Target, why: object) -> LLMError:
    """Return the error for a server to which no connection comes about."""
    sentence = (
        f"{target.model}: cannot reach {target.endpoint} ({_quote(str(why)) or 'no connection'}); "
        "is the server running, and is llm.api_base right?"
    )
    return LLMError(redact(sentence), transient=True)


def lost(target: Target, why: object) -> LLMError:
    """Return the error for a connection that broke before the answer was complete."""
    sentence = f"{target.model}: {target.endpoint} broke off the connection: {_quote(str(why))}"
    return LLMError(redact(sentence), transient=True, billed=True)


def silent(target: Target) -> LLMError:
    """Return the error for a server that takes the request and says nothing."""
    sentence = (
        f"{target.model}: no answer from {target.endpoint} for {target.timeout_s:g} s; "
        "raise llm.timeout_s if the model is slow"
    )
    return LLMError(redact(sentence), transient=True, billed=True)


def garbled(target: Target, got: object) -> LLMError:
    """Return the error for an answer of status 200 that is not what the API promises."""
    sentence = (
        f"{target.model}: {target.endpoint} sent something that is no model's answer: "
        f"{_quote(str(got)) or 'nothing'}; is llm.api_base right?"
    )
    return LLMError(redact(sentence), transient=True, billed=True)


def from_sdk(error: Exception, sdk: Any, target: Target) -> LLMError:
    """Return the error for an exception of OpenAI's or Anthropic's SDK (both have the same tree).

    Args:
        error: What the SDK raised.
        sdk: The SDK's module.
        target: Whom we asked.
    """
    cause = error.__cause__
    if isinstance(error, sdk.APIStatusError):
        response: Any = error.response
        return refused(target, response.status_code, _said(error), response.headers)
    if isinstance(error, sdk.APIConnectionError):
        if type(cause).__name__ in ("ConnectError", "ConnectTimeout"):
            return unreachable(target, cause)
        if isinstance(error, sdk.APITimeoutError):
            return silent(target)
        return lost(target, cause or error)
    return garbled(target, error)


def _said(error: Any) -> str:
    """Return the server's own message from the bodies that servers send."""
    body = error.body
    inner = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(inner, dict):
        words = [str(inner[key]) for key in ("message", "code") if inner.get(key)]
        return " ".join(words) or str(inner)
    return str(inner or error.message)


def _quote(said: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return line if len(line) <= _QUOTED else line[:_QUOTED] + "…"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a server asks to wait: `retry-after-ms`, seconds, or a date."""
    milliseconds, after = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds:
            return max(0.0, float(milliseconds) / 1000)
        return max(0.0, float(after)) if after else None
    except ValueError:
        pass
    try:
        wait = parsedate_to_datetime(after or "") - datetime.now(UTC)
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
