"""The providers against a server that speaks their wire formats, faults included."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.layers import Retrying
from autoreward.llm.registry import Provider, connect, provider_names
from autoreward.llm.request import LLM, Message
from autoreward.llm.settings import request_for

ASK = (Message("system", "You design rewards."), Message("user", "Reward forward speed."))
WIRES = ("openai/test-model", "anthropic/test-model")


def settings_for(model: str, url: str, **more: Any) -> LLMSettings:
    base = f"{url}/v1" if model.startswith("openai/") else url
    return LLMSettings(model=model, api_base=base, **more)


def reach(settings: LLMSettings) -> Provider:
    return connect(settings, Path("unused"), threading.Event())


def retried(settings: LLMSettings, waits: list[float], attempts: int = 3) -> LLM:
    return Retrying(reach(settings), attempts, sleep=waits.append)


def test_openai_request_and_reply_carry_every_field(server: Any) -> None:
    """What we set is on the wire as chat completions want it, and the counts come back."""
    server.usage = {"in": 100, "out": 20, "cached": 60}
    settings = settings_for(WIRES[0], server.url, temperature=0.5, max_tokens=77)
    reply = reach(settings)(request_for(settings, *ASK))
    asked = server.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert asked.body == {
        "model": "test-model",
        "messages": [
            {"role": "system", "content": "You design rewards."},
            {"role": "user", "content": "Reward forward speed."},
        ],
        "max_tokens": 77,
        "temperature": 0.5,
    }
    assert (reply.text, reply.model, reply.finish) == ("hello", "test-model", "stop")
    assert (reply.input_tokens, reply.cached_tokens, reply.output_tokens) == (100, 60, 20)


def test_anthropic_request_and_reply_carry_every_field(server: Any) -> None:
    """The system message is marked for the prompt cache, and cache tokens count as input."""
    server.usage = {"in": 10, "out": 20, "cached": 60, "written": 30}
    settings = settings_for(WIRES[1], server.url, temperature=0.5, max_tokens=77)
    reply = reach(settings)(request_for(settings, *ASK))
    asked = server.asked[0]
    assert asked.path == "/v1/messages"
    assert asked.body == {
        "model": "test-model",
        "system": [
            {
                "type": "text",
                "text": "You design rewards.",
                "cache_control": {"type": "ephemeral"},
            }
        ],
        "messages": [{"role": "user", "content": "Reward forward speed."}],
        "max_tokens": 77,
        "temperature": 0.5,
    }
    assert (reply.text, reply.finish) == ("hello", "stop")
    assert (reply.input_tokens, reply.cached_tokens, reply.written_tokens) == (100, 60, 30)
    assert reply.output_tokens == 20


@pytest.mark.parametrize("model", WIRES)
def test_temperature_is_not_sent_unless_set(server: Any, model: str) -> None:
    """Models that accept no temperature get none."""
    settings = settings_for(model, server.url)
    reach(settings)(request_for(settings, *ASK))
    assert "temperature" not in server.asked[0].body


@pytest.mark.parametrize(("model", "word"), [(WIRES[0], "length"), (WIRES[1], "max_tokens")])
def test_cut_off_answer_says_length(server: Any, model: str, word: str) -> None:
    """An answer that ran into max_tokens is reported with the one word both providers share."""
    server.finish = word
    settings = settings_for(model, server.url)
    assert reach(settings)(request_for(settings, *ASK)).finish == "length"


@pytest.mark.parametrize("model", WIRES)
def test_long_answers_need_no_streaming(server: Any, model: str) -> None:
    """A large max_tokens is not refused by the SDK before anything is sent."""
    settings = settings_for(model, server.url, max_tokens=100_000, timeout_s=600)
    assert reach(settings)(request_for(settings, *ASK)).text == "hello"


def test_anthropic_address_with_v1_is_understood(server: Any) -> None:
    """The address may end in /v1, as OpenAI-compatible servers' does."""
    settings = LLMSettings(model=WIRES[1], api_base=f"{server.url}/v1/")
    reach(settings)(request_for(settings, *ASK))
    assert server.asked[0].path == "/v1/messages"


