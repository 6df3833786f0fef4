"""The rules of a reward file, checked on its syntax tree: an allow-list, nothing is run.

They give quick, exact feedback to whoever wrote the file. They are not what keeps code in: the jail
is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from autoreward.findings import Finding
from autoreward.rewards import vocabulary
from autoreward.rewards.constants import Numbers, fold, number_problem
from autoreward.rewards.cost import Graph, check_depth, check_steps
from autoreward.rewards.imports import import_problem, imported, is_constant, is_function
from autoreward.rewards.loops import Loops
from autoreward.rewards.normal_form import is_formula, without_docstring
from autoreward.rewards.reads import PARAMETERS, Tracer, arguments, calls
from autoreward.rewards.rules_body import BodyRules
from autoreward.rewards.rules_names import Scope
from autoreward.rewards.violations import FORBIDDEN_NODES, Violation

MAX_DEPTH = 50
MAX_NODES = 20_000
_TYPE_SYNTAX = (
    ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Tuple, ast.List, ast.BinOp,
    ast.BitOr, ast.expr_context,
)  # fmt: skip

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


def check_rules(tree: ast.Module) -> list[Finding]:
    """Return an error for every place where a file breaks the rules, in the order of the file."""
    return [
        Finding(v.code, "error", v.what, evidence=f"line {v.line}", suggestion=v.fix)
        for v in violations(tree)
    ]


def violations(tree: ast.Module) -> list[Violation]:
    """Return every place where a file breaks the rules, in the order of the file."""
    oversize = _oversize(tree)
    if oversize:
        return [oversize]  # the checks below recurse
    functions: dict[str, ast.FunctionDef] = {}
    constants: dict[str, int] = {}
    numbers: dict[str, float] = {}
    found = list(_module_level(tree, functions, constants, numbers))
    graph = {name: calls(function) & functions.keys() for name, function in functions.items()}
    too_deep = [*_recursion(functions, graph)] or [*check_depth(functions, graph)]
    if too_deep:
        return _in_order(found + too_deep)  # the checks below follow the calls
    loops = {name: Loops(f, constants, numbers) for name, f in functions.items()}
    heavy = [*check_steps(functions, graph, loops)]
    found += heavy
    tracer = Tracer(functions)
    followed = [] if heavy else [*functions]  # following costs time, too
    for name in followed:
        if not name.startswith("_"):
            tracer.trace(name)
    unused = functions.keys() - tracer.stands_for.keys()
    for name in unused.intersection(followed):  # as if components, by their parameters' names
        tracer.trace(name)
    found += [
        Violation(
            node.lineno,
            f"{node.id} is used as a whole",
            f"read its fields, e.g. {node.id}.FIELD, or hand it to a function of this file",
        )
        for node in tracer.escapes
    ]
    names = imported(tree)
    for name, function in functions.items():
        bindings = tracer.stands_for.get(name, {})
        unclear = name in unused or not (name.startswith("_") or _is_component(function))
        scope = Scope(functions, names, constants, loops[name], bindings, unclear)
        found += [*_signature(function), *_annotations(function)]
        found += BodyRules(function, scope).check()
    return _in_order(found)


def _in_order(found: Iterable[Violation]) -> list[Violation]:
    return sorted(set(found), key=lambda violation: (violation.line, violation.what))


def _is_component(function: ast.FunctionDef) -> bool:
    """Return whether a function's parameters are those of a component, and nothing else."""
    return all(argument.arg in PARAMETERS for argument in arguments(function))


def _oversize(tree: ast.Module) -> Violation | None:
    stack: list[tuple[ast.AST, int, int]] = [(tree, 0, 1)]
    count = 0
    while stack:
        node, depth, line = stack.pop()
        line = getattr(node, "lineno", line)
        count += 1
        if depth > MAX_DEPTH:
            return Violation(
                line, "the code is nested too deeply", "split it with local variables and helpers"
            )
        if count > MAX_NODES:
            return Violation(line, "the file is too large", "keep to what the reward needs")
        below = [(child, depth + 1, line) for child in ast.iter_child_nodes(node)]
        stack += reversed(below)  # in the order of the file, so that the line is the first one
    return None


