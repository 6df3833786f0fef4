"""Prompts and answers as files."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.factory import make_llm
from autoreward.llm.ledger import Ledger
from autoreward.llm.providers.manual import ManualProvider
from autoreward.llm.request import Message
from autoreward.llm.settings import request_for

SETTINGS = LLMSettings(model="manual")
RULES = Message("system", "Rules.")


def appear(folder: Path, pattern: str, count: int = 1) -> list[Path]:
    """Wait until `count` files are there."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if len(found := sorted(folder.glob(pattern))) >= count:
            return found
        time.sleep(0.01)
    raise AssertionError(f"no {count} {pattern} in {folder}")


def answer_to(request: Path) -> Path:
    return request.with_name(request.name.replace(".request.", ".answer."))


def test_round_trip_and_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The prompt appears as a file, its answer is the reply, and is never asked for again."""
    llm = make_llm(SETTINGS, tmp_path, Ledger(max_usd=0))
    request = request_for(SETTINGS, RULES, Message("user", "Hop high."))
    with ThreadPoolExecutor(1) as pool:
        flight = pool.submit(llm, request)
        (prompt,) = appear(tmp_path / "manual", "*.request.md")
        assert prompt.name == f"0001-{request.key[:8]}.request.md"
        assert prompt.read_text() == "# system\n\nRules.\n\n# user\n\nHop high.\n"
        answer_to(prompt).write_text("```python\nx = 1\n```\n")
        reply = flight.result(10)
    assert (reply.text, reply.usd) == ("```python\nx = 1\n```\n", 0.0)
    said = capsys.readouterr()
    assert str(answer_to(prompt)) in said.err
    assert said.out == ""
    answer_to(prompt).unlink()
    assert make_llm(SETTINGS, tmp_path, Ledger())(request) == reply


def test_numbers_are_stable_across_restarts(tmp_path: Path) -> None:
    """After a restart a prompt finds its own file, whatever order the prompts come in."""
    requests = [request_for(SETTINGS, Message("user", f"prompt {i}")) for i in range(3)]
    stop = threading.Event()
    provider = ManualProvider(tmp_path, stop, poll_s=0.01)
    with ThreadPoolExecutor(3) as pool:
        flights = [pool.submit(provider, request) for request in requests]
        names = [path.name for path in appear(tmp_path, "*.request.md", 3)]
        stop.set()
        errors = [flight.exception(5) for flight in flights]
    assert all(isinstance(e, LLMError) and "resume asks the same again" in str(e) for e in errors)
    assert sorted(name[:4] for name in names) == ["0001", "0002", "0003"]

    for path in tmp_path.glob("*.request.md"):
        answer_to(path).write_text(f"answer to {path.read_text()}")
    again = ManualProvider(tmp_path, threading.Event(), poll_s=0.01)
    for i, request in reversed(list(enumerate(requests))):
        assert again(request).text == f"answer to prompt {i}\n"
    assert sorted(path.name for path in tmp_path.glob("*.request.md")) == names


class Typing(threading.Event):
    """A pause in which somebody types one more part of the answer."""

    def __init__(self, folder: Path, parts: list[str]) -> None:
        super().__init__()
        self.folder, self.parts = folder, parts

    def wait(self, timeout: float | None = None) -> bool:
        (prompt,) = self.folder.glob("*.request.md")
        if self.parts:
            with answer_to(prompt).open("a") as file:
                file.write(self.parts.pop(0))
        return False


def test_half_written_answer_is_waited_for(tmp_path: Path) -> None:
    """An empty or growing answer file is not taken before it rests."""
    typing = Typing(tmp_path, ["", "one ", "two ", "three"])
    reply = ManualProvider(tmp_path, typing)(request_for(SETTINGS, Message("user", "hi")))
    assert reply.text == "one two three"
