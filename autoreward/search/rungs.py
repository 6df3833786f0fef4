"""The rungs of a race: how long candidates are trained, and then with how many training seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoreward.config import Settings
from autoreward.store.records import Job


@dataclass(frozen=True, order=True)
class Rung:
    """A step of the race; scores of two rungs are never compared."""

    steps: int
    """Environment steps that each of a candidate's policies has had."""
    seeds: int = 1
    """Training seeds; the score is the mean over them."""


def rungs_of(settings: Settings) -> tuple[Rung, ...]:
    """Return the rungs in their order: to a share of a training, to its end, on further seeds.

    The shares are whole iterations of the trainer, as no training ends within one.
    """
    training, search = settings.training, settings.search
    iteration, full = training.envs * training.rollout, training.steps
    wanted = (math.ceil(share * full / iteration) * iteration for share in search.racing)
    seeds = range(2, search.racing_seeds + 1)
    return (
        *(Rung(min(steps, full)) for steps in wanted),
        *(Rung(full, count) for count in seeds),
    )


def costs_of(rungs: Sequence[Rung]) -> tuple[int, ...]:
    """Return the environment steps that each rung takes beyond the one before it."""
    costs = []
    before = 0
    for rung in rungs:
        costs.append(rung.steps - before if rung.seeds == 1 else rung.steps)
        before = rung.steps
    return tuple(costs)


def trainings_by_rung(jobs: Iterable[Job]) -> dict[Rung, tuple[str, ...]]:
    """Return the rungs that a candidate has reached, lowest first, and the trainings that count.

    Args:
        jobs: Its finished trainings of the search.
    """
    by_steps: dict[int, dict[int, str]] = {}
    for job in jobs:
        by_steps.setdefault(job.steps, {})[job.training_seed] = job.id
    found = {}
    for steps in sorted(by_steps):
        ids = tuple(by_steps[steps][seed] for seed in sorted(by_steps[steps]))
        for count in range(1, len(ids) + 1):
            found[Rung(steps, count)] = ids[:count]
    return found
