"""What a suite comes down to: one ordinary run per task, method and run seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoreward.config import Settings, load_settings
from autoreward.errors import UsageError, did_you_mean
from autoreward.search.benchmarking.suite import Suite, SuiteTask
from autoreward.search.setup import Setup, prepare

_GENERATIONS = 1000
"""More than any budget pays for: the budget ends a search, for all methods alike."""


@dataclass(frozen=True)
class Planned:
    """One run of a benchmark."""

    task: str
    """`environment/task`."""
    method: str
    seed: int
    setup: Setup

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.task.replace('/', '-')}-{self.method}-s{self.seed}"


def plan(
    file: Path,
    suite: Suite,
    overrides: Sequence[str] = (),
    env_paths: Sequence[Path] = (),
) -> list[Planned]:
    """Return all runs of a suite, those of the first run seed first.

    All settings, environments and tasks are read here, so that a mistake shows before any work.

    Args:
        file: The suite's file, for the sentences of errors.
        suite: What is in it.
        overrides: Settings for all runs, over those of the suite, each `a.b=c`.
        env_paths: Where the user said environments are.

    Raises:
        UsageError: A setting, an environment or a task is wrong.
    """
    runs = [
        _planned(file, suite, task, method, seed, overrides, env_paths)
        for seed in range(suite.run_seeds)
        for task in suite.tasks
        for method in suite.methods
    ]
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise UsageError(f"{file}: two tasks of the suite come down to the same one")
    return runs


def chosen(
    runs: Sequence[Planned], suite: Suite, only: Sequence[str], seeds: int | None
) -> list[Planned]:
    """Return the runs of some methods and of the first run seeds alone.

    Args:
        runs: All runs of the suite.
        suite: The suite.
        only: Names of methods; none means all.
        seeds: How many run seeds; None means all.

    Raises:
        UsageError: There is no such method, or there are fewer run seeds.
    """
    for name in only:
        if name not in suite.methods:
            near = did_you_mean(name, suite.methods)
            raise UsageError(f"the suite has no method called {name!r}{near}")
    if seeds is not None and seeds > suite.run_seeds:
        raise UsageError(f"the suite has {suite.run_seeds} run seeds, not {seeds}: edit run_seeds")
    return [
        run
        for run in runs
        if (not only or run.method in only) and (seeds is None or run.seed < seeds)
    ]


def final_steps(setup: Setup) -> int:
    """Return the environment steps that a run's final comparison takes."""
    search = setup.settings.search
    trainings = (search.finalists + len(setup.baselines)) * search.confirm_seeds
    return trainings * _training_steps(setup)


def _training_steps(setup: Setup) -> int:
    """Return the environment steps of one training: whole iterations of all its environments."""
    training = setup.settings.training
    iteration = training.envs * training.rollout
    return math.ceil(training.steps / iteration) * iteration


def _planned(
    file: Path,
    suite: Suite,
    task: SuiteTask,
    method: str,
    seed: int,
    overrides: Sequence[str],
    env_paths: Sequence[Path],
) -> Planned:
    first = [f"search.generations={_GENERATIONS}", *suite.set, *task.set, *suite.methods[method]]

    def settings(*more: str, **cli: Any) -> Settings:
        return load_settings(
            "quick",
            None,
            [*first, *more],
            env=task.env,
            task=task.task,
            description=task.description,
            seed=seed,
            **cli,
        )

    try:
        settings()
    except UsageError as error:
        problem = str(error).removeprefix("--set ")
        raise UsageError(f"{file}, {task.env} by {method}: {problem}") from None
    setup = prepare(settings(*overrides), env_paths)
    if setup.settings.search.fitness == "preference" or setup.settings.search.review:
        raise UsageError(
            f"{file}, {task.env} by {method}: a benchmark does not wait for people: "
            "leave search.review and search.fitness as they are"
        )
    if suite.env_steps < (least := _training_steps(setup)):
        raise UsageError(
            f"{file}: env_steps is {suite.env_steps:,}, but one training takes {least:,} "
            f"({task.env} by {method})"
        )
    limits = {"env_steps": suite.env_steps + final_steps(setup), "calls": suite.calls}
    bounded = settings(*overrides, budget=limits)
    for name, limit in limits.items():
        if getattr(bounded.budget, name) != limit:
            raise UsageError(f"budget.{name} is the suite's: set {name} in {file}")
    name = f"{setup.folder.name}/{setup.task.name}"
    return Planned(name, method, seed, replace(setup, settings=bounded))
