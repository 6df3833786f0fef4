"""The built-in designer's components: one per quantity that an environment's schema offers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace

from autoreward.agents.formulas.parts import Part, Role
from autoreward.environments.folder import EnvironmentFolder, Task
from autoreward.errors import UsageError
from autoreward.rewards.functions import FUNCTIONS
from autoreward.schema import Field


@dataclass(frozen=True)
class Primitive:
    """One component, and the range of its values."""

    name: str
    code: str
    """Its function in the reward file."""
    low: float
    high: float
    field: str = ""
    """The state field it measures, if it is one."""
    role: Role = "measure"

    def part(self, relevance: Mapping[str, float]) -> Part:
        """Return what the formula policy may know of it.

        Args:
            relevance: State field → correlation with the primary fitness; 0 where it has none.
        """
        found = relevance.get(self.field, 0.0)
        correlation = min(max(found, -1.0), 1.0) if math.isfinite(found) else 0.0
        return Part(self.name, self.low, self.high, self.role, correlation)


def primitives(folder: EnvironmentFolder, task: Task) -> tuple[Primitive, ...]:
    """Return the components for `task`: scaled primitive fields, effort, and alive.

    `alive` is only there where an episode can end early: elsewhere a constant decides nothing.
    A field with the name of either takes its place.

    Raises:
        UsageError: No field of the schema is a primitive.
    """
    made = [_measured(field) for field in folder.schema.state if field.primitive]
    if not made:
        raise UsageError(
            f"{folder.name} offers the built-in designer nothing to measure: set `primitive: true` "
            f"on scalar fields of {folder.path / 'schema.yaml'}, or use a language model"
        )
    made.append(_EFFORT)
    if task.terminate != "never":
        made.append(_ALIVE)
    return tuple({primitive.name: primitive for primitive in reversed(made)}.values())[::-1]


def component_file(folder: EnvironmentFolder, parts: tuple[Primitive, ...]) -> str:
    """Return the reward file of these components, without a formula.

    It is the same for all candidates of a run, so that they can share one jail.
    """
    intro = _docstring(
        f"Measured quantities of {folder.title}, each divided by a constant to be about -1 to 1; "
        "the formula says which of them are rewarded, and how."
    )
    return "\n\n\n".join((intro, *(part.code for part in parts))) + "\n"


def _measured(field: Field) -> Primitive:
    scale = max(abs(field.low), abs(field.high)) or 1.0
    low, high = field.low / scale, field.high / scale
    meaning = field.doc[:1].upper() + field.doc[1:].rstrip(".")
    unit = "" if field.unit == "1" else f" {field.unit}"
    doc = f"{meaning}; 1 is {scale:g}{unit}, usually {low:.2g} to {high:.2g}."
    divided = f" / {scale:g}" if scale != 1.0 else ""
    name = f"{field.name}_value" if field.name in FUNCTIONS else field.name
    return _primitive(name, doc, f"next_state.{field.name}{divided}", low, high, field.name)


def _primitive(
    name: str, doc: str, value: str, low: float, high: float, field: str = ""
) -> Primitive:
    docstring = textwrap.indent(_docstring(doc), "    ")
    code = f"def {name}(state, action, next_state):\n{docstring}\n    return {value}"
    return Primitive(name, code, low, high, field)


def _docstring(text: str) -> str:
    """Return `text` as a docstring; quotes and backslashes of a schema cannot end it early."""
    safe = text.replace("\\", "/").replace('"', "'")
    return '"""' + "\n".join(textwrap.wrap(safe, 92)) + '"""'


_EFFORT = replace(
    _primitive("effort", "Mean squared action, 0 to 1.", "action.square().mean(dim=-1)", 0, 1),
    role="effort",
)
_ALIVE = replace(
    _primitive(
        "alive", "1 for each step until the episode ends.", "torch.ones_like(action[:, 0])", 1, 1
    ),
    role="alive",
)
