"""The rules for what stands inside a reward file's functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from autoreward.rewards import vocabulary
from autoreward.rewards.constants import LARGEST_SIZE, asked_size, number_problem
from autoreward.rewards.imports import is_function
from autoreward.rewards.rules_names import NameRules
from autoreward.rewards.violations import FORBIDDEN_NODES, Violation, instead_of

_OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult,
    ast.BitAnd, ast.BitOr, ast.BitXor,
)  # fmt: skip
_SEQUENCES = (ast.List, ast.Tuple, ast.ListComp, ast.Dict)
_TAKE_GENERATORS = frozenset({"sum", "max", "min", "tuple", "list"})
_USE_WHERE = "build the values with torch.where, torch.stack or torch.cat"
_JAILS_DEVICE = "drop it: a reward runs on the jail's device, where all its inputs are"


class BodyRules(NameRules):
    """Checks one function.

    Args:
        function: The function.
        scope: What is around it.
    """

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
                case ast.Expr(ast.Call(func=ast.Attribute(ast.Name(name), "append")) as call) if (
                    name not in self.memories
                ):
                    self.append(call, name)
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

    def append(self, node: ast.Call, name: str) -> None:
        """Check `name.append(value)` on a line of its own."""
        if not self.is_variable(name):
            self.unknown(ast.copy_location(ast.Name(name), node))
        elif not self.loops.is_list(name):
            fix = f"start it in this function by `{name} = []`, and use the name for nothing else"
            self.say(node, f"{name} is not known to be a list of this function", fix)
        self.expressions(node.args)
        if len(node.args) != 1 or node.keywords:
            self.say(node, "append takes one value", f"write {name}.append(value)")

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
                writable = self.memories | self.unknown_kind
                if name not in writable and not (text and self.loops.is_dict(name)):
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
                if not self.is_memory(value):
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
                    if not (member and self.is_memory(part)):
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
            case ast.ListComp():
                self.comprehension(node)
            case _:
                self.forbidden(node)

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> None:
        """Check `... for ... in ...`."""
        for depth, generator in enumerate(node.generators):
            self.iterable(generator.iter, depth + 1)
            self.target(generator.target, None)
            self.expressions(generator.ifs)
        self.expression(node.elt)

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
        generators = _TAKE_GENERATORS - self.scope.imports.keys()
        takes = isinstance(node.func, ast.Name) and name in generators
        for argument in [*node.args, *(word.value for word in node.keywords)]:
            if own and self.is_memory(argument):
                continue
            if iterated and name in ("enumerate", "zip"):
                self.expression(argument, iterated)
            elif takes and isinstance(argument, ast.GeneratorExp):
                self.comprehension(argument)
            else:
                self.option(argument)
        for word in node.keywords:
            if word.arg is None:
                self.say(node, "`**` unpacking is not allowed", "write the arguments out")
            elif word.arg in ("out", "inplace", "generator"):
                self.say(node, f"`{word.arg}=` is not allowed", "use the returned value")
            elif word.arg == "device" and not own and not _device_of_input(word.value):
                self.say(node, "`device=` is not allowed", _JAILS_DEVICE)
        if name == "to" and not own and node.args and _names_device(node.args[0]):
            self.say(node, "`.to(device)` is not allowed", _JAILS_DEVICE)
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
        elif not self.is_callable(name):
            self.unknown(node)

    def called_attribute(self, node: ast.Attribute, value: ast.expr, iterated: bool) -> None:
        """Check `value.name(...)`."""
        name, path = node.attr, self.path(node)
        if name.startswith("_"):
            self.say(node, f"the private method {name!r} is not allowed", "use public names")
        elif path:
            if not is_function(path):
                self.unavailable(node, path)
        elif self.is_memory(value):
            if name not in vocabulary.MEMORY_METHODS:
                fix = 'use memory["key"] and memory.get("key", default)'
                self.say(node, f"memory.{name} is not available", fix)
        elif isinstance(value, ast.Name) and value.id in self.states:
            self.say(node, f"{value.id}.{name}(...) calls a field", "fields are tensors: no ( )")
        elif isinstance(value, ast.Name) and not self.is_variable(value.id):
            self.name(value)
        else:
            if name.endswith("_"):
                fix = f"use .{name.rstrip('_')}(...) and keep its result"
                self.say(node, f"the method {name!r} changes a tensor in place", fix)
            elif name in vocabulary.DICT_METHODS or self.is_maybe_memory(value, name):
                pass
            elif name not in vocabulary.TENSOR_METHODS:
                fix = instead_of(name, vocabulary.TENSOR_METHODS, "use torch functions")
                self.say(node, f"the method {name!r} is not available", fix)
            self.expression(value)

    def forbidden(self, node: ast.stmt | ast.expr) -> None:
        """Say that a kind of syntax is not allowed."""
        kind = type(node)
        default = (f"this syntax ({kind.__name__}) is not allowed", "write it more plainly")
        self.say(node, *FORBIDDEN_NODES.get(kind, default))


def _names_device(node: ast.expr) -> bool:
    """Return whether what is given to `.to` is a device by name: "cuda" or 0."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str | int)


def _device_of_input(node: ast.expr) -> bool:
    """Return whether this is `x.device`, the device on which the reward runs anyway."""
    return isinstance(node, ast.Attribute) and node.attr == "device"


def _as_sum(target: ast.expr, operator: ast.operator, value: ast.expr) -> ast.BinOp:
    """Return `target operator value`, the meaning of `target operator= value`."""
    left: ast.expr = target
    if isinstance(target, ast.Name):
        left = ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return ast.BinOp(left, operator, value)