def test_gateway_that_wants_the_newer_limit_gets_it(server: Any) -> None:
    """A gateway to a newer OpenAI model refuses max_tokens once and is then asked its way."""
    server.script = ["!400:Unsupported parameter: use 'max_completion_tokens' instead."]
    settings = settings_for(WIRES[0], server.url, max_tokens=77)
    provider = reach(settings)
    assert provider(request_for(settings, *ASK)).text == "hello"
    provider(request_for(settings, *ASK))
    limits = [sorted(k for k in a.body if k.startswith("max_")) for a in server.asked]
    assert limits == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize(
    "fault", ["!429:0", "!500", "!503", "!408", "!drop", "!cut", "!garbage", "!empty", "!html"]
)
def test_what_can_pass_is_asked_again(server: Any, model: str, fault: str) -> None:
    """Two failures that can pass and a good answer are exactly three requests."""
    server.script = [fault, fault]
    settings, waits = settings_for(model, server.url), list[float]()
    assert retried(settings, waits)(request_for(settings, *ASK)).text == "hello"
    assert (len(server.asked), len(waits)) == (3, 2)


@pytest.mark.parametrize("model", WIRES)
def test_attempts_end_with_the_last_failure(server: Any, model: str) -> None:
    """A failure that stays is reported once all attempts, and no more, are made."""
    server.answer = "!500:the backend is on fire"
    settings, waits = settings_for(model, server.url), list[float]()
    with pytest.raises(LLMError, match=r"answered 500: the backend is on fire.*attempt 3 of 3"):
        retried(settings, waits)(request_for(settings, *ASK))
    assert (len(server.asked), len(waits)) == (3, 2)


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_cannot_pass_is_not_asked_again(server: Any, model: str, status: int) -> None:
    """A fatal status is one request and one error that names it."""
    server.answer = f"!{status}"
    settings, waits = settings_for(model, server.url), list[float]()
    with pytest.raises(LLMError, match=f"answered {status}") as caught:
        retried(settings, waits)(request_for(settings, *ASK))
    assert (len(server.asked), waits, caught.value.transient) == (1, [], False)


@pytest.mark.parametrize("model", WIRES)
def test_an_account_without_credit_is_not_asked_again(server: Any, model: str) -> None:
    """A 429 that means "no money" does not pass by waiting."""
    server.answer = "!broke"
    settings, waits = settings_for(model, server.url), list[float]()
    with pytest.raises(LLMError, match=r"answered 429.*no credit left"):
        retried(settings, waits)(request_for(settings, *ASK))
    assert len(server.asked) == 1


@pytest.mark.parametrize("model", WIRES)
def test_retry_after_is_honoured(server: Any, model: str) -> None:
    """The wait is what the server asks for, and never longer than a minute."""
    server.script = ["!429:7", "!429:3600"]
    settings, waits = settings_for(model, server.url), list[float]()
    retried(settings, waits)(request_for(settings, *ASK))
    assert waits == [7.0, 60.0]


@pytest.mark.parametrize("model", WIRES)
def test_retry_after_may_be_a_date(server: Any, model: str) -> None:
    """A date in the future is the wait until then, one in the past none, nonsense our own."""
    now = time.time()
    dates = [formatdate(now + 20, usegmt=True), formatdate(now - 20, usegmt=True), "soon"]
    server.script = [f"!429:{date}" for date in dates]
    settings, waits = settings_for(model, server.url), list[float]()
    retried(settings, waits, attempts=4)(request_for(settings, *ASK))
    assert 15 < waits[0] <= 20 and waits[1] == 0 and 4 <= waits[2] <= 5


