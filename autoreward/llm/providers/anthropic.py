"""`anthropic/NAME`: Claude through Anthropic's SDK, with its prompt cache on the system message."""

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

_HOME = "https://api.anthropic.com"

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


class AnthropicProvider:
    """One model through Anthropic's SDK.

    The system messages are sent as one block that is marked for the provider's prompt cache: what
    is the same from call to call (rules, environment card) belongs there and is then read at a
    tenth of the price.
    """

    def __init__(self, settings: LLMSettings) -> None:
        import anthropic

        base = settings.api_base or os.environ.get("ANTHROPIC_BASE_URL") or _HOME
        base = base.rstrip("/").removesuffix("/v1")  # the SDK adds it
        key, key_env = find_key(settings, "ANTHROPIC_API_KEY", needed=base == _HOME)
        self._name = (settings.model or "").partition("/")[2]
        self._target = Target(settings.model or "", base, key_env, settings.timeout_s)
        self._sdk = anthropic
        # given with each request too: without it the SDK refuses long answers that are not streamed
        self._timeout = anthropic.Timeout(settings.timeout_s, connect=min(10.0, settings.timeout_s))
        self._client = anthropic.Anthropic(
            api_key=key or "none", base_url=base, timeout=self._timeout, max_retries=0
        )
        self.local = is_loopback(base)

    def __call__(self, request: Request) -> Reply:
        """Ask once."""
        try:
            raw = self._ask(request)
        # ValueError is what the SDK lets through where a body is no JSON
        except (self._sdk.AnthropicError, ValueError) as error:
            raise from_sdk(error, self._sdk, self._target) from None
        return self._read(raw)

    def _ask(self, request: Request) -> object:
        options: dict[str, Any] = {}
        system = "\n\n".join(m.content for m in request.messages if m.role == "system")
        if system:
            cached = {"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}
            options["system"] = [cached]
        if request.temperature is not None:
            # the SDK has no such argument any more, as newer models refuse it; older ones know it
            options["extra_body"] = {"temperature": request.temperature}
        turns = [
            {"role": m.role, "content": m.content} for m in request.messages if m.role != "system"
        ]
        create = cast(Any, self._client.messages.create)
        reply = create(
            model=self._name,
            messages=turns,
            max_tokens=request.max_tokens,
            timeout=self._timeout,
            **options,
        )
        return cast(object, reply)

    def _read(self, raw: Any) -> Reply:
        try:
            text = "".join(whole(block.text) for block in raw.content if block.type == "text")
        except (AttributeError, TypeError):
            raise garbled(self._target, raw) from None
        usage = getattr(raw, "usage", None)
        stop = words(getattr(raw, "stop_reason", None), "stop")
        read = tokens(usage, "cache_read_input_tokens")
        written = tokens(usage, "cache_creation_input_tokens")
        return Reply(
            text=text,
            model=words(getattr(raw, "model", None), self._name),
            finish=_FINISH.get(stop, stop),
            input_tokens=tokens(usage, "input_tokens") + read + written,
            cached_tokens=read,
            written_tokens=written,
            output_tokens=tokens(usage, "output_tokens"),
        )


def connect(settings: LLMSettings, directory: Path, stop: threading.Event) -> AnthropicProvider:
    """Return the provider for `settings.model`; see `registry`."""
    return AnthropicProvider(settings)
