"""Puts the layers together."""

from __future__ import annotations

import threading
from pathlib import Path

from autoreward.config import LLMSettings
from autoreward.llm.cache import Answers, Cached
from autoreward.llm.layers import Budgeted, Interruptible, Limited, Retrying
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
    """Return the model of `settings` behind cache, retries, budget and concurrency limit.

    With `cache: replay` nothing is ever asked, so neither SDK nor key nor price is needed.

    Args:
        settings: Which model, how, at what price. It answers requests of `settings.request`.
        directory: The run's folder for models: answers go to `cache/`, prompts of `manual` to
            `manual/`.
        ledger: The run's limits; share it among all models of the run.
        stop: Setting it ends all waiting, so that threads can be joined: for a retry, for a person,
            and for a call on the wire, which then stays booked as lost.

    Raises:
        LLMError: No model, missing SDK or key, unknown price.
    """
    answers = Answers(directory / "cache")
    if settings.cache == "replay":
        return Cached(None, answers, "replay")
    stop = stop or threading.Event()
    provider = connect(settings, directory, stop)
    price = find_price(settings, local=provider.local)
    patient = getattr(provider, "patient", False)
    single = Interruptible(provider, None if patient else settings.timeout_s, stop)
    limited = Limited(single, settings.concurrency)
    budgeted = Budgeted(limited, settings.model or "", price, ledger, answers.keep)
    retrying = Retrying(budgeted, settings.attempts, stop=stop)
    return Cached(retrying, answers, settings.cache)
