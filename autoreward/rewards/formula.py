"""The formula that combines a reward's components, and its type rules.

A formula is arithmetic (`+ - * /`), numbers, component names and calls of the functions in
`functions`. Text is turned into a tree and never run as code. Many texts give one tree (in its
canonical form), and printing a tree gives the one text that stands for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from autoreward.errors import did_you_mean
from autoreward.findings import Finding
from autoreward.rewards.functions import FUNCTIONS
from autoreward.rewards.nodes import (
    Binary,
    Call,
    Component,
    Node,
    Number,
    Unary,
    canonical,
    check_size,
    children,
    formula_error,
    from_json,
    print_node,
    to_json,
    walk,
)
from autoreward.rewards.parser import parse_tree

__all__ = [
    "Binary",
    "Call",
    "Component",
    "Formula",
    "Node",
    "Number",
    "Unary",
    "check_formula",
    "children",
    "parse_formula",
    "print_node",
    "walk",
]

MAX_CHARACTERS = 2000
# What float32 still carries after a few products; a number beyond it is a slip.
LARGEST_NUMBER = 1e9
SMALLEST_NUMBER = 1e-9
SMALLEST_DIVISOR = 1e-6
"""Divisors nearer to 0 are replaced by this when a formula is evaluated."""


@dataclass(frozen=True)
class Formula:
    """A formula in canonical form: no sign in front of a number but its own, no negative zero.

    Raises:
        RewardFileError: Code `formula`: too large, or a tree that no text stands for.
    """

    root: Node

    def __post_init__(self) -> None:
        check_size(self.root)
        object.__setattr__(self, "root", canonical(self.root))
        if len(str(self)) > MAX_CHARACTERS:
            raise formula_error(f"the formula is longer than {MAX_CHARACTERS} characters")

    def __str__(self) -> str:
        """Print with as few parentheses as give the same tree back."""
        return print_node(self.root)

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components used, in order of first use."""
        names = (node.name for node in walk(self.root) if isinstance(node, Component))
        return tuple(dict.fromkeys(names))

    @property
    def size(self) -> int:
        """Number of nodes of the tree."""
        return sum(1 for _ in walk(self.root))

    @property
    def identity(self) -> str:
        """12 hex digits that two formulas share if they are the same, however they are spelled."""
        return _digest(str(self))

    @property
    def skeleton(self) -> str:
        """12 hex digits that two formulas share if they differ in numbers alone."""
        return _digest(print_node(self.root, blank="#"))

    def to_json(self) -> Any:
        """Return the tree as JSON values: number, name, or list of operator and operands."""
        return to_json(self.root)

    @classmethod
    def from_json(cls, data: Any) -> Formula:
        """Rebuild a formula from `to_json`.

        Raises:
            RewardFileError: Code `formula`: not such a tree.
        """
        return cls(from_json(data))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def parse_formula(text: str) -> Formula:
    """Read a formula.

    Args:
        text: E.g. `gate(upright, 0.5) * forward - 0.05 * effort`; at most 2000 characters.

    Returns:
        Its tree. Names are not checked here, see `check_formula`.

    Raises:
        RewardFileError: Code `formula`: not a formula; says the column and what to do.
    """
    if len(text) > MAX_CHARACTERS:
        raise formula_error(f"the formula is longer than {MAX_CHARACTERS} characters")
    return Formula(parse_tree(text))


def check_formula(formula: Formula, components: Mapping[str, Set[str]]) -> list[Finding]:
    """Apply the type rules.

    Args:
        formula: The formula.
        components: What each component of the reward file reads: some of `state`, `action`,
            `next_state`, `memory`.

    Returns:
        What is wrong, each thing once; nothing is run.
    """
    found = list(_problems(formula.root, components, shaping=False))
    if not formula.components:
        message = "the formula uses no component, so every behaviour is paid alike"
        found.append(_finding(message, formula.root, "use at least one component"))
    found += _misplaced_shaping(formula.root, added=True)
    return list(dict.fromkeys(found))


