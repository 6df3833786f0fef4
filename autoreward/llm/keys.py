"""Finds the API key of a provider; never prints it."""

from __future__ import annotations

import os

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.redact import remember


def find_key(settings: LLMSettings, usual: str, *, needed: bool) -> tuple[str | None, str]:
    """Return the key, if there is one, and the name of the environment variable it belongs in.

    Args:
        settings: `api_key_env` names another variable than the usual one.
        usual: The provider's usual variable, e.g. `OPENAI_API_KEY`.
        needed: Whether the provider answers nobody without a key.

    Raises:
        LLMError: It is needed, or was named, and is not there.
    """
    name = settings.api_key_env or usual
    value = os.environ.get(name, "").strip()
    if value:
        remember(name, value)
        return value, name
    if settings.api_key_env:
        raise LLMError(f"the environment variable {name} (llm.api_key_env) is not set")
    if needed:
        raise LLMError(
            f"{settings.model} needs an API key: set the environment variable {name}, or name "
            "another with --set llm.api_key_env=NAME, or point --set llm.api_base=URL at a server "
            "that needs none"
        )
    return None, name
