"""What a reward is tried on before anything is trained: recorded behaviour, and probes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autoreward.environments.folder import Task
from autoreward.evaluation.bank import Bank
from autoreward.evaluation.checks.shuffling import Shuffled, shuffled
from autoreward.evaluation.transitions import Transitions
from autoreward.sandbox.contract import Batch
from autoreward.schema import Field, Fitness, StateSchema
from autoreward.training.episodes import Episodes

Array = NDArray[np.float32]
Values = Mapping[str, Array]
"""Component → its values, [T, N]."""
BEYOND = 3.0
"""How far the far probe leaves the usual ranges, in half widths from their middles."""
SHUFFLED = "shuffled"
"""Name of the block of `Material.shuffled`."""
_QUIET = 0.1
"""Actions of the quiet probe; those of the strong one are 1."""
_PROBE_STEPS = 48


@dataclass(frozen=True)
class Answer:
    """What a jail made of one block."""

    components: Values
    at_state: Values
    """Of the components that read the next state alone: their values at the state before."""


@dataclass(frozen=True)
class Material:
    """Recorded behaviour of one task.

    Checks that need a part that is None are left out.
    """

    schema: StateSchema
    transitions: Transitions
    """Random behaviour, step by step."""
    zero: Episodes | None = None
    """Whole episodes of the policy that never acts."""
    random: Episodes | None = None
    """Whole episodes of uniformly random actions."""
    best: Episodes | None = None
    """Whole episodes of the best policy known for the task."""
    bank: Bank | None = None
    """Whole episodes of varied quality, for a prediction."""
    task: Task | None = None
    primary: Fitness | None = None
    """The fitness that decides the task."""
    gamma: float = 0.99

    @property
    def episodes(self) -> dict[str, Episodes]:
        """The recorded whole episodes by whose they are: `zero`, `random`, `best`, `bank`."""
        parts = {"zero": self.zero, "random": self.random, "best": self.best}
        parts["bank"] = self.bank.episodes if self.bank is not None else None
        return {name: part for name, part in parts.items() if part is not None}

    @cached_property
    def shuffled(self) -> Shuffled:
        """What two rewards are compared on: behaviour of all qualities, and what never happened."""
        episodes = [part for name, part in self.episodes.items() if name != "best"]
        return shuffled(self.schema, self.transitions, episodes, self.gamma)


def ranges(schema: StateSchema, rows: int, reach: float) -> Batch:
    """Return states at the ends of the schema's ranges, each entry at its low or high end, [8, N].

    Args:
        schema: The state.
        rows: N.
        reach: 1 for the ranges themselves; otherwise that many half widths from the middle. A field
            that is never negative stays so, one without a unit (a share, a cosine, a count) stays
            in its range.
    """
    generator = np.random.default_rng(1)

    def ends(field: Field) -> tuple[float, float]:
        if reach == 1.0 or field.unit == "1":
            return field.low, field.high
        if field.low >= 0:
            return field.low / reach, field.high * reach
        middle, half = (field.low + field.high) / 2, (field.high - field.low) / 2
        return middle - reach * half, middle + reach * half

    def draw() -> dict[str, Array]:
        table = {}
        for field in schema.state:
            low, high = ends(field)
            up = generator.random((8, rows, *field.shape)) < 0.5
            table[field.name] = np.where(up, high, low).astype(np.float32)
        return table

    starts = np.zeros((8, rows), dtype=np.float32)
    starts[0] = 1.0
    action = generator.choice([-1.0, 1.0], (8, rows, len(schema.action))).astype(np.float32)
    return Batch(draw(), action, draw(), starts)


def base(transitions: Transitions) -> Batch:
    """Return the recorded transitions that are probed: the first steps, [T, N]."""
    batch = transitions.batch()
    steps = slice(0, _PROBE_STEPS)
    return Batch(
        {name: value[steps] for name, value in batch.state.items()},
        batch.action[steps],
        {name: value[steps] for name, value in batch.next_state.items()},
        batch.starts[steps],
    )


def efforts(transitions: Transitions) -> dict[str, Batch]:
    """Return recorded states with small (`quiet`) and with large (`strong`) actions, alike else."""
    states = base(transitions)
    drawn = np.random.default_rng(2).uniform(-1, 1, states.action.shape).astype(np.float32)
    return {
        "quiet": replace(states, action=_QUIET * drawn),
        "strong": replace(states, action=drawn),
    }


@dataclass(frozen=True)
class Meaning:
    """A word in a component's name, and the change of the state that it asks for."""

    name: str
    words: frozenset[str]
    """One of them in a component's name asks for the change."""
    opposite: frozenset[str]
    """With one of them in its name or docstring nothing is concluded."""
    wish: str


_TURNED = {
    *{"penalty", "cost", "loss", "error", "deviation", "not", "avoid", "away", "against", "slow"},
    *{"low", "lower", "below", "lie", "down", "fall", "backward", "backwards", "limit", "max"},
    *{"upside", "excess", "smooth", "risk", "drift", "overspeed", "minimum", "negative", "minus"},
}
MEANINGS = (
    Meaning(
        "forward", frozenset({"forward", "fast", "faster"}), frozenset(_TURNED), "forward motion"
    ),
    Meaning("tall", frozenset({"tall", "high", "higher"}), frozenset(_TURNED), "height"),
    Meaning("level", frozenset({"upright", "level"}), frozenset(_TURNED), "an upright body"),
    Meaning(
        "near",
        frozenset({"near", "close", "reach", "reaching", "proximity", "closeness"}),
        frozenset(_TURNED),
        "a small distance",
    ),
)


def moved(transitions: Transitions, schema: StateSchema) -> Iterator[tuple[Meaning, str, Batch]]:
    """Yield for each meaning and field of that meaning the recorded states with more of it.

    Only the state after the step is changed, in that field alone.
    """
    states = base(transitions)
    for meaning in MEANINGS:
        for field in schema.state:
            change = _change(meaning.name, field, schema.dt)
            if change is not None and not field.shape:
                table = dict(states.next_state)
                scale, shift = change
                table[field.name] = (scale * table[field.name] + shift).astype(np.float32)
                yield meaning, field.name, replace(states, next_state=table)


def _change(meaning: str, field: Field, dt: float) -> tuple[float, float] | None:
    """Return factor and shift that give a field more of a meaning; None if it has none of it."""
    name, span = field.name, field.high - field.low
    match meaning:
        case "forward" if name == "forward_velocity":
            return 1.0, 0.2 * span
        case "forward" if name == "torso_x":
            return 1.0, 1.0 * dt
        case "tall" if name.endswith("height"):
            return 1.0, 0.1 * span
        case "level" if name == "uprightness":
            return 0.5, 0.5
        case "level" if name == "pitch":
            return 0.5, 0.0
        case "near" if "distance" in name and field.low >= 0:
            return 0.5, 0.0
    return None
