"""The rules for what stands inside a reward file's functions."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autoreward.rewards import vocabulary
from autoreward.rewards.constants import LARGEST_SIZE, Numbers, asked_size, number_problem
from autoreward.rewards.imports import is_constant, is_function, is_module, names_of
from autoreward.rewards.loops import Loops
from autoreward.rewards.reads import STATES, Bindings, arguments
from autoreward.rewards.violations import FORBIDDEN_NODES, Violation, instead_of

_OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult,
    ast.BitAnd, ast.BitOr, ast.BitXor,
)  # fmt: skip
_SEQUENCES = (ast.List, ast.Tuple, ast.ListComp, ast.Dict)
_USE_WHERE = "build the values with torch.where, torch.stack or torch.cat"


@dataclass(frozen=True)
class Scope:
    """What a function of a reward file finds around it."""

    functions: Mapping[str, ast.FunctionDef]
    imports: Mapping[str, str]
    """Imported name to its dotted path."""
    constants: frozenset[str]
    numbers: Numbers
    """The constants that are one number."""
    stands_for: Bindings
    """Names in the function that stand for parameters of a component."""
    unused: bool
    """Whether no component needs it, so that nobody knows what its parameters are."""


class BodyRules:
    """Checks one function.

    Args:
        function: The function.
        scope: What is around it.
    """

    def __init__(self, function: ast.FunctionDef, scope: Scope) -> None:
        self.function, self.scope = function, scope
        self.found: list[Violation] = []
        self.states = {name for name, roots in scope.stands_for.items() if roots & STATES}
        self.memories = {name for name, roots in scope.stands_for.items() if "memory" in roots}
        self.unknown_kind = {a.arg for a in arguments(function)} if scope.unused else set()
        stored = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
        self.locals = {n.id for n in stored if isinstance(n.ctx, ast.Store)}
        self.locals |= {argument.arg for argument in arguments(function)}
        self.loops = Loops(function, scope.constants, scope.numbers)

    def check(self) -> list[Violation]:
        """Return the broken rules in the function's body."""
        self.statements(self.function.body)
        returns = [n for n in ast.walk(self.function) if isinstance(n, ast.Return)]
        if not returns:
            self.say(
                self.function,
                f"{self.function.name} returns nothing",
                "end it with `return` and a tensor",
                code="missing-return",
            )
        return self.found

    def say(self, node: ast.stmt | ast.expr, what: str, fix: str, code: str = "forbidden") -> None:
        """Note a broken rule."""
        self.found.append(Violation(node.lineno, what, fix, code))

    def statements(self, body: Iterable[ast.stmt], depth: int = 0) -> None:
        """Check a block; `depth` is the number of loops around it."""
        for node in body:
            match node:
                case ast.Return(value=None):
                    fix = "return a tensor with one value per row"
                    self.say(node, "`return` without a value", fix, code="missing-return")
                case ast.Return(value=ast.expr() as value):
                    self.expression(value)
                case ast.Assign(targets=targets, value=value):
                    self.expression(value)
                    for target in targets:
                        self.target(target, value)
                case ast.AnnAssign(target=target, value=assigned):
                    if assigned is not None:
                        self.expression(assigned)
                    self.target(target, assigned)
                case ast.AugAssign(target=target, op=operator, value=value):
                    self.expression(ast.copy_location(_as_sum(target, operator, value), node))
                    self.target(target, None)
                case ast.Expr(value=value):
                    if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
                        self.expression(value)
                case ast.If(test=test, body=then, orelse=otherwise):
                    self.expression(test)
                    self.statements(then, depth)
                    self.statements(otherwise, depth)
                case ast.For():
                    self.loop(node, depth)
                case ast.Break() | ast.Continue() if not depth:
                    self.say(node, "`break` or `continue` outside a loop", "drop it")
                case ast.Pass() | ast.Break() | ast.Continue():
                    pass
                case _:
                    self.forbidden(node)

    def loop(self, node: ast.For, depth: int) -> None:
        """Check a `for` and its body."""
        self.iterable(node.iter, depth + 1)
        self.target(node.target, None)
        if node.orelse:
            self.say(node, "`else` on a loop is not allowed", "put it after the loop")
        self.statements(node.body, depth + 1)

    def iterable(self, node: ast.expr, depth: int) -> None:
        """Check what a loop runs over."""
        problem = self.loops.problem(node, depth)
        if problem:
            self.say(node, *problem)
        else:
            self.expression(node, iterated=True)

    def target(self, node: ast.expr, value: ast.expr | None) -> None:
        """Check what a statement binds."""
        match node:
            case ast.Name(id=name):
                if name.startswith("__") or name in ("torch", "math"):
                    self.say(node, f"the name {name!r} is reserved", "choose another")
                alias = isinstance(value, ast.Name) and value.id in self.states
                if name in self.memories or (name in self.states and not alias):
                    fix = "use another name for the new value"
                    self.say(node, f"{name} gets another meaning", fix)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self.target(part, None)
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                self.index(index)
                text = isinstance(index, ast.Constant) and isinstance(index.value, str)
                if name not in self.memories and not (text and self.loops.is_dict(name)):
                    self.say(node, f"writing into {name}[...] changes it in place", _USE_WHERE)
            case ast.Attribute(attr=name):
                self.say(
                    node,
                    f"assigning to the attribute {name!r} is not allowed",
                    "states are read-only: keep the value in a local variable",
                )
            case _:
                self.say(node, "writing into a part of a value changes it in place", _USE_WHERE)

    def expression(self, node: ast.expr, iterated: bool = False) -> None:
        """Check an expression; `iterated` where a loop runs over it."""
        problem = number_problem(node, self.loops.numbers)
        if problem:
            self.say(node, *problem)
        match node:
            case ast.Constant(value=value):
                if isinstance(value, str | bytes | complex) or value is ...:
                    fix = "texts serve as keys and options of torch functions only"
                    self.say(node, f"the literal {value!r:.30} has no use here", fix)
            case ast.Name():
                self.name(node)
            case ast.Attribute():
                self.attribute(node)
            case ast.Call():
                self.call(node, iterated)
            case ast.Subscript(value=value, slice=index):
                if not self._is_memory(value):
                    self.expression(value)
                self.index(index)
            case ast.BinOp(left=left, op=operator, right=right):
                self.operation(node, operator, (left, right))
            case ast.UnaryOp(operand=operand):
                self.expression(operand)
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                self.expressions(parts)
            case ast.Compare(left=left, ops=operators, comparators=rest):
                self.option(left)
                for comparison, part in zip(operators, rest, strict=True):
                    member = isinstance(comparison, ast.In | ast.NotIn)
                    if not (member and self._is_memory(part)):
                        self.option(part)
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                self.expressions((test, then, otherwise))
            case ast.Dict(keys=keys, values=values):
                for key in keys:
                    if key is None:
                        self.say(node, "`**` unpacking is not allowed", "write the entries out")
                    else:
                        self.option(key)
                self.expressions(values)
            case ast.ListComp(elt=element, generators=generators):
                for depth, generator in enumerate(generators):
                    self.iterable(generator.iter, depth + 1)
                    self.target(generator.target, None)
                    self.expressions(generator.ifs)
                self.expression(element)
            case _:
                self.forbidden(node)

    def expressions(self, nodes: Iterable[ast.expr]) -> None:
        """Check several expressions."""
        for node in nodes:
            self.expression(node)

    def option(self, node: ast.expr) -> None:
        """Check an expression in a place where a short text may stand."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if len(node.value) > 100:
                self.say(node, "a text is longer than 100 characters", "use a short key")
        else:
            self.expression(node)

    def operation(
        self, node: ast.BinOp, operator: ast.operator, sides: tuple[ast.expr, ast.expr]
    ) -> None:
        """Check `left operator right`."""
        if not isinstance(operator, _OPERATORS):
            self.say(node, "bit shifts are not allowed", "multiply or divide by a number")
        for side in sides:
            if isinstance(side, _SEQUENCES):
                fix = "write the entries out, or use tensors"
                self.say(node, "arithmetic on a list, tuple or dict", fix)
            self.expression(side)

    def index(self, node: ast.expr) -> None:
        """Check what stands in `[...]`."""
        match node:
            case ast.Tuple(elts=parts):
                for part in parts:
                    self.index(part)
            case ast.Slice(lower=lower, upper=upper, step=step):
                self.expressions(part for part in (lower, upper, step) if part is not None)
            case ast.Constant(value=value) if value is ...:
                pass
            case _:
                self.option(node)

    def name(self, node: ast.Name) -> None:
        """Check a name that is read as a value."""
        name, scope = node.id, self.scope
        path = scope.imports.get(name, "")
        if name in self.memories:
            fix = 'use memory["key"], memory.get("key", default) or `"key" in memory`'
            self.say(node, "memory is used as a whole", fix)
        elif name in self.locals or name in scope.constants or name in ("inf", "pi"):
            if name.startswith("__"):
                self.say(node, f"the name {name!r} is reserved", "choose another")
        elif is_constant(path):
            pass
        elif name == "FORMULA" or is_module(path):
            self.say(node, f"{name} is used as a value", "use it where it belongs only")
        elif self._is_callable(name):
            self.say(node, f"the function {name} is used as a value", "call it where it is needed")
        else:
            self.unknown(node)

    def unknown(self, node: ast.Name) -> None:
        """Say that a name stands for nothing that a reward file may use."""
        if hasattr(builtins, node.id):
            fix = instead_of(node.id, (), "use torch, math and the helpers")
            self.say(node, f"{node.id} is not allowed", fix)
            return
        known = self.locals | self.scope.constants | self.scope.functions.keys()
        known |= vocabulary.HELPERS.keys() | vocabulary.BUILTINS | self.scope.imports.keys()
        fix = instead_of(node.id, known, "use torch, math, the helpers or your own names")
        self.say(node, f"the name {node.id!r} is not available", fix, code="unknown-name")

    def attribute(self, node: ast.Attribute) -> None:
        """Check `value.name` that is not called."""
        name, path = node.attr, self.path(node)
        if name.startswith("_"):
            self.say(node, f"the private attribute {name!r} is not allowed", "use public names")
        elif path:
            if is_function(path):
                self.say(node, f"the function {path} is used as a value", "call it where needed")
            elif not is_constant(path):
                self.unavailable(node, path)
        elif isinstance(node.value, ast.Name) and node.value.id in self.states | self.unknown_kind:
            return
        elif name in vocabulary.TENSOR_PROPERTIES:
            self.expression(node.value)
        elif name in vocabulary.TENSOR_METHODS:
            self.say(node, f"the method {name} is used as a value", f"call it: .{name}()")
        else:
            known = vocabulary.TENSOR_PROPERTIES | vocabulary.TENSOR_METHODS
            fix = "tensors have shape, dtype and methods; fields belong to state and next_state"
            self.say(node, f"the attribute {name!r} is not available", instead_of(name, known, fix))

    def call(self, node: ast.Call, iterated: bool) -> None:
        """Check a call and what it is given."""
        name = ""
        match node.func:
            case ast.Name(id=name):
                self.called_name(node.func, iterated)
            case ast.Attribute(value=value, attr=name):
                self.called_attribute(node.func, value, iterated)
            case _:
                self.say(node, "only functions with a name can be called", "name the function")
        own = isinstance(node.func, ast.Name) and name in self.scope.functions
        for argument in [*node.args, *(word.value for word in node.keywords)]:
            if own and self._is_memory(argument):
                continue
            if iterated and name in ("enumerate", "zip"):
                self.expression(argument, iterated)
            else:
                self.option(argument)
        for word in node.keywords:
            if word.arg is None:
                self.say(node, "`**` unpacking is not allowed", "write the arguments out")
            elif word.arg in ("out", "inplace", "generator"):
                self.say(node, f"`{word.arg}=` is not allowed", "use the returned value")
        sizes = name in vocabulary.ALLOCATORS and not own
        if sizes and not asked_size(node, name, self.loops.numbers) <= LARGEST_SIZE:
            fix = "use shapes of the inputs, e.g. torch.zeros_like(next_state.FIELD)"
            self.say(node, f"{name} asks for more than {LARGEST_SIZE} elements", fix)

    def called_name(self, node: ast.Name, iterated: bool) -> None:
        """Check `name(...)`."""
        name = node.id
        if name in self.locals:
            fix = "give the variable another name than the function"
            self.say(node, f"the variable {name} is called like a function", fix)
        elif name in ("enumerate", "range", "zip") and not iterated:
            self.say(node, f"{name} outside a loop", "use it in `for ... in` or [... for ...]")
        elif not self._is_callable(name):
            self.unknown(node)

    def called_attribute(self, node: ast.Attribute, value: ast.expr, iterated: bool) -> None:
        """Check `value.name(...)`."""
        name, path = node.attr, self.path(node)
        if name.startswith("_"):
            self.say(node, f"the private method {name!r} is not allowed", "use public names")
        elif path:
            if not is_function(path):
                self.unavailable(node, path)
        elif self._is_memory(value):
            if name not in vocabulary.MEMORY_METHODS:
                fix = 'use memory["key"] and memory.get("key", default)'
                self.say(node, f"memory.{name} is not available", fix)
        elif isinstance(value, ast.Name) and value.id in self.states:
            self.say(node, f"{value.id}.{name}(...) calls a field", "fields are tensors: no ( )")
        else:
            if name.endswith("_"):
                fix = f"use .{name.rstrip('_')}(...) and keep its result"
                self.say(node, f"the method {name!r} changes a tensor in place", fix)
            elif name in vocabulary.DICT_METHODS:
                pass
            elif name not in vocabulary.TENSOR_METHODS:
                fix = instead_of(name, vocabulary.TENSOR_METHODS, "use torch functions")
                self.say(node, f"the method {name!r} is not available", fix)
            self.expression(value)

    def path(self, node: ast.expr) -> str:
        """Return the dotted path of `torch.linalg.norm`; empty for anything but a module's name."""
        if isinstance(node, ast.Attribute):
            parent = self.path(node.value)
            return f"{parent}.{node.attr}" if parent else ""
        if isinstance(node, ast.Name) and node.id not in self.locals:
            path = self.scope.imports.get(node.id, "")
            return path if is_module(path) else ""
        return ""

    def unavailable(self, node: ast.Attribute, path: str) -> None:
        """Say that a module has no such function here."""
        module, _, name = path.rpartition(".")
        fix = instead_of(name, names_of(module), "use its elementwise functions and reductions")
        self.say(node, f"{path} is not available to rewards", fix)

    def forbidden(self, node: ast.stmt | ast.expr) -> None:
        """Say that a kind of syntax is not allowed."""
        kind = type(node)
        default = (f"this syntax ({kind.__name__}) is not allowed", "write it more plainly")
        self.say(node, *FORBIDDEN_NODES.get(kind, default))

    def _is_callable(self, name: str) -> bool:
        callable_helpers = vocabulary.HELPERS.keys() - {"inf", "pi"}
        known = name in self.scope.functions or name in callable_helpers
        return known or name in vocabulary.BUILTINS or is_function(self.scope.imports.get(name, ""))

    def _is_memory(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self.memories


def _as_sum(target: ast.expr, operator: ast.operator, value: ast.expr) -> ast.BinOp:
    """Return `target operator value`, the meaning of `target operator= value`."""
    left: ast.expr = target
    if isinstance(target, ast.Name):
        left = ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return ast.BinOp(left, operator, value)
