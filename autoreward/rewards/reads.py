"""Follows the state, the action and the memory through a reward file's functions, without running.

The answer is exact for the state because the rules let a state do nothing but show its fields, get
another name, and be handed to a function of the same file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

STATES = frozenset({"state", "next_state"})
PARAMETERS = ("state", "action", "next_state", "memory")

Bindings = dict[str, frozenset[str]]
"""Name in a function to what it stands for: names of a component's parameters."""


@dataclass(frozen=True)
class Place:
    """One place where a state field or the action is read."""

    field: str
    """Name of the field; empty for the action."""
    line: int
    entry: int | None = None
    """The literal in `[:, 2]` or `[..., 2]`."""
    row: int | None = None
    """The literal in `[2]`."""


@dataclass(frozen=True)
class Reads:
    """What a function reads, through the functions it calls as well."""

    names: frozenset[str] = frozenset()
    """Parameters of the component that are used."""
    places: frozenset[Place] = frozenset()

    def __or__(self, other: Reads) -> Reads:
        return Reads(self.names | other.names, self.places | other.places)

    @property
    def fields(self) -> frozenset[str]:
        """Names of the state fields that are read."""
        return frozenset(place.field for place in self.places if place.field)


@dataclass
class Tracer:
    """Follows parameters through functions that call each other.

    Args:
        functions: The file's functions by name.
    """

    functions: Mapping[str, ast.FunctionDef]
    stands_for: dict[str, Bindings] = field(default_factory=dict)
    """Function to the names in it that stand for a component's parameter, in any call."""
    escapes: list[ast.Name] = field(default_factory=list)
    """Uses of a state that cannot be followed."""
    _done: dict[tuple[str, tuple[tuple[str, frozenset[str]], ...]], Reads] = field(
        default_factory=dict
    )

    def trace(self, name: str) -> Reads:
        """Return what a function reads when its parameters are those of a component."""
        names = {argument.arg for argument in arguments(self.functions[name])}
        return self._trace(name, {p: frozenset({p}) for p in PARAMETERS if p in names})

    def _trace(self, name: str, given: Bindings) -> Reads:
        key = (name, tuple(sorted(given.items())))
        if key in self._done:
            return self._done[key]
        self._done[key] = Reads()  # ends recursion, which the rules refuse
        function = self.functions[name]
        bindings = _with_aliases(function, given)
        total = self.stands_for.setdefault(name, {})
        for local, roots in bindings.items():
            total[local] = total.get(local, frozenset()) | roots
        reads = Reads()
        for node, above in _with_parents(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                roots = bindings.get(node.id, frozenset())
                if roots:
                    reads |= self._use(node, roots, above)
            elif isinstance(node, ast.Call) and _called(node) in self.functions:
                reads |= self._hand_over(node, bindings)
        self._done[key] = reads
        return reads

    def _use(self, node: ast.Name, roots: frozenset[str], above: list[ast.AST]) -> Reads:
        """Return what one use of a parameter or alias reads, calls left out."""
        parent = above[-1]
        call = above[-2] if isinstance(parent, ast.keyword) else parent
        if isinstance(call, ast.Call) and _called(call) in self.functions and node is not call.func:
            return Reads()
        if not roots & STATES:
            index = _literal_index(parent, node)
            acts = frozenset({Place("", node.lineno, *index)}) if "action" in roots else frozenset()
            return Reads(roots, acts)
        if isinstance(parent, ast.Attribute):
            index = _literal_index(above[-2], parent)
            return Reads(roots, frozenset({Place(parent.attr, node.lineno, *index)}))
        if not _is_alias(parent):
            self.escapes.append(node)
        return Reads(roots)

    def _hand_over(self, call: ast.Call, bindings: Bindings) -> Reads:
        """Return what a call to a function of the file reads of what it is given."""
        name = _called(call)
        parameters = [argument.arg for argument in arguments(self.functions[name])]
        given: Bindings = {}
        lost: frozenset[str] = frozenset()
        pairs = [(str(number), value) for number, value in enumerate(call.args)]
        pairs += [(word.arg or "", word.value) for word in call.keywords]
        for where, value in pairs:
            roots = bindings.get(value.id, frozenset()) if isinstance(value, ast.Name) else None
            if not roots:
                continue
            position = int(where) if where.isdigit() else -1
            target = parameters[position] if 0 <= position < len(parameters) else where
            if target in parameters:
                given[target] = given.get(target, frozenset()) | roots
            else:  # the call itself is wrong
                lost |= roots
        return self._trace(name, given) | Reads(lost)


def arguments(function: ast.FunctionDef) -> list[ast.arg]:
    """Return a function's plain parameters in order."""
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def calls(function: ast.FunctionDef) -> frozenset[str]:
    """Return the names that a function calls."""
    return frozenset(_called(node) for node in ast.walk(function) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _with_parents(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, list[ast.AST]]]:
    """Yield each node of a function's body with the nodes above it; annotations left out."""
    stack: list[tuple[ast.AST, list[ast.AST]]] = [(node, [function]) for node in function.body]
    while stack:
        node, above = stack.pop()
        yield node, above
        skipped = node.annotation if isinstance(node, ast.AnnAssign) else None
        below = [*above[-3:], node]
        stack += [(child, below) for child in ast.iter_child_nodes(node) if child is not skipped]


def _with_aliases(function: ast.FunctionDef, given: Bindings) -> Bindings:
    """Add the other names that the function gives to its states: `s = next_state`."""
    bindings = dict(given)
    changed = True
    while changed:
        changed = False
        for node in ast.walk(function):
            if not _is_alias(node) or not isinstance(node.value, ast.Name):
                continue
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            assert isinstance(target, ast.Name)
            roots = bindings.get(node.value.id, frozenset())
            old = bindings.get(target.id, frozenset())
            if roots & STATES and not roots <= old:
                bindings[target.id] = old | roots
                changed = True
    return bindings


def _is_alias(node: ast.AST) -> TypeGuard[ast.Assign | ast.AnnAssign]:
    """Return whether a statement gives one name to one other name."""
    if isinstance(node, ast.Assign):
        named = len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        return named and isinstance(node.value, ast.Name)
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and isinstance(node.value, ast.Name)
    return False


def _literal_index(parent: ast.AST, value: ast.expr) -> tuple[int | None, int | None]:
    """Return the literal entry and the literal row of `value[...]`, where it has one."""
    if not isinstance(parent, ast.Subscript) or parent.value is not value:
        return None, None
    if not isinstance(parent.slice, ast.Tuple):
        return None, _integer(parent.slice)
    if len(parent.slice.elts) != 2:
        return None, None
    first, last = parent.slice.elts
    whole = isinstance(first, ast.Slice) and first.lower is first.upper is first.step is None
    dots = isinstance(first, ast.Constant) and first.value is ...
    return (_integer(last) if whole or dots else None), None


def _integer(node: ast.expr) -> int | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return sign * node.value
    return None
