"""What reward code may see of an environment, as plain data (no torch: the host reads it too).

An environment folder holds it as `schema.yaml`. Only the `state` and `action` parts ever reach a
jail; the fitness vector stays with the host and the trainer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Reduce = Literal["rate", "mean", "sum", "max", "min", "last", "any"]
REDUCED: dict[Reduce, str] = {
    "rate": "the sum over its steps divided by the steps of a full episode",
    "mean": "the mean over the steps it lived",
    "sum": "the sum over its steps",
    "max": "the greatest of its steps",
    "min": "the least of its steps",
    "last": "that of its last step",
    "any": "1 if any step counts, else 0",
}
"""How the values of the steps make that of an episode, in words."""


@dataclass(frozen=True)
class Field:
    """One named quantity of the state that reward code reads as `state.NAME`."""

    name: str
    source: str
    """Where it is read: `qpos[1]`, `qvel[3:6]`, `sensor:foot_contact`, `sensor:torso_axis[2]`,
    `derived:NAME` (computed by env.py); a constant may be added, as in `qpos[1] + 0.7`."""
    unit: str
    """`m`, `rad`, `m/s`, `rad/s`, `N`, `1` (no unit)."""
    doc: str
    """One line: what it means."""
    frame: str = "world"
    """Frame of reference, e.g. `world`, `torso`, `joint`."""
    shape: tuple[int, ...] = ()
    """Shape per environment; () is a scalar, so reward code sees `[B]`."""
    low: float = -10.0
    high: float = 10.0
    """Usual range, for dry runs and for scaling; not a hard bound."""
    index: tuple[str, ...] = ()
    """Meaning of each entry of a vector field, e.g. ("x", "y", "z")."""
    primitive: bool = False
    """Whether the built-in designer may reward it."""


@dataclass(frozen=True)
class Actuator:
    """One entry of the action, in [-1, 1]."""

    name: str
    unit: str
    doc: str


@dataclass(frozen=True)
class Fitness:
    """One entry of the fitness vector: how well an episode did, whatever its reward was."""

    name: str
    direction: Literal["max", "min"]
    unit: str
    doc: str
    reduce: Reduce
    """How per-step values make one number: `rate` is sum / task horizon (steps after an early end
    count as 0), `mean` is over the steps lived, `any` is 1 if a step was > 0."""


@dataclass(frozen=True)
class StateSchema:
    """The state and action that reward code sees."""

    state: tuple[Field, ...]
    action: tuple[Actuator, ...]
    dt: float
    """Seconds per environment step."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the state's fields, in order."""
        return tuple(field.name for field in self.state)

    def field(self, name: str) -> Field:
        """Return the field called `name`; KeyError if there is none."""
        for field in self.state:
            if field.name == name:
                return field
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StateSchema:
        """Rebuild a schema from `to_dict` (lists become tuples)."""
        fields = tuple(
            Field(**{**f, "shape": tuple(f.get("shape", ())), "index": tuple(f.get("index", ()))})
            for f in data["state"]
        )
        return cls(fields, tuple(Actuator(**a) for a in data["action"]), float(data["dt"]))
