"""The tree of a formula: its nodes, its canonical form, its text and its JSON form."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from autoreward.errors import RewardFileError

MAX_DEPTH = 40
MAX_NODES = 200

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Number:
    """A number as it stands in the formula; may be negative, is finite."""

    value: float


@dataclass(frozen=True)
class Component:
    """The value of a component of the reward file."""

    name: str


@dataclass(frozen=True)
class Unary:
    """`-operand`."""

    operator: str
    operand: Node


@dataclass(frozen=True)
class Binary:
    """`left operator right`, operator one of + - * /."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    """`function(arguments…)`."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Component | Unary | Binary | Call


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below `node`, left to right."""
    match node:
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Call(arguments=arguments):
            return arguments
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield `node` and everything below it, parents first, left to right."""
    yield node
    for child in children(node):
        yield from walk(child)


def print_node(node: Node, blank: str = "") -> str:
    """Return the text of a canonical tree, with numbers written as `blank` if it is given."""
    match node:
        case Number(value=value):
            return blank or repr(value).removesuffix(".0")
        case Component(name=name):
            return name
        case Unary(operand=operand):
            return "-" + _enclosed(operand, blank, isinstance(operand, Binary))
        case Binary(operator=operator, left=left, right=right):
            # Operators of one precedence group to the left, so the right one needs parentheses.
            level = _PRECEDENCE[operator]
            left_text = _enclosed(left, blank, _level(left) < level)
            return f"{left_text} {operator} {_enclosed(right, blank, _level(right) <= level)}"
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(print_node(a, blank) for a in arguments)})"


def _enclosed(node: Node, blank: str, parentheses: bool) -> str:
    text = print_node(node, blank)
    return f"({text})" if parentheses else text


def _level(node: Node) -> int:
    return _PRECEDENCE[node.operator] if isinstance(node, Binary) else 3


def formula_error(message: str) -> RewardFileError:
    """Return the error of a formula that breaks the rules."""
    return RewardFileError(message, code="formula")


def check_size(root: Node) -> None:
    """Refuse trees beyond the caps, without recursion."""
    waiting, count = [(root, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise formula_error(
                f"the formula is nested deeper than {MAX_DEPTH}; compute parts of it in components"
            )
        if count > MAX_NODES:
            raise formula_error(
                f"the formula has more than {MAX_NODES} parts; compute some in components"
            )
        waiting += [(child, depth + 1) for child in children(node)]


def canonical(node: Node) -> Node:
    """Return the tree that its own text parses to.

    Raises:
        RewardFileError: Code `formula`: no text stands for this tree.
    """
    match node:
        case Number(value=value):
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise formula_error(f"{value!r} is not a number")
            return Number(_finite(value))
        case Component(name=name):
            return Component(_checked_name(name))
        case Unary(operator="-", operand=operand):
            inner = canonical(operand)
            return Number(_finite(-inner.value)) if isinstance(inner, Number) else Unary("-", inner)
        case Binary(operator=operator, left=left, right=right) if operator in _PRECEDENCE:
            return Binary(operator, canonical(left), canonical(right))
        case Call(function=function, arguments=arguments):
            return Call(_checked_name(function), tuple(map(canonical, arguments)))
    raise formula_error(f"{node!r} is no part of a formula")


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise formula_error("numbers must be finite")
    return number + 0.0  # makes -0.0 into 0.0


def is_name(text: str) -> bool:
    """Return whether a component or function can have this name."""
    return bool(_NAME.fullmatch(text)) and not keyword.iskeyword(text)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not is_name(name):
        raise formula_error(f"{name!r} is no name that a component or function can have")
    return name


def to_json(node: Node) -> Any:
    """Return the tree as JSON values: number, name, or list of operator and operands."""
    match node:
        case Number(value=value):
            return value
        case Component(name=name):
            return name
        case Unary(operator=operator) | Binary(operator=operator) | Call(function=operator):
            return [operator, *map(to_json, children(node))]


def from_json(data: Any, depth: int = 1) -> Node:
    """Rebuild a tree from `to_json`.

    Raises:
        RewardFileError: Code `formula`: not such a tree.
    """
    if depth > MAX_DEPTH:
        raise formula_error(f"the formula is nested deeper than {MAX_DEPTH}")
    match data:
        case str():
            return Component(data)
        case int() | float():
            return Number(data)
        case [str() as head, *rest]:
            parts = tuple(from_json(part, depth + 1) for part in rest)
            if head == "-" and len(parts) == 1:
                return Unary("-", parts[0])
            if head in _PRECEDENCE and len(parts) == 2:
                return Binary(head, parts[0], parts[1])
            return Call(head, parts)
    raise formula_error(f"a value of type {type(data).__name__} is no part of a formula")
