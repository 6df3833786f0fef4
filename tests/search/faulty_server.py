"""A language model over HTTP that misbehaves: OpenAI's and Anthropic's formats, faults in turn."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[str, str], str]
"""System part and user part of a prompt to the answer."""

REFUSED = ("429-seconds", "429-date", "500", "502", "503", "529")
"""Answered by an error: nobody is charged."""
LOST = ("drop", "cut", "truncated", "hang", "html", "hollow")
"""The answer was made, and is charged, but does not arrive as one."""
BAD = ("empty", "prose", "wrong-json", "refusal", "length")
"""Arrives and is charged, but is of no use."""
INPUT, OUTPUT = 10, 10
"""Tokens of every answer."""


@dataclass
class FaultyServer:
    """What the server does, and what it has done.

    Args:
        answer: Makes the good answers.
        rate: Share of requests that meet a fault: exactly this one, evenly spread.
        seed: Of the order of the faults.
        hang_s: How long a hanging socket stays open.
    """

    answer: Answer
    rate: float
    seed: int = 0
    hang_s: float = 8.0
    met: Counter[str] = field(default_factory=Counter)
    """How often each fault, or `good`, came."""
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        kinds = [chance.sample(kind, len(kind)) for kind in (LOST, REFUSED, BAD)]
        self._faults = itertools.cycle(
            f for some in itertools.zip_longest(*kinds) for f in some if f
        )

    def fate(self) -> str:
        """Return what becomes of the next request."""
        with self.lock:
            number = self.met.total()
            faulty = int((number + 1) * self.rate) > int(number * self.rate)
            fate = next(self._faults) if faulty else "good"
            self.met[fate] += 1
        return fate

    def count(self, *fates: str) -> int:
        """Return how many requests met one of these fates."""
        with self.lock:
            return sum(self.met[fate] for fate in fates)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faulty: FaultyServer

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fate = self.faulty.fate()
        if fate in REFUSED:
            self.refuse(fate)
        elif fate in ("drop", "hang"):
            if fate == "hang":
                self.faulty.released.wait(self.faulty.hang_s)
            self.close_connection = True
        else:
            self.reply(fate, json.loads(body))

    def refuse(self, fate: str) -> None:
        status, _, how = fate.partition("-")
        headers = {"seconds": "0", "date": formatdate(time.time(), usegmt=True)}
        error = {"type": "error", "error": {"message": "made to fail", "type": "server_error"}}
        extra = {"Retry-After": headers.get(how, "0.05")}
        self.send(int(status), json.dumps(error).encode(), **extra)

    def reply(self, fate: str, asked: dict[str, Any]) -> None:
        turns = asked["messages"]
        system = asked.get("system") or [
            {"text": turn["content"]} for turn in turns if turn["role"] == "system"
        ]
        user = next(turn["content"] for turn in turns if turn["role"] == "user")
        with self.faulty.lock:
            text = self.faulty.answer("\n".join(part["text"] for part in system), user)
        made = {
            "empty": "",
            "prose": "I would rather talk about it first.",
            "wrong-json": '{"verdict": ["nonsense", {"claims": 7}]}',
            "refusal": "",
            "length": text[: len(text) // 3],
        }.get(fate, text)
        data = json.dumps(self.shape(made, fate, asked["model"])).encode()
        if fate == "cut":
            self.send(200, data[: len(data) // 2], length=len(data))
            self.close_connection = True
        elif fate == "truncated":
            self.send(200, data[: len(data) // 2])
        elif fate == "html":
            self.send(200, b"<html>" + data, kind="text/html")
        else:
            self.send(200, b"{}" if fate == "hollow" else data)

    def shape(self, text: str, fate: str, model: str) -> dict[str, Any]:
        ends = {"refusal": ("content_filter", "refusal"), "length": ("length", "max_tokens")}
        openai, anthropic = ends.get(fate, ("stop", "end_turn"))
        if self.path.endswith("/messages"):
            return {
                "id": "x",
                "type": "message",
                "role": "assistant",
                "model": model,
                "content": [{"type": "text", "text": text}],
                "stop_reason": anthropic,
                "usage": {"input_tokens": INPUT, "output_tokens": OUTPUT},
            }
        message = {"role": "assistant", "content": text}
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "finish_reason": openai, "message": message}],
            "usage": {"prompt_tokens": INPUT, "completion_tokens": OUTPUT},
        }

    def send(
        self,
        status: int,
        data: bytes,
        kind: str = "application/json",
        length: int | None = None,
        **headers: str,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def misbehaving(faulty: FaultyServer) -> Iterator[FaultyServer]:
    """Serve on loopback while the block runs."""
    handler = type("BoundHandler", (_Handler,), {"faulty": faulty})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    faulty.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield faulty
    finally:
        faulty.released.set()
        server.shutdown()
        server.server_close()
