"""Takes the reward file out of a model's reply."""

from __future__ import annotations

import ast
import re
import textwrap

_FENCE = re.compile(r"^\s*(?P<mark>`{3,}|~{3,})[ \t]*(?P<tag>[^`]*)$")
_THOUGHT = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_PYTHON = frozenset({"", "py", "python", "python3", "py3"})


def extract_code(text: str) -> str | None:
    """Return the Python file in a reply, None if there is none.

    Asked for is one block fenced as ```python. Taken is, in this order: the longest fenced block
    that parses as Python and has a function; the longest fenced block that could be meant as Python
    (so that its error can be shown to its author); the whole reply if it parses and has a function.
    A fence may be of backticks or tildes, indented, tagged in any way, and left open at the end.
    """
    text = _THOUGHT.sub("", text.replace("\r\n", "\n"))
    blocks = _blocks(text)
    for choice in (
        [code for _, code in blocks if _has_function(code)],
        [code for tag, code in blocks if tag in _PYTHON and code.strip()],
    ):
        if choice:
            return max(choice, key=len)
    whole = text.strip() + "\n"
    return whole if not blocks and _has_function(whole) else None


def _blocks(text: str) -> list[tuple[str, str]]:
    """Return tag and content of each fenced block."""
    blocks: list[tuple[str, list[str]]] = []
    mark = ""  # the fence that is open
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if fence and mark and fence["mark"].startswith(mark) and not fence["tag"].strip():
            mark = ""
        elif fence and (not mark or _opens_python(fence["tag"])):
            # a Python fence inside an open block means that the one before was never closed
            mark = fence["mark"]
            blocks.append((_first_word(fence["tag"]), []))
        elif mark:
            blocks[-1][1].append(line)
    return [(tag, textwrap.dedent("\n".join(lines)).strip("\n") + "\n") for tag, lines in blocks]


def _first_word(tag: str) -> str:
    """Return `python` of `Python title="reward.py"` and of `{.python}`."""
    words = re.findall(r"\w+", tag.lower())
    return words[0] if words else ""


def _opens_python(tag: str) -> bool:
    return _first_word(tag) in _PYTHON - {""}


def _has_function(code: str) -> bool:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.FunctionDef) for node in tree.body)
