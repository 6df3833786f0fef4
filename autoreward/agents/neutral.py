"""A reward file without its author's words: what is left is what it does.

Comments, docstrings and names persuade a language model as arguments would, and can carry
instructions (One Token to Fool LLM-as-a-Judge, arXiv 2507.08794): a critic reads neither.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autoreward.rewards.formula import Binary, Call, Component, Node, Unary, print_node
from autoreward.rewards.normal_form import is_formula
from autoreward.rewards.reads import PARAMETERS, arguments
from autoreward.rewards.source import COMPUTE_REWARD, RewardSource


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TOTAL = "total"
"""The entry of a `compute_reward` file that the contract names."""
_USUAL = {"torch.nn.functional": "F"}
_TYPES = ("typing", "collections.abc", "__future__")
_OPTIONS = _split("""
    none mean sum batchmean floor trunc ij xy constant reflect replicate circular fro nuc left
    right""")
"""Texts that torch functions understand."""
_KEYWORDS = _split("""
    a alpha append atol axis b base beta correction default delta descending device diagonal dim
    dim0 dim1 dims dtype end eps equal_nan exponent fill_value full_matrices index indexing
    input k keepdim lambd largest lower margin max max_val min min_val mode n nan negative_slope
    neginf num_classes offset ord other out p pad posinf prepend reduction repeats right
    rounding_mode rtol shape shifts side sigma size sorted source src start step steps strict
    threshold unbiased upper value value_at_margin weight x""")
"""Names of parameters of what reward files may call."""
_SHORT = 3
"""Shorter names are ordinary letters and words in a sentence."""


@dataclass(frozen=True)
class Neutral:
    """A reward file that says nothing but what it computes."""

    text: str
    """A reward file that means the same: no comment, docstring or text, names given by number."""
    names: dict[str, str]
    """Neutral name to the author's: `component_1` to `forward`."""
    components: tuple[str, ...]
    """Neutral names of the components, in the order of the file."""
    _concealed: dict[str, str] = field(repr=False)
    """The author's words that may stand in a message, to the neutral ones."""

    def conceal(self, text: str) -> str:
        """Return a text with the author's names and strings replaced by the neutral ones."""
        if not self._concealed:
            return text
        words = sorted(self._concealed, key=len, reverse=True)
        pattern = rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)"
        return re.sub(pattern, lambda match: self._concealed[match[0]], text)

    def reveal(self, text: str) -> str:
        """Return a text with the neutral names replaced by the author's."""
        return re.sub(r"[A-Za-z_]\w*", lambda match: self.names.get(match[0], match[0]), text)


def neutralise(source: RewardSource) -> Neutral:
    """Take an author's words out of a reward file.

    State fields, the action and the names of the library stay: they are checked against lists
    (`check_names`, the rules), so nobody can write a message with them.

    Args:
        source: A file that keeps the rules.
    """
    tree = ast.parse(source.text)
    words = _Words(source, tree)
    body = [words.visit(statement) for statement in tree.body if not is_formula(statement)]
    kept = [statement for statement in body if statement is not None]
    text = ast.unparse(ast.fix_missing_locations(ast.Module(kept, [])))
    if source.formula is not None:
        formula = print_node(_renamed(source.formula.root, words.components))
        text = f"{text}\nFORMULA = '{formula}'"
    fields = frozenset(place.field for place in source.places)
    tables = (words.locals_, words.strings, words.keywords, words.globals_, words.components)
    pairs = [pair for table in tables for pair in table.items()]
    return Neutral(
        text=text.strip() + "\n",
        names={new: old for old, new in pairs},
        components=tuple(words.components[part.name] for part in source.components),
        _concealed={
            old: new
            for old, new in pairs
            if len(old) >= _SHORT and old not in fields and old not in PARAMETERS and old != new
        },
    )


