"""A formula as a weighted sum: its terms, the numbers inside them, and what could be left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from autoreward.rewards.formula import (
    SMALLEST_DIVISOR,
    Binary,
    Call,
    Component,
    Formula,
    Node,
    Number,
    Unary,
    children,
    print_node,
    walk,
)
from autoreward.rewards.functions import FUNCTIONS


@dataclass(frozen=True)
class Summand:
    """One term of the sum: a number times what is paid for."""

    weight: float
    """Never 0."""
    body: Node | None
    """None for a constant, the same at every step."""

    @property
    def components(self) -> frozenset[str]:
        """Names of the components in it."""
        return components_of(self.body) if self.body is not None else frozenset()

    @property
    def skeleton(self) -> str:
        """Text of the body with its numbers blanked."""
        return print_node(self.body, blank="#") if self.body is not None else ""


def summands(formula: Formula) -> tuple[Summand, ...]:
    """Return the terms that a formula adds up, in its order; without those of weight 0.

    Numbers in front of brackets are multiplied out: `2 * (a - b)` has the terms 2 a and -2 b.
    """
    return tuple(term for term in _flat(formula.root, 1.0) if term.weight)


def weighted_sum(terms: Sequence[Summand]) -> Formula:
    """Return the formula that adds up terms, which are written in their order.

    A weight of 1 is left out; others stand after the gates of their term.

    Raises:
        RewardFileError: Code `formula`: the formula is too large.
        ValueError: There is no term.
    """
    if not terms:
        raise ValueError("a sum needs a term")
    first, *others = terms
    root = _weighted(first.weight, first.body)
    for term in others:
        sign = "-" if term.weight < 0 else "+"
        root = Binary(sign, root, _weighted(abs(term.weight), term.body))
    return Formula(root)


def scale_free(formula: Formula) -> str:
    """Return a text that is equal for formulas that differ by a positive factor alone.

    Rewards are normalised before a policy sees them, so that such formulas are one reward. The
    order of the terms does not count either.
    """
    terms = []
    for term in summands(formula):
        factor, body = (1.0, term.body) if term.body is None else _unscaled(term.body)
        text = "" if body is None else print_node(body)
        terms.append((text, term.weight * factor))
    total = sum(abs(weight) for _, weight in terms)
    return " + ".join(f"{weight / total:.6g} {text}" for text, weight in sorted(terms))


def components_of(node: Node) -> frozenset[str]:
    """Return the names of the components in a part of a formula."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Component))


def numbers_of(node: Node) -> tuple[float, ...]:
    """Return the numbers in a part of a formula, in the order of its text."""
    return tuple(part.value for part in walk(node) if isinstance(part, Number))


def with_numbers(node: Node, values: Sequence[float]) -> Node:
    """Return a part of a formula with other numbers; as many as `numbers_of` gives."""
    rest = iter(values)

    def changed(part: Node) -> Node:
        if isinstance(part, Number):
            return Number(next(rest))
        return _rebuilt(part, [changed(child) for child in children(part)])

    return changed(node)


def gate_thresholds(node: Node) -> dict[int, str]:
    """Return which of `numbers_of` are thresholds of a gate on one component, with its name."""
    found: dict[int, str] = {}
    index = 0
    above: dict[int, str] = {}
    for part in walk(node):
        match part:
            case Call(function="gate", arguments=(Component(name=name), Number() as threshold)):
                above[id(threshold)] = name
            case Number():
                if id(part) in above:
                    found[index] = above[id(part)]
                index += 1
    return found


def factors(node: Node) -> list[Node]:
    """Return what a product multiplies, left to right; the node itself where it is no product."""
    if isinstance(node, Binary) and node.operator == "*":
        return [*factors(node.left), *factors(node.right)]
    return [node]


def is_gate(node: Node) -> bool:
    """Return whether a factor only switches the others on and off."""
    return isinstance(node, Call) and node.function == "gate"


@dataclass(frozen=True)
class Reduction:
    """A part of a formula without one of its pieces."""

    dropped: Node
    rest: Node
    term: bool
    """Whether the piece was a term of a sum, not a factor."""


def reductions(node: Node) -> Iterator[Reduction]:
    """Yield what is left without one term of a sum or one factor, at any depth.

    Only pieces with a component are dropped, and only from others with a component.
    """
    for reduction in _at_top(node):
        if components_of(reduction.dropped) and components_of(reduction.rest):
            yield reduction
    below = _elements(node)
    for i, element in enumerate(below):
        for inner in reductions(element):
            changed = [*below[:i], inner.rest, *below[i + 1 :]]
            yield replace(inner, rest=_joined(node, changed))


def outside_gates(node: Node) -> frozenset[str]:
    """Return the components that a part pays for, without those that only switch it."""
    if isinstance(node, Component):
        return frozenset({node.name})
    if is_gate(node):
        return frozenset()
    return frozenset[str]().union(*map(outside_gates, children(node)))


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """Return a part of a formula with other names for its components."""
    if isinstance(node, Component):
        return Component(names.get(node.name, node.name))
    return _rebuilt(node, [renamed(child, names) for child in children(node)])


