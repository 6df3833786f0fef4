"""What a loop of a reward file may run over: a few entries that can be counted beforehand."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from autoreward.rewards.constants import LONGEST_RANGE, Numbers, fold
from autoreward.rewards.vocabulary import DICT_METHODS

MOST_NESTED = 2
_FIX = (
    "loop over a literal tuple or list, a constant, or range(number), also with enumerate or zip; "
    "use batched torch for the rest"
)


class Loops:
    """Judges the loops of one function.

    Args:
        function: The function.
        constants: The file's constants.
        numbers: Those of them that are one number.
    """

    def __init__(
        self, function: ast.FunctionDef, constants: frozenset[str], numbers: Numbers
    ) -> None:
        self._values = _assigned(function)
        shadowed = {*self._values, *(argument.arg for argument in function.args.args)}
        self._constants = constants - shadowed
        known: dict[str, float] = {n: v for n, v in numbers.items() if n not in shadowed}
        for name, values in self._values.items():
            number = fold(values[0], known) if len(values) == 1 and values[0] else None
            if number is not None:
                known[name] = number
        self.numbers: Mapping[str, float] = known
        """Constants and locals that stand for one number."""

    def is_dict(self, name: str) -> bool:
        """Return whether a local is a dict made in this function, and nothing else."""
        values = self._values.get(name, [])
        return bool(values) and all(map(_makes_dict, values))

    def problem(self, node: ast.expr, depth: int) -> tuple[str, str] | None:
        """Return what is wrong with looping over `node` as the `depth`-th loop, and what to do."""
        if depth > MOST_NESTED:
            return f"loops are nested deeper than {MOST_NESTED}", "use batched torch"
        if self._counted(node):
            return None
        match node:
            case ast.Call(func=ast.Name(id="range")):
                fix = f"a range may have {LONGEST_RANGE} steps, given by numbers or by x.shape[1]"
                return "a loop's range is too long or not known beforehand", fix
        return "a loop runs over something that cannot be counted beforehand", _FIX

    def _counted(self, node: ast.expr) -> bool:
        match node:
            case ast.Tuple() | ast.List() | ast.ListComp():
                return True
            case ast.Name(id=name):
                return name in self._constants or self._is_sequence(name)
            case ast.Call(func=ast.Name(id="range"), args=parts):
                return bool(parts) and all(map(self._small, parts))
            case ast.Call(func=ast.Name(id="enumerate" | "zip"), args=parts):
                return bool(parts) and all(map(self._counted, parts))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                return method in DICT_METHODS and self.is_dict(name)
        return False

    def _small(self, node: ast.expr) -> bool:
        """Return whether a number of loop steps is known to be small."""
        number = fold(node, self.numbers)
        if number is not None:
            return abs(number) <= LONGEST_RANGE
        match node:
            case ast.Subscript(value=ast.Attribute(attr="shape"), slice=index):
                return _not_the_batch(index)
            case ast.Call(func=ast.Attribute(attr="size"), args=[index]):
                return _not_the_batch(index)
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]):
                return name in self._constants or self._is_sequence(name)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.FloorDiv(), right=right):
                return self._small(left) and self._small(right)
            case ast.Name(id=name):
                values = self._values.get(name, [])
                value = values[0] if len(values) == 1 else None
                return value is not None and not isinstance(value, ast.Name) and self._small(value)
        return False

    def _is_sequence(self, name: str) -> bool:
        values = self._values.get(name, [])
        kinds = ast.List | ast.Tuple | ast.ListComp
        return bool(values) and all(isinstance(value, kinds) for value in values)


def _assigned(function: ast.FunctionDef) -> dict[str, list[ast.expr | None]]:
    """Return what each local is given, None where that is not a plain value."""
    plain: dict[int, ast.expr] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            plain |= {id(target): node.value for target in node.targets}
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            plain[id(node.target)] = node.value
    values: dict[str, list[ast.expr | None]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            values.setdefault(node.id, []).append(plain.get(id(node)))
    return values


def _makes_dict(value: ast.expr | None) -> bool:
    match value:
        case ast.Dict() | ast.Call(func=ast.Name(id="dict"), args=[], keywords=[]):
            return True
    return False


def _not_the_batch(index: ast.expr) -> bool:
    return ast.unparse(index) in ("1", "-1")
