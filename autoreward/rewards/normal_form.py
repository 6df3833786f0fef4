"""The normal form of a reward file: what stays when wording and spelling are taken away.

Two files with one normal form are the same reward; two with one skeleton differ in numbers alone.
"""

from __future__ import annotations

import ast
import copy
import hashlib

from autoreward.rewards.formula import Formula
from autoreward.rewards.reads import arguments

_PLACES = frozenset({"dim", "axis", "dims", "dim0", "dim1", "keepdim", "diagonal"})
"""Keywords whose numbers say where, not how much: the skeleton keeps them."""


def components_text(tree: ast.Module) -> str:
    """Return the file's code without comments, docstrings, annotations and its FORMULA."""
    return ast.unparse(_bare(tree))


def identity(tree: ast.Module, formula: Formula | None) -> str:
    """Return 12 hex digits that stand for the file's normal form.

    Comments, docstrings, imports, names of locals, spelling of numbers and the order of functions
    do not count.
    """
    return _digest(_normal(tree, blank=False), "" if formula is None else formula.identity)


def skeleton(tree: ast.Module, formula: Formula | None) -> str:
    """Return 12 hex digits of the normal form with numbers blanked, but for indices."""
    return _digest(_normal(tree, blank=True), "" if formula is None else formula.skeleton)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a body's statements after its docstring."""
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return body[1:]
    return body


def is_formula(statement: ast.stmt) -> bool:
    """Return whether a module-level statement is `FORMULA = …`."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return any(isinstance(target, ast.Name) and target.id == "FORMULA" for target in targets)


def _bare(tree: ast.Module) -> ast.Module:
    bare: ast.Module = _Strip().visit(copy.deepcopy(tree))
    bare.body = [s for s in without_docstring(bare.body) if not is_formula(s)]
    return ast.fix_missing_locations(bare)


def _normal(tree: ast.Module, blank: bool) -> str:
    parts = []
    for statement in _bare(tree).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            # The usual spellings say nothing; another name for something does.
            names = [f"{alias.name}>{alias.asname}" for alias in statement.names if alias.asname]
            parts += [name for name in names if name != "torch.nn.functional>F"]
            continue
        if isinstance(statement, ast.FunctionDef):
            _rename_locals(statement)
        parts.append(ast.unparse(_Numbers(blank).visit(statement)))
    return "\n".join(sorted(parts))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def _rename_locals(function: ast.FunctionDef) -> None:
    """Give a function's locals numbers for names; parameters keep theirs, calls may use them."""
    names: dict[str, str] = {}
    fixed = {argument.arg for argument in arguments(function)}
    stored = sorted(
        (n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)),
        key=lambda node: (node.lineno, node.col_offset),
    )
    for node in stored:
        if node.id not in fixed:
            names.setdefault(node.id, f"local_{len(names)}")
    for name in ast.walk(function):
        if isinstance(name, ast.Name) and name.id in names:
            name.id = names[name.id]


class _Strip(ast.NodeTransformer):
    """Takes docstrings and annotations away."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.body = without_docstring(node.body) or [ast.Pass()]
        node.returns = None
        for argument in arguments(node):
            argument.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)


class _Numbers(ast.NodeTransformer):
    """Writes numbers in one spelling, or blanks those that are not indices."""

    def __init__(self, blank: bool) -> None:
        self.blank = blank

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            node.value = 0.0 if self.blank else float(node.value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        node.value = self.visit(node.value)
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        if node.arg not in _PLACES:
            node.value = self.visit(node.value)
        return node
