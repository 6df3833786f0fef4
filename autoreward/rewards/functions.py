"""The registry of the formula language's functions.

To add one, write its class in `transforms` or `combinators` and list it here.
"""

from __future__ import annotations

from autoreward.rewards.combinators import Gate, Krc, Minimum, Potential, Product, Progress
from autoreward.rewards.function import FormulaFunction
from autoreward.rewards.transforms import (
    Bell,
    Clip,
    Lsc,
    Normalize,
    Par,
    Sigmoid,
    Sign,
    Tanh,
    Tiers,
)

FUNCTIONS: dict[str, FormulaFunction] = {
    function.name: function
    for function in (
        Clip(),
        Tanh(),
        Sigmoid(),
        Bell(),
        Sign(),
        Tiers(),
        Par(),
        Lsc(),
        Normalize(),
        Gate(),
        Krc(),
        Product(),
        Minimum(),
        Progress(),
        Potential(),
    )
}


def describe_functions() -> str:
    """Return a Markdown list of all functions, one line each, for people and prompts."""
    return "\n".join(
        f"* `{function.signature}` ({function.family}): {function.formula}"
        for function in FUNCTIONS.values()
    )
