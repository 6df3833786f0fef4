"""What changed between two reward files."""

from __future__ import annotations

import difflib

from rich.text import Text

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def code_diff(first: str, second: str, name_first: str, name_second: str) -> str:
    """Return a unified diff; empty where the texts are equal."""
    lines = difflib.unified_diff(
        first.splitlines(), second.splitlines(), name_first, name_second, lineterm=""
    )
    return "\n".join(lines)


def coloured(diff: str) -> Text:
    """Return a diff with added lines green and removed ones red."""
    text = Text()
    for number, line in enumerate(diff.splitlines()):
        style = "bold" if number < 2 else _STYLES.get(line[:1], "")
        text.append(f"{line}\n", style)
    text.rstrip()
    return text
