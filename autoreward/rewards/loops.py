"""How long the loops and lists of a reward file can get, counted without running it."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeGuard

from autoreward.rewards.constants import LONGEST_RANGE, Numbers, fold
from autoreward.rewards.reads import arguments
from autoreward.rewards.vocabulary import DICT_METHODS

MOST_NESTED = 2
USUAL_ENTRIES = 64
"""Entries per row that a loop over `x.shape[1]` is taken to have: robots have fewer joints."""
_LONGEST_CHAIN = 5
"""Names that may be defined by each other, one after the other."""
_FIX = (
    "loop over a literal tuple or list, a constant, or range(number), also with enumerate or zip; "
    "use batched torch for the rest"
)

Values = dict[str, list[ast.expr | None]]
"""Local to what it is given, None where that is not a plain value."""


class Loops:
    """Counts the loops of one function.

    Args:
        function: The function.
        constants: The file's constants with their number of entries.
        numbers: Those of them that are one number.
    """

    def __init__(
        self, function: ast.FunctionDef, constants: Mapping[str, int], numbers: Numbers
    ) -> None:
        self._values = _assigned(function)
        self._constants = {n: v for n, v in constants.items() if n not in self._values}
        self._grown = _appended(function)
        self._keys = _written_keys(function)
        self._counts: dict[str, float] = {}
        self._limits: dict[str, float] = {}
        self._chain = 0
        known: dict[str, float] = {n: v for n, v in numbers.items() if n not in self._values}
        for name, values in self._values.items():
            number = fold(values[0], known) if len(values) == 1 and values[0] else None
            if number is not None:
                known[name] = number
        self.numbers: Numbers = known
        """Constants and locals that stand for one number."""

    def is_dict(self, name: str) -> bool:
        """Return whether a local is a dict made in this function, and nothing else."""
        values = self._values.get(name, [])
        return bool(values) and all(map(_makes_dict, values))

    def is_list(self, name: str) -> bool:
        """Return whether a local is a list made in this function, and nothing else."""
        values = self._values.get(name, [])
        return bool(values) and all(map(_makes_list, values))

    def entries(self, node: ast.expr) -> float:
        """Return how many entries a loop over `node` has at most; inf where nobody knows."""
        match node:
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return len(parts)
            case ast.ListComp(generators=parts) | ast.GeneratorExp(generators=parts):
                return self._product(part.iter for part in parts)
            case ast.Name(id=name) if self.is_dict(name):
                return self._dict_entries(name)
            case ast.Name(id=name):
                return self._of(name) if name in self._values else self._outside(name)
            case ast.Call(func=ast.Name(id="range"), args=parts):
                return self._steps(parts)
            case ast.Call(func=ast.Name(id="enumerate"), args=[first, *_]):
                return self.entries(first)
            case ast.Call(func=ast.Name(id="zip"), args=[_, *_] as parts):
                counts = [self.entries(part) for part in parts]
                return min(counts) if math.inf not in counts else math.inf
            case ast.Call(func=ast.Name(id="list" | "tuple"), args=parts, keywords=[]):
                return self.entries(parts[0]) if parts else 0
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                if method in DICT_METHODS and self.is_dict(name):
                    return self._dict_entries(name)
        return math.inf

    def problem(self, node: ast.expr, depth: int) -> tuple[str, str] | None:
        """Return what is wrong with looping over `node` as the `depth`-th loop, and what to do."""
        if depth > MOST_NESTED:
            return f"loops are nested deeper than {MOST_NESTED}", "use batched torch"
        if self.entries(node) < math.inf:
            return None
        match node:
            case ast.Call(func=ast.Name(id="range")):
                fix = f"a range may have {LONGEST_RANGE} steps, given by numbers or by x.shape[1]"
                return "a loop's range is too long or not known beforehand", fix
            case ast.Name(id=name) if self.is_list(name):
                fix = "append to it in loops over something else"
                return f"nobody can count beforehand how long the list {name} gets", fix
        return "a loop runs over something that cannot be counted beforehand", _FIX

    def _outside(self, name: str) -> float:
        return self._constants.get(name, math.inf)

    def _product(self, nodes: Iterable[ast.expr]) -> float:
        counts = [float(self.entries(node)) for node in nodes]  # floats cannot grow without bound
        return math.prod(counts) if math.inf not in counts else math.inf

    def _of(self, name: str) -> float:
        """Return how long a local sequence gets, with everything appended."""
        if name not in self._counts:
            self._counts[name] = math.inf  # for whoever asks on the way: it grows by itself
            self._counts[name] = self._within_chain(name, self._sequence)
        return self._counts[name]

    def _sequence(self, name: str) -> float:
        values = [v for v in self._values[name] if _makes_list(v) or isinstance(v, ast.Tuple)]
        values += [v for v in self._values[name] if _calls(v, "tuple")]
        if len(values) < len(self._values[name]):
            return math.inf
        first = max(self.entries(value) for value in values if value is not None)
        return first + sum(self._product(loops) for loops in self._grown.get(name, ()))

    def _dict_entries(self, name: str) -> float:
        written = len(self._keys.get(name, ()))
        made = 0
        for value in self._values[name]:
            if isinstance(value, ast.Dict):
                made = max(made, len(value.keys))
            elif isinstance(value, ast.Call):
                made = max(made, len(value.keywords))
        return made + written

    def _steps(self, parts: list[ast.expr]) -> float:
        """Return how many steps a range has at most."""
        limits = [self._limit(part) for part in parts]
        if not limits or not all(limit <= LONGEST_RANGE for limit in limits):
            return math.inf
        numbers = [fold(part, self.numbers) for part in parts]
        known = [int(number) for number in numbers if number is not None]
        if len(known) == len(parts) <= 3 and 0 not in known[2:]:
            return len(range(*known))
        upward = len(parts) == 2 and numbers[0] is not None and numbers[0] >= 0
        return limits[1] if upward else sum(limits[:2])

    def _limit(self, node: ast.expr) -> float:
        """Return the largest number, by amount, that an end of a range can be; inf if unknown."""
        number = fold(node, self.numbers)
        if number is not None:
            return abs(number)
        match node:
            case ast.Subscript(value=ast.Attribute(attr="shape"), slice=index):
                return USUAL_ENTRIES if _not_the_batch(index) else math.inf
            case ast.Call(func=ast.Attribute(attr="size"), args=[index]):
                return USUAL_ENTRIES if _not_the_batch(index) else math.inf
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name() as counted]):
                return self.entries(counted)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                return self._limit(left) + self._limit(right)
            case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
                return self._limit(left) if self._limit(right) < math.inf else math.inf
            case ast.Name(id=name) if len(self._values.get(name, ())) == 1:
                if name not in self._limits:
                    self._limits[name] = math.inf  # for whoever asks on the way
                    self._limits[name] = self._within_chain(name, self._limit_of)
                return self._limits[name]
        return math.inf

    def _limit_of(self, name: str) -> float:
        value = self._values[name][0]
        return math.inf if value is None else self._limit(value)

    def _within_chain(self, name: str, count: Callable[[str], float]) -> float:
        """Count what a name stands for, unless too many names lead to it: that would recurse."""
        if self._chain >= _LONGEST_CHAIN:
            return math.inf
        self._chain += 1
        try:
            return count(name)
        finally:
            self._chain -= 1


def _assigned(function: ast.FunctionDef) -> Values:
    """Return what each local is given; a parameter is given something that nobody knows."""
    plain: dict[int, ast.expr] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            shared = len(node.targets) > 1 and _makes_list(node.value)  # one list, two names
            plain |= {id(target): node.value for target in node.targets if not shared}
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            plain[id(node.target)] = node.value
    values: Values = {argument.arg: [None] for argument in arguments(function)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            values.setdefault(node.id, []).append(plain.get(id(node)))
    return values


def _appended(function: ast.FunctionDef) -> dict[str, list[tuple[ast.expr, ...]]]:
    """Return, for each list, the loops around every place that appends to it."""
    found: dict[str, list[tuple[ast.expr, ...]]] = {}
    stack: list[tuple[ast.AST, tuple[ast.expr, ...]]] = [(node, ()) for node in function.body]
    while stack:
        node, loops = stack.pop()
        match node:
            case ast.For(iter=iterated):
                loops = (*loops, iterated)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append")):
                found.setdefault(name, []).append(loops)
        stack += [(child, loops) for child in ast.iter_child_nodes(node)]
    return found


def _written_keys(function: ast.FunctionDef) -> dict[str, set[object]]:
    """Return the literal keys that are written to each name."""
    found: dict[str, set[object]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
                if isinstance(node.ctx, ast.Store):
                    found.setdefault(name, set()).add(key)
    return found


def _makes_dict(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Dict) or (_calls(value, "dict") and not value.args)


def _makes_list(value: ast.expr | None) -> bool:
    return isinstance(value, ast.List | ast.ListComp) or _calls(value, "list")


def _calls(value: ast.expr | None, name: str) -> TypeGuard[ast.Call]:
    return (
        isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == name
    )


def _not_the_batch(index: ast.expr) -> bool:
    return ast.unparse(index) in ("1", "-1")
