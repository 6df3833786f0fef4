"""`openai/NAME`: OpenAI, and every server that speaks its chat-completions API (by `api_base`)."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, cast

from autoreward.config import LLMSettings
from autoreward.llm.failures import Target, from_sdk, garbled
from autoreward.llm.keys import find_key
from autoreward.llm.prices import is_loopback
from autoreward.llm.reading import tokens, whole, words
from autoreward.llm.request import Reply, Request

_HOME = "https://api.openai.com/v1"


class OpenAIProvider:
    """One model through OpenAI's SDK; a server other than OpenAI's may do without a key."""

    def __init__(self, settings: LLMSettings) -> None:
        import openai

        base = settings.api_base or os.environ.get("OPENAI_BASE_URL") or _HOME
        key, key_env = find_key(settings, "OPENAI_API_KEY", needed=base == _HOME)
        self._name = (settings.model or "").partition("/")[2]
        self._target = Target(settings.model or "", base, key_env, settings.timeout_s)
        # OpenAI's newer models refuse `max_tokens`, most other servers know nothing else
        self._limit = "max_completion_tokens" if base == _HOME else "max_tokens"
        self._sdk = openai
        self._client = openai.OpenAI(
            api_key=key or "none",  # the SDK insists on one
            base_url=base,
            timeout=openai.Timeout(settings.timeout_s, connect=min(10.0, settings.timeout_s)),
            max_retries=0,
        )
        self.local = is_loopback(base)

    def __call__(self, request: Request) -> Reply:
        """Ask once."""
        try:
            raw = self._ask(request)
        # ValueError is what the SDK lets through where a body is no JSON
        except (self._sdk.OpenAIError, ValueError) as error:
            raise from_sdk(error, self._sdk, self._target) from None
        return read_completion(raw, self._name, self._target)

    def _ask(self, request: Request) -> object:
        options: dict[str, Any] = {self._limit: request.max_tokens}
        if request.temperature is not None:
            options["temperature"] = request.temperature
        create = cast(Any, self._client.chat.completions.create)
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        try:
            return cast(object, create(model=self._name, messages=messages, **options))
        except self._sdk.BadRequestError as error:
            if self._limit == "max_completion_tokens" or "max_completion_tokens" not in str(error):
                raise
            self._limit = "max_completion_tokens"  # a gateway to one of OpenAI's newer models
            return self._ask(request)


def read_completion(raw: Any, name: str, target: Target) -> Reply:
    """Return the reply in a chat completion; absent token counts stay 0.

    Args:
        raw: The SDK's object, whatever the server made of it.
        name: The model's name where the server does not say it.
        target: Whom we asked, for the error.

    Raises:
        LLMError: It is no chat completion.
    """
    try:
        choice = raw.choices[0]
        message = choice.message
        text = whole(message.content or "")
    except (AttributeError, LookupError, TypeError):
        raise garbled(target, raw) from None
    stop = words(getattr(choice, "finish_reason", None), "stop")
    refused = not text and getattr(message, "refusal", None)
    usage = getattr(raw, "usage", None)
    sent = tokens(usage, "prompt_tokens")
    cached = tokens(getattr(usage, "prompt_tokens_details", None), "cached_tokens")
    return Reply(
        text=text,
        model=words(getattr(raw, "model", None), name),
        finish="content_filter" if refused else stop,
        input_tokens=sent,
        cached_tokens=min(cached, sent),
        output_tokens=tokens(usage, "completion_tokens"),
    )


def connect(settings: LLMSettings, directory: Path, stop: threading.Event) -> OpenAIProvider:
    """Return the provider for `settings.model`; see `registry`."""
    return OpenAIProvider(settings)
