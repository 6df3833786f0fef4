"""What a run is made of: environment, task, baselines, sandbox; all read before anything starts."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from autoreward.config import SandboxSettings, Settings
from autoreward.environments.folder import EnvironmentFolder, Task, choose_task, open_environment
from autoreward.errors import UsageError
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.jail import Limits
from autoreward.sandbox.registry import Sandbox, open_sandbox
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
    sandbox: Sandbox

    @property
    def primary(self) -> Fitness:
        """The fitness that decides."""
        return self.folder.fitness_named(self.task.fitness)

    @property
    def measures(self) -> dict[str, dict[str, str]]:
        """Direction and unit of each entry of the fitness vector, JSON-ready."""
        return {f.name: {"direction": f.direction, "unit": f.unit} for f in self.folder.fitness}

    @property
    def limits(self) -> Limits:
        """What one jail may use."""
        return limits_of(self.settings.sandbox)

    @property
    def baselines(self) -> dict[str, str]:
        """Name → text of the reward files every winner is compared with."""
        files = {"human": self.task.human, "sparse": self.task.sparse}
        return {name: self.folder.read(file) for name, file in files.items() if file}

    def start(self) -> Start:
        """Return the trainer's first message."""
        return Start(
            environment=str(self.folder.path.resolve()),
            task=self.task.name,
            training=self.settings.training.model_dump(mode="json"),
            sandbox=self.settings.sandbox.model_dump(mode="json") | {"kind": self.sandbox.name},
            owner=os.getpid(),
        )


def prepare(settings: Settings, env_paths: Sequence[Path] = ()) -> Setup:
    """Read environment and task and find the sandbox.

    Raises:
        UsageError: Unknown environment, task or sandbox, or an empty description.
    """
    if not settings.description.strip():
        raise UsageError("the description is empty: say in words what the agent shall do")
    folder = open_environment(settings.env, env_paths)
    task, reason = choose_task(folder, settings.description, settings.task)
    return Setup(settings, folder, task, reason, open_sandbox(settings.sandbox.kind))


def limits_of(settings: SandboxSettings) -> Limits:
    """Return the limits of one jail."""
    return Limits(
        memory_mb=settings.memory_mb,
        call_timeout_s=settings.call_timeout_s,
        startup_timeout_s=settings.startup_timeout_s,
        output_mb=settings.output_mb,
    )


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