_ODD = [
    *("null", "[]", "7", '"words"', "{}", '{"choices": null}', '{"choices": {}}'),
    *('{"choices": "x"}', '{"choices": [{}]}', '{"choices": [{"message": null}]}'),
    '{"choices": [{"message": {"content": 7}}]}',
    '{"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}]}',
    *(
        '{"content": null}',
        '{"content": "x"}',
        '{"content": [{"type": "text"}]}',
        '{"content": [null]}',
    ),
    '{"content": [{"type": "text", "text": 7}]}',
    '{"content": [{"type": "text", "text": null}]}',
]


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize("body", _ODD)
def test_an_odd_body_is_asked_again(server: Any, model: str, body: str) -> None:
    """JSON that is no answer is one sentence, may have been billed, and can pass."""
    server.answer = f"!raw:{body}"
    settings = settings_for(model, server.url)
    with pytest.raises(LLMError, match="no model's answer") as caught:
        reach(settings)(request_for(settings, *ASK))
    assert caught.value.transient and caught.value.billed
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"usage": None},
        {"usage": {"prompt_tokens": "7", "input_tokens": None, "completion_tokens": -3}},
        {"usage": {"prompt_tokens": True, "output_tokens": 1.5, "prompt_tokens_details": 3}},
        {"model": 7, "stop_reason": ["x"], "usage": []},
        {"model": None, "usage": {"prompt_tokens_details": {"cached_tokens": 99}}},
    ],
)
@pytest.mark.parametrize("model", WIRES)
def test_odd_counts_are_no_counts(server: Any, model: str, extra: dict[str, Any]) -> None:
    """What is no count is 0, and the text can be written to a file whatever is in it."""
    text = "a\ud800b\0c"
    message = {"role": "assistant", "content": text}
    body = {
        "choices": [{"index": 0, "message": message, "finish_reason": extra.get("stop_reason")}],
        "content": [{"type": "text", "text": text}],
        **extra,
    }
    server.answer = f"!raw:{json.dumps(body)}"
    settings = settings_for(model, server.url)
    reply = reach(settings)(request_for(settings, *ASK))
    assert (reply.text, reply.model, reply.finish) == ("a?bc", "test-model", "stop")
    assert (reply.input_tokens, reply.cached_tokens, reply.output_tokens) == (0, 0, 0)


def test_a_refusal_is_no_answer(server: Any) -> None:
    """OpenAI's field and Anthropic's stop reason come out as the same word."""
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    server.script = [f"!raw:{json.dumps({'choices': [{'index': 0, 'message': message}]})}"]
    settings = settings_for(WIRES[0], server.url)
    reply = reach(settings)(request_for(settings, *ASK))
    assert (reply.text, reply.finish) == ("", "content_filter")
    server.finish = "refusal"
    settings = settings_for(WIRES[1], server.url)
    assert reach(settings)(request_for(settings, *ASK)).finish == "content_filter"


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize(
    ("fault", "billed"),
    [("!429:0", False), ("!500", False), ("!401", False), ("!drop", True), ("!cut", True)],
)
def test_a_lost_answer_may_be_billed(server: Any, model: str, fault: str, billed: bool) -> None:
    """An error of the server is free; what broke off after the request was taken may not be."""
    server.answer = fault
    settings = settings_for(model, server.url)
    with pytest.raises(LLMError) as caught:
        reach(settings)(request_for(settings, *ASK))
    assert caught.value.billed is billed


@pytest.mark.parametrize("model", WIRES)
def test_silent_server_is_given_up(server: Any, model: str) -> None:
    """A server that takes the request and says nothing costs the time-out and no more."""
    server.answer = "!hang"
    settings = settings_for(model, server.url, timeout_s=0.3)
    started = time.monotonic()
    with pytest.raises(LLMError, match=r"no answer from http://127.*for 0\.3 s") as caught:
        reach(settings)(request_for(settings, *ASK))
    assert caught.value.transient and caught.value.billed
    assert time.monotonic() - started < 3
    assert len(server.asked) == 1


