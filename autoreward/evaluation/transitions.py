"""Recorded transitions: what a reward is tried on before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from autoreward.sandbox.contract import Batch
from autoreward.schema import Fitness, StateSchema
from autoreward.training.episodes import named

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Transitions:
    """A block of T steps in N environments under random behaviour."""

    state: dict[str, Array]
    """Each [T, N, …]."""
    next_state: dict[str, Array]
    action: Array
    """[T, N, A]."""
    starts: Array
    """[T, N], 1 where an episode starts."""
    fitness: dict[str, Array]
    """Fitness of each step, [T, N]; the host's business, never a reward's."""

    @classmethod
    def load(cls, path: Path) -> Transitions:
        """Read what the trainer recorded."""
        tensors = load_file(path)
        return cls(
            named(tensors, "state"),
            named(tensors, "next_state"),
            tensors["action"],
            tensors["starts"],
            named(tensors, "fitness"),
        )

    def batch(self, rows: NDArray[np.int64] | slice = slice(None), *, check: bool = False) -> Batch:
        """Return the block (or the environments `rows` of it) for a jail."""
        return Batch(
            state={name: value[:, rows] for name, value in self.state.items()},
            action=self.action[:, rows],
            next_state={name: value[:, rows] for name, value in self.next_state.items()},
            starts=self.starts[:, rows],
            check_inputs=check,
        )

    def relevance(self, schema: StateSchema, primary: Fitness) -> dict[str, float]:
        """Return each scalar field's correlation with the primary fitness, step by step.

        Positive means that more of it goes along with better fitness, also where less is better.
        """
        target = self.fitness[primary.name].ravel()
        sign = 1.0 if primary.direction == "max" else -1.0
        result = {}
        for field in schema.state:
            if field.shape:
                continue
            values = self.next_state[field.name].ravel()
            spread = float(values.std() * target.std())
            covariance = float(((values - values.mean()) * (target - target.mean())).mean())
            result[field.name] = sign * covariance / spread if spread > 1e-9 else 0.0
        return result


def imagined(schema: StateSchema, steps: int, rows: int) -> Batch:
    """Return states drawn evenly from the schema's usual ranges, [T, N], always the same ones.

    Random behaviour sees little; a reward that is flat there may still tell these apart.
    """
    generator = np.random.default_rng(0)

    def draw() -> dict[str, Array]:
        return {
            f.name: generator.uniform(f.low, f.high, (steps, rows, *f.shape)).astype(np.float32)
            for f in schema.state
        }

    shape = (steps, rows, len(schema.action))
    starts = np.zeros((steps, rows), dtype=np.float32)
    starts[0] = 1.0
    action = generator.uniform(-1, 1, shape).astype(np.float32)
    return Batch(draw(), action, draw(), starts)
