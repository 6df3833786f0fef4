"""The rules for names and attributes in a reward file's functions."""

from __future__ import annotations

import ast
import builtins
from abc import ABC, abstractmethod
from collections.abc import Mapping, Set
from dataclasses import dataclass

from autoreward.rewards import vocabulary
from autoreward.rewards.imports import is_constant, is_function, is_module, names_of
from autoreward.rewards.loops import Loops
from autoreward.rewards.reads import STATES, Bindings, arguments
from autoreward.rewards.violations import Violation, instead_of


@dataclass(frozen=True)
class Scope:
    """What a function of a reward file finds around it."""

    functions: Mapping[str, ast.FunctionDef]
    imports: Mapping[str, str]
    """Imported name to its dotted path."""
    constants: Mapping[str, int]
    """The file's constants with their number of entries."""
    loops: Loops
    stands_for: Bindings
    """Names in the function that stand for parameters of a component."""
    unused: bool
    """Whether no component calls it, so that nobody knows what its parameters are."""


class NameRules(ABC):
    """Checks the names that a function uses.

    Args:
        function: The function.
        scope: What is around it.
    """

    def __init__(self, function: ast.FunctionDef, scope: Scope) -> None:
        self.function, self.scope = function, scope
        self.loops = scope.loops
        self.found: list[Violation] = []
        self.states = {name for name, roots in scope.stands_for.items() if roots & STATES}
        self.memories = {name for name, roots in scope.stands_for.items() if "memory" in roots}
        stored = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
        self.locals = {n.id for n in stored if isinstance(n.ctx, ast.Store)}
        self.locals |= {argument.arg for argument in arguments(function)}
        unknown = self.locals - scope.stands_for.keys() if scope.unused else set()
        self.unknown_kind: Set[str] = unknown
        """Locals that may be a state or memory for all that is known: they are not judged."""

    @abstractmethod
    def expression(self, node: ast.expr) -> None:
        """Check an expression."""

    def say(self, node: ast.stmt | ast.expr, what: str, fix: str, code: str = "forbidden") -> None:
        """Note a broken rule."""
        self.found.append(Violation(node.lineno, what, fix, code))

    def name(self, node: ast.Name) -> None:
        """Check a name that is read as a value."""
        name, scope = node.id, self.scope
        path = scope.imports.get(name, "")
        if name in self.memories:
            fix = 'use memory["key"], memory.get("key", default) or `"key" in memory`'
            self.say(node, "memory is used as a whole", fix)
        elif self.is_variable(name):
            if name.startswith("__"):
                self.say(node, f"the name {name!r} is reserved", "choose another")
        elif is_constant(path):
            pass
        elif name == "FORMULA" or is_module(path):
            self.say(node, f"{name} is used as a value", "use it where it belongs only")
        elif self.is_callable(name):
            self.say(node, f"the function {name} is used as a value", "call it where it is needed")
        else:
            self.unknown(node)

    def unknown(self, node: ast.Name) -> None:
        """Say that a name stands for nothing that a reward file may use."""
        if hasattr(builtins, node.id):
            fix = instead_of(node.id, (), "use torch, math and the helpers")
            self.say(node, f"{node.id} is not allowed", fix)
            return
        known = self.locals | self.scope.constants.keys() | self.scope.functions.keys()
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
        elif isinstance(node.value, ast.Name) and not self.is_variable(node.value.id):
            self.name(node.value)
        elif name in vocabulary.TENSOR_PROPERTIES:
            self.expression(node.value)
        elif name in vocabulary.TENSOR_METHODS:
            self.say(node, f"the method {name} is used as a value", f"call it: .{name}()")
        else:
            known = vocabulary.TENSOR_PROPERTIES | vocabulary.TENSOR_METHODS
            fix = "tensors have shape, dtype and methods; fields belong to state and next_state"
            self.say(node, f"the attribute {name!r} is not available", instead_of(name, known, fix))

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

    def is_variable(self, name: str) -> bool:
        """Return whether a name stands for a value, not for a function, module or nothing."""
        return name in self.locals or name in self.scope.constants or name in ("inf", "pi")

    def is_callable(self, name: str) -> bool:
        """Return whether a name stands for a function that may be called."""
        callable_helpers = vocabulary.HELPERS.keys() - {"inf", "pi"}
        known = name in self.scope.functions or name in callable_helpers
        return known or name in vocabulary.BUILTINS or is_function(self.scope.imports.get(name, ""))

    def is_memory(self, node: ast.expr) -> bool:
        """Return whether an expression is the memory itself."""
        return isinstance(node, ast.Name) and node.id in self.memories

    def is_maybe_memory(self, node: ast.expr, method: str) -> bool:
        """Return whether `node.method(...)` uses a memory, for all that is known."""
        named = isinstance(node, ast.Name) and node.id in self.unknown_kind
        return named and method in vocabulary.MEMORY_METHODS
