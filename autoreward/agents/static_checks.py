"""What the text of a reward shows about its meaning, without running it: small check classes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from autoreward.findings import Finding
from autoreward.rewards.formula import Binary, Component, Formula, Node, Number, Unary
from autoreward.rewards.indicators import indicators
from autoreward.rewards.source import ComponentSource, RewardSource
from autoreward.schema import StateSchema

_REDUCTIONS = frozenset(
    {"mean", "sum", "norm", "max", "min", "amax", "amin", "std", "var", "prod", "all", "any"}
    | {"median", "logsumexp", "vector_norm"}
)
_KEPT = frozenset(
    {"abs", "square", "sqrt", "exp", "log", "tanh", "sin", "cos", "clamp", "clip", "pow"}
    | {"float", "neg", "sigmoid", "relu"}
)
"""Methods and functions that keep the rows."""
_STATES = frozenset({"state", "next_state"})


@dataclass(frozen=True)
class Reading:
    """A reward file that keeps the rules, and what it is for."""

    source: RewardSource
    schema: StateSchema
    task_text: str
    """What the robot shall do, in a person's words; may be empty."""


class StaticCheck(Protocol):
    """Looks at one file."""

    def find(self, reading: Reading) -> Iterator[Finding]:
        """Yield what is wrong."""


class WholeBatch:
    """A reduction without `dim` of a state field or the action: it mixes the rows of the batch."""

    def find(self, reading: Reading) -> Iterator[Finding]:
        """See `StaticCheck`."""
        for function in ast.parse(reading.source.text.removeprefix("\ufeff")).body:
            if isinstance(function, ast.FunctionDef):
                yield from self._in(function)

    def _in(self, function: ast.FunctionDef) -> Iterator[Finding]:
        batched = {"action"} & {argument.arg for argument in function.args.args}
        for statement in function.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and (name := _whole_reduction(node, batched)):
                    yield Finding(
                        "batch-mixing",
                        "error",
                        f"{name} without a dimension reduces over the whole batch",
                        f"line {node.lineno}",
                        "reduce over the last dimension: dim=-1",
                    )
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if isinstance(target, ast.Name):
                    rows = _has_rows(statement.value, batched)
                    batched = batched | {target.id} if rows else batched - {target.id}


