"""Whole runs against a language model of which two answers in five go wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from faulty_server import BAD, INPUT, LOST, OUTPUT, REFUSED, FaultyServer, misbehaving
from test_agents_in_a_run import FILES
from test_run import execute, settings

from autoreward.store.journal import Journal

PRICE = 3.0
"""Dollars for a million tokens."""
ANSWER_USD = (INPUT + OUTPUT) * PRICE / 1e6


def design(system: str, user: str) -> str:
    """Answer with a reward whose numbers follow from the prompt."""
    number = int(hashlib.sha256(user.encode()).hexdigest()[:6], 16)
    text = FILES[number % 2].replace("margin=2.0", f"margin={1 + number % 97 / 50:g}")
    return f"```python\n{text.replace('0.01 *', f'{number % 89 / 1000:g} *')}```"


def options(model: str, url: str, *more: str) -> list[str]:
    """Return the settings that point a run at the server."""
    base = f"{url}/v1" if model.startswith("openai") else url
    return [
        "designer.kind=llm", f"llm.model={model}", f"llm.api_base={base}", "llm.timeout_s=4",
        f"llm.price.input={PRICE}", f"llm.price.output={PRICE}", "llm.attempts=12",
        "search.generations=2", "search.population=3", "search.skip_below=0", *more,
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the SDKs something to send, and do not wait long between attempts."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    monkeypatch.setattr("autoreward.llm.layers.LONGEST_WAIT_S", 0.05)


@pytest.mark.parametrize("model", ["openai/m", "anthropic/m"])
def test_a_run_completes_and_its_costs_add_up(tmp_path: Path, model: str) -> None:
    """Every fault is met, the run has its winner, and each answer is paid exactly once."""
    with misbehaving(FaultyServer(design, rate=0.4, seed=2)) as server:
        summary: dict[str, Any] = execute(tmp_path / "run", settings(*options(model, server.url)))
    assert summary["winner"] and summary["candidates"] >= 2
    faults = server.count(*REFUSED), server.count(*LOST), server.count(*BAD)
    assert min(faults) > 0, server.met
    with Journal.read(tmp_path / "run") as journal:
        counts, calls, spent = journal.call_counts(), journal.calls(), journal.spent()
    delivered = server.count("good", *BAD)
    assert counts == {
        "answered": delivered, "failed": server.count(*REFUSED), "lost": server.count(*LOST)
    }  # fmt: skip
    done = [call for call in calls if call.state == "done"]
    assert len({call.key for call in done}) == len(done), "an answer was paid twice"
    assert sum(call.usd for call in done) == pytest.approx(delivered * ANSWER_USD)
    lost = [call for call in calls if call.state == "lost"]
    assert all(call.usd >= ANSWER_USD for call in lost), "what may be billed stays booked"
    assert summary["usd"] == spent.usd == pytest.approx(sum(call.usd for call in calls))
    assert summary["calls"] == counts and summary["tokens"] == spent.tokens


def test_a_limit_in_dollars_holds_among_faults(tmp_path: Path) -> None:
    """Neither what is booked nor what a provider could charge is ever above the limit."""
    limit = 0.12  # a few calls at their worst case
    with misbehaving(FaultyServer(design, rate=0.4, seed=2)) as server:
        more = (f"budget.usd={limit}", "llm.max_tokens=4000", "search.generations=4")
        summary = execute(tmp_path / "run", settings(*options("openai/m", server.url, *more)))
    assert summary["usd"] <= limit
    assert server.count("good", *BAD, *LOST) * ANSWER_USD <= summary["usd"]
    assert "USD" in summary["budget"] or "budget.usd" in summary["budget"]
