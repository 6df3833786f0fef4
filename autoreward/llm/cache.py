"""Answers are kept for good: one readable JSON file each, named by the request's key."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from autoreward.errors import LLMError
from autoreward.llm.redact import redact_tree
from autoreward.llm.request import LLM, Reply, Request
from autoreward.store.rundir import write_atomic

Mode = Literal["auto", "replay", "refresh"]


class Answers:
    """The files.

    Args:
        directory: Their folder; made when first written to.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, request: Request) -> Path:
        """Return the file that holds, or would hold, the answer."""
        return self.directory / f"{request.key}.json"

    def read(self, request: Request) -> Reply | None:
        """Return the kept answer, None if there is none; raises LLMError for a damaged file."""
        path = self.path(request)
        if not path.exists():
            return None
        try:
            return Reply(**json.loads(path.read_text(encoding="utf-8"))["reply"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LLMError(
                f"the recorded answer {path} cannot be read ({error}); delete it to have it asked "
                "again"
            ) from None

    def keep(self, request: Request, reply: Reply) -> Reply:
        """Write an answer, without secrets, and return it as `read` will.

        Raises:
            LLMError: The file cannot be written.
        """
        kept = redact_tree({"request": asdict(request), "reply": asdict(reply)})
        path = self.path(request)
        try:
            write_atomic(path, json.dumps(kept, indent=1, ensure_ascii=False))
        except OSError as error:
            raise LLMError(f"cannot keep a model's answer in {path}: {error}") from None
        return Reply(**kept["reply"])


class Cached:
    """Answers from files where it can; several threads with one request make one call.

    Args:
        inner: Whom to ask, who keeps the answers; None where nothing is ever asked (`replay`).
        answers: The files.
        mode: `auto` asks once ever; `replay` never asks, a missing answer is an error; `refresh`
            asks anew.
    """

    def __init__(self, inner: LLM | None, answers: Answers, mode: Mode = "auto") -> None:
        self._inner, self._answers, self._mode = inner, answers, mode
        self._lock = threading.Lock()
        self._flights: dict[str, Future[Reply]] = {}

    def __call__(self, request: Request) -> Reply:
        """Answer `request`; a second asker waits for the first one's answer, or gets its error."""
        with self._lock:
            flight = self._flights.get(request.key)
            first = flight is None
            if flight is None:
                flight = self._flights[request.key] = Future()
        if not first:
            return flight.result()
        try:
            reply = self._answer(request)
        except BaseException as error:
            flight.set_exception(error)
            raise
        else:
            flight.set_result(reply)
            return reply
        finally:
            with self._lock:
                del self._flights[request.key]

    def _answer(self, request: Request) -> Reply:
        kept = None if self._mode == "refresh" else self._answers.read(request)
        if kept is not None:
            return kept
        if self._mode == "replay" or self._inner is None:
            raise LLMError(
                f"no recorded answer of {request.model} for this prompt (key {request.key[:12]}, "
                f"sample {request.sample}) in {self._answers.directory}; llm.cache=auto would ask "
                "for it"
            )
        return self._inner(request)
