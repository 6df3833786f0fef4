"""Reads a reward file as text: what it contains, what it reads, and whether it keeps the rules.

Nothing is ever run here; `autoreward.rewards.runtime` does that, inside a jail.
"""

from __future__ import annotations

import ast
import functools
import inspect
import io
import keyword
import tokenize
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

from autoreward.errors import RewardFileError, did_you_mean
from autoreward.findings import Finding
from autoreward.rewards import normal_form, rules
from autoreward.rewards.formula import Formula, parse_formula
from autoreward.rewards.functions import FUNCTIONS
from autoreward.rewards.imports import imported
from autoreward.rewards.reads import Place, Reads, Tracer, arguments
from autoreward.schema import StateSchema

MAX_CHARACTERS = 50_000
MAX_NAME = 40
COMPUTE_REWARD = "compute_reward"
TWO_TOTALS = (
    'the dict of components has an entry "total" beside the total that compute_reward returns: '
    "drop the entry, or give it another name"
)
_SIGNATURE = ("state", "action", "next_state")
_NO_TEXT = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
"""Unicode categories of controls, invisible marks and broken characters."""
_BETWEEN = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
"""Tokens that stand before a statement."""
_RESERVED = frozenset({"torch", "math", "F", "inf", "pi", "FORMULA"})

Kind = Literal["components", "compute_reward"]


@dataclass(frozen=True)
class ComponentSource:
    """One component as it stands in the file."""

    name: str
    doc: str
    """First paragraph of its docstring, on one line."""
    line: int
    reads: frozenset[str]
    """Which of state, action, next_state and memory it uses."""
    state_fields: frozenset[str]
    """Fields it reads of either state, through helper functions too."""
    uses_memory: bool


@dataclass(frozen=True)
class RewardSource:
    """A reward file that keeps the rules."""

    text: str
    name: str
    """File name, for messages."""
    docstring: str
    kind: Kind
    components: tuple[ComponentSource, ...]
    """In the order of the file. Of a `compute_reward` file: those whose names can be seen without
    running it, and `total`."""
    formula: Formula | None
    """None where the file has no FORMULA; `total` for a `compute_reward` file without one."""
    components_text: str
    """The code without comments, docstrings and FORMULA: equal for files that differ in those."""
    identity: str
    """12 hex digits that are equal for two spellings of one reward."""
    skeleton: str
    """12 hex digits that are equal for rewards that differ in numbers alone."""
    with_memory: frozenset[str] = frozenset()
    """Public functions that have a `memory` parameter."""
    imports: dict[str, str] = field(default_factory=dict)
    """Name in the file to what it stands for: `F` to `torch.nn.functional`."""
    places: tuple[Place, ...] = ()
    """Where state fields and the action are read, in the order of the file."""

    @property
    def uses_memory(self) -> bool:
        """Whether any component keeps something between steps."""
        return any(component.uses_memory for component in self.components)

    def component(self, name: str) -> ComponentSource:
        """Return the component called `name`; KeyError if there is none."""
        for component in self.components:
            if component.name == name:
                return component
        raise KeyError(name)


@functools.lru_cache(maxsize=1024)  # a search looks at the same files again and again
def parse_reward(text: str, name: str = "reward.py") -> RewardSource:
    """Read a reward file without running it.

    Args:
        text: The whole file.
        name: File name, kept for messages.

    Raises:
        RewardFileError: The first thing that breaks the contract, with its line. Codes: `empty`,
            `syntax`, `forbidden`, `unknown-name`, `no-component`, `signature`, `name`, `formula`,
            `components`.
    """
    text = _plain(text)
    tree = _parse(text)
    for violation in rules.violations(tree):
        raise RewardFileError(violation.sentence, line=violation.line, code=violation.code)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    public = [node for node in functions.values() if not node.name.startswith("_")]
    if not public:
        raise RewardFileError(
            "the file has no component: write a function with a public name, "
            "`def NAME(state, action, next_state):`, that returns a tensor",
            code="no-component",
        )
    for function in public:
        _check_name(function)
        _check_signature(function)
    kind: Kind = "compute_reward" if COMPUTE_REWARD in functions else "components"
    if kind == "compute_reward" and len(public) > 1:
        other = next(node for node in public if node.name != COMPUTE_REWARD)
        raise RewardFileError(
            f"a file with compute_reward cannot have the component {other.name!r} as well: "
            f"call it _{other.name}, or drop compute_reward and add a FORMULA",
            line=other.lineno,
            code="signature",
        )
    tracer = Tracer(functions)
    reads = {function.name: tracer.trace(function.name) for function in public}
    if kind == "compute_reward":
        function = functions[COMPUTE_REWARD]
        names = [key for key in _visible_parts(function) if key != "total"]
        components = tuple(
            _component(function, reads[COMPUTE_REWARD], key) for key in (*names, "total")
        )
    else:
        components = tuple(_component(node, reads[node.name], node.name) for node in public)
    formula = _read_formula(tree, components, kind)
    places = frozenset[Place]().union(*(read.places for read in reads.values()))
    return RewardSource(
        text=text,
        name=name,
        docstring=inspect.cleandoc(ast.get_docstring(tree) or ""),
        kind=kind,
        components=components,
        formula=formula,
        components_text=normal_form.components_text(tree),
        identity=normal_form.identity(tree, formula),
        skeleton=normal_form.skeleton(tree, formula),
        with_memory=frozenset(f.name for f in public if len(arguments(f)) == 4),
        imports=imported(tree),
        places=tuple(sorted(places, key=lambda place: (place.line, place.field, str(place)))),
    )


