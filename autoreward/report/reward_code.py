"""A reward file's components as part of an export: the designer's own text where possible."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from pathlib import Path

from autoreward.errors import UsageError
from autoreward.report.lifting import SourceFile
from autoreward.rewards import vocabulary
from autoreward.rewards.normal_form import is_formula
from autoreward.rewards.source import RewardSource

_HELPERS_FILE = Path(vocabulary.__file__).with_name("helpers.py")
_HELPERS_MODULE = "autoreward.rewards.helpers"


@dataclass(frozen=True)
class RewardCode:
    """The code of a reward file, without what only autoreward understands."""

    helpers: str
    """autoreward's helper functions that it uses."""
    components: str
    """Its own functions and constants."""


def reward_code(source: RewardSource, taken: frozenset[str]) -> RewardCode:
    """Return the code of a reward file for a module of its own.

    Imports of autoreward, the module's docstring and FORMULA are left out, and `x += y` becomes
    `x = x + y`, as it means in a jail. Everything else stays as it is written.

    Args:
        source: The reward file.
        taken: Names that the module around it defines.

    Raises:
        UsageError: It defines a name that is taken.
    """
    tree = ast.parse(source.text)
    own = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    own |= {
        node.id
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    helpers = sorted((read & vocabulary.HELPERS.keys()) - own)
    lifted = SourceFile(_HELPERS_FILE.read_text(encoding="utf-8"), _HELPERS_FILE.name)
    helper_code = lifted.functions(helpers).statements if helpers else ""
    brought = _defined(helper_code)
    if clash := sorted((own - {"FORMULA"}) & (taken | brought)):
        raise UsageError(
            f"cannot export: {', '.join(clash)} in the reward file is also a name of the exported "
            "file; rename it in a copy, `autoreward evaluate` that, and export the new run"
        )
    return RewardCode(helper_code, _edited(source.text, tree))


def _defined(code: str) -> set[str]:
    body = ast.parse(code).body
    names = {n.name for n in body if isinstance(n, ast.FunctionDef)}
    for statement in body:
        if isinstance(statement, ast.Assign):
            names |= {t.id for t in statement.targets if isinstance(t, ast.Name)}
    return names - set(dir(builtins))


def _edited(text: str, tree: ast.Module) -> str:
    """Return the text with statements dropped and in-place operators written out."""
    lines = text.splitlines()
    dropped: set[int] = set()
    for statement in tree.body:
        if _is_dropped(statement, first=statement is tree.body[0]):
            dropped |= set(range(statement.lineno, (statement.end_lineno or 0) + 1))
    for node in _in_place(tree):
        _write_out(lines, node, text)
    kept = [line for number, line in enumerate(lines, start=1) if number not in dropped]
    return "\n".join(kept).strip("\n")


def _is_dropped(statement: ast.stmt, first: bool) -> bool:
    if first and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    if isinstance(statement, ast.ImportFrom):
        return statement.module in ("__future__", _HELPERS_MODULE)
    if isinstance(statement, ast.Import):
        plain = ("torch", "math")
        return all(alias.name in plain and not alias.asname for alias in statement.names)
    return is_formula(statement)


def _in_place(tree: ast.Module) -> list[ast.AugAssign]:
    """Return the in-place operators, the last one first: editing it moves no other."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.AugAssign)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset), reverse=True)


def _write_out(lines: list[str], node: ast.AugAssign, text: str) -> None:
    """Replace `x += y` by `x = x + (y)` between its own first and last column."""
    target = ast.get_source_segment(text, node.target) or ast.unparse(node.target)
    value = ast.get_source_segment(text, node.value) or ast.unparse(node.value)
    operator = ast.unparse(ast.BinOp(ast.Name("a"), node.op, ast.Name("b")))[2:-2]
    simple = isinstance(node.value, ast.Name | ast.Constant | ast.Call | ast.Attribute)
    written = f"{target} = {target} {operator} {value if simple else f'({value})'}"
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    head = lines[first].encode()[: node.col_offset].decode()
    tail = lines[last].encode()[node.end_col_offset or 0 :].decode()
    replacement = (head + written + tail).split("\n")
    # The number of lines must stay the same: other statements are found by theirs.
    replacement += [""] * (last - first + 1 - len(replacement))
    lines[first : last + 1] = replacement
