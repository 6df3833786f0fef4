"""Shows a run at work: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from autoreward.report.live import live
from autoreward.report.watch import Watch

_LINE_SECONDS = 5.0
"""Least time between two plain lines about the same thing."""


class Reporter:
    """An observer of a run that prints. Threads may call it; use it as a context manager.

    Args:
        console: Where to.
        watch: Takes the events in.
    """

    def __init__(self, console: Console, watch: Watch) -> None:
        self._console, self._watch = console, watch
        self._lock = threading.Lock()
        self._printed = time.monotonic()
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(
                console=console,
                get_renderable=self._picture,
                refresh_per_second=4,
                transient=True,
            )

    def __enter__(self) -> Reporter:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, kind: str, **data: Any) -> None:
        """Take in an event; print it if it is one of those that deserve a line."""
        now = time.monotonic()
        with self._lock:
            if kind == "started":
                self._print(f"trainer ready: device {data['device']}, threads {data['threads']}")
                return
            line = self._watch.take(kind, data, now)
            if line is None and not self._live and now - self._printed >= _LINE_SECONDS:
                line = self._watch.line(now)
                self._printed = now
        if line is not None:
            self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def _picture(self) -> RenderableType:
        with self._lock:
            return live(self._watch, time.monotonic())
