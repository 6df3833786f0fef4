"""What a policy does, as a point: policies far apart behave differently, whatever they score."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoreward.schema import StateSchema
from autoreward.search.archive import search_job
from autoreward.search.view import View
from autoreward.store.queries import Queries
from autoreward.training.episodes import Episodes
from autoreward.training.messages import EPISODES_FILE

Point = NDArray[np.float64]


def descriptor(episodes: Episodes, schema: StateSchema) -> Point:
    """Return the behaviour descriptor of recorded validation episodes, [2 · scalars of the state].

    Mean and standard deviation over the steps lived of each scalar of the state, averaged over the
    episodes; 1 is the width of the field's usual range, and the mean is counted from its middle.
    """
    alive = episodes.alive.astype(np.float64)
    lived = np.maximum(episodes.length, 1).astype(np.float64)[:, None]
    means, spreads = [], []
    for field in schema.state:
        table = episodes.next_state[field.name].astype(np.float64)
        table = table.reshape(*table.shape[:2], -1)
        width = field.high - field.low
        table = (table - (field.low + field.high) / 2) / (width if width > 0 else 1.0)
        mean = np.einsum("te,tef->ef", alive, table) / lived
        square = np.einsum("te,tef->ef", alive, np.square(table - mean)) / lived
        means.append(mean.mean(axis=0))
        spreads.append(np.sqrt(square).mean(axis=0))
    return np.concatenate([*means, *spreads])


def behaviour_distance(first: Point, second: Point) -> float:
    """Return the root mean square difference of two descriptors: 1 is a usual range apart."""
    return float(np.sqrt(np.square(first - second).mean()))


def descriptors(
    journal: Queries, schema: StateSchema, candidates: Iterable[str], view: View | None = None
) -> dict[str, Point]:
    """Return the descriptors of the candidates whose validation episodes were recorded.

    Args:
        journal: Of the run.
        schema: The state.
        candidates: Of whom.
        view: Only the trainings of this view count; None for all.
    """
    found = {}
    for candidate in candidates:
        job = search_job(journal, candidate, view)
        path = None if job is None else journal.files.job(job) / EPISODES_FILE
        if path is not None and path.exists():
            found[candidate] = _described(path, schema)
    return found


@lru_cache(maxsize=512)
def _described(path: Path, schema: StateSchema) -> Point:
    """Read a finished training's episodes, which never change, once."""
    return descriptor(Episodes.load(path), schema)
