"""Turns a formula into plain torch code, for exports."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from types import ModuleType

from autoreward.report.lifting import SourceFile
from autoreward.rewards import combinators, transforms
from autoreward.rewards.formula import (
    SMALLEST_DIVISOR,
    Binary,
    Call,
    Component,
    Formula,
    Node,
    Number,
    Unary,
    print_node,
    walk,
)
from autoreward.rewards.function import PointwiseFunction
from autoreward.rewards.functions import FUNCTIONS

_WIDTH = 92


@dataclass(frozen=True)
class FormulaCode:
    """A formula as Python text."""

    functions: str
    """The functions it uses, as `formula_NAME(signals, numbers)`."""
    body: str
    """Statements that end in `return`: reads `values`, `at_state`, `terminated`, `gamma` and
    `moments`."""
    normalizes: bool
    """Whether it keeps running moments."""
    divides: bool
    """Whether it needs the protected division."""


def formula_code(formula: Formula) -> FormulaCode:
    """Return a formula as Python code over torch tensors."""
    writer = _Writer()
    result = writer.signal(formula.root)
    lines = [*writer.statements, *_return(formula.root, result, writer)]
    used = {node.function for node in walk(formula.root) if isinstance(node, Call)}
    return FormulaCode(
        functions="\n\n\n".join(_function(name) for name in FUNCTIONS if _is_pointwise(name, used)),
        body="\n".join(lines),
        normalizes="normalize" in used,
        divides=writer.divides,
    )


@dataclass
class _Writer:
    """Writes expressions; what must be computed once goes into statements before them."""

    statements: list[str] = field(default_factory=list)
    normalized: dict[str, str] = field(default_factory=dict)
    shapings: dict[str, str] = field(default_factory=dict)
    divides: bool = False
    _values: str = "values"

    def signal(self, node: Node) -> str:
        """Return an expression that is a tensor."""
        return f"number({node.value!r}, terminated)" if isinstance(node, Number) else self.of(node)

    def of(self, node: Node) -> str:
        """Return an expression for a node; a number stays a Python number."""
        match node:
            case Number(value=value):
                return repr(value)
            case Component(name=name):
                return f'{self._values}["{name}"]'
            case Unary(operand=operand):
                text = self.of(operand)
                return f"-({text})" if isinstance(operand, Binary) else f"-{text}"
            case Binary(operator=operator, left=left, right=right):
                return self._binary(operator, left, right)
            case Call(function="normalize", arguments=(inner,)):
                return self._normalize(print_node(node), inner)
            case Call(function="potential", arguments=(phi,)):
                return self._potential(phi)
            case Call(function=name, arguments=arguments):
                return self._call(name, arguments)

    def _binary(self, operator: str, left: Node, right: Node) -> str:
        if operator == "/":
            small = isinstance(right, Number) and abs(right.value) < SMALLEST_DIVISOR
            if isinstance(right, Number) and not small:
                return f"{self._enclosed(left, 2)} / {right.value!r}"
            self.divides = True
            return f"divide({self.signal(left)}, {self.signal(right)})"
        constant = isinstance(left, Number) and isinstance(right, Number)
        level = 1 if operator in "+-" else 2
        first = self.signal(left) if constant else self._enclosed(left, level)
        return f"{first} {operator} {self._enclosed(right, level + 1)}"

    def _enclosed(self, node: Node, level: int) -> str:
        """Return an expression in parentheses if it binds less than `level`."""
        text = self.of(node)
        mine = 3
        if isinstance(node, Binary) and not text.startswith("divide("):
            mine = 1 if node.operator in "+-" else 2
        return f"({text})" if mine < level else text

    def _call(self, name: str, arguments: tuple[Node, ...]) -> str:
        function = FUNCTIONS[name]
        signals, numbers = [], []
        for index, argument in enumerate(arguments):
            if function.takes_number(index):
                assert isinstance(argument, Number)
                numbers.append(argument.value)
            else:
                signals.append(self.signal(argument))
        missing = len(function.numbers) - len(numbers)
        if 0 < missing <= len(function.defaults):
            numbers += function.defaults[-missing:]
        given = ", ".join(map(repr, numbers))
        return f"formula_{name}([{', '.join(signals)}], [{given}])"

    def _normalize(self, text: str, inner: Node) -> str:
        if text not in self.normalized:
            value = self.signal(inner)
            name = f"normalized_{len(self.normalized) + 1}"
            self.statements += [
                f'running = moments.setdefault("{text}", Moments())',
                f"signal = {value}",
                "running.update(signal)",
                f"{name} = running.normalize(signal)",
            ]
            self.normalized[text] = name
        return self.normalized[text]

    def _potential(self, phi: Node) -> str:
        text = print_node(phi)
        if text not in self.shapings:
            after = self.signal(phi)
            self._values = "at_state"
            before = self.signal(phi)
            self._values = "values"
            name = f"shaping_{len(self.shapings) + 1}"
            self.statements += [
                f"after, before = {after}, {before}",
                f"{name} = gamma * torch.where(terminated, 0.0, after) - before",
            ]
            self.shapings[text] = name
        return self.shapings[text]


def _return(root: Node, result: str, writer: _Writer) -> list[str]:
    """Return the last statement, over several lines where the formula is a long sum."""
    if len(result) <= _WIDTH or not isinstance(root, Binary) or root.operator not in "+-":
        return [f"reward = {result}", "return reward.expand(terminated.shape).float()"]
    terms: list[tuple[str, Node]] = []
    node: Node = root
    while isinstance(node, Binary) and node.operator in "+-":
        terms.insert(0, (node.operator, node.right))
        node = node.left
    lines = [f"reward = {writer.signal(node)}"]
    for operator, term in terms:
        text = writer.of(term)
        is_sum = isinstance(term, Binary) and term.operator in "+-"
        lines.append(f"reward = reward {operator} {f'({text})' if is_sum else text}")
    return [*lines, "return reward.expand(terminated.shape).float()"]


def _is_pointwise(name: str, used: set[str]) -> bool:
    return name in used and isinstance(FUNCTIONS[name], PointwiseFunction)


def _function(name: str) -> str:
    """Return a formula function as plain code: its class's `compute`, word for word."""
    kind = type(FUNCTIONS[name])
    module = {m.__name__: m for m in (transforms, combinators)}[kind.__module__]
    source = _source(module)
    lines = source.method(kind.__name__, "compute").splitlines()
    tree = ast.parse("\n".join(lines)).body[0]
    assert isinstance(tree, ast.FunctionDef)
    first = tree.body[1] if ast.get_docstring(tree) else tree.body[0]
    doc = (inspect.getdoc(kind) or "").splitlines()[0]
    body = "\n".join(lines[first.lineno - 1 :])
    comments = lines[tree.body[0].end_lineno or 0 : first.lineno - 1]
    head = [f"def formula_{name}(signals, numbers):", f'    """{doc}"""']
    return "\n".join([*head, *comments, body])


def _source(module: ModuleType) -> SourceFile:
    assert module.__file__
    with open(module.__file__, encoding="utf-8") as file:
        return SourceFile(file.read(), module.__name__)
