"""The formula policy's grammar: weighted sums of shaped, possibly gated, components.

A formula is one to four terms, each `weight * shape(component)` or `gate(other, threshold) *` that.
Rewards are normalised before training, so a positive factor of the whole formula means nothing: in
normal form the largest |weight| is 1 and the terms stand in a fixed order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from autoreward.rewards.formula import Formula

Kind = Literal["linear", "bell", "tanh"]
KINDS: tuple[Kind, ...] = ("linear", "bell", "tanh")
MAX_TERMS = 4


@dataclass(frozen=True)
class Gate:
    """1 where a component is at least `threshold`, else 0."""

    primitive: str
    threshold: float


@dataclass(frozen=True)
class Term:
    """One summand of a formula."""

    primitive: str
    weight: float
    kind: Kind = "linear"
    center: float = 0.0
    """Of a bell, in the component's unit."""
    width: float = 1.0
    """Sigma of a bell, slope of a tanh."""
    gate: Gate | None = None


Terms = tuple[Term, ...]
Tree = Any
"""A formula as JSON: a number, a component's name, or a list of operator and operands."""


def rounded(value: float) -> float:
    """Return `value` with two significant digits, as formulas are written."""
    return float(f"{value:.2g}")


def normal_form(terms: Sequence[Term], order: Sequence[str]) -> Terms:
    """Return equal terms with the largest |weight| 1, rounded numbers, and in the given order."""
    largest = max(abs(term.weight) for term in terms)
    return tuple(
        replace(
            term,
            weight=rounded(term.weight / largest),
            center=rounded(term.center),
            width=rounded(term.width),
            gate=term.gate and replace(term.gate, threshold=rounded(term.gate.threshold)),
        )
        for term in sorted(terms, key=lambda term: order.index(term.primitive))
    )


def write(terms: Sequence[Term]) -> str:
    """Return the terms in the formula language."""
    text = ""
    for term in terms:
        sign = (
            ("-" if term.weight < 0 else "") if not text else (" - " if term.weight < 0 else " + ")
        )
        text += sign + _write_term(term)
    return text


def _write_term(term: Term) -> str:
    factors = []
    if term.gate is not None:
        factors.append(f"gate({term.gate.primitive}, {term.gate.threshold:g})")
    if abs(term.weight) != 1.0:
        factors.append(f"{abs(term.weight):g}")
    if term.kind == "bell":
        shift = f" {'-' if term.center > 0 else '+'} {abs(term.center):g}" if term.center else ""
        factors.append(f"bell({term.primitive}{shift}, {term.width:g})")
    elif term.kind == "tanh":
        factors.append(f"tanh({term.width:g} * {term.primitive})")
    else:
        factors.append(term.primitive)
    return " * ".join(factors)


def read(formula: Formula) -> Terms | None:
    """Return the terms of a formula, None where it is no sentence of this grammar."""
    terms = tuple(_read_term(sign, tree) for sign, tree in _summands(formula.to_json(), 1.0))
    found = tuple(term for term in terms if term is not None)
    return found if len(found) == len(terms) else None


def _summands(tree: Tree, sign: float) -> Iterator[tuple[float, Tree]]:
    match tree:
        case ["+", left, right]:
            yield from _summands(left, sign)
            yield from _summands(right, sign)
        case ["-", left, right]:
            yield from _summands(left, sign)
            yield from _summands(right, -sign)
        case _:
            yield sign, tree


def _factors(tree: Tree) -> Iterator[Tree]:
    match tree:
        case ["*", left, right]:
            yield from _factors(left)
            yield from _factors(right)
        case ["-", operand]:
            yield -1.0
            yield from _factors(operand)
        case _:
            yield tree


def _read_term(sign: float, tree: Tree) -> Term | None:
    weight, gate, shaped = sign, None, None
    for factor in _factors(tree):
        match factor:
            case int() | float():
                weight *= factor
            case ["gate", str() as high, int() | float() as threshold] if gate is None:
                gate = Gate(high, threshold)
            case _ if shaped is None:
                shaped = _read_shape(factor)
                if shaped is None:
                    return None
            case _:
                return None
    return replace(shaped, weight=weight, gate=gate) if shaped and weight else None


def _read_shape(tree: Tree) -> Term | None:
    match tree:
        case str() as name:
            return Term(name, 1.0)
        case ["tanh", ["*", int() | float() as slope, str() as name]]:
            return Term(name, 1.0, "tanh", width=slope)
        case ["tanh", str() as name]:
            return Term(name, 1.0, "tanh")
        case ["bell", str() as name, int() | float() as sigma]:
            return Term(name, 1.0, "bell", 0.0, sigma)
        case ["bell", ["-", str() as name, int() | float() as center], int() | float() as sigma]:
            return Term(name, 1.0, "bell", center, sigma)
        case ["bell", ["+", str() as name, int() | float() as center], int() | float() as sigma]:
            return Term(name, 1.0, "bell", -center, sigma)
    return None