def _at_top(node: Node) -> Iterator[Reduction]:
    match node:
        case Binary(operator="+" | "-"):
            terms = _addends(node)
            for i, (_, dropped) in enumerate(terms):
                yield Reduction(dropped, _added(terms[:i] + terms[i + 1 :]), True)
        case Binary(operator="*"):
            parts = factors(node)
            for i, dropped in enumerate(parts):
                yield Reduction(dropped, _multiplied(parts[:i] + parts[i + 1 :]), False)
        case Binary(operator="/", left=left, right=right):
            yield Reduction(right, left, False)
        case Call(function=name, arguments=arguments) if _repeats(name):
            for i, argument in enumerate(arguments):
                others = (*arguments[:i], *arguments[i + 1 :])
                rest = Call(name, others) if len(others) > 1 else others[0]
                yield Reduction(argument, rest, False)


def _elements(node: Node) -> list[Node]:
    """Return all terms of a sum, all factors of a product, or what is right below another node."""
    match node:
        case Binary(operator="+" | "-"):
            return [term for _, term in _addends(node)]
        case Binary(operator="*"):
            return factors(node)
    return list(children(node))


def _joined(node: Node, elements: Sequence[Node]) -> Node:
    """Return a node with other `_elements`."""
    match node:
        case Binary(operator="+" | "-"):
            signs = [sign for sign, _ in _addends(node)]
            return _added(list(zip(signs, elements, strict=True)))
        case Binary(operator="*"):
            return _multiplied(elements)
    return _rebuilt(node, elements)


def _addends(node: Node) -> list[tuple[str, Node]]:
    """Return the terms of a sum with their signs; a sum in brackets on the right is one of them."""
    if isinstance(node, Binary) and node.operator in "+-":
        return [*_addends(node.left), (node.operator, node.right)]
    return [("+", node)]


def _added(terms: Sequence[tuple[str, Node]]) -> Node:
    (sign, first), *others = terms
    root = Unary("-", first) if sign == "-" else first
    for operator, term in others:
        root = Binary(operator, root, term)
    return root


def _multiplied(parts: Sequence[Node]) -> Node:
    return reduce(lambda left, right: Binary("*", left, right), parts)


def _repeats(function: str) -> bool:
    return function in FUNCTIONS and FUNCTIONS[function].more_signals


def _rebuilt(node: Node, below: Sequence[Node]) -> Node:
    match node:
        case Unary(operator=operator):
            return Unary(operator, below[0])
        case Binary(operator=operator):
            return Binary(operator, *below)
        case Call(function=function):
            return Call(function, tuple(below))
    return node


def _flat(node: Node, factor: float) -> Iterator[Summand]:
    weight, body = _pulled(node)
    match body:
        case Binary(operator="+" | "-" as sign, left=left, right=right):
            yield from _flat(left, factor * weight)
            yield from _flat(right, factor * weight * (-1.0 if sign == "-" else 1.0))
        case _:
            yield Summand(factor * weight, body)


def _pulled(node: Node) -> tuple[float, Node | None]:
    """Return the number that a part is multiplied by, and the rest; None for a number alone."""
    match node:
        case Number(value=value):
            return value, None
        case Unary(operand=operand):
            weight, body = _pulled(operand)
            return -weight, body
        case Binary(operator="*", left=left, right=right):
            (a, first), (b, second) = _pulled(left), _pulled(right)
            if first is None or second is None:
                return a * b, first if second is None else second
            return a * b, Binary("*", first, second)
        case Binary(operator="/", left=left, right=right):
            (a, first), (b, second) = _pulled(left), _pulled(right)
            if second is None and abs(b) >= SMALLEST_DIVISOR:
                return a / b, first
            if first is not None:  # the divisor is protected from 0, so it stays what it is
                return a, Binary("/", first, right)
    return 1.0, node


def _unscaled(node: Node) -> tuple[float, Node | None]:
    """Return a positive factor of a part, the largest that its structure shows, and the rest."""
    match node:
        case Binary(operator="*", left=left, right=right):
            (a, first), (b, second) = _unscaled(left), _unscaled(right)
            if first is not None and second is not None:
                return a * b, Binary("*", first, second)
        case Binary(operator="+" | "-"):
            terms = [term for term in _flat(node, 1.0) if term.weight]
            inner = [(1.0, t.body) if t.body is None else _unscaled(t.body) for t in terms]
            weights = [t.weight * factor for t, (factor, _) in zip(terms, inner, strict=True)]
            largest = max(map(abs, weights), default=0.0)
            if largest:
                rest = [
                    Summand(_rounded(weight / largest), body)
                    for weight, (_, body) in zip(weights, inner, strict=True)
                ]
                return largest, weighted_sum(rest).root
        case Call(function="potential", arguments=(phi,)):
            scale, rest_of = _unscaled_potential(phi)
            return scale, Call("potential", (rest_of,))
    return 1.0, node


def _unscaled_potential(phi: Node) -> tuple[float, Node]:
    weight, body = _pulled(phi)
    if body is None:
        return 1.0, phi
    factor, rest = _unscaled(body)
    signed = rest if rest is not None else Number(1.0)
    return abs(weight) * factor, Unary("-", signed) if weight < 0 else signed


def _rounded(value: float) -> float:
    """Return a ratio without the last digits, which depend on the order of the operations."""
    return float(f"{value:.6g}")


def _weighted(weight: float, body: Node | None) -> Node:
    if body is None:
        return Number(weight)
    parts = factors(body)
    if abs(weight) != 1.0:
        gates = next((i for i, part in enumerate(parts) if not is_gate(part)), 0)
        parts.insert(gates, Number(abs(weight)))
    if weight < 0:  # in front of all: -gate(a, 0.5) * 2 * b
        parts[0] = Unary("-", parts[0])
    return _multiplied(parts)
