"""The contract of an environment: state, start, end and fitness as batched torch functions.

An environment is stateless. It says what a physical state means; `VectorEnvironment` keeps the
episodes, a `BatchSimulation` the physics. There is no reward here, and nothing of an environment's
code ever stands in the process that runs a reward.
"""

from __future__ import annotations

import importlib.util
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from autoreward.environments.folder import EnvironmentFolder, Task, open_environment
from autoreward.environments.source import parse_source
from autoreward.errors import AutorewardError, UsageError, did_you_mean
from autoreward.schema import Fitness
from autoreward.sim.physics import Physics
from autoreward.sim.simulation import BatchSimulation, DeviceSimulation


class Environment(ABC):
    """What the physics of one environment means; env.py of a folder holds one subclass.

    All methods take any leading dimensions `...` (rows, or time and rows) and touch no row but
    their own. Their results are where their arguments are, on the CPU or on a GPU; only `initial`
    draws on the CPU.

    Args:
        folder: The environment's data.
        terminate: Which of `folder.termination` ends an episode; None for the first.
    """

    def __init__(self, folder: EnvironmentFolder, terminate: str | None = None) -> None:
        self.folder = folder
        self.schema = folder.schema
        self.terminate = next(iter(folder.termination)) if terminate is None else terminate
        if self.terminate not in folder.termination:
            near = did_you_mean(self.terminate, folder.termination)
            raise UsageError(f"{folder.name} has no termination {self.terminate!r}{near}")
        self.action_dim = len(folder.schema.action)
        self._sources = {f.name: parse_source(f.source) for f in folder.schema.state}
        self._has_derived = any(s.kind == "derived" for s in self._sources.values())

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, int, int]:
        """Widths of qpos, qvel and sensordata."""

    @property
    def sensor_slices(self) -> Mapping[str, slice]:
        """Where each sensor stands in sensordata."""
        return {}

    @cached_property
    def obs_dim(self) -> int:
        """Entries of an observation."""
        return int(self.observation(Physics(*(torch.zeros(n) for n in self.sizes))).shape[-1])

    @abstractmethod
    def make_simulation(self, threads: int = 0) -> BatchSimulation:
        """Return a simulation with no rows; `threads` 0 steps on the calling thread."""

    def make_device_simulation(self, device: torch.device) -> DeviceSimulation:
        """Return a simulation with no rows on a device, for `training.simulator=warp`.

        Raises:
            UsageError: There is none of this environment.
        """
        raise UsageError(f"{self.folder.name} cannot be simulated with training.simulator=warp")

    @abstractmethod
    def initial(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw start states. Shapes: (count, nq) and (count, nv), float64."""

    @abstractmethod
    def observation(self, physics: Physics) -> Tensor:
        """Return what the policy sees. Shape: (..., obs_dim), float32."""

    @abstractmethod
    def terminated(self, physics: Physics) -> Tensor:
        """Return whether the episode ends in this state. Shape: (...), bool."""

    @abstractmethod
    def fitness_steps(self, before: Physics, action: Tensor, after: Physics) -> dict[str, Tensor]:
        """Return each fitness's value of one step, to be combined by `reduce_fitness`.

        Args:
            before: State before the step.
            action: Action of the step, in [-1, 1]. Shape: (..., action_dim).
            after: State after the step, before any auto-reset.

        Returns:
            One tensor of shape (...) a fitness.
        """

    def derived(self, physics: Physics) -> dict[str, Tensor]:
        """Return the quantities that schema.yaml reads as `derived:NAME`."""
        del physics
        return {}

    def ctrl(self, action: Tensor) -> Tensor:
        """Return the simulator's control for an action in [-1, 1]. Shape: (..., nu)."""
        return action

    def sensor(self, physics: Physics, name: str) -> Tensor:
        """Return a sensor's values. Shape: (..., dim)."""
        return physics.sensordata[..., self.sensor_slices[name]]

    def state(self, physics: Physics) -> dict[str, Tensor]:
        """Return the fields of the schema, in its order, float32.

        Scalars have shape (...), vectors (..., k).
        """
        derived = self.derived(physics) if self._has_derived else {}
        fields = {}
        for field in self.schema.state:
            source = self._sources[field.name]
            if source.kind == "derived":
                value = derived[source.name]
            elif source.kind == "sensor":
                value = self.sensor(physics, source.name)
            else:
                value = physics.qpos if source.kind == "qpos" else physics.qvel
            if source.stop is not None:
                value = value[..., source.start : source.stop]
            elif source.start is not None:
                value = value[..., source.start]
            elif source.kind == "sensor" and not field.shape:
                value = value.squeeze(-1)
            fields[field.name] = value + source.offset if source.offset else value
        return fields


def load_environment(
    name_or_folder: str | EnvironmentFolder,
    task: Task | None = None,
    extra_paths: Iterable[Path] = (),
) -> Environment:
    """Import an environment folder's env.py and return its environment.

    Args:
        name_or_folder: A name to look up, or a folder already read.
        task: Gives the way episodes end; None for the environment's default.
        extra_paths: Searched first, as in `find_environments`.

    Raises:
        UsageError: Unknown name, or env.py cannot be imported or holds no single environment.
    """
    folder = (
        open_environment(name_or_folder, extra_paths)
        if isinstance(name_or_folder, str)
        else name_or_folder
    )
    return _environment_class(folder)(folder, None if task is None else task.terminate)


def reduce_fitness(spec: Fitness, values: Tensor, alive: Tensor, horizon: int) -> Tensor:
    """Combine per-step values into one number an episode.

    Args:
        spec: Says how: see `autoreward.schema.Fitness.reduce`.
        values: Per-step values. Shape: (T, N).
        alive: Steps that belong to the episode, its last one included. Shape: (T, N), bool.
        horizon: Steps a full episode has; what `rate` divides by.

    Returns:
        Shape: (N,). 0 for an episode without a step.
    """
    zero = torch.zeros((), dtype=values.dtype)
    lived = alive.sum(dim=0)
    if spec.reduce in ("rate", "mean", "sum"):
        # Steps side by side: the order of a sum must not depend on its place in the batch.
        total = torch.where(alive, values, zero).T.contiguous().sum(dim=1)
        if spec.reduce == "rate":
            return total / horizon
        return total if spec.reduce == "sum" else total / lived.clamp(min=1)
    if spec.reduce == "any":
        return ((values > 0) & alive).any(dim=0).to(values.dtype)
    if spec.reduce == "last":
        steps = torch.arange(len(values)).unsqueeze(1)
        last = torch.where(alive, steps, -1).amax(dim=0).clamp(min=0)
        result = values.gather(0, last.unsqueeze(0)).squeeze(0)
    else:
        worst = -torch.inf if spec.reduce == "max" else torch.inf
        masked = torch.where(alive, values, torch.full((), worst, dtype=values.dtype))
        result = masked.amax(dim=0) if spec.reduce == "max" else masked.amin(dim=0)
    return torch.where(lived > 0, result, zero)


def _environment_class(folder: EnvironmentFolder) -> type[Environment]:
    path = folder.path / "env.py"
    module_name = f"autoreward_envs.{folder.name}"
    module = sys.modules.get(module_name)
    if module is None or module.__file__ != str(path):
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise UsageError(f"{folder.path} has no env.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except AutorewardError:
            del sys.modules[module_name]
            raise
        except Exception as error:
            del sys.modules[module_name]
            raise UsageError(
                f"{path} cannot be imported: {type(error).__name__}: {error}"
            ) from error
    classes = [
        item
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, Environment)
        and item.__module__ == module_name
    ]
    if len(classes) != 1:
        raise UsageError(f"{path} must define one subclass of Environment, not {len(classes)}")
    return classes[0]
