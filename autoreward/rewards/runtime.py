"""Runs a reward file: the one place where generated code is executed, inside a jail only.

The rules have been checked before, and the file gets nothing but the allow-listed functions. Both
are for clear messages; the jail around this process is the boundary.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import linecache
import math
import sys
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any, NoReturn

import torch
from torch import Tensor

from autoreward.errors import RewardFileError, did_you_mean
from autoreward.rewards import helpers, vocabulary
from autoreward.rewards.constants import LONGEST_RANGE
from autoreward.rewards.results import (
    ContractViolation,
    as_component,
    memory_problem,
    split_total,
)
from autoreward.rewards.source import (
    COMPUTE_REWARD,
    ComponentSource,
    RewardSource,
    check_names,
    parse_reward,
)
from autoreward.schema import StateSchema

FILENAME = "<reward>"
"""The file name that tracebacks show for lines of the reward file."""

Memory = dict[str, Any]
_LONGEST = 2 * LONGEST_RANGE
"""Both ends of a range may be that far from 0."""


class State:
    """The state as reward code sees it: fields as attributes, read only.

    Args:
        fields: Field to tensor `[B, ...]`; may hold fewer fields than the schema.
        known: All fields of the schema.
    """

    __slots__ = ("_fields", "_known")
    _fields: Mapping[str, Tensor]
    _known: tuple[str, ...]

    def __init__(self, fields: Mapping[str, Tensor], known: tuple[str, ...]) -> None:
        object.__setattr__(self, "_fields", fields)
        object.__setattr__(self, "_known", known)

    def __getattr__(self, name: str) -> Tensor:
        if name in self._fields:
            return self._fields[name]
        if name in self._known:
            raise ContractViolation("unknown-name", f"the field {name!r} was not handed over")
        near = did_you_mean(name, self._known)
        raise ContractViolation("unknown-name", f"the state has no field {name!r}{near}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ContractViolation(
            "mutated-inputs", f"the state is read-only: keep {name!r} in a local variable"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise ContractViolation("mutated-inputs", "the state is read-only")


class LoadedReward:
    """A reward file ready to be called; made by `load_reward`.

    Args:
        source: The parsed file.
        functions: The file's public functions by name.
        schema: The state that it sees.
    """

    def __init__(
        self, source: RewardSource, functions: dict[str, Callable[..., Any]], schema: StateSchema
    ) -> None:
        self._source, self._functions, self._known = source, functions, schema.names
        self._seen: tuple[str, ...] = ()
        self.uses_memory = any(component.uses_memory for component in source.components)

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components, in the order of `compute`'s result.

        A `compute_reward` file shows all of them only once it has been called.
        """
        return self._seen or tuple(component.name for component in self._source.components)

    def compute(
        self,
        state: Mapping[str, Tensor],
        action: Tensor,
        next_state: Mapping[str, Tensor],
        memory: Memory | None,
    ) -> dict[str, Tensor]:
        """Evaluate every component once on a batch.

        Args:
            state: Field to tensor `[B, ...]` float32, before the action; the fields that are read.
            action: `[B, A]` float32, in [-1, 1].
            next_state: As `state`, after the action.
            memory: What components with a `memory` parameter keep between calls: changed in place,
                one dict per component under its name, of tensors `[B, ...]` that share nothing with
                the inputs. None stands for an empty one.

        Returns:
            Component to values `[B]` float32, in the same order in every call.

        Raises:
            ContractViolation: A result of wrong type or shape, an unknown field, or something in
                memory that cannot be cleared row by row (code `memory-value`).
            Exception: Whatever the reward's own code raises.
        """
        before, after = State(state, self._known), State(next_state, self._known)
        kept = {} if memory is None else memory
        if self._source.kind == "compute_reward":
            result = self._call(COMPUTE_REWARD, before, action, after, kept)
            values = split_total(result, action.shape[0])
        else:
            values = {}
            for component in self._source.components:
                result = self._call(component.name, before, action, after, kept)
                values[component.name] = as_component(component.name, result, action.shape[0])
        return self._same_set(values)

    def _call(
        self, name: str, state: State, action: Tensor, next_state: State, memory: Memory
    ) -> Any:
        function = self._functions[name]
        if name not in self._source.with_memory:
            return function(state, action, next_state)
        kept = memory.setdefault(name, {})
        before = dict(kept)
        result = function(state, action, next_state, kept)
        rows = action.shape[0]
        for key, value in kept.items():
            problem = memory_problem(key, value, rows)
            if problem:
                raise ContractViolation("memory-value", f"{name} keeps {problem}")
            if before.get(key) is not value:
                # It may be an input, which its owner reuses.
                kept[key] = (value.detach() if value.requires_grad else value).clone()
        return result

    def _same_set(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        self._seen = self._seen or tuple(values)
        if set(values) != set(self._seen):
            changed = ", ".join(sorted(set(values) ^ set(self._seen)))
            raise ContractViolation(
                "components", f"the set of components changed between calls: {changed}"
            )
        return {name: values[name] for name in self._seen}


def load_reward(text: str, schema: StateSchema) -> LoadedReward:
    """Check, compile and execute a reward file. Call it in a jail only.

    Args:
        text: The whole file.
        schema: The state that the file will see.

    Raises:
        ContractViolation: The file breaks the rules or reads fields that do not exist.
        Exception: Whatever its constants raise, e.g. a ValueError of `math.log(0)`.
    """
    try:
        source = parse_reward(text)
    except RewardFileError as error:
        raise ContractViolation(error.code, str(error)) from None
    for finding in check_names(source, schema):
        raise ContractViolation(finding.code, f"{finding.evidence}: {finding.message}")
    text = source.text  # without marks and line ends that the parser would stumble over
    tree = ast.fix_missing_locations(_Prepare().visit(ast.parse(text)))
    # Annotations stay unevaluated, so that they may name types that are not in scope.
    flags = __future__.annotations.compiler_flag
    try:
        code = compile(tree, FILENAME, "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        raise ContractViolation("syntax", f"line {error.lineno}: {error.msg}") from None
    namespace = _namespace(source)
    _execute(code, text, namespace)
    names = [COMPUTE_REWARD] if source.kind == "compute_reward" else []
    names += [component.name for component in source.components if not names]
    return LoadedReward(source, {name: namespace[name] for name in names}, schema)


def load_unchecked(text: str, schema: StateSchema) -> LoadedReward:
    """Execute a file with all of Python in its reach. Call it in a jail only.

    For attacks that show what the jail holds once every rule has been got around.

    Args:
        text: The whole file; its public functions of `(state, action, next_state[, memory])`
            are the components.
        schema: The state that they will see.

    Raises:
        Exception: Whatever the file raises.
    """
    namespace = {"__name__": "reward", "torch": torch, "math": math}
    namespace |= {name: getattr(helpers, name) for name in vocabulary.HELPERS}
    _execute(compile(text, FILENAME, "exec", dont_inherit=True), text, namespace)
    functions: dict[str, Callable[..., Any]] = {}
    components = []
    for name, value in namespace.items():
        if not isinstance(value, FunctionType) or name.startswith("_"):
            continue
        takes = value.__code__.co_varnames[: value.__code__.co_argcount]
        if takes[:3] == ("state", "action", "next_state"):
            functions[name] = value
            empty = frozenset[str]()
            components.append(ComponentSource(name, "", 0, empty, empty, len(takes) == 4))
    source = RewardSource(
        text, "unchecked", "", "components", tuple(components), None, text, "", "",
        frozenset(part.name for part in components if part.uses_memory),
    )  # fmt: skip
    return LoadedReward(source, functions, schema)


def _execute(code: CodeType, text: str, namespace: dict[str, Any]) -> None:
    # Tracebacks show the reward's own lines.
    linecache.cache[FILENAME] = (len(text), None, text.splitlines(keepends=True), FILENAME)
    exec(code, namespace)


class _Prepare(ast.NodeTransformer):
    """Drops imports (their names are in scope) and makes `x += y` mean `x = x + y`.

    On tensors `+=` works in place, and a local name often is the input itself.
    """

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.Assign:
        self.generic_visit(node)
        loaded = ast.parse(ast.unparse(node.target), mode="eval").body
        value = ast.BinOp(loaded, node.op, node.value)
        for part in ast.walk(loaded):
            ast.copy_location(part, node)
        return ast.copy_location(ast.Assign([node.target], ast.copy_location(value, node)), node)


def _namespace(source: RewardSource) -> dict[str, Any]:
    """Return the globals of a reward file: allow-listed names only."""
    modules = {path: _module(path) for path in vocabulary.TORCH_MODULES}
    for path, module in modules.items():
        parent, _, name = path.rpartition(".")
        if parent in modules:
            setattr(modules[parent], name, module)
    modules["torch"].nn = SimpleNamespace(functional=modules["torch.nn.functional"])
    mathematics = SimpleNamespace(**{name: getattr(math, name) for name in vocabulary.MATH_NAMES})
    known = modules | {"math": mathematics, "torch.nn": modules["torch"].nn}
    for name in vocabulary.MATH_NAMES:
        known[f"math.{name}"] = getattr(math, name)
    for path, names in vocabulary.TORCH_MODULES.items():
        known |= {f"{path}.{name}": getattr(modules[path], name) for name in names}
    for name in vocabulary.TORCH_CONSTANTS:
        known[f"torch.{name}"] = getattr(torch, name)
    return {
        "__builtins__": {
            "__import__": _import_loaded,
            **{name: getattr(builtins, name) for name in vocabulary.BUILTINS},
            "range": _short_range,
        },
        "__name__": "reward",
        "torch": modules["torch"],
        "math": mathematics,
        **{name: getattr(helpers, name) for name in vocabulary.HELPERS},
        **{alias: known[path] for alias, path in source.imports.items() if path in known},
    }


def _import_loaded(name: str, *arguments: Any) -> Any:
    """Import a module that is loaded already.

    The rules keep it from reward code; torch's C functions look it up in their caller's builtins.
    """
    if name not in sys.modules:
        raise ImportError(f"{name} cannot be imported here")
    return builtins.__import__(name, *arguments)


def _short_range(*ends: int) -> range:
    """Return a range whose length the rules have counted or, for `x.shape[1]`, guessed."""
    steps = range(*ends)
    if len(steps) > _LONGEST:
        raise ContractViolation(
            "forbidden", f"a loop would take {len(steps)} steps: use batched torch instead"
        )
    return steps


def _module(path: str) -> Any:
    """Return a stand-in for a torch module that has its allow-listed names only."""
    real: Any = torch
    for part in path.split(".")[1:]:
        real = getattr(real, part)
    names = set(vocabulary.TORCH_MODULES[path])
    if path == "torch":
        names |= vocabulary.TORCH_CONSTANTS
    return SimpleNamespace(**{name: getattr(real, name) for name in names})
