"""What a run is made of: environment, task, baselines, sandbox; all read before anything starts."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from autoreward.config import Settings
from autoreward.environments.folder import EnvironmentFolder, Task, choose_task, open_environment
from autoreward.errors import SandboxError, UsageError
from autoreward.evaluation.trainer import Trainer
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import Choice, Sandbox, choose_sandbox, require_sandbox
from autoreward.sandbox.reserve import Reserve
from autoreward.schema import Fitness
from autoreward.training.messages import Start

_PACKAGES = ("autoreward", "torch", "mujoco", "gymnasium", "numpy")


@dataclass(frozen=True)
class Setup:
    """A run's fixed parts."""

    settings: Settings
    folder: EnvironmentFolder
    task: Task
    reason: str
    """Why this task."""

    @cached_property
    def choice(self) -> Choice:
        """The sandbox and why this one; tried when first asked for.

        Raises:
            SandboxError: The one that the settings name does not work here, or none does.
        """
        return choose_sandbox(self.settings.sandbox)

    @property
    def sandbox(self) -> Sandbox:
        """Where rewards run."""
        return self.choice.sandbox

    @property
    def primary(self) -> Fitness:
        """The fitness that decides."""
        return self.folder.fitness_named(self.task.fitness)

    @property
    def measures(self) -> dict[str, dict[str, str]]:
        """Direction and unit of each entry of the fitness vector, JSON-ready."""
        return {f.name: {"direction": f.direction, "unit": f.unit} for f in self.folder.fitness}

    def reserve(self, run: str, spare: int) -> Reserve:
        """Return where the jails of that run's trials come from."""
        return Reserve(self.sandbox, Limits.of(self.settings.sandbox), spare, run)

    @property
    def baselines(self) -> dict[str, str]:
        """Name → text of the reward files every winner is compared with."""
        files = {"human": self.task.human, "sparse": self.task.sparse}
        return {name: self.folder.read(file) for name, file in files.items() if file}

    @contextmanager
    def trainer(self, run: str, log: Path) -> Iterator[Trainer]:
        """Run the trainer process for the run of that name, and see that no jail outlives it.

        Raises:
            TrainerError: It does not start.
            SandboxError: The sandbox does not work here.
        """
        sandbox = self.sandbox
        try:
            with Trainer(self.start(run), log) as trainer:
                yield trainer
        finally:
            with suppress(SandboxError):  # the next run sweeps again
                sandbox.sweep()

    def start(self, run: str) -> Start:
        """Return the trainer's first message for the run of that name."""
        return Start(
            environment=str(self.folder.path.resolve()),
            task=self.task.name,
            training=self.settings.training.model_dump(mode="json"),
            sandbox=self.settings.sandbox.model_dump(mode="json") | {"kind": self.sandbox.name},
            owner=os.getpid(),
            run=run,
        )


def prepare(settings: Settings, env_paths: Sequence[Path] = ()) -> Setup:
    """Read environment and task; nothing is started.

    Raises:
        UsageError: Unknown environment, task or sandbox, or an empty description.
    """
    if not settings.description.strip():
        raise UsageError("the description is empty: say in words what the agent shall do")
    folder = open_environment(settings.env, env_paths)
    task, reason = _task(settings, folder)
    require_sandbox(settings.sandbox)
    return Setup(settings, folder, task, reason)


def _task(settings: Settings, folder: EnvironmentFolder) -> tuple[Task, str]:
    try:
        return choose_task(folder, settings.description, settings.task)
    except UsageError:
        if settings.search.fitness != "preference" or settings.task is not None:
            raise
    # What nobody can measure needs no task of its own: any gives horizon and end of an episode.
    task = next(iter(folder.tasks.values()))
    return task, "no task fits the description: only its horizon and its end of episodes count"


def formula_of(text: str) -> str:
    """Return the formula of a reward file as text.

    Raises:
        UsageError: The file has none.
    """
    source = parse_reward(text)
    if source.formula is None:
        raise UsageError(f"{source.name} has no FORMULA: add one that combines its components")
    return str(source.formula)


def versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
