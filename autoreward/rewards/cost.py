"""How much work one call of a reward can be, counted without running it.

Loops multiply, also through functions that call each other. The count is a bound on the Python
statements, operators and calls; how large the tensors in them are is the jail's business.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter

from autoreward.rewards.loops import Loops
from autoreward.rewards.violations import Violation

MOST_STEPS = 200_000
"""Statements, operators and calls that one call of a component may come to."""
DEEPEST_CALLS = 50
"""Functions that may call each other, one inside the other."""

Graph = Mapping[str, frozenset[str]]
"""Function to the functions of the same file that it calls; no cycles."""

_OPERATIONS = (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Subscript)


def check_depth(functions: Mapping[str, ast.FunctionDef], graph: Graph) -> Iterator[Violation]:
    """Check how deep functions call each other."""
    depths: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        depths[name] = 1 + max((depths[called] for called in graph[name]), default=0)
        if depths[name] == DEEPEST_CALLS + 1:
            yield Violation(
                functions[name].lineno,
                f"{name} starts a chain of more than {DEEPEST_CALLS} functions that call each "
                "other",
                "write the same with fewer helpers",
            )


def check_steps(
    functions: Mapping[str, ast.FunctionDef], graph: Graph, loops: Mapping[str, Loops]
) -> Iterator[Violation]:
    """Check how much work a call of each function can be; callers of a bad one are not blamed."""
    steps: dict[str, float] = {}
    for name in TopologicalSorter(graph).static_order():
        steps[name] = _Count(loops[name], steps).statements(functions[name].body)
        if steps[name] > MOST_STEPS:
            many = f"{steps[name]:,.0f}" if steps[name] < 1e9 else "over a billion"
            yield Violation(
                functions[name].lineno,
                f"one call of {name} can come to {many} steps, more than {MOST_STEPS:,}",
                "use batched torch instead of loops in loops, and fewer calls",
            )
            steps[name] = 1


class _Count:
    """Counts the steps in a function whose callees are counted already."""

    def __init__(self, loops: Loops, steps: Mapping[str, float]) -> None:
        self._loops, self._steps = loops, steps

    def statements(self, body: list[ast.stmt]) -> float:
        return sum(map(self._statement, body))

    def _statement(self, node: ast.stmt) -> float:
        match node:
            case ast.For(iter=iterated, body=body):
                return (
                    1 + self._node(iterated) + self._rounds(iterated) * (1 + self.statements(body))
                )
            case ast.If(test=test, body=then, orelse=otherwise):
                branches = self.statements(then), self.statements(otherwise)
                return 1 + self._node(test) + max(branches)
        return 1 + sum(map(self._node, ast.iter_child_nodes(node)))

    def _node(self, node: ast.AST) -> float:
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return self._comprehension(node.elt, node.generators)
        steps = float(isinstance(node, _OPERATIONS))
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                steps += self._steps.get(node.func.id, 0)
            handed = map(self._loops.entries, node.args)  # torch.stack(values) goes through them
            steps += sum(count for count in handed if count < math.inf)
        return steps + sum(map(self._node, ast.iter_child_nodes(node)))

    def _comprehension(self, element: ast.expr, generators: list[ast.comprehension]) -> float:
        steps = 1 + self._node(element)
        for part in reversed(generators):
            steps += 1 + sum(map(self._node, part.ifs))
            steps = self._node(part.iter) + self._rounds(part.iter) * steps
        return steps

    def _rounds(self, iterated: ast.expr) -> float:
        """Return how often a loop runs; a loop that cannot be counted is refused elsewhere."""
        count = self._loops.entries(iterated)
        return float(count) if count < math.inf else 1.0
