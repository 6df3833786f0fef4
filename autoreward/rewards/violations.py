"""One broken rule of a reward file, and the sentences for syntax that it may not have at all."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from autoreward.errors import did_you_mean


@dataclass(frozen=True)
class Violation:
    """One place where a reward file breaks the rules."""

    line: int
    what: str
    """What is not allowed."""
    fix: str
    """What to do instead."""
    code: str = "forbidden"

    @property
    def sentence(self) -> str:
        """What and what to do instead, in one line."""
        return f"{self.what}: {self.fix}"


FORBIDDEN_NODES: dict[type[ast.AST], tuple[str, str]] = {
    ast.While: ("`while` is not allowed", "use `for` over a short range, or batched torch"),
    ast.ClassDef: ("classes are not allowed", "write functions"),
    ast.AsyncFunctionDef: ("`async` is not allowed", "write a plain function"),
    ast.AsyncFor: ("`async` is not allowed", "write plain code"),
    ast.AsyncWith: ("`async` is not allowed", "write plain code"),
    ast.Await: ("`await` is not allowed", "write plain code"),
    ast.With: ("`with` is not allowed", "drop it: gradients are off already"),
    ast.Try: ("`try` is not allowed", "avoid the error, e.g. by clamp or torch.where"),
    ast.TryStar: ("`try` is not allowed", "avoid the error, e.g. by clamp or torch.where"),
    ast.Raise: ("`raise` is not allowed", "return a finite value for every row"),
    ast.Assert: ("`assert` is not allowed", "drop it: shapes are checked for you"),
    ast.Global: ("`global` is not allowed", "keep values in `memory`, or pass them on"),
    ast.Nonlocal: ("`nonlocal` is not allowed", "keep values in `memory`, or pass them on"),
    ast.Delete: ("`del` is not allowed", "drop it"),
    ast.Match: ("`match` is not allowed", "use `if`, or torch.where on tensors"),
    ast.Import: ("imports inside functions are not allowed", "import at the top of the file"),
    ast.ImportFrom: ("imports inside functions are not allowed", "import at the top of the file"),
    ast.FunctionDef: (
        "functions inside functions are not allowed",
        "put it at the top level under a name that starts with _",
    ),
    ast.Lambda: ("`lambda` is not allowed", "write a function whose name starts with _"),
    ast.GeneratorExp: (
        "a generator expression stands outside of sum, max, min, tuple and list",
        "use a list in [ ]",
    ),
    ast.SetComp: ("sets are not allowed", "use a list"),
    ast.Set: ("sets are not allowed", "use a tuple"),
    ast.DictComp: ("dict comprehensions are not allowed", "write the dict out"),
    ast.NamedExpr: ("`:=` is not allowed", "assign on a line of its own"),
    ast.Yield: ("`yield` is not allowed", "return a tensor"),
    ast.YieldFrom: ("`yield` is not allowed", "return a tensor"),
    ast.JoinedStr: ("f-strings are not allowed", "a reward needs no text; use plain names as keys"),
    ast.Starred: ("`*` unpacking is not allowed", "write the arguments out"),
}

_ROWS = "keep values as tensors with one value per row"
_FILES = "a reward reads its inputs only, no files"
_SAME = "a reward must be the same for the same step: drop the randomness"
_DEVICE = "drop it: a reward runs on the jail's device, where all its inputs are"
_PARAMETER = "make it a parameter of this function, and hand it over in the call"
UNAVAILABLE: dict[str, str] = {
    "item": _ROWS,
    "tolist": _ROWS,
    "numpy": _ROWS,
    "np": "use torch instead of numpy",
    "append": "append on a line of its own, to a list of this function: xs.append(value)",
    "load": _FILES,
    "save": _FILES,
    "open": _FILES,
    "rand": _SAME,
    "randn": _SAME,
    "rand_like": _SAME,
    "randn_like": _SAME,
    "randint": _SAME,
    "normal": _SAME,
    "bernoulli": _SAME,
    "manual_seed": _SAME,
    "no_grad": "drop it: gradients are off already",
    "cuda": _DEVICE,
    "cpu": _DEVICE,
    "device": _DEVICE,
    "get_device": _DEVICE,
    "state": _PARAMETER,
    "action": _PARAMETER,
    "next_state": _PARAMETER,
    "memory": _PARAMETER,
    "print": "drop it: nobody reads it",
    "isinstance": "all inputs are tensors",
    "getattr": "write the field's name: next_state.FIELD",
    "hasattr": "the fields are known: write next_state.FIELD",
    "pin_memory": _DEVICE,
    "map": "use a list in [ ]",
    "filter": "use a list in [ ]",
    "sorted": "use torch.sort",
    "pow": "use torch.pow or **",
    "any": "use torch.any(x, dim=-1)",
    "all": "use torch.all(x, dim=-1)",
}
"""What to do instead of some names that are not available."""


def instead_of(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return what to use instead of a name that is not available."""
    near = did_you_mean(name, known).removeprefix("; ")
    return UNAVAILABLE.get(name) or (near if near.startswith("did you mean") else otherwise)
