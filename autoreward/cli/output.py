"""Where a command's words go: text for people, or one JSON object as the last line of stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_WIDTH_OF_FILES = 110
"""Columns where the output is not a terminal."""


class Interrupted(Exception):
    """Ctrl-C or a polite request to end, while a run was being worked on.

    Args:
        run: Its name.
        command: What continues it.
    """

    def __init__(self, run: str, command: str) -> None:
        super().__init__(run)
        self.run, self.command = run, command


class Output:
    """Prints for people on stdout; with `--json` on stderr, and the object on stdout.

    Args:
        as_json: Whether `--json` was given.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    @cached_property
    def console(self) -> Console:
        """The rich console for people."""
        from rich.console import Console

        console = Console(stderr=self.as_json, highlight=False)
        if not console.is_terminal:
            console.width = _WIDTH_OF_FILES
        return console

    def show(self, *parts: RenderableType) -> None:
        """Print for people."""
        from rich.text import Text

        console = self.console
        for part in parts:
            text = Text(part) if isinstance(part, str) else part
            if console.is_terminal:
                console.print(text)
                continue
            with console.capture() as captured:
                console.print(text)
            # Tables are padded to their width, which a file does not need.
            lines = (line.rstrip() for line in captured.get().splitlines())
            print("\n".join(lines), file=console.file)

    def lines(self, text: Text) -> None:
        """Print lines for people as they are, however long."""
        self.console.print(text, soft_wrap=True)

    def result(self, data: Mapping[str, Any], *parts: RenderableType) -> None:
        """Print the outcome: `parts` for people, or `data` with `--json`."""
        if self.as_json:
            print_json(data)
        else:
            self.show(*parts)


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object on one line of stdout."""
    sys.stderr.flush()
    print(json.dumps(data, ensure_ascii=False, allow_nan=False), flush=True)