def _module_level(
    tree: ast.Module,
    functions: dict[str, ast.FunctionDef],
    constants: dict[str, int],
    numbers: dict[str, float],
) -> Iterator[Violation]:
    """Check the statements of the file itself; collect its functions, constants and numbers."""
    taken: dict[str, int] = {}
    for statement in without_docstring(tree.body):
        line = statement.lineno
        if isinstance(statement, ast.Import | ast.ImportFrom):
            problem = import_problem(statement)
            if problem:
                yield Violation(
                    line,
                    f"`{problem}` is not allowed",
                    "a reward file may import torch, math and torch.nn.functional only; "
                    "the helpers are in scope without an import",
                )
            continue
        if isinstance(statement, ast.FunctionDef):
            name = statement.name
            functions.setdefault(name, statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            yield from _constant(statement, constants, numbers)
            name = "".join(_targets(statement)[:1])
            if not name:
                continue
            if not is_formula(statement):
                constants[name] = _entries(statement.value, constants)
            number = fold(statement.value, numbers) if statement.value is not None else None
            if number is not None:
                numbers[name] = number
        else:
            yield _outside(statement)
            continue
        if name in taken:
            yield Violation(
                line,
                f"{name!r} is defined twice (first on line {taken[name]})",
                "give each component, helper and constant a name of its own",
                code="duplicate",
            )
        taken.setdefault(name, line)
        if name.startswith("__") or name in vocabulary.BUILTINS or name in ("torch", "math"):
            yield Violation(line, f"the name {name!r} is reserved", "choose another")


def _outside(statement: ast.stmt) -> Violation:
    fix = "at the top level a reward file has imports, constants, functions and FORMULA only"
    what = FORBIDDEN_NODES.get(type(statement), ("", ""))[0]
    kind = type(statement).__name__.lower()
    return Violation(statement.lineno, what or f"a statement ({kind}) outside functions", fix)


def _constant(
    statement: ast.Assign | ast.AnnAssign, constants: Mapping[str, int], numbers: Numbers
) -> Iterator[Violation]:
    """Check `NAME = literal` and `FORMULA = "..."` at the top level."""
    line, value = statement.lineno, statement.value
    if len(_targets(statement)) != 1:
        yield Violation(line, "only NAME = VALUE may stand outside functions", "split it")
    elif is_formula(statement):
        if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
            yield Violation(
                line,
                "FORMULA must be one string literal",
                'write e.g. FORMULA = "forward - 0.1 * effort"',
                code="formula",
            )
    elif value is None:
        yield Violation(line, "a constant has no value", "write NAME = number")
    else:
        yield from _constant_value(value, constants, numbers)


def _constant_value(
    node: ast.expr, constants: Mapping[str, int], numbers: Numbers
) -> Iterator[Violation]:
    """Check a constant's value: numbers, earlier constants, arithmetic and tuples of these."""
    problem = number_problem(node, numbers)
    if problem:
        yield Violation(node.lineno, *problem)
        return
    match node:
        case ast.Constant(value=bool() | int() | float()) | ast.Name(id="inf" | "pi"):
            return
        case ast.Name(id=name) if name in constants:
            return
        case ast.Attribute(value=ast.Name(id=module), attr=name) if is_constant(f"{module}.{name}"):
            return
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr=name), args=parts) if (
            is_function(f"math.{name}") and not node.keywords
        ):
            pass
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            parts = [operand]
        case ast.BinOp(left=left, right=right, op=operator) if isinstance(operator, _ARITHMETIC):
            parts = [left, right]
        case ast.Tuple(elts=parts):
            pass
        case _:
            yield Violation(
                node.lineno,
                "a constant outside functions must be a number or a tuple of numbers",
                "use a tuple for a list, and make tensors inside the function",
            )
            return
    for part in parts:
        if isinstance(part, ast.Tuple) and not isinstance(node, ast.Tuple):
            yield Violation(part.lineno, "arithmetic on a tuple", "write the numbers out")
        else:
            yield from _constant_value(part, constants, numbers)


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    """Return the names that a statement binds; none where a target is more than a name."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return names if len(names) == len(targets) else []


def _entries(value: ast.expr | None, constants: Mapping[str, int]) -> int:
    """Return how many entries a constant has; 0 for a number."""
    if isinstance(value, ast.Name):
        return constants.get(value.id, 0)
    return len(value.elts) if isinstance(value, ast.Tuple) else 0


def _signature(function: ast.FunctionDef) -> Iterator[Violation]:
    line, name = function.lineno, function.name
    if function.decorator_list:
        yield Violation(line, f"{name} has a decorator", "remove it")
    if getattr(function, "type_params", None):  # Python 3.12
        yield Violation(line, f"{name} has type parameters", "remove them")
    if function.args.vararg or function.args.kwarg:
        yield Violation(line, f"{name} takes * or ** parameters", "name each parameter")
    for default in [*function.args.defaults, *function.args.kw_defaults]:
        number = default is not None and fold(default, {}) is not None
        constant = isinstance(default, ast.Constant) and isinstance(default.value, bool | None)
        named = isinstance(default, ast.Name) and default.id.lstrip("_").isupper()
        if default is not None and not (number or constant or named):
            yield Violation(
                line, f"a default of {name} is no number", "use a number, or pass the value"
            )
    names = [argument.arg for argument in arguments(function)]
    if len(set(names)) < len(names):
        yield Violation(line, f"two parameters of {name} have one name", "rename one")
    for argument in arguments(function):
        if argument.arg.startswith("__") or argument.arg in ("torch", "math"):
            yield Violation(line, f"the parameter name {argument.arg!r} is reserved", "rename it")


def _annotations(function: ast.FunctionDef) -> Iterator[Violation]:
    """Check that annotations are types as people write them; they are never evaluated."""
    found = [argument.annotation for argument in arguments(function)] + [function.returns]
    found += [node.annotation for node in ast.walk(function) if isinstance(node, ast.AnnAssign)]
    for annotation in filter(None, found):
        if not all(isinstance(node, _TYPE_SYNTAX) for node in ast.walk(annotation)):
            yield Violation(annotation.lineno, "an annotation is no type", "write Tensor, or none")


def _recursion(functions: Mapping[str, ast.FunctionDef], graph: Graph) -> Iterator[Violation]:
    for name in graph:
        seen: set[str] = set()
        waiting = list(graph[name])
        while waiting:
            called = waiting.pop()
            if called not in seen:
                seen.add(called)
                waiting += graph[called]
        if name in seen:
            yield Violation(
                functions[name].lineno, f"{name} calls itself", "write it without recursion"
            )