def check_names(source: RewardSource, schema: StateSchema) -> list[Finding]:
    """Compare the fields that a file reads with those that exist.

    Returns:
        Errors `unknown-name` (no such field) and `bad-index` (a literal index outside the field,
        or one that picks a row of the batch), in the order of the file.
    """
    findings = []
    for place in source.places:
        if place.field and place.field not in schema.names:
            near = did_you_mean(place.field, schema.names)
            message = f"the state has no field {place.field!r}{near}"
            findings.append(Finding("unknown-name", "error", message, f"line {place.line}"))
            continue
        shape = schema.field(place.field).shape if place.field else (len(schema.action),)
        problem = _index_problem(place, shape)
        if problem:
            findings.append(Finding("bad-index", "error", problem, f"line {place.line}"))
    return findings


def with_formula(text: str, formula: str) -> str:
    """Return a reward file's text with its FORMULA replaced, or added at the end.

    Args:
        text: The whole file.
        formula: The new formula, as a person would write it.

    Raises:
        RewardFileError: The file is no Python, or the formula does not parse.
    """
    parse_formula(formula)
    text = _plain(text)
    # Its text holds no quote or backslash: a formula has no strings.
    line = f'FORMULA = "{" ".join(formula.split())}"'
    old = [statement for statement in _parse(text).body if normal_form.is_formula(statement)]
    if not old:
        return f"{text.rstrip()}\n\n\n{line}\n"
    lines = [f"{line}\n" for line in text.split("\n")]
    first, last = old[-1], old[-1].end_lineno or old[-1].lineno
    head = lines[first.lineno - 1].encode()[: first.col_offset].decode()
    tail = lines[last - 1].encode()[first.end_col_offset or 0 :].decode()
    return "".join([*lines[: first.lineno - 1], head + line + tail, *lines[last:]])[:-1]


def _plain(text: str) -> str:
    """Return a text without byte-order mark and with one kind of line end."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _parse(text: str) -> ast.Module:
    if not text.strip():
        raise RewardFileError("the reward file is empty", code="empty")
    if len(text) > MAX_CHARACTERS:
        raise RewardFileError(
            f"the reward file has {len(text)} characters, more than {MAX_CHARACTERS}: shorten it",
            line=text[:MAX_CHARACTERS].count("\n") + 1,
            code="forbidden",
        )
    strange = next(
        (c for c in text if unicodedata.category(c) in _NO_TEXT and c not in "\n\t"), None
    )
    if strange is not None:
        line = text[: text.index(strange)].count("\n") + 1
        raise RewardFileError(
            f"the reward file is not plain text: it holds the character {strange!r}",
            line=line,
            code="syntax",
        )
    try:
        return ast.parse(text)
    except SyntaxError as error:
        message = f"this is not Python: {error.msg}"
        raise RewardFileError(message, line=error.lineno, code="syntax") from None
    except (ValueError, RecursionError, MemoryError):
        raise RewardFileError(
            "the code is nested too deeply to be read: split it with local variables and helpers",
            line=_too_deep(text),
            code="syntax",
        ) from None


def _too_deep(text: str) -> int | None:
    """Return the line where a statement begins that is too deep for Python's parser."""
    lines = text.split("\n")
    first = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _BETWEEN:
            first = first or token.start[0]
        if token.type != tokenize.NEWLINE:
            continue
        statement = "\n".join(lines[first - 1 : token.end[0]]).strip().removeprefix("el")
        try:
            ast.parse(f"{statement} pass" if statement.endswith(":") else statement)
        except SyntaxError:
            pass
        except (ValueError, RecursionError, MemoryError):
            return first
        first = 0
    return None


