"""What a model costs: LiteLLM's bundled table, read as data (importing litellm takes seconds)."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.settings import Price

_TABLE = "model_prices_and_context_window_backup.json"


def find_price(settings: LLMSettings, *, local: bool) -> Price:
    """Return the user's price, else 0 for a local model, else the table's.

    Args:
        settings: Names the model; its `price` wins.
        local: Whether the model runs on this machine (or is a person): a call costs nothing.

    Raises:
        LLMError: Nobody knows the price. Asking anyway would make every limit in dollars a lie.
    """
    if settings.price is not None:
        return Price(**settings.price.model_dump())
    price = Price(input=0, output=0) if local else table_price(settings.model or "")
    if price is None:
        raise LLMError(
            f"the price of {settings.model} is not known: give it with "
            "--set llm.price.input=… --set llm.price.output=… "
            "(USD per million tokens; 0 for a local model)"
        )
    return price


def table_price(model: str) -> Price | None:
    """Return the price of `PROVIDER/NAME` from the table, None if it is not there.

    A price of 0 in the table stands for "unknown" more often than for "free" and counts as unknown.
    """
    table = _table()
    provider, _, name = model.partition("/")
    for known in (model, name):
        entry = table.get(known, {})
        if not str(entry.get("litellm_provider", "")).startswith(provider):
            continue
        into, out = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
        if into and out:
            cached = entry.get("cache_read_input_token_cost") or None
            return Price(
                input=into * 1e6, output=out * 1e6, cached=None if cached is None else cached * 1e6
            )
    return None


def is_loopback(url: str | None) -> bool:
    """Return whether `url` leads to this very machine."""
    host = urlsplit(url or "").hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _table() -> dict[str, dict[str, Any]]:
    spec = importlib.util.find_spec("litellm")  # finds the folder without running the package
    if spec is None or spec.origin is None:
        return {}
    file = Path(spec.origin).with_name(_TABLE)
    if not file.is_file():
        return {}
    table: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return table
