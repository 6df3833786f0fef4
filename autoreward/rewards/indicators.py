"""Which components compare: success, contact, health. A rare state alone may change them."""

from __future__ import annotations

import ast

from autoreward.rewards.source import COMPUTE_REWARD, RewardSource


def indicators(source: RewardSource) -> frozenset[str]:
    """Return the components that compare, in their own code or in a helper's.

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
