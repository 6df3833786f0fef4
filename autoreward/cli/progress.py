"""Shows a run at work: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from autoreward.cli.output import Output
from autoreward.report.live import live
from autoreward.report.moment import write_moment
from autoreward.report.watch import Watch

_MOMENT_SECONDS = 2.0
"""Least time between two moments left for `status`."""
_LINE_SECONDS = 5.0
"""Least time between two plain lines about the same thing."""


class Reporter:
    """An observer of a run that prints. Threads may call it; use it as a context manager.

    Args:
        output: Where to.
        watch: Takes the events in.
        moment: The file in which the moment is left for other processes.
        introduction: Returns what to print when work begins, given what the trainer says of itself.
    """

    def __init__(
        self,
        output: Output,
        watch: Watch,
        moment: Path,
        introduction: Callable[[Mapping[str, Any]], RenderableType],
    ) -> None:
        self._output, self._watch, self._introduction = output, watch, introduction
        self._moment, self._left = moment, 0.0
        console = output.console
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
        if kind == "started":
            self._output.show(self._introduction(data), "")
            return
        with self._lock:
            line = self._watch.take(kind, data, now)
            if now - self._left >= _MOMENT_SECONDS:
                self._left = now
                with contextlib.suppress(OSError):  # a full disk is the journal's to report
                    write_moment(self._moment, self._watch, now)
            if line is None and not self._live and now - self._printed >= _LINE_SECONDS:
                line = self._watch.line(now)
                self._printed = now
        if line is not None:
            self._output.lines(Text(line))

    def _picture(self) -> RenderableType:
        with self._lock:
            return live(self._watch, time.monotonic())
