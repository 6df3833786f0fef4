"""Made-up trainings on hopper's task `run`: everything is usual unless a test plants something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autoreward.environments.folder import open_environment
from autoreward.evaluation.analysis.record import Record
from autoreward.training.episodes import Episodes

FOLDER = open_environment("hopper")
HORIZON = 200
TASK = replace(FOLDER.task_named("run"), horizon=HORIZON)
COUNT = 8
SPEED = "forward_speed"
POINTS = 30


def noise(*shape: int, size: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return normal noise."""
    return size * np.random.default_rng(seed).standard_normal(shape)


def table(value: Any, seed: int = 0, spread: float = 0.0) -> np.ndarray:
    """Return [HORIZON, COUNT] of a value (or one per step, or per episode), with noise."""
    wide = np.broadcast_to(np.asarray(value, dtype=np.float64), (HORIZON, COUNT)).copy()
    return wide + noise(HORIZON, COUNT, size=spread, seed=seed)


def film(
    speed: Any = 0.0,
    *,
    length: Any = HORIZON,
    state: Mapping[str, np.ndarray] | None = None,
    components: Mapping[str, Any] | None = None,
    reward: Any = None,
    action: np.ndarray | None = None,
) -> Episodes:
    """Return 8 episodes of hopper: it moves at `speed` and stands upright.

    Args:
        speed: Fitness of each step, for `table`.
        length: Steps lived; fewer than the horizon means ended by the rule.
        state: Fields that differ, each [HORIZON + 1, COUNT, …].
        components: Values of components, for `table`.
        reward: For `table`; None for the sum of the components.
        action: [HORIZON, COUNT, 3].
    """
    lengths = np.broadcast_to(np.asarray(length), (COUNT,)).astype(np.int64)
    alive = np.arange(HORIZON)[:, None] < lengths
    speeds = table(speed)
    fields = {
        field.name: np.full(
            (HORIZON + 1, COUNT, *([len(field.index)] if field.index else [])), 0.0, np.float32
        )
        for field in FOLDER.schema.state
    }
    fields["torso_height"] += 1.2
    fields["forward_velocity"][1:] = speeds
    fields["joint_velocity"] += noise(HORIZON + 1, COUNT, 3, size=5.0).astype(np.float32)
    fields |= {name: value.astype(np.float32) for name, value in (state or {}).items()}
    steps = int(lengths.max())
    lived = {
        name: np.where(alive, table(value), 0.0).astype(np.float32)[:steps]
        for name, value in (components or {}).items()
    }
    paid = sum(lived.values()) if reward is None else np.where(alive, table(reward), 0.0)[:steps]
    usual = noise(HORIZON, COUNT, 3, size=0.3, seed=5)
    return Episodes(
        state={name: value[: steps + 1] for name, value in fields.items()},
        action=(usual if action is None else action).astype(np.float32)[:steps],
        fitness={SPEED: np.where(alive, speeds, 0.0).astype(np.float32)[:steps]},
        length=lengths,
        terminated=lengths < HORIZON,
        qpos=np.zeros((steps + 1, COUNT, 6), np.float32),
        components=lived,
        reward=None if not components else np.asarray(paid, dtype=np.float32),
    )


def curve(
    speed: Any = 0.0,
    components: Mapping[str, Any] | None = None,
    *,
    reward: Any = None,
    length: Any = HORIZON,
    points: int = POINTS,
) -> list[dict[str, Any]]:
    """Return a training curve; each value is a number or one per snapshot.

    `reward` is the sum of the components' means unless given.
    """

    def per_point(value: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (points,))

    means = {name: per_point(value) for name, value in (components or {}).items()}
    paid = per_point(sum(means.values()) if reward is None else reward)
    speeds, lengths = per_point(speed), per_point(length)
    return [
        {
            "steps": 1000 * (i + 1),
            "reward": float(paid[i]),
            "return": float(paid[i] * lengths[i]),
            "length": float(lengths[i]),
            "terminated": 0,
            "components": {
                name: {
                    "mean": float(values[i]),
                    "std": 0.1 * abs(float(values[i])),
                    "min": 0.5 * float(values[i]),
                    "max": 1.5 * float(values[i]),
                    "share": 1.0 / len(means),
                }
                for name, values in means.items()
            },
            "fitness_per_step": {SPEED: float(speeds[i])},
        }
        for i in range(points)
    ]


def record(
    episodes: Episodes, snapshots: list[dict[str, Any]], formula: str, **changes: Any
) -> Record:
    """Return a training beside a policy that falls at once and one that stumbles about."""
    zero = film(noise(HORIZON, COUNT, size=0.3, seed=1), length=20)
    stumbling = film(noise(HORIZON, COUNT, size=0.6, seed=2), length=30)
    own = Record(
        TASK, FOLDER, FOLDER.fitness_named(SPEED), 0.99, formula, snapshots, episodes, {},
        zero, stumbling,
    )  # fmt: skip
    return replace(own, **({"scores": {SPEED: own.own.tolist()}} | changes))


def rising(start: float, end: float, points: int = POINTS, size: float = 0.0) -> np.ndarray:
    """Return a curve that rises and levels off, with noise."""
    way = 1.0 - np.exp(-4.0 * np.arange(points) / points)
    return start + (end - start) * way + noise(points, size=size, seed=points)
