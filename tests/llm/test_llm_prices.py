"""Who knows what a model costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.factory import make_llm
from autoreward.llm.ledger import Ledger
from autoreward.llm.prices import find_price, is_loopback, table_price
from autoreward.llm.request import Message
from autoreward.llm.settings import Price, request_for


def test_table_knows_both_providers() -> None:
    """The bundled table gives USD per million tokens for OpenAI, Anthropic and others."""
    assert table_price("openai/gpt-4o") == Price(input=2.5, output=10.0, cached=1.25)
    claude = table_price("anthropic/claude-sonnet-4-5")
    assert claude is not None
    assert (claude.input, claude.output, claude.cached) == pytest.approx((3.0, 15.0, 0.3))
    assert table_price("gemini/gemini-2.5-pro") is not None


@pytest.mark.parametrize(
    "model",
    [
        "openai/no-such-model",
        "anthropic/gpt-4o",  # another provider's model
        "openai/claude-sonnet-4-5",
        "ollama/llama3",  # 0 in the table: unknown, not free
        "sample_spec",
    ],
)
def test_table_does_not_guess(model: str) -> None:
    """A model that is not in the table under its provider, or stands there with 0, has no price."""
    assert table_price(model) is None


def test_unknown_price_refuses_and_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit in dollars can hold without a price, so nothing is asked."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-for-nothing")
    settings = LLMSettings(model="openai/no-such-model")
    with pytest.raises(LLMError, match=r"--set llm\.price\.input=.*--set llm\.price\.output="):
        make_llm(settings, Path("unused"), Ledger())


def test_missing_table_is_an_unknown_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without LiteLLM installed a model has no price instead of a wrong one."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert table_price("openai/gpt-4o") is None


def test_given_price_wins() -> None:
    """What the user says beats the table and the free local server."""
    mine = Price(input=1, output=2)
    assert find_price(LLMSettings(model="openai/gpt-4o", price=mine), local=False) == mine
    assert find_price(LLMSettings(model="openai/gpt-4o", price=mine), local=True) == mine


def test_local_server_costs_nothing(server: Any, tmp_path: Path) -> None:
    """A server on this machine needs no price and fits into a budget of 0."""
    settings = LLMSettings(model="openai/gpt-4o", api_base=f"{server.url}/v1")
    ledger = Ledger(max_usd=0)
    reply = make_llm(settings, tmp_path, ledger)(request_for(settings, Message("user", "hi")))
    assert (reply.usd, ledger.spent.usd, ledger.spent.tokens) == (0.0, 0.0, 120)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.2/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://0.0.0.0:8000", True),
        ("http://192.168.0.1/v1", False),
        ("https://localhost.example.com/v1", False),
        ("https://api.openai.com/v1", False),
        (None, False),
    ],
)
def test_loopback_addresses(url: str | None, local: bool) -> None:
    """Only this very machine counts, by any of its names."""
    assert is_loopback(url) is local


def test_reading_the_table_does_not_import_litellm() -> None:
    """The table is read as data."""
    before = "litellm" in sys.modules
    table_price("openai/gpt-4o")
    assert ("litellm" in sys.modules) == before


def test_settings_refuse_unknown_keys_and_bad_values() -> None:
    """A typing error in a configuration does not pass silently."""
    for bad in ({"modell": "x"}, {"concurrency": 0}, {"cache": "off"}, {"price": {"input": 1}}):
        with pytest.raises(ValidationError):
            LLMSettings.model_validate(bad)


def test_request_takes_the_settings() -> None:
    """A request is built from the settings, and only where there is a model."""
    settings = LLMSettings(model="openai/x", max_tokens=5, temperature=0.1)
    request = request_for(settings, Message("user", "hi"), sample=2, role="critic")
    assert (request.max_tokens, request.temperature, request.sample) == (5, 0.1, 2)
    assert (request.model, request.role) == ("openai/x", "critic")
    with pytest.raises(ValueError, match="no language model"):
        request_for(LLMSettings())