def _whole_reduction(call: ast.Call, batched: set[str]) -> str:
    """Return the name of a reduction over all dimensions of a batched value, or ''."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _REDUCTIONS:
        return ""
    if any(word.arg in ("dim", "axis", "ord", "p") or word.arg is None for word in call.keywords):
        return ""
    name, owner = call.func.attr, call.func.value
    if _has_rows(owner, batched) and not call.args:
        return f".{name}()"
    module = ast.unparse(owner)
    if module in ("torch", "torch.linalg", "linalg") and len(call.args) == 1:
        return f"{module}.{name}" if _has_rows(call.args[0], batched) else ""
    return ""


def _has_rows(node: ast.expr, batched: set[str]) -> bool:
    """Return whether a value surely has one row for each row of the batch."""
    match node:
        case ast.Name(id=name):
            return name in batched
        case ast.Attribute(value=ast.Name(id=name)):
            return name in _STATES
        case ast.UnaryOp(operand=operand):
            return _has_rows(operand, batched)
        case ast.BinOp(left=left, right=right):
            return _has_rows(left, batched) or _has_rows(right, batched)
        case ast.Compare(left=left):
            return _has_rows(left, batched)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=name), args=[first, *_]):
            return name in _KEPT and _has_rows(first, batched)
        case ast.Call(func=ast.Attribute(value=owner, attr=name)):
            return name in _KEPT and _has_rows(owner, batched)
    return False


_HOLDING = re.compile(r"\b(keep|stay|hold|lie|lying|stand|balance|rest|remain|hover)\b", re.I)
"""Words of tasks that are about being in a state, not about getting somewhere."""


class RawScore:
    """A dense score of a state, paid again at every step spent there, beside other components.

    As a potential it guides as well and cannot change what is best (Ng et al. 1999). Where the task
    is to hold a state, paying for it at every step is right.
    """

    def find(self, reading: Reading) -> Iterator[Finding]:
        """See `StaticCheck`."""
        formula = reading.source.formula
        if formula is None or len(formula.components) < 2 or reading.source.kind != "components":
            return
        if _HOLDING.search(reading.task_text):
            return
        parts = {part.name: part for part in reading.source.components}
        rare = indicators(reading.source)
        raw = [
            name
            for name in dict.fromkeys(_paid(formula.root, 1.0))
            if name in parts and self._is_score(parts[name], reading.schema) and name not in rare
        ]
        if raw:
            yield Finding(
                "dense-score",
                "note",
                f"{', '.join(raw)} scores a state, not a motion, and is paid at every step there",
                str(formula),
                f"if it shall only show the way: potential({raw[0]})",
            )

    def _is_score(self, part: ComponentSource, schema: StateSchema) -> bool:
        if len(part.reads) != 1 or not part.reads <= _STATES:
            return False
        units = [schema.field(name).unit for name in part.state_fields if name in schema.names]
        return bool(units) and all(unit in ("m", "rad", "1") for unit in units)


def _paid(node: Node, sign: float) -> Iterator[str]:
    """Yield the components that stand in a formula as a plain positive term."""
    match node:
        case Component(name=name) if sign > 0:
            yield name
        case Unary(operand=operand):
            yield from _paid(operand, -sign)
        case Binary(operator="+" | "-" as operator, left=left, right=right):
            yield from _paid(left, sign)
            yield from _paid(right, sign if operator == "+" else -sign)
        case (
            Binary(operator="*", left=Number(value=number), right=other)
            | Binary(operator="*", left=other, right=Number(value=number))
        ):
            yield from _paid(other, sign * number)
        case Binary(operator="/", left=other, right=Number(value=number)):
            yield from _paid(other, sign * number)


@dataclass(frozen=True)
class _Topic:
    """What a task text may name, and the fields that say something about it."""

    name: str
    asked: re.Pattern[str]
    fields: re.Pattern[str]
    motion: bool = False
    """Whether the change of a position between the two states says it, too."""


_TOPICS = (
    _Topic(
        "height",
        re.compile(r"\b(height|high|higher|highest|jump\w*|leap\w*)\b"),
        re.compile(r"height|clearance|vertical|position|_z\b|contact"),
    ),
    _Topic(
        "pitch",
        re.compile(r"\b(pitch|backflips?|front ?flips?|flips?|somersaults?|tilt)\b"),
        re.compile(r"pitch|axis|upright|orientation|angular|angle"),
    ),
    _Topic(
        "upright",
        re.compile(r"\bupright\b"),
        re.compile(r"pitch|axis|upright|orient|angle|height|tip"),
    ),
    _Topic(
        "speed",
        re.compile(r"\b(speed|velocity|fast|faster|fastest|quick\w*)\b"),
        re.compile(r"velocity|speed|rate|approach"),
        motion=True,
    ),
    _Topic(
        "contact",
        re.compile(r"\b(contacts?|touch(es|ing)?|(feet|foot) on the ground)\b"),
        re.compile(r"contact|clearance|foot_height|foot_position|distance"),
    ),
    _Topic(
        "target",
        re.compile(r"\b(target|goal|reach)\b"),
        re.compile(r"target|goal|distance|approach|position"),
    ),
)


class UnusedState:
    """The task names a quantity of the state that no component in the formula reads."""

    def find(self, reading: Reading) -> Iterator[Finding]:
        """See `StaticCheck`."""
        formula = reading.source.formula
        if formula is None or not reading.task_text:
            return
        used = _used(reading.source, formula)
        read = {name for part in used for name in part.state_fields}
        both = {name for part in used if part.reads >= _STATES for name in part.state_fields}
        text = reading.task_text.lower()
        for topic in _TOPICS:
            asked = topic.asked.search(text)
            suitable = [
                n for n in reading.schema.names if topic.fields.search(n) and n[:6] != "joint_"
            ]
            if not asked or not suitable or read & set(suitable):
                continue
            if topic.motion and any(reading.schema.field(n).unit == "m" for n in both if n in read):
                continue
            yield Finding(
                "unused-state",
                "warning",
                f"the task speaks of {asked.group(0)!r}, but no component in the formula reads a "
                f"field of that meaning",
                f"fields: {', '.join(suitable)}",
                f"measure {suitable[0]} or say why it does not matter",
            )


def _used(source: RewardSource, formula: Formula) -> list[ComponentSource]:
    if source.kind == "compute_reward":
        return list(source.components)
    return [part for part in source.components if part.name in formula.components]


CHECKS: tuple[StaticCheck, ...] = (WholeBatch(), RawScore(), UnusedState())
