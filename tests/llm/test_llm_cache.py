"""The answers that are kept."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.cache import Answers, Cached, Mode
from autoreward.llm.factory import make_llm
from autoreward.llm.ledger import Ledger
from autoreward.llm.request import LLM, Message, Reply, Request
from autoreward.llm.settings import request_for

REQUEST = Request("openai/x", (Message("user", "hi"),))


class Counting:
    """Answers with the number of the call."""

    def __init__(self, delay_s: float = 0.0, fail: int = 0) -> None:
        self.delay_s, self.fail, self.calls = delay_s, fail, 0
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        with self.lock:
            self.calls += 1
            number = self.calls
        time.sleep(self.delay_s)
        if number <= self.fail:
            raise LLMError("no luck")
        return Reply(f"answer {number}", "x", usd=0.5)


def cached(inner: LLM | None, directory: Path, mode: Mode = "auto") -> Cached:
    """Return `inner`, which keeps its answers, behind the cache."""
    answers = Answers(directory)
    keeping = None if inner is None else lambda request: answers.keep(request, inner(request))
    return Cached(keeping, answers, mode)


def test_key_is_what_decides_the_answer() -> None:
    """Every deciding field changes the key; the role does not, nor do address and time-out."""
    others = [
        replace(REQUEST, model="openai/y"),
        replace(REQUEST, messages=(Message("system", "hi"),)),
        replace(REQUEST, messages=(Message("user", "ho"),)),
        replace(REQUEST, max_tokens=1),
        replace(REQUEST, temperature=0.0),
        replace(REQUEST, sample=1),
    ]
    assert len({r.key for r in [REQUEST, *others]}) == 7
    assert replace(REQUEST, role="critic").key == REQUEST.key
    here = LLMSettings(model="openai/x", api_base="http://a/v1", timeout_s=1, api_key_env="A")
    there = LLMSettings(model="openai/x", api_base="http://b/v1", timeout_s=2, api_key_env="B")
    assert (
        request_for(here, Message("user", "hi")).key
        == request_for(there, Message("user", "hi")).key
    )


def test_auto_asks_once_ever(tmp_path: Path) -> None:
    """The second asker, and a later process, read the file; the answer is the same in full."""
    inner = Counting()
    first = cached(inner, tmp_path)(REQUEST)
    assert cached(inner, tmp_path)(REQUEST) == first == Reply("answer 1", "x", usd=0.5)
    assert inner.calls == 1
    kept = json.loads((tmp_path / f"{REQUEST.key}.json").read_text())
    assert kept["request"]["messages"] == [{"role": "user", "content": "hi"}]
    assert [path.name for path in tmp_path.iterdir()] == [f"{REQUEST.key}.json"]


def test_refresh_asks_anew_and_overwrites(tmp_path: Path) -> None:
    """`refresh` replaces what was kept."""
    inner = Counting()
    cached(inner, tmp_path)(REQUEST)
    assert cached(inner, tmp_path, "refresh")(REQUEST).text == "answer 2"
    assert cached(inner, tmp_path)(REQUEST).text == "answer 2"


def test_replay_needs_no_server_key_or_price(server: Any, tmp_path: Path) -> None:
    """What was recorded is answered offline; what was not is an error that says so."""
    live = LLMSettings(model="openai/x", api_base=f"{server.url}/v1")
    recorded = make_llm(live, tmp_path, Ledger())(request_for(live, Message("user", "hi")))
    replay = LLMSettings(model="openai/x", cache="replay")
    llm = make_llm(replay, tmp_path, Ledger(max_usd=0))
    assert llm(request_for(replay, Message("user", "hi"))) == recorded
    with pytest.raises(LLMError, match=r"no recorded answer of openai/x .*sample 1"):
        llm(request_for(replay, Message("user", "hi"), sample=1))
    assert len(server.asked) == 1


def test_single_flight_across_threads(tmp_path: Path) -> None:
    """Sixteen threads with two requests are two calls, in `refresh` too."""
    other = replace(REQUEST, sample=1)
    for mode in ("auto", "refresh"):
        inner = Counting(delay_s=0.1)
        llm = cached(inner, tmp_path / mode, mode)  # type: ignore[arg-type]
        with ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(llm, [REQUEST, other] * 8))
        assert inner.calls == 2
        assert len({reply.text for reply in replies}) == 2


def test_failure_reaches_all_waiters_and_is_not_kept(tmp_path: Path) -> None:
    """Those who wait for a call that fails get its error; the next asker asks again."""
    inner = Counting(delay_s=0.1, fail=1)
    llm = cached(inner, tmp_path)
    with ThreadPoolExecutor(4) as pool:
        flights = [pool.submit(llm, REQUEST) for _ in range(4)]
        errors = [flight.exception() for flight in flights]
    assert [str(error) for error in errors] == ["no luck"] * 4
    assert list(tmp_path.iterdir()) == []
    assert llm(REQUEST).text == "answer 2"


def test_a_hit_costs_nothing(server: Any, tmp_path: Path) -> None:
    """An answer from a file neither reserves nor spends, even where the budget is gone."""
    settings = LLMSettings(
        model="openai/x",
        api_base=f"{server.url}/v1",
        price={"input": 1, "output": 1},  # type: ignore[arg-type]
    )
    request = request_for(settings, Message("user", "hi"))
    paid = Ledger()
    make_llm(settings, tmp_path, paid)(request)
    assert paid.spent.usd > 0
    broke = Ledger(max_usd=0.0)
    assert make_llm(settings, tmp_path, broke)(request).text == "hello"
    assert broke.spent.calls == 0


def test_keys_do_not_reach_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in prompt and answer are blanked, and the asker gets what a replay will give."""
    monkeypatch.setenv("SOME_API_KEY", 'quo"ted\\secret')
    inner = lambda request: Reply('it is quo"ted\\secret, or sk-proj-abc123def456ghi789', "x")  # noqa: E731
    request = Request("openai/x", (Message("user", 'my key is quo"ted\\secret'),))
    reply = cached(inner, tmp_path)(request)
    text = (tmp_path / f"{request.key}.json").read_text()
    assert reply.text == "it is <SOME_API_KEY>, or <secret>"
    assert "ted\\" not in text
    assert "abc123" not in text
    assert cached(None, tmp_path, "replay")(request) == reply


def test_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    """A file somebody broke is named, and not silently paid for again."""
    inner = Counting()
    for text in ("{", "[]", '{"reply": {"nonsense": 1}}'):
        (tmp_path / f"{REQUEST.key}.json").write_text(text)
        with pytest.raises(LLMError, match=r"cannot be read .*; delete it"):
            cached(inner, tmp_path)(REQUEST)
    assert inner.calls == 0


def test_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    """An answer that cannot be kept is an error that names the file."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(LLMError, match="cannot keep a model's answer in"):
        cached(Counting(), tmp_path / "cache" / "deeper")(REQUEST)
