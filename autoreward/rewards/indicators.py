"""What kind of thing a component is, by its code: an indicator, a bonus for each step lived."""

from __future__ import annotations

import ast

from autoreward.rewards.source import COMPUTE_REWARD, RewardSource

_FILLED = frozenset({"ones_like", "full_like", "new_ones", "new_full", "ones", "full"})


def bonuses(source: RewardSource) -> frozenset[str]:
    """Return the components that are constant on purpose: a number for each step lived."""
    tree = ast.parse(source.text.removeprefix("\ufeff"))
    names = {part.name for part in source.components}
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return frozenset(f.name for f in functions if f.name in names and _fills(f))


def _fills(function: ast.FunctionDef) -> bool:
    values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return bool(values) and all(
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in _FILLED
        for value in values
    )


def indicators(source: RewardSource) -> frozenset[str]:
    """Return the components that compare, in their own code or in a helper's.

    A rare state alone may change them: success, contact, health.

    The parts of a `compute_reward` file have no code of their own: all or none are.
    """
    tree = ast.parse(source.text.removeprefix("\ufeff"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    comparing = {name for name, node in functions.items() if _compares(node)}
    grown = True
    while grown:
        callers = {
            name for name, node in functions.items() if _names(node) & comparing - {name}
        } - comparing
        comparing |= callers
        grown = bool(callers)
    if COMPUTE_REWARD in comparing:
        return frozenset(part.name for part in source.components)
    return frozenset(part.name for part in source.components if part.name in comparing)


def _compares(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Compare) for node in ast.walk(function))


def _names(function: ast.FunctionDef) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
