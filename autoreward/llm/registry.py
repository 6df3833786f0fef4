"""Finds the provider of a model: the file in providers/ that is called like the model's prefix.

A new provider is one file `providers/PREFIX.py` with

    def connect(settings: LLMSettings, directory: Path, stop: threading.Event) -> Provider

which imports its SDK inside functions and raises the errors of `failures.py`. It answers models
named `PREFIX/NAME`. Names without a file of their own are LiteLLM's.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from pathlib import Path
from typing import Protocol

import autoreward.llm.providers
from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.request import Reply, Request

_EVERY_OTHER = "litellm"


class Provider(Protocol):
    """Asks one model, once per call: no retries, no cache. Leaves `usd` and `seconds` at 0.

    One that waits for a person says so by `patient = True`: then no time-out holds.
    """

    @property
    def local(self) -> bool:
        """Whether asking costs nothing because nobody outside this machine is asked."""
        ...

    def __call__(self, request: Request) -> Reply:
        """Ask; raises LLMError with `transient` set rightly."""
        ...


def provider_names() -> list[str]:
    """Return the prefixes that have a provider of their own."""
    return sorted(m.name for m in pkgutil.iter_modules(autoreward.llm.providers.__path__))


def connect(settings: LLMSettings, directory: Path, stop: threading.Event) -> Provider:
    """Return the provider for `settings.model`; nothing is asked yet.

    Args:
        settings: `model` must be set.
        directory: Where a provider may keep files (`manual` does).
        stop: When set, a provider that waits for a person gives up.

    Raises:
        LLMError: No model, missing SDK, missing key, or a name nobody knows.
    """
    if not settings.model:
        raise LLMError(
            "no language model is set: give --model openai/NAME, anthropic/NAME, manual, "
            "or a LiteLLM name such as gemini/NAME"
        )
    prefix, _, name = settings.model.partition("/")
    known = prefix in provider_names()
    if known and not name and prefix != "manual":
        raise LLMError(f"which model of {prefix}? give --model {prefix}/NAME")
    module = importlib.import_module(
        f"{autoreward.llm.providers.__name__}.{prefix if known else _EVERY_OTHER}"
    )
    try:
        provider: Provider = module.connect(settings, directory, stop)
    except ModuleNotFoundError as error:
        raise LLMError(
            f"{settings.model} needs the package {error.name}: pip install {error.name}"
        ) from None
    return provider