def _check_name(function: ast.FunctionDef) -> None:
    name = function.name
    if name in FUNCTIONS:
        reason = f"is a function of the formula: choose another, e.g. {name}_score"
    elif name in _RESERVED or keyword.issoftkeyword(name):
        reason = "has a meaning already: choose another"
    elif len(name) > MAX_NAME or not name.isascii():
        reason = f"must be plain letters, digits and _, at most {MAX_NAME}"
    else:
        return
    message = f"the component name {name!r} {reason}"
    raise RewardFileError(message, line=function.lineno, code="name")


def _check_signature(function: ast.FunctionDef) -> None:
    given = tuple(argument.arg for argument in arguments(function))
    plain = not (function.args.posonlyargs or function.args.kwonlyargs or function.args.defaults)
    if plain and given in (_SIGNATURE, (*_SIGNATURE, "memory")):
        return
    raise RewardFileError(
        f"component {function.name!r} has the parameters ({', '.join(given)}) and must have "
        "(state, action, next_state), or these and memory; "
        f"if it is a helper, call it _{function.name}",
        line=function.lineno,
        code="signature",
    )


def _component(function: ast.FunctionDef, reads: Reads, name: str) -> ComponentSource:
    doc = (ast.get_docstring(function) or "").split("\n\n")[0]
    return ComponentSource(
        name=name,
        doc=" ".join(doc.split()),
        line=function.lineno,
        reads=reads.names,
        state_fields=reads.fields,
        uses_memory="memory" in reads.names,
    )


def _read_formula(
    tree: ast.Module, components: tuple[ComponentSource, ...], kind: Kind
) -> Formula | None:
    for statement in tree.body:
        if not normal_form.is_formula(statement):
            continue
        assert isinstance(statement, ast.Assign | ast.AnnAssign)
        assert isinstance(statement.value, ast.Constant)  # the rules saw to it
        try:
            formula = parse_formula(str(statement.value.value))
        except RewardFileError as error:
            message = f"FORMULA: {error.message}"
            raise RewardFileError(message, line=statement.lineno, code="formula") from None
        names = [component.name for component in components]
        for name in formula.components:
            if name not in names and kind == "components":
                message = f"FORMULA: there is no component {name!r}{did_you_mean(name, names)}"
                raise RewardFileError(message, line=statement.lineno, code="formula")
        return formula
    return parse_formula("total") if kind == "compute_reward" else None


def _visible_parts(function: ast.FunctionDef) -> list[str]:
    """Return the literal keys of the dict that compute_reward returns, in order.

    Raises:
        RewardFileError: A dict that is returned beside a total has the entry `total`.
    """
    beside: dict[str, bool] = {}
    """Local that is returned as a dict, and whether a total is returned beside it."""
    keys: list[tuple[ast.Constant, bool]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            pair = isinstance(node.value, ast.Tuple)
            values = node.value.elts[1:] if isinstance(node.value, ast.Tuple) else [node.value]
            keys += [(key, pair) for value in values for key in _literal_keys(value)]
            for value in values:
                if isinstance(value, ast.Name):
                    beside[value.id] = beside.get(value.id, False) or pair
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                match target:
                    case ast.Name(id=name) if name in beside:
                        keys += [(key, beside[name]) for key in _literal_keys(node.value)]
                    case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant() as key):
                        keys += [(key, beside[name])] if name in beside else []
    keys.sort(key=lambda found: (found[0].lineno, found[0].col_offset))
    for key, pair in keys:
        if pair and key.value == "total":
            raise RewardFileError(TWO_TOTALS, line=key.lineno, code="components")
    return list(dict.fromkeys(key.value for key, _ in keys if isinstance(key.value, str)))


def _literal_keys(value: ast.expr) -> list[ast.Constant]:
    """Return the literal keys of `{"a": x}` or `dict(a=x)`."""
    match value:
        case ast.Dict(keys=keys):
            return [key for key in keys if isinstance(key, ast.Constant)]
        case ast.Call(func=ast.Name(id="dict"), keywords=words):
            return [ast.copy_location(ast.Constant(w.arg), w.value) for w in words if w.arg]
    return []


def _index_problem(place: Place, shape: tuple[int, ...]) -> str:
    """Return what is wrong with a literal index into a field; empty where nothing is."""
    what = f"the field {place.field!r}" if place.field else "the action"
    spelled = f"{place.field or 'action'}[:, {place.row}]"
    if place.row is not None:
        fix = f"write {spelled} for one entry of every row" if shape else "drop the index"
        return f"[{place.row}] picks one row of the batch of {what}: {fix}"
    if place.entry is None:
        return ""
    if not shape:
        return f"{what} has one value per row, shape [B]: drop the index [:, {place.entry}]"
    if len(shape) == 1 and not -shape[0] <= place.entry < shape[0]:
        return f"{what} has {shape[0]} entries, 0 to {shape[0] - 1}: there is no {place.entry}"
    return ""
