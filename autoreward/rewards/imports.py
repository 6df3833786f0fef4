"""The imports that a reward file may have, and what their names stand for."""

from __future__ import annotations

import ast

from autoreward.rewards import vocabulary

_MODULES = frozenset({*vocabulary.TORCH_MODULES, "torch.nn", "math"})
_FOR_TYPES = frozenset({"typing", "collections.abc", "__future__"})
"""Modules whose names appear in annotations only; annotations are never evaluated."""
_LOOP_WORDS = frozenset({"dict", "enumerate", "len", "list", "range", "tuple", "zip"})
"""The rules for loops rely on the meaning of these."""
_HELPERS = "autoreward.rewards.helpers"


def imported(tree: ast.Module) -> dict[str, str]:
    """Return each name that a file's imports bind, with what it stands for: `torch.linalg.norm`."""
    names: dict[str, str] = {"torch": "torch", "math": "math"}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name not in _FOR_TYPES:
                    top = alias.name.partition(".")[0]
                    names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module not in (*_FOR_TYPES, _HELPERS):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def import_problem(node: ast.Import | ast.ImportFrom) -> str:
    """Return which part of an import a reward file may not have; empty if none."""
    for alias in node.names:
        bound = alias.asname or alias.name
        if bound in _LOOP_WORDS or (alias.asname or "").startswith("__"):
            return f"import {alias.name} as {bound}"
    if isinstance(node, ast.Import):
        allowed = _MODULES | _FOR_TYPES
        return next((f"import {a.name}" for a in node.names if a.name not in allowed), "")
    module = node.module or "."
    for alias in node.names:
        path = f"{module}.{alias.name}"
        known = (
            module in _FOR_TYPES
            or (module == _HELPERS and alias.name in vocabulary.HELPERS and not alias.asname)
            or path in _MODULES
            or is_function(path)
            or is_constant(path)
        )
        if node.level or alias.name == "*" or not known:
            return f"from {'.' * node.level}{node.module or ''} import {alias.name}"
    return ""


def is_module(path: str) -> bool:
    """Return whether a dotted path is a module that reward files may use."""
    return path in _MODULES


def is_function(path: str) -> bool:
    """Return whether a dotted path is a function that reward files may call."""
    module, _, name = path.rpartition(".")
    if module == "math":
        return name in vocabulary.MATH_NAMES - vocabulary.MATH_CONSTANTS
    return name in vocabulary.TORCH_MODULES.get(module, ())


def is_constant(path: str) -> bool:
    """Return whether a dotted path is a number, dtype or class that reward files may name."""
    module, _, name = path.rpartition(".")
    constants = {"math": vocabulary.MATH_CONSTANTS, "torch": vocabulary.TORCH_CONSTANTS}
    return name in constants.get(module, ())


def names_of(module: str) -> frozenset[str]:
    """Return what reward files may use of a module."""
    if module == "math":
        return vocabulary.MATH_NAMES
    extra = vocabulary.TORCH_CONSTANTS if module == "torch" else frozenset[str]()
    return vocabulary.TORCH_MODULES.get(module, frozenset[str]()) | extra
