"""Transitions that never happened: what the distance between two rewards has to ask them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoreward.evaluation.transitions import Transitions
from autoreward.rewards.distance import Asked, Ground
from autoreward.sandbox.contract import Batch
from autoreward.schema import StateSchema
from autoreward.training.episodes import Episodes

Array = NDArray[np.float32]
_ROWS = 768
"""Recorded transitions, B."""
_DRAWN = 16
"""Drawn pairs of action and state, M."""
_ENDS = 48
"""Places kept for transitions that end an episode: they are rare, and tell living from dying."""


@dataclass(frozen=True)
class Shuffled:
    """Recorded transitions, followed by the same states with drawn actions and next states."""

    batch: Batch
    """[1 + 2M, B]: the transitions, then (s, A, X) for each drawn pair, then (s', A, X)."""
    ground: Ground

    def asked(self, reward: Array) -> Asked:
        """Return what a reward with those values, [1 + 2M, B], says of the ground."""
        values, count = reward.astype(np.float64), len(self.ground.drawn)
        return Asked(values[0], values[1 : 1 + count], values[1 + count :])


@dataclass(frozen=True)
class _Rows:
    """Transitions side by side."""

    state: Mapping[str, Array]
    action: Array
    next_state: Mapping[str, Array]
    terminated: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> _Rows:
        return _Rows(
            {name: table[rows] for name, table in self.state.items()},
            self.action[rows],
            {name: table[rows] for name, table in self.next_state.items()},
            self.terminated[rows],
        )


def shuffled(
    schema: StateSchema, transitions: Transitions, episodes: Sequence[Episodes], gamma: float
) -> Shuffled:
    """Return what rewards are compared on; always the same for the same recordings.

    Args:
        schema: The state.
        transitions: Random behaviour, step by step.
        episodes: Whole episodes of several policies; each gives as many transitions as another.
        gamma: Discount per step.
    """
    generator = np.random.default_rng(3)
    blocks = [_of_transitions(transitions), *(_of_episodes(part) for part in episodes)]
    everything, ends = _joined(blocks), []
    start, chosen = 0, []
    for block in blocks:
        size = len(block.action)
        ends.append(start + np.flatnonzero(block.terminated))
        share = min(size, (_ROWS - _ENDS) // len(blocks))
        chosen.append(start + generator.choice(size, share, replace=False))
        start += size
    ended = np.concatenate(ends)
    kept = generator.choice(ended, min(len(ended), _ENDS), replace=False)
    rows = everything.take(np.unique(np.concatenate([*chosen, kept])))
    count = len(rows.action)
    drawn = rows.take(generator.choice(count, _DRAWN, replace=count < _DRAWN))

    def widened(table: Array, others: Array) -> Array:
        """Return the table once, then each of the others beside all rows."""
        return np.concatenate([table[None], np.repeat(others[:, None], count, axis=1)])

    names = schema.names
    batch = Batch(
        state={
            name: np.concatenate(
                [
                    np.repeat(rows.state[name][None], 1 + _DRAWN, axis=0),
                    np.repeat(rows.next_state[name][None], _DRAWN, axis=0),
                ]
            )
            for name in names
        },
        action=widened(rows.action, np.concatenate([drawn.action, drawn.action])),
        next_state={
            name: widened(
                rows.next_state[name],
                np.concatenate([drawn.next_state[name], drawn.next_state[name]]),
            )
            for name in names
        },
        # Each row is a first step: what a reward with memory would remember never happened.
        starts=np.ones((1 + 2 * _DRAWN, count), dtype=np.float32),
    )
    ground = Ground(
        _features(schema, rows.state),
        _features(schema, rows.next_state),
        _features(schema, drawn.next_state),
        rows.terminated,
        gamma,
    )
    return Shuffled(batch, ground)


def _of_transitions(data: Transitions) -> _Rows:
    """Return the steps after which the episode goes on: of the others nobody knows why they end."""
    goes_on = np.ones(data.starts.shape, dtype=np.bool_)
    goes_on[:-1] = data.starts[1:] == 0
    return _Rows(
        {name: table[goes_on] for name, table in data.state.items()},
        data.action[goes_on],
        {name: table[goes_on] for name, table in data.next_state.items()},
        np.zeros(int(goes_on.sum()), dtype=np.bool_),
    )


def _of_episodes(data: Episodes) -> _Rows:
    alive = data.alive
    ended = np.zeros(alive.shape, dtype=np.bool_)
    rows = np.flatnonzero(data.terminated)
    ended[data.length[rows] - 1, rows] = True
    return _Rows(
        {name: table[:-1][alive] for name, table in data.state.items()},
        data.action[alive],
        {name: table[alive] for name, table in data.next_state.items()},
        ended[alive],
    )


def _joined(parts: Sequence[_Rows]) -> _Rows:
    def together(tables: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

    return _Rows(
        together([part.state for part in parts]),
        np.concatenate([part.action for part in parts]),
        together([part.next_state for part in parts]),
        np.concatenate([part.terminated for part in parts]),
    )


def _features(schema: StateSchema, state: Mapping[str, Array]) -> NDArray[np.float64]:
    """Return each scalar of the state as a column, [rows, F]."""
    columns = [state[name].reshape(len(state[name]), -1) for name in schema.names]
    return np.concatenate(columns, axis=1).astype(np.float64)