def _problems(node: Node, components: Mapping[str, Set[str]], shaping: bool) -> Iterator[Finding]:
    """Yield the errors in `node`; `shaping` means it stands inside potential."""
    match node:
        case Number(value=value):
            if value and not SMALLEST_NUMBER <= abs(value) <= LARGEST_NUMBER:
                fix = f"use 0 or a size from {SMALLEST_NUMBER:g} to {LARGEST_NUMBER:g}"
                yield _finding("a number too large or too small for rewards", node, fix)
        case Component():
            yield from _component_problems(node, components, shaping)
        case Call():
            yield from _call_problems(node, components, shaping)
        case Binary(operator="/", right=divisor):
            known = _constant(divisor)
            if known is not None and abs(known) < SMALLEST_DIVISOR:
                yield _finding("division by zero", node, "divide by another number")
    shaping = shaping or (isinstance(node, Call) and node.function == "potential")
    for child in children(node):
        yield from _problems(child, components, shaping)


def _component_problems(
    node: Component, components: Mapping[str, Set[str]], shaping: bool
) -> Iterator[Finding]:
    name = node.name
    if name not in components:
        if name in FUNCTIONS:
            message, fix = f"{name} is a function", f"write {FUNCTIONS[name].signature}"
        else:
            message = f"there is no component {name!r}{did_you_mean(name, components)}"
            fix = "use the name of a public function of the reward file"
        yield Finding("unknown-name", "error", message, name, fix)
    elif shaping and (other := sorted(components[name] - {"next_state"})):
        message = f"potential takes scores of the next state; {name} reads {', '.join(other)}"
        yield _finding(message, node, "make it read next_state alone")


def _call_problems(
    node: Call, components: Mapping[str, Set[str]], shaping: bool
) -> Iterator[Finding]:
    name, arguments = node.function, node.arguments
    function = FUNCTIONS.get(name)
    if function is None:
        if name in components:
            message, fix = f"{name} is a component, not a function", f"write {name} alone"
        else:
            message, fix = f"there is no function {name!r}{did_you_mean(name, FUNCTIONS)}", ""
        yield Finding("unknown-name", "error", message, print_node(node), fix)
        return
    if shaping and name in ("potential", "normalize"):
        reason = "changes during training" if name == "normalize" else "is shaping already"
        message = f"{name} cannot stand inside potential: it {reason}"
        yield _finding(message, node, "bound the score with clip, tanh, bell or par instead")
    if not function.accepts(len(arguments)):
        message = f"{name} does not take {len(arguments)} arguments"
        yield _finding(message, node, f"write {function.signature}")
        return
    numbers = []
    for index, argument in enumerate(arguments):
        if not function.takes_number(index):
            continue
        if isinstance(argument, Number):
            numbers.append(argument.value)
        else:
            message = f"argument {index + 1} of {name} must be a plain number"
            yield _finding(message, node, f"write {function.signature}, e.g. 0.5 for a number")
            return
    if problem := function.problem(numbers):
        yield _finding(f"{name}: {problem}", node, f"write {function.signature}")


def _misplaced_shaping(node: Node, added: bool) -> Iterator[Finding]:
    """Warn of potential(...) where it is not a term of the sum times a number."""
    if isinstance(node, Call) and node.function == "potential":
        if not added:
            message = "potential keeps the best policy the best only as a term of a sum"
            yield Finding("shaping", "warning", message, print_node(node), "add it to the formula")
        return
    for index, child in enumerate(children(node)):
        stays = isinstance(node, Unary)
        if isinstance(node, Binary):
            other = (node.right, node.left)[index]
            scales = node.operator == "*" or (node.operator == "/" and index == 0)
            stays = node.operator in "+-" or (scales and _constant(other) is not None)
        yield from _misplaced_shaping(child, added and stays)


def _constant(node: Node) -> float | None:
    """Return the value of an expression of numbers alone, None of any other."""
    match node:
        case Number(value=value):
            return value
        case Unary(operand=operand):
            inner = _constant(operand)
            return None if inner is None else -inner
        case Binary(operator=operator, left=left, right=right):
            a, b = _constant(left), _constant(right)
            if a is None or b is None:
                return None
            if operator == "/":
                return a / b if abs(b) >= SMALLEST_DIVISOR else None
            return {"+": a + b, "-": a - b, "*": a * b}[operator]
    return None


def _finding(message: str, node: Node, suggestion: str) -> Finding:
    return Finding("formula", "error", message, print_node(node), suggestion)
