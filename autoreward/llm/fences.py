"""Takes the reward file out of a model's reply."""

from __future__ import annotations

import ast
import re
import textwrap

_FENCE = re.compile(r"^\s*(?P<mark>`{3,}|~{3,})[ \t]*(?P<tag>[^`]*)$")
_THOUGHT = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_ORPHAN = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL)
"""Thoughts whose opening mark the server kept for itself."""
_FORMULA = re.compile(
    r"^[ \t]*`{0,3}(?P<line>FORMULA[ \t]*=[ \t]*(?P<quote>[\"'])[^\"'\n]+(?P=quote))`{0,3}[ \t]*$",
    re.MULTILINE,
)
_FIRST_CODE = re.compile(r'^("""|import |from \w+ import |def |[A-Z_]+ = )', re.MULTILINE)
_PYTHON = frozenset({"", "py", "python", "python3", "py3"})


def extract_code(text: str) -> str | None:
    """Return the Python file in a reply, None if there is none.

    Asked for is one block fenced as ```python. Taken is, in this order: the last fenced block that
    parses as Python and has functions and a FORMULA; the longest that has functions, together with
    the FORMULA that stands in another block or beside the blocks, if any; the longest that could be
    meant as Python (so that its error can be shown to its author); without fences, the whole reply,
    or its part from the first line of code to the FORMULA.
    A fence may be of backticks or tildes, indented, tagged in any way, and left open at the end.
    """
    text = _ORPHAN.sub("", _THOUGHT.sub("", text.replace("\r\n", "\n")))
    blocks = _blocks(text)
    if complete := [code for _, code in blocks if _is_complete(code)]:
        return complete[-1]
    if joined := _joined(text, [code for _, code in blocks]):
        return joined
    for choice in (
        [code for _, code in blocks if _has_function(code)],
        [code for tag, code in blocks if tag in _PYTHON and code.strip()],
    ):
        if choice:
            return max(choice, key=len)
    if blocks:
        return None
    whole = text.strip() + "\n"
    return whole if _has_function(whole) else _bare(text)


def _joined(text: str, blocks: list[str]) -> str | None:
    """Return the file that came in pieces, None if the pieces make no complete file."""
    pieces = [code for code in blocks if _parses(code)]
    names = [name for code in pieces for name in _functions(code)]
    candidates = ["\n\n".join(pieces)] if len(names) == len(set(names)) else []
    formula = _FORMULA.search(text)
    if formula and (longest := max(filter(_has_function, blocks), key=len, default="")):
        candidates.append(f"{longest}\n\n{formula['line'].strip()}\n")
    return next((code for code in candidates if _is_complete(code)), None)


def _bare(text: str) -> str | None:
    """Return the file in a reply without fences, None if there is none that is complete."""
    start, end = _FIRST_CODE.search(text), list(_FORMULA.finditer(text))
    if start is None or not end:
        return None
    code = text[start.start() : end[-1].end()].strip() + "\n"
    return code if _is_complete(code) else None


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
    return bool(_functions(code))


def _functions(code: str) -> list[str]:
    """Return the names of the top-level functions; none if the code does not parse."""
    return [node.name for node in _body(code) if isinstance(node, ast.FunctionDef)]


def _is_complete(code: str) -> bool:
    """Return whether the code parses and has both functions and a FORMULA."""
    targets = [t for node in _body(code) if isinstance(node, ast.Assign) for t in node.targets]
    formula = any(isinstance(target, ast.Name) and target.id == "FORMULA" for target in targets)
    return formula and _has_function(code)


def _parses(code: str) -> bool:
    return bool(_body(code))


def _body(code: str) -> list[ast.stmt]:
    """Return the statements of a file; none if it does not parse."""
    try:
        return ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