@pytest.mark.parametrize("model", WIRES)
def test_unreachable_endpoint_is_one_sentence(model: str) -> None:
    """The error names the address and what to look at, on one line."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    settings = settings_for(model, url)
    with pytest.raises(LLMError) as caught:
        reach(settings)(request_for(settings, *ASK))
    assert f"cannot reach {url}" in str(caught.value)
    assert "llm.api_base" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.transient and not caught.value.billed


@pytest.mark.parametrize(
    ("model", "variable"),
    [("openai/gpt-4o", "OPENAI_API_KEY"), ("anthropic/claude-x", "ANTHROPIC_API_KEY")],
)
def test_missing_key_names_the_variable(model: str, variable: str) -> None:
    """Without a key the provider's own service is refused before anything is sent."""
    with pytest.raises(LLMError, match=f"set the environment variable {variable}"):
        reach(LLMSettings(model=model))


@pytest.mark.parametrize("model", WIRES)
def test_named_key_variable_is_used_and_missed(
    server: Any, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """`api_key_env` decides whose value is sent; naming an empty one is an error."""
    settings = settings_for(model, server.url, api_key_env="MY_MODEL")
    with pytest.raises(LLMError, match="MY_MODEL"):
        reach(settings)
    monkeypatch.setenv("MY_MODEL", "the-value-of-my-model")
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    reach(settings)(request_for(settings, *ASK))
    sent = {name.lower(): value for name, value in server.asked[0].headers.items()}
    assert "the-value-of-my-model" in (sent.get("authorization", "") + sent.get("x-api-key", ""))


@pytest.mark.parametrize("model", WIRES)
def test_keys_do_not_reach_errors_or_logs(
    server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, model: str
) -> None:
    """A server that echoes the key cannot put it into our error, its causes, or our log."""
    key = "correct-horse-battery-staple"
    monkeypatch.setenv("MY_MODEL", key)
    server.script = [f"!500:bad key {key}"]
    server.answer = f"!401:Incorrect API key provided: {key}"
    settings, waits = settings_for(model, server.url, api_key_env="MY_MODEL"), list[float]()
    with caplog.at_level(logging.WARNING), pytest.raises(LLMError) as caught:
        retried(settings, waits)(request_for(settings, *ASK))
    assert "Incorrect API key provided: <MY_MODEL>" in str(caught.value)
    assert "bad key <MY_MODEL>" in caplog.text
    assert key not in str(caught.value) + caplog.text
    assert caught.value.__suppress_context__


def test_missing_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK that is not installed is a sentence, not an import error."""
    monkeypatch.setitem(sys.modules, "anthropic", None)
    with pytest.raises(LLMError, match="pip install anthropic"):
        reach(LLMSettings(model="anthropic/claude-x"))


@pytest.mark.parametrize("model", [None, "", "openai", "anthropic/"])
def test_incomplete_model_names_are_refused(model: str | None) -> None:
    """A name without a model says how names look."""
    with pytest.raises(LLMError, match="--model"):
        reach(LLMSettings(model=model))


def test_a_new_provider_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Any
) -> None:
    """A file that appears among the providers is found by its name, with nothing else to edit."""
    import autoreward.llm.providers as providers

    (tmp_path / "parrot.py").write_text(
        "from autoreward.llm.request import Reply\n"
        "class Parrot:\n"
        "    local = True\n"
        "    def __call__(self, request):\n"
        "        return Reply(request.messages[-1].content, request.model)\n"
        "def connect(settings, directory, stop):\n"
        "    return Parrot()\n"
    )
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
    assert "parrot" in provider_names()
    settings = LLMSettings(model="parrot/grey")
    assert reach(settings)(request_for(settings, Message("user", "polly"))).text == "polly"


def test_price_zero_needs_loopback(server: Any) -> None:
    """Only a server on this very machine counts as local."""
    assert reach(LLMSettings(model="openai/x", api_base=server.url)).local
    assert not reach(LLMSettings(model="openai/x", api_base="http://10.1.2.3/v1")).local
    assert not reach(LLMSettings(model="anthropic/x", api_base="http://10.1.2.3")).local
