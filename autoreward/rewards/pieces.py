"""Takes functions out of a reward file's text, and puts functions of one file into another.

The text of what stays is kept as it is, comments included. Nothing is ever run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import count, pairwise

from autoreward.rewards import normal_form
from autoreward.rewards.imports import is_module
from autoreward.rewards.normal_form import is_formula, without_docstring
from autoreward.rewards.reads import arguments
from autoreward.rewards.source import MAX_NAME, RewardSource


@dataclass(frozen=True)
class Piece:
    """A function or constant of a file."""

    name: str
    node: ast.FunctionDef | ast.Assign | ast.AnnAssign
    first: int
    """First line, from 0; comments right above belong to it."""
    last: int
    """Line after the last, from 0."""
    references: tuple[ast.Name, ...]
    """Names in it that stand for something outside it."""

    @property
    def uses(self) -> frozenset[str]:
        """What it refers to outside itself."""
        return frozenset(name.id for name in self.references)


class Pieces:
    """A reward file, taken apart.

    Args:
        source: The file.
    """

    def __init__(self, source: RewardSource) -> None:
        self.source = source
        self.lines = source.text.split("\n")
        self.tree = ast.parse(source.text)
        self.named: dict[str, Piece] = {}
        """Functions and constants, in the order of the file."""
        self._meanings: dict[str, str] = {}
        for statement in self.tree.body:
            if name := _bound(statement):
                assert isinstance(statement, ast.FunctionDef | ast.Assign | ast.AnnAssign)
                first, last = self._place(statement)
                references = tuple(_references(statement))
                self.named[name] = Piece(name, statement, first, last, references)

    @property
    def separate(self) -> bool:
        """Whether each statement has lines of its own, so that it can be cut out."""
        spans = [(s.lineno, s.end_lineno or s.lineno) for s in self.tree.body]
        return all(a[1] < b[0] for a, b in pairwise(spans))

    def reach(self, names: Iterable[str]) -> list[str]:
        """Return names and all that they need of this file, in the order of the file."""
        found: set[str] = set()
        waiting = [name for name in names if name in self.named]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [used for used in self.named[name].uses if used in self.named]
        return [name for name in self.named if name in found]

    def meaning(self, name: str) -> str:
        """Return 12 hex digits: equal for functions that do the same under other names."""
        if name not in self._meanings:
            names = {name: "piece"}
            for other in self._by_use(name):
                names.setdefault(other, f"_piece_{len(names)}")
            body = [ast.parse(self.code(other, names)).body[0] for other in names]
            self._meanings[name] = normal_form.identity(ast.Module(body, []), None)
        return self._meanings[name]

    def code(self, name: str, names: Mapping[str, str]) -> str:
        """Return the text of a piece with other names for it and for what it refers to."""
        piece = self.named[name]
        places = [(node.lineno, node.col_offset, node.id) for node in piece.references]
        line = self.lines[piece.node.lineno - 1]
        at = re.search(rf"\b{name}\b", line)
        assert at is not None
        places.append((piece.node.lineno, len(line[: at.start()].encode()), name))
        lines = [line.encode() for line in self.lines]
        for row, column, old in sorted(places, reverse=True):
            text = lines[row - 1]
            new = names.get(old, old).encode()
            lines[row - 1] = text[:column] + new + text[column + len(old.encode()) :]
        return b"\n".join(lines[piece.first : piece.last]).decode()

    def without(self, names: Iterable[str]) -> str:
        """Return the file's text without some pieces, and without the blank lines after them."""
        lines = list(self.lines)
        for piece in sorted((self.named[name] for name in names), key=lambda piece: -piece.first):
            last = piece.last
            while last < len(lines) and not lines[last].strip():
                last += 1
            del lines[piece.first : last]
        return "\n".join(lines).rstrip() + "\n"

    def _place(self, statement: ast.stmt) -> tuple[int, int]:
        first = statement.lineno - 1
        while first > 0 and self.lines[first - 1].startswith("#"):
            first -= 1
        return first, statement.end_lineno or statement.lineno

    def _by_use(self, name: str) -> list[str]:
        """Return what a piece needs of this file, in the order in which the code names it."""
        found: dict[str, None] = {}
        waiting = [name]
        while waiting:
            for reference in self.named[waiting.pop(0)].references:
                if reference.id in self.named and reference.id not in found:
                    found[reference.id] = None
                    waiting.append(reference.id)
        return list(found)


def without_functions(source: RewardSource, components: Iterable[str]) -> str:
    """Return a file's text without some components, and without what only they needed.

    FORMULA stays as it is. A file that cannot be cut line by line is returned unchanged.
    """
    pieces = Pieces(source)
    gone = set(components)
    if not pieces.separate:
        return source.text
    public = [part.name for part in source.components if part.name in pieces.named]
    before, after = pieces.reach(public), pieces.reach(n for n in public if n not in gone)
    return pieces.without(name for name in before if name not in after)


@dataclass(frozen=True)
class Transplant:
    """A file with components of another one in it."""

    text: str
    """Without a FORMULA."""
    names: dict[str, str]
    """Component of the donor → its name in this file."""


