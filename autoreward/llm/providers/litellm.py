"""Every other model name: LiteLLM, a library that knows some hundred services."""

from __future__ import annotations

import importlib
import os
import threading
from pathlib import Path
from typing import Any, cast

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.failures import Target, garbled, lost, refused, silent, unreachable
from autoreward.llm.keys import find_key
from autoreward.llm.prices import is_loopback
from autoreward.llm.providers.openai import read_completion
from autoreward.llm.request import Reply, Request

_QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # no download of the price table at import
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",  # nor of header names at the first call
    "LITELLM_MODE": "PRODUCTION",  # no loading of ./.env
}
_NO_CONNECTION = ("[Errno", "Connection error", "Cannot connect")


class LiteLLMProvider:
    """One model through LiteLLM, whose own retries, prices and caches stay unused."""

    def __init__(self, settings: LLMSettings) -> None:
        self._name = (settings.model or "").removeprefix("litellm/")
        self._base = settings.api_base
        self._timeout = settings.timeout_s
        for switch, value in _QUIET.items():
            os.environ.setdefault(switch, value)
        self._sdk = cast(Any, importlib.import_module("litellm"))  # takes seconds
        self._sdk.suppress_debug_info = True  # it prints to stdout
        where = self._base or self._service()
        self._key, key_env = find_key(settings, self._missing_keys(), needed=False)
        if not self._key and key_env and not self._base:
            raise LLMError(
                f"{self._name} needs an API key: set {key_env} in the environment (where several "
                "are named, one may be enough), or name another variable with "
                "--set llm.api_key_env=NAME"
            )
        self._target = Target(
            settings.model or "", where, key_env or "it needs", settings.timeout_s
        )
        self.local = is_loopback(self._base)

    def __call__(self, request: Request) -> Reply:
        """Ask once."""
        options: dict[str, Any] = {}
        if request.temperature is not None:
            options["temperature"] = request.temperature
        try:
            raw = self._sdk.completion(
                model=self._name,
                messages=[{"role": m.role, "content": m.content} for m in request.messages],
                max_tokens=request.max_tokens,
                timeout=self._timeout,
                num_retries=0,  # both must be 0: either alone still retries
                max_retries=0,
                api_base=self._base,
                api_key=self._key,
                **options,
            )
        except Exception as error:  # LiteLLM lets through whatever its hundred services raise
            raise self._failure(error) from None
        return read_completion(raw, self._name, self._target)

    def _failure(self, error: Exception) -> LLMError:
        said = str(error).partition("\nTraceback")[0]
        status = getattr(error, "status_code", None)
        if isinstance(error, self._sdk.Timeout):
            return silent(self._target)
        if any(words in said for words in _NO_CONNECTION):
            return unreachable(self._target, said)
        if not isinstance(status, int) or status < 400:
            return garbled(self._target, said)
        headers = getattr(error, "litellm_response_headers", None) or {}
        if status >= 500 and not headers:  # LiteLLM's own number for a connection that broke
            return lost(self._target, said)
        return refused(self._target, status, said, headers)

    def _service(self) -> str:
        """Return the address or name of the service that LiteLLM would ask."""
        try:
            _, service, _, base = self._sdk.get_llm_provider(self._name)
        except self._sdk.BadRequestError:
            raise LLMError(
                f"no provider is known for the model {self._name!r}: names look like openai/NAME, "
                "anthropic/NAME, gemini/NAME (any LiteLLM name), or manual"
            ) from None
        return base or f"{service} (through LiteLLM)"

    def _missing_keys(self) -> str:
        """Return the environment variables LiteLLM looks for in vain."""
        return ", ".join(self._sdk.validate_environment(self._name)["missing_keys"])


def connect(settings: LLMSettings, directory: Path, stop: threading.Event) -> LiteLLMProvider:
    """Return the provider for `settings.model`; see `registry`."""
    return LiteLLMProvider(settings)
