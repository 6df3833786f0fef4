"""A model server on loopback that speaks two wire formats and fails on demand."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Step = str | Callable[[dict[str, Any]], str]


@dataclass
class Asked:
    """One request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class ModelServer:
    """Answers by a script: one step per request, then `answer` for ever.

    A step that starts with `!` is a fault: `!429:SECONDS`, `!STATUS:WORDS`, `!drop`, `!cut`,
    `!hang`, `!dribble`, `!garbage`, `!empty`, `!html`, `!broke`, `!raw:BODY`; any
    other step is the text of the answer.
    """

    script: list[Step] = field(default_factory=list)
    answer: Step = "hello"
    usage: dict[str, int] | None = field(default_factory=lambda: {"in": 100, "out": 20})
    finish: str | None = None
    asked: list[Asked] = field(default_factory=list)
    delay_s: float = 0.0
    busy: int = 0
    busiest: int = 0
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_step(self, asked: Asked) -> str:
        with self.lock:
            self.asked.append(asked)
            step = self.script.pop(0) if self.script else self.answer
        return step if isinstance(step, str) else step(asked.body)


def openai_reply(server: ModelServer, text: str, model: str) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": server.finish or "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
    }
    if server.usage:
        into, out = server.usage["in"], server.usage["out"]
        reply["usage"] = {
            "prompt_tokens": into,
            "completion_tokens": out,
            "total_tokens": into + out,
            "prompt_tokens_details": {"cached_tokens": server.usage.get("cached", 0)},
        }
    return reply


def anthropic_reply(server: ModelServer, text: str, model: str) -> dict[str, Any]:
    usage = server.usage or {"in": 0, "out": 0}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": server.finish or "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage["in"],
            "output_tokens": usage["out"],
            "cache_read_input_tokens": usage.get("cached", 0),
            "cache_creation_input_tokens": usage.get("written", 0),
        },
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model_server: ModelServer

    def log_message(self, *args: object) -> None:
        pass

    def send(
        self, status: int, data: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        server = self.model_server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
        try:
            self.play(server.next_step(Asked(self.path, dict(self.headers), body)), body)
        finally:
            with server.lock:
                server.busy -= 1

    def play(self, step: str, body: dict[str, Any]) -> None:
        server = self.model_server
        time.sleep(server.delay_s)
        fault, _, detail = (
            step.removeprefix("!").partition(":") if step.startswith("!") else ("", "", "")
        )
        if not fault:
            reply = anthropic_reply if self.path.endswith("/messages") else openai_reply
            self.send(200, json.dumps(reply(server, step, body["model"])).encode())
        elif fault == "drop":
            self.close_connection = True
        elif fault == "cut":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "9999")
            self.end_headers()
            self.wfile.write(b'{"id": "cut')
            self.close_connection = True
        elif fault == "hang":
            server.released.wait(10)
            self.close_connection = True
        elif fault == "dribble":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "9999")
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b" ")
                self.wfile.flush()
                if server.released.wait(0.1):
                    break
            self.close_connection = True
        elif fault == "raw":
            self.send(200, detail.encode())
        elif fault == "garbage":
            self.send(200, b'{"choices": [nonsense')
        elif fault == "empty":
            self.send(200, b"{}")
        elif fault == "html":
            self.send(200, b"<html>a login page</html>", kind="text/html")
        elif fault == "broke":
            error = {"message": "You exceeded your quota", "code": "insufficient_quota"}
            self.send(429, json.dumps({"error": error}).encode())
        elif fault == "429":
            error = {"message": "slow down", "type": "rate_limit"}
            headers = {"Retry_After": detail} if detail else {}
            self.send(429, json.dumps({"error": error}).encode(), **headers)
        else:
            said = detail or f"made to fail with {fault}"
            error = {"message": said, "type": "error"}
            self.send(int(fault), json.dumps({"type": "error", "error": error}).encode())


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A fresh server for each test."""
    model_server = ModelServer()
    handler = type("BoundHandler", (Handler,), {"model_server": model_server})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    model_server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield model_server
    model_server.released.set()
    http.shutdown()
    http.server_close()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, or depends on, the keys and addresses of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "ANTHROPIC_", "GEMINI_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