def transplant(into: Pieces, out: Pieces, components: Iterable[str]) -> Transplant | None:
    """Put components of one file into another, with the helpers, constants and imports they need.

    What the receiver has already is not put in twice; a name that means something else there gets a
    number.

    Args:
        into: The receiver.
        out: The donor.
        components: Public functions of the donor.

    Returns:
        None where it cannot be done line by line, or a name cannot be given another meaning.
    """
    if not (into.separate and out.separate):
        return None
    components = list(components)
    wanted = out.reach(components)
    imports = _missing_imports(into, out, wanted)
    if imports is None:
        return None
    names = _names_in(into, out, wanted)
    new = _new(out, components, {name for name in wanted if names[name] not in into.named})
    code = "\n\n\n".join(out.code(name, names) for name in new)
    text = _with_imports(into, imports)
    public = {part.name for part in out.source.components}
    return Transplant(
        f"{text.rstrip()}\n\n\n{code}\n",
        {name: names[name] for name in wanted if name in public},
    )


def _new(out: Pieces, components: list[str], unknown: Set[str]) -> list[str]:
    """Return the pieces to put in: unknown ones, and not what only known ones need."""
    found: set[str] = set()
    waiting = [name for name in components if name in unknown]
    while waiting:
        found.add(waiting[-1])
        waiting += (out.named[waiting.pop()].uses & unknown) - found
    return [name for name in out.named if name in found]


def _names_in(into: Pieces, out: Pieces, wanted: list[str]) -> dict[str, str]:
    """Return what each piece is called in the receiver: its name there, or a free one."""
    meanings = {into.meaning(part.name): part.name for part in into.source.components}
    taken = {node.id for node in ast.walk(into.tree) if isinstance(node, ast.Name)}
    taken |= into.named.keys() | into.source.imports.keys() | {"FORMULA"}
    public = {part.name for part in out.source.components}
    names: dict[str, str] = {}
    for name in wanted:
        meaning = out.meaning(name)
        if name in public and meaning in meanings:
            names[name] = meanings[meaning]
        elif name in into.named and into.meaning(name) == meaning:
            names[name] = name
        else:
            names[name] = _free(name, taken | set(names.values()), out)
    return names


def _free(name: str, taken: Set[str], out: Pieces) -> str:
    """Return a name that the receiver does not use."""
    if name not in taken:
        return name
    used = taken | {node.id for node in ast.walk(out.tree) if isinstance(node, ast.Name)}
    used |= out.named.keys()
    numbered = (f"{name[: MAX_NAME - 4]}_{number}" for number in count(2))
    return next(candidate for candidate in numbered if candidate not in used)


def _missing_imports(into: Pieces, out: Pieces, wanted: list[str]) -> list[str] | None:
    """Return the import lines that pieces need beside the receiver's; None for a clash of names."""
    used = frozenset[str]().union(*(out.named[name].uses for name in wanted)) - out.named.keys()
    lines = []
    for name in sorted(used):
        path = out.source.imports.get(name, "")
        if into.source.imports.get(name, "") == path and name not in into.named:
            continue
        if name in into.named or name in into.source.imports:
            return None
        module, _, last = path.rpartition(".")
        plain = path if name == path else f"{path} as {name}"
        inner = f"from {module} import {last}" + ("" if name == last else f" as {name}")
        lines.append(f"import {plain}" if is_module(path) else inner)
    return lines


def _with_imports(into: Pieces, imports: list[str]) -> str:
    """Return the receiver's text without its FORMULA, with further imports below the last one."""
    body, lines = into.tree.body, list(into.lines)
    docstring = body[: len(body) - len(without_docstring(body))]
    heads = [s for s in body if isinstance(s, ast.Import | ast.ImportFrom)] or docstring
    below = max((s.end_lineno or s.lineno for s in heads), default=0)
    for statement in reversed(body):
        if is_formula(statement):
            del lines[statement.lineno - 1 : statement.end_lineno or statement.lineno]
    return "\n".join(lines[:below] + imports + lines[below:])


def _bound(statement: ast.stmt) -> str:
    """Return the name of a function or constant; '' for anything else."""
    if isinstance(statement, ast.FunctionDef):
        return statement.name
    if is_formula(statement) or not isinstance(statement, ast.Assign | ast.AnnAssign):
        return ""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    return target.id if isinstance(target, ast.Name) else ""


def _references(node: ast.stmt) -> Iterator[ast.Name]:
    """Yield the names in a statement that stand for something outside it; annotations left out."""
    if isinstance(node, ast.FunctionDef):
        own = {argument.arg for argument in arguments(node)}
        own |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _is_stored(n)}
        defaults = [default for default in (*node.args.defaults, *node.args.kw_defaults) if default]
        for default in defaults:  # worked out outside the function
            yield from _loaded(default)
        yield from (name for part in node.body for name in _loaded(part) if name.id not in own)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        yield from _loaded(node.value)


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _loaded(node: ast.AST) -> Iterator[ast.Name]:
    if isinstance(node, ast.Name) and not _is_stored(node):
        yield node
    for field_name, value in ast.iter_fields(node):
        if field_name == "annotation":
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _loaded(child)