class _Words(ast.NodeTransformer):
    """Gives numbers for names, following Python's scopes: module, function, comprehension.

    Args:
        source: The file.
        tree: Its syntax tree.
    """

    def __init__(self, source: RewardSource, tree: ast.Module) -> None:
        self.source = source
        self.scopes: list[frozenset[str]] = []
        """Names bound in the functions and comprehensions around the place in hand."""
        self.fixed: frozenset[str] = frozenset()
        """Parameters of the component in hand, which the contract names."""
        self.locals_: dict[str, str] = {}
        self.strings: dict[str, str] = {}
        self.keywords: dict[str, str] = {}
        self.globals_: dict[str, str] = {}
        self.components = self._number_components()
        self._number_globals(tree)

    def _number_components(self) -> dict[str, str]:
        names = [part.name for part in self.source.components]
        names += self.source.formula.components if self.source.formula else ()
        fixed = {_TOTAL} if self.source.kind == "compute_reward" else set[str]()
        table: dict[str, str] = {}
        for name in dict.fromkeys(names):
            number = len(table.keys() - fixed) + 1
            table[name] = name if name in fixed else f"component_{number}"
        return table

    def _number_globals(self, tree: ast.Module) -> None:
        counts = {"_helper": 0, "CONSTANT": 0, "imported": 0}

        def number(name: str, kind: str) -> None:
            counts[kind] += 1
            self.globals_[name] = f"{kind}_{counts[kind]}"

        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                if node.name == COMPUTE_REWARD:
                    self.globals_[node.name] = node.name
                elif node.name.startswith("_"):
                    number(node.name, "_helper")
                else:
                    self.globals_[node.name] = self.components[node.name]
            elif isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    if alias.asname and alias.asname != _USUAL.get(alias.name, alias.name):
                        number(alias.asname, "imported")
            elif isinstance(node, ast.Assign | ast.AnnAssign) and not is_formula(node):
                for part in ast.walk(node):
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                        number(part.id, "CONSTANT")

    # Names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._name(node.id)
        return node

    def _name(self, name: str) -> str:
        if any(name in scope for scope in self.scopes):
            inner = any(name in scope for scope in self.scopes[1:])
            if name in self.fixed and not inner:
                return name
            return self.locals_.setdefault(name, f"x{len(self.locals_) + 1}")
        return self.globals_.get(name, name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        parameters = frozenset(argument.arg for argument in arguments(node))
        self.fixed = frozenset() if node.name.startswith("_") else parameters
        self.scopes = [parameters | _bound(node.body)]
        node.name = self.globals_[node.name]
        for argument in arguments(node):
            argument.arg, argument.annotation = self._name(argument.arg), None
        node.args.defaults, defaults = [], node.args.defaults
        node.args.kw_defaults, kw_defaults = [], node.args.kw_defaults
        node.returns = None
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        self.scopes = []  # a default is read outside the function
        node.args.defaults = [self.visit(value) for value in defaults]
        node.args.kw_defaults = [value and self.visit(value) for value in kw_defaults]
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.ListComp:
        self._comprehension(node)
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.GeneratorExp:
        self._comprehension(node)
        return node

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> None:
        first = node.generators[0]
        first.iter = self.visit(first.iter)  # in the scope around the comprehension
        self.scopes.append(_bound(generator.target for generator in node.generators))
        for index, generator in enumerate(node.generators):
            generator.target = self.visit(generator.target)
            if index:
                generator.iter = self.visit(generator.iter)
            generator.ifs = [self.visit(test) for test in generator.ifs]
        node.elt = self.visit(node.elt)
        self.scopes.pop()

    # Texts

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        if isinstance(node.value, ast.Constant):
            return None
        node.value = self.visit(node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        if node.value is None:
            return None
        return ast.copy_location(
            ast.Assign([self.visit(node.target)], self.visit(node.value)), node
        )

    def visit_If(self, node: ast.If) -> ast.If:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str):
            node.value, node.kind = self._key(node.value), None
        return node

    def _key(self, text: str) -> str:
        """Return the neutral form of a key of a dict or of the memory."""
        if self.source.kind == "compute_reward" and text in self.components:
            return self.components[text]
        return self.strings.setdefault(text, f"key_{len(self.strings) + 1}")

    def visit_Call(self, node: ast.Call) -> ast.Call:
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        shadowed = any(called in scope for scope in self.scopes)
        stands_for = "" if shadowed else self.globals_.get(called, "")
        own = stands_for.startswith(("_helper_", "component_"))
        library = not own and not (
            isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "setdefault")
        )
        for index, argument in enumerate(node.args):
            if library and isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                argument.value = self._option(argument.value)
            else:
                node.args[index] = self.visit(argument)
        for word in node.keywords:
            value = word.value
            if library and isinstance(value, ast.Constant) and isinstance(value.value, str):
                value.value = self._option(value.value)
            else:
                word.value = self.visit(value)
            if word.arg is None or stands_for.startswith("component_"):
                continue  # the contract names a component's parameters
            if own:
                word.arg = self.locals_.setdefault(word.arg, f"x{len(self.locals_) + 1}")
            elif called == "dict":
                word.arg = self._key(word.arg)
            elif word.arg not in _KEYWORDS:
                table = self.keywords
                word.arg = table.setdefault(word.arg, f"keyword_{len(table) + 1}")
        node.func = self.visit(node.func)
        return node

    def _option(self, text: str) -> str:
        if text in _OPTIONS:
            return text
        if re.fullmatch(r"[A-Za-z., ]+(?:->[A-Za-z., ]*)?", text) and ("," in text or ">" in text):
            # An equation of einsum; the letters' order decides the order of a result without ->.
            letters = sorted(set(text) & set(string.ascii_letters))
            return text.translate(
                {ord(old): new for old, new in zip(letters, string.ascii_letters, strict=False)}
            ).replace(" ", "")
        return self._key(text)

    # Imports

    def visit_Import(self, node: ast.Import) -> ast.Import | None:
        node.names = [self._alias(alias) for alias in node.names if alias.name not in _TYPES]
        return node if node.names else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        if node.module in _TYPES:
            return None
        node.names = [self._alias(alias) for alias in node.names]
        return node

    def _alias(self, alias: ast.alias) -> ast.alias:
        if alias.asname:
            alias.asname = self.globals_.get(alias.asname, alias.asname)
        return alias


def _bound(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return the names that statements or targets bind, those of comprehensions left out."""
    names: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            waiting.append(node.generators[0].iter)
        else:
            waiting += ast.iter_child_nodes(node)
    return frozenset(names)


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    match node:
        case Component(name=name):
            return Component(names[name])
        case Unary(operator=operator, operand=operand):
            return Unary(operator, _renamed(operand, names))
        case Binary(operator=operator, left=left, right=right):
            return Binary(operator, _renamed(left, names), _renamed(right, names))
        case Call(function=function, arguments=parts):
            return Call(function, tuple(_renamed(part, names) for part in parts))
    return node
