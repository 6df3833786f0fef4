"""Every other model name, through LiteLLM (its import takes seconds, so it is done once here)."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.layers import Retrying
from autoreward.llm.registry import Provider, connect
from autoreward.llm.request import Message
from autoreward.llm.settings import request_for

ASK = (Message("system", "You design rewards."), Message("user", "Reward forward speed."))


def reach(settings: LLMSettings) -> Provider:
    return connect(settings, Path("unused"), threading.Event())


def local(url: str, **more: Any) -> LLMSettings:
    return LLMSettings(model="hosted_vllm/test-model", api_base=f"{url}/v1", **more)


def test_round_trip(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Our limits are on the wire, the counts come back, and nothing is printed."""
    server.usage = {"in": 100, "out": 20, "cached": 60}
    server.finish = "length"
    settings = local(server.url, max_tokens=77, temperature=0.5)
    provider = reach(settings)
    reply = provider(request_for(settings, *ASK))
    body = server.asked[0].body
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("test-model", 77, 0.5)
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert (reply.text, reply.finish) == ("hello", "length")
    assert (reply.input_tokens, reply.cached_tokens, reply.output_tokens) == (100, 60, 20)
    assert provider.local
    assert capsys.readouterr().out == ""
    assert os.environ["LITELLM_MODE"] == "PRODUCTION"


def test_faults_are_told_apart(server: Any) -> None:
    """What can pass is asked exactly three times, what cannot once; retry-after is honoured."""
    settings = local(server.url, timeout_s=0.3)
    provider, request = reach(settings), request_for(settings, *ASK)
    for fault in ("!429:7", "!500", "!drop", "!cut", "!garbage", "!empty", "!html", "!hang"):
        server.asked.clear()
        server.script = [fault, fault]
        waits = list[float]()
        assert Retrying(provider, 3, sleep=waits.append)(request).text == "hello", fault
        assert len(server.asked) == 3, fault
        assert waits == [7.0, 7.0] or fault != "!429:7"
    for status in (400, 401, 404):
        server.asked.clear()
        server.script = [f"!{status}"]
        with pytest.raises(LLMError, match=f"answered {status}"):
            Retrying(provider, 3, sleep=lambda _: None)(request)
        assert len(server.asked) == 1


def test_what_broke_off_may_be_billed(server: Any) -> None:
    """LiteLLM calls a broken connection 500, too; only the server's own 500 is free."""
    settings = local(server.url, timeout_s=0.3)
    provider, request = reach(settings), request_for(settings, *ASK)
    for fault, billed in (("!500", False), ("!drop", True), ("!cut", True), ("!hang", True)):
        server.script = [fault]
        with pytest.raises(LLMError) as caught:
            provider(request)
        assert caught.value.billed is billed, fault


def test_unreachable_endpoint_is_one_sentence() -> None:
    """The error names the address."""
    settings = local("http://127.0.0.1:9")
    with pytest.raises(LLMError, match=r"cannot reach http://127\.0\.0\.1:9/v1.*refused") as caught:
        reach(settings)(request_for(settings, *ASK))
    assert caught.value.transient


def test_missing_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's own variable is named before anything is asked."""
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with pytest.raises(LLMError, match=r"set .*GEMINI_API_KEY"):
        reach(LLMSettings(model="gemini/gemini-2.5-pro"))


def test_unknown_name_says_how_names_look() -> None:
    """A name nobody knows is refused with examples."""
    with pytest.raises(LLMError, match=r"'gpto-5'.*openai/NAME"):
        reach(LLMSettings(model="gpto-5"))


def test_keys_do_not_reach_errors(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that echoes the key cannot put it into our error."""
    monkeypatch.setenv("MY_MODEL", "correct-horse-battery-staple")
    settings = local(server.url, api_key_env="MY_MODEL")
    server.answer = "!401:bad key correct-horse-battery-staple"
    with pytest.raises(LLMError, match="bad key <MY_MODEL>") as caught:
        reach(settings)(request_for(settings, *ASK))
    assert "staple" not in str(caught.value)
    sent = {name.lower(): value for name, value in server.asked[0].headers.items()}
    assert sent["authorization"] == "Bearer correct-horse-battery-staple"
