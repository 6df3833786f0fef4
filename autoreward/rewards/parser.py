"""Turns the text of a formula into a tree; the text is never run as code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from autoreward.rewards.nodes import (
    MAX_DEPTH,
    Binary,
    Call,
    Component,
    Node,
    Number,
    Unary,
    formula_error,
    is_name,
)


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


_TOKENS = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<foreign>\*\*|//|[<>=!]=?)
    | (?P<symbol>[-+*/(),])""",
    re.VERBOSE,
)
_HINTS = {
    "**": "write x * x, there are no powers",
    "^": "write x * x, there are no powers",
    "//": "use /",
    ".": "components stand by their bare name; read the state inside a component",
    "[": "pick out entries inside a component",
    "=": "a formula is one expression, without names of its own",
    "−": "use the plain - sign",
    "×": "use *",
    "·": "use *",
    "÷": "use /",
} | dict.fromkeys(("<", ">", "<=", ">=", "==", "!=", "!"), "use gate(x, threshold) to compare")
_HINT = "a formula has + - * /, numbers, component names and functions"


def parse_tree(text: str) -> Node:
    """Return the tree of a formula, not yet in canonical form.

    Raises:
        RewardFileError: Code `formula`: not a formula; says the column and what to do.
    """
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over the tokens: sum, product, sign, atom."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.position = 0
        self.nesting = 0

    def parse(self) -> Node:
        if self.token.kind == "end":
            raise formula_error("the formula is empty; write the name of a component, at least")
        node = self.sum()
        if self.token.kind != "end":
            self.refuse_rest()
        return node

    @property
    def token(self) -> _Token:
        return self.tokens[self.position]

    def take(self, *symbols: str) -> str:
        """Step over one of `symbols` and return it, or '' if something else comes next."""
        if self.token.kind != "symbol" or self.token.text not in symbols:
            return ""
        self.position += 1
        return self.tokens[self.position - 1].text

    def sum(self) -> Node:
        node = self.product()
        while operator := self.take("+", "-"):
            node = Binary(operator, node, self.product())
        return node

    def product(self) -> Node:
        node = self.signed()
        while operator := self.take("*", "/"):
            node = Binary(operator, node, self.signed())
        return node

    def signed(self) -> Node:
        sign = self.take("-", "+")
        if not sign:
            return self.atom()
        self.enter()
        operand = self.signed()
        self.nesting -= 1
        return Unary("-", operand) if sign == "-" else operand

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.position += 1
            return Number(float(token.text))
        if token.kind == "name":
            self.position += 1
            return self.name(token)
        if self.take("("):
            self.enter()
            node = self.sum()
            self.close(token)
            return node
        self.refuse_foreign()
        found = "the formula ends" if token.kind == "end" else f"{token.text!r} stands"
        _fail(token, f"{found} where a number, component or function should be")

    def name(self, token: _Token) -> Node:
        if not is_name(token.text):
            _fail(token, f"{token.text!r} cannot be used; components are public functions")
        opening = self.token
        if not self.take("("):
            return Component(token.text)
        self.enter()
        arguments: list[Node] = []
        if not (self.token.kind == "symbol" and self.token.text == ")"):
            arguments.append(self.sum())
            while self.take(","):
                arguments.append(self.sum())
        self.close(opening)
        return Call(token.text, tuple(arguments))

    def enter(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            _fail(self.token, f"nested deeper than {MAX_DEPTH}; compute parts in components")

    def close(self, opening: _Token) -> None:
        self.nesting -= 1
        if self.take(")"):
            return
        if self.token.kind == "end":
            _fail(opening, "this '(' is never closed; add the missing ')'")
        self.refuse_rest()

    def refuse_foreign(self) -> None:
        token = self.token
        if token.kind == "foreign":
            hint = _HINTS.get(token.text, _HINT)
            _fail(token, f"{token.text!r} has no place in a formula; {hint}")

    def refuse_rest(self) -> NoReturn:
        """Say what is wrong with a token after a complete expression."""
        self.refuse_foreign()
        token = self.token
        if token.text == ")":
            _fail(token, "this ')' was never opened; remove it")
        if token.text == ",":
            _fail(token, "a comma outside the arguments of a function; a formula is one expression")
        _fail(token, f"{token.text!r} follows without an operator; put + - * or / in between")


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKENS.match(text, position)
        kind = match.lastgroup if match else "foreign"
        piece = match.group() if match else text[position]
        token = _Token(kind or "foreign", piece, position + 1)
        if kind != "space":
            yield token
        position += len(piece)
    yield _Token("end", "", position + 1)


def _fail(token: _Token, problem: str) -> NoReturn:
    raise formula_error(f"formula, column {token.column}: {problem}")
