"""Puts the layers together."""

from __future__ import annotations

import threading
from pathlib import Path

from autoreward.config import LLMSettings
from autoreward.llm.cache import Cached
from autoreward.llm.layers import Budgeted, Limited, Retrying
from autoreward.llm.ledger import Ledger
from autoreward.llm.prices import find_price
from autoreward.llm.registry import connect
from autoreward.llm.request import LLM


def make_llm(
    settings: LLMSettings,
    directory: Path,
    ledger: Ledger,
    *,
    stop: threading.Event | None = None,
) -> LLM:
    """Return the model of `settings` behind cache, budget, retries and concurrency limit.

    With `cache: replay` nothing is ever asked, so neither SDK nor key nor price is needed.

    Args:
        settings: Which model, how, at what price. It answers requests of `settings.request`.
        directory: The run's folder for models: answers go to `cache/`, prompts of `manual` to
            `manual/`.
        ledger: The run's limits; share it among all models of the run.
        stop: Setting it ends waits for a retry or for a person, so that threads can be joined.

    Raises:
        LLMError: No model, missing SDK or key, unknown price.
    """
    cache = directory / "cache"
    if settings.cache == "replay":
        return Cached(None, cache, "replay")
    stop = stop or threading.Event()
    provider = connect(settings, directory, stop)
    price = find_price(settings, local=provider.local)
    limited = Limited(provider, settings.concurrency)
    retrying = Retrying(limited, settings.attempts, stop=stop)
    budgeted = Budgeted(retrying, settings.model or "", price, ledger)
    return Cached(budgeted, cache, settings.cache)
