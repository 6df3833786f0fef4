"""Works out what number an expression of a reward file stands for, within bounds."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence

from autoreward.rewards.vocabulary import MATH_CONSTANTS, MATH_NAMES

LARGEST_INTEGER = 10**9
LARGEST_RESULT = 1e12
LARGEST_EXPONENT = 100
LARGEST_SIZE = 100_000
"""Most elements that literal sizes may ask for."""
LONGEST_RANGE = 200

Numbers = Mapping[str, float]
"""Name to its number, where it has only one."""


def _power(base: float, exponent: float) -> float:
    """Return a power, worked out in floats: those never grow without bound."""
    power = math.pow(base, exponent)
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return int(power) if whole and abs(power) < LARGEST_RESULT else power


_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    name: getattr(math, name) for name in MATH_NAMES - MATH_CONSTANTS
}
_NAMED = {"inf": math.inf, "pi": math.pi, "e": math.e, "tau": math.tau}


def fold(node: ast.expr, numbers: Numbers) -> float | None:
    """Return the number that an expression stands for, None if it is not constant.

    A result that floats cannot hold counts as infinite.
    """
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value if abs(value) < LARGEST_RESULT else math.copysign(math.inf, value)
        return None
    if isinstance(node, ast.Name):
        return numbers.get(node.id, math.inf if node.id == "inf" else None)
    if isinstance(node, ast.Attribute):
        of_math = isinstance(node.value, ast.Name) and node.value.id in ("math", "torch")
        return _NAMED.get(node.attr) if of_math else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = fold(node.operand, numbers)
        return -inner if inner is not None and isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _worked_out(_OPERATORS[type(node.op)], (node.left, node.right), numbers)
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr=name), keywords=[]):
            if name in _FUNCTIONS:
                return _worked_out(_FUNCTIONS[name], node.args, numbers)
    return None


def _worked_out(
    function: Callable[..., float], nodes: Sequence[ast.expr], numbers: Numbers
) -> float | None:
    values = [fold(node, numbers) for node in nodes]
    if None in values:
        return None
    try:
        result = function(*values)
    except OverflowError:
        return math.inf
    except (ZeroDivisionError, ValueError):
        return math.nan
    except TypeError:  # not its number of arguments
        return None
    return None if isinstance(result, bool) else result


def number_problem(node: ast.expr, numbers: Numbers) -> tuple[str, str] | None:
    """Return what is wrong with a literal, a power or a constant sum, and what to do instead."""
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            return "a whole number is larger than 1e9", "scale the quantity"
        if isinstance(value, float) and not math.isfinite(value):
            return "a number is too large for a float", "use `inf` if you mean infinity"
        return None
    if not isinstance(node, ast.BinOp):
        return None
    if isinstance(node.op, ast.Pow):
        exponent = fold(node.right, numbers)
        if exponent is None and isinstance(fold(node.left, numbers), float):
            return None  # a whole number to the power of another could grow without bound
        if exponent is None:
            fix = "use torch.pow(x, y) for tensors, or a base with a decimal point: 2.0 ** x"
            return "the exponent of `**` must be a number", fix
        if not abs(exponent) <= LARGEST_EXPONENT:
            return f"an exponent is larger than {LARGEST_EXPONENT}", "use a small power"
    result = fold(node, numbers)
    if result is None:
        return None
    infinite = math.isinf(result) and _mentions_infinity(node)
    if not abs(result) <= LARGEST_RESULT and not infinite:
        return "a constant is larger than 1e12 or undefined", "use a smaller number"
    return None


def asked_size(call: ast.Call, name: str, numbers: Numbers) -> float:
    """Return how many elements the literal sizes in a call ask for, at least."""
    sizes = list(call.args)
    if name in ("full", "new_full"):
        sizes = sizes[:1]  # the second one is a value
    sizes += [word.value for word in call.keywords if word.arg not in ("value", "fill_value")]
    product = 1.0
    while sizes:
        node = sizes.pop()
        if isinstance(node, ast.Tuple | ast.List):
            sizes += node.elts
            continue
        number = fold(node, numbers)
        if number is not None and not abs(number) <= 1:
            product *= abs(number)
    return product


def _mentions_infinity(node: ast.expr) -> bool:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    names |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    return "inf" in names
