"""Takes functions out of a Python file with all they use, as text: the source is never run.

Exports copy code this way, so that what stands in an export is what trained, to the letter.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from autoreward.errors import AutorewardError


class CannotLift(AutorewardError):
    """Code that cannot stand alone: it uses something that its file does not define."""


@dataclass(frozen=True)
class Lifted:
    """Code that stands alone but for `imports`."""

    statements: str
    """Top-level constants and functions, in the order of their file."""
    methods: dict[str, str] = field(default_factory=dict)
    """Methods of the class, without indentation."""
    imports: frozenset[str] = frozenset()
    """Names of imports of the file that the code uses."""


class SourceFile:
    """A parsed Python file.

    Args:
        text: The file.
        name: For messages.
    """

    def __init__(self, text: str, name: str) -> None:
        self._lines, self._name = text.splitlines(), name
        self._tree = ast.parse(text)
        self._top: dict[str, ast.stmt] = {}
        self._imported: set[str] = set()
        for statement in self._tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._imported |= {(a.asname or a.name).split(".")[0] for a in statement.names}
            for bound in _bound_names(statement):
                self._top[bound] = statement

    def text_of(self, node: ast.stmt) -> str:
        """Return the lines of a statement, decorators included, without its indentation."""
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        return textwrap.dedent("\n".join(self._lines[first - 1 : node.end_lineno]))

    def functions(self, names: Iterable[str]) -> Lifted:
        """Return top-level functions and what they use.

        Raises:
            CannotLift: One of them is not there.
        """
        wanted, imports = self._closure(names)
        return Lifted(self._join(wanted), imports=imports)

    def methods(self, mark: str, names: Iterable[str], given: frozenset[str]) -> Lifted:
        """Return methods of a class and what they use, of the class and of the file.

        Args:
            mark: A method that only this class of the file has.
            names: Methods to take.
            given: Attributes of `self` that the new place provides.

        Raises:
            CannotLift: A method is not there, or uses an attribute that is neither.
        """
        body = next((m for m in map(_methods, self._classes()) if mark in m), {})
        waiting, taken = list(names), dict[str, ast.FunctionDef]()
        while waiting:
            name = waiting.pop()
            if name in taken or name in given:
                continue
            if name not in body:
                raise CannotLift(f"{self._name}: self.{name} is not available in an exported file")
            taken[name] = body[name]
            waiting += _attributes_of_self(body[name])
        used = set[str]().union(*(_free_names(method) for method in taken.values()))
        wanted, imports = self._closure(used & self._top.keys())
        methods = {n: self.text_of(m) for n, m in sorted(taken.items(), key=lambda i: i[1].lineno)}
        return Lifted(self._join(wanted), methods, imports | (used & self._imported))

    def method(self, class_name: str, name: str) -> str:
        """Return one method's text without its indentation."""
        return self.text_of(_methods(self._class(class_name))[name])

    def without_methods(self, class_name: str, dropped: frozenset[str]) -> str:
        """Return a class's text without some of its methods."""
        node = self._class(class_name)
        gone: set[int] = set()
        for name in dropped:
            part = _methods(node)[name]
            first = min([part.lineno, *(d.lineno for d in part.decorator_list)])
            gone |= set(range(first, (part.end_lineno or part.lineno) + 1))
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        numbers = range(first, (node.end_lineno or node.lineno) + 1)
        return "\n".join(self._lines[n - 1] for n in numbers if n not in gone).rstrip()

    def _classes(self) -> list[ast.ClassDef]:
        return [node for node in self._tree.body if isinstance(node, ast.ClassDef)]

    def _class(self, name: str) -> ast.ClassDef:
        for node in self._classes():
            if node.name == name:
                return node
        raise CannotLift(f"{self._name} does not define the class {name}")

    def _closure(self, names: Iterable[str]) -> tuple[set[str], frozenset[str]]:
        """Return the top-level names that `names` need, themselves included, and the imports."""
        waiting, wanted, imports = list(names), set[str](), set[str]()
        while waiting:
            name = waiting.pop()
            if name in wanted:
                continue
            if name not in self._top:
                raise CannotLift(f"{self._name} does not define {name}")
            wanted.add(name)
            used = _free_names(self._top[name])
            waiting += used & self._top.keys()
            imports |= used & self._imported
        return wanted, frozenset(imports)

    def _join(self, names: set[str]) -> str:
        """Return the statements of these names, each once, functions set off by blank lines."""
        statements = {id(self._top[name]): self._top[name] for name in names}
        ordered = sorted(statements.values(), key=lambda s: s.lineno)
        text = ""
        for statement in ordered:
            is_function = isinstance(statement, ast.FunctionDef)
            text += ("\n\n" if is_function and text else "") + self.text_of(statement) + "\n"
        return text.strip("\n")


def _methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id


def _free_names(node: ast.AST) -> set[str]:
    """Return the names that running `node` may read; annotations are never evaluated."""
    found: set[str] = set()
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            found.add(part.id)
        for name, value in ast.iter_fields(part):
            if name not in ("annotation", "returns"):
                values = value if isinstance(value, list) else [value]
                waiting += [v for v in values if isinstance(v, ast.AST)]
    return found


def _attributes_of_self(method: ast.FunctionDef) -> list[str]:
    return [
        node.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ]
