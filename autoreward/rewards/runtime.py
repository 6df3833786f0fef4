"""Runs a reward file: the one place where generated code is executed, inside a jail only.

The rules have been checked before, and the file gets nothing but the allow-listed functions. Both
are for clear messages; the jail around this process is the boundary.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import keyword
import linecache
import math
import re
import sys
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NoReturn

import torch
from torch import Tensor

from autoreward.errors import RewardFileError, did_you_mean
from autoreward.rewards import helpers, vocabulary
from autoreward.rewards.constants import LONGEST_RANGE
from autoreward.rewards.source import (
    COMPUTE_REWARD,
    TWO_TOTALS,
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
_MEMORY_FIX = (
    "keep a tensor with one entry per row, shape [B] or [B, k], because memory is cleared row by "
    "row where episodes start; begin e.g. with torch.zeros_like(next_state.FIELD)"
)
_COMPONENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


class ContractViolation(Exception):
    """The reward file or a value it returned breaks the contract.

    Args:
        code: The finding code: `shape`, `dtype`, `missing-return`, `unknown-name`, …
        message: One sentence: what is wrong and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


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
            values = _split_total(result, action.shape[0])
        else:
            values = {}
            for component in self._source.components:
                result = self._call(component.name, before, action, after, kept)
                values[component.name] = _as_component(component.name, result, action.shape[0])
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
            problem = _memory_problem(key, value, rows)
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
    tree = ast.fix_missing_locations(_Prepare().visit(ast.parse(text)))
    # Annotations stay unevaluated, so that they may name types that are not in scope.
    flags = __future__.annotations.compiler_flag
    try:
        code = compile(tree, FILENAME, "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        raise ContractViolation("syntax", f"line {error.lineno}: {error.msg}") from None
    # Tracebacks show the reward's own lines.
    linecache.cache[FILENAME] = (len(text), None, text.splitlines(keepends=True), FILENAME)
    namespace = _namespace(source)
    exec(code, namespace)
    names = [COMPUTE_REWARD] if source.kind == "compute_reward" else []
    names += [component.name for component in source.components if not names]
    return LoadedReward(source, {name: namespace[name] for name in names}, schema)


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


def _split_total(result: Any, rows: int) -> dict[str, Tensor]:
    """Return the components of a `compute_reward` result: its dict's entries, then `total`."""
    if isinstance(result, dict) and "total" in result:
        result = (result["total"], {key: value for key, value in result.items() if key != "total"})
    if isinstance(result, dict):
        raise ContractViolation(
            "shape",
            "compute_reward returned a dict without a total: return (total, dict), or put the "
            'total into the dict as its entry "total"',
        )
    total, parts = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
    if not isinstance(parts, dict):
        raise ContractViolation(
            "shape",
            "compute_reward must return the total, or the total and a dict of components: "
            f"the second value is a {type(parts).__name__}",
        )
    if "total" in parts:
        raise ContractViolation("components", TWO_TOTALS)
    values = {}
    for name, value in parts.items():
        if not isinstance(name, str) or not _COMPONENT_NAME.fullmatch(name):
            raise ContractViolation(
                "components", f"a component's name must be a short identifier, not {name!r:.60}"
            )
        if keyword.iskeyword(name):
            raise ContractViolation("components", f"{name!r} is a Python keyword: rename it")
        values[name] = _as_component(name, value, rows)
    return {**values, "total": _as_component("total", total, rows)}


def _memory_problem(key: Any, value: Any, rows: int) -> str:
    """Return what is wrong with an entry of a component's memory; empty if nothing is."""
    if not isinstance(key, str | int):
        return f"an entry of memory under a {type(key).__name__}: use a text as key"
    if not isinstance(value, Tensor):
        what = f"a Python {type(value).__name__}"
    elif value.is_complex():
        what = "complex numbers"
    elif not value.dim() or len(value) != rows:
        what = f"a tensor of shape {list(value.shape)}, for a batch of {rows} rows,"
    else:
        return ""
    return f"{what} in memory[{key!r:.40}]: {_MEMORY_FIX}"


def _as_component(name: str, value: Any, rows: int) -> Tensor:
    """Return a component's result as float32 `[B]`, or say what is wrong with it."""
    if value is None:
        raise ContractViolation(
            "missing-return", f"{name} returned nothing: end it with `return` and a tensor"
        )
    if not isinstance(value, Tensor):
        raise ContractViolation(
            "shape",
            f"{name} returned a Python {type(value).__name__}: return a tensor with one value "
            "per row, shape [B], e.g. by torch.full_like(next_state.FIELD, value)",
        )
    if value.is_complex():
        raise ContractViolation("dtype", f"{name} returned complex numbers: return real ones")
    shape = tuple(value.shape)
    if shape != (rows,):
        raise ContractViolation("shape", f"{name} returned {_shape_problem(shape, rows)}")
    return value.to(torch.float32)


def _shape_problem(shape: tuple[int, ...], rows: int) -> str:
    if shape == (rows, 1):
        return "shape [B, 1] and must return [B]: add .squeeze(-1)"
    if shape == ():
        return (
            "one number for the whole batch and must return one per row, shape [B]: "
            "reduce with dim=-1, not over all rows"
        )
    if shape[0] == rows:
        inner = ", ".join(map(str, shape[1:]))
        return f"shape [B, {inner}] and must return [B]: index it, or reduce it with dim=-1"
    return f"shape {list(shape)} for a batch of {rows} rows and must return [{rows}]"
