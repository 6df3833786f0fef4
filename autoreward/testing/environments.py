"""Conformance of an environment folder: all that training and rewards rely on, by running it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from autoreward.environments.environment import Environment, load_environment
from autoreward.environments.folder import EnvironmentFolder, open_environment
from autoreward.environments.vector import Step, VectorEnvironment
from autoreward.sim.physics import Physics

_ROWS, _STEPS, _HORIZON = 4, 40, 15
"""Small on purpose; the horizon is cut short so that every environment ends episodes."""


@dataclass(frozen=True)
class EnvironmentReport:
    """What `check_environment` found."""

    name: str
    problems: tuple[str, ...]
    """One sentence each, of the first check that failed; empty where all passed."""
    fields: int
    obs_dim: int
    action_dim: int
    episodes: int
    """Episodes that ended in the check's run; 0 where there are problems."""
    steps_per_second: float
    """Per second of processor time, 128 rows; 0 where there are problems."""

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    def __str__(self) -> str:
        """Render as one line, problems below it."""
        head = (
            f"{self.name}: {'ok' if self.ok else 'BROKEN'}: {self.fields} fields, "
            f"observation {self.obs_dim}, action {self.action_dim}, {self.episodes} episodes, "
            f"{self.steps_per_second:,.0f} steps/s"
        )
        return "\n  ".join([head, *self.problems])


def check_environment(
    name: str, extra_paths: Iterable[Path] = (), seconds: float = 0.5
) -> EnvironmentReport:
    """Check one environment.

    Args:
        name: Its name, as `open_environment` finds it.
        extra_paths: Searched first.
        seconds: Processor time to spend on measuring speed.

    Raises:
        UsageError: There is no such environment, or its files are bad.
    """
    folder = open_environment(name, extra_paths)
    environment = load_environment(folder)
    checks: tuple[Callable[[Environment], Iterable[str]], ...] = (
        _names,
        _starts,
        _values,
        _reproducible,
        _terminal_states,
        _independent_groups,
        _checkpoint,
        _terminations,
    )
    problems: list[str] = []
    for check in checks:
        if problems:
            break  # the later checks run on what the earlier ones vouch for
        problems += check(environment)
    ends, speed = 0, 0.0
    if not problems:
        ends = sum(int((s.terminated | s.truncated).sum()) for s in _run(environment, [7])[0])
        speed = _speed(environment, seconds)
    return EnvironmentReport(
        name=name,
        problems=tuple(problems),
        fields=len(folder.schema.state),
        obs_dim=environment.obs_dim,
        action_dim=environment.action_dim,
        episodes=ends,
        steps_per_second=speed,
    )


def _names(environment: Environment) -> Iterator[str]:
    folder = environment.folder
    names = folder.schema.names
    if len(set(names)) < len(names) or not all(name.isidentifier() for name in names):
        yield "state field names are not unique identifiers"
    seen_by_rewards = json.dumps(folder.schema.to_dict())
    for fitness in folder.fitness:
        if f'"{fitness.name}"' in seen_by_rewards:
            yield f"the fitness {fitness.name!r} is a name that reward code can read"


def _starts(environment: Environment) -> Iterator[str]:
    qpos, qvel = environment.initial(5, torch.Generator().manual_seed(0))
    nq, nv, _ = environment.sizes
    if tuple(qpos.shape) != (5, nq) or tuple(qvel.shape) != (5, nv):
        yield f"initial(5) has shapes {tuple(qpos.shape)} and {tuple(qvel.shape)}"
        return
    again = environment.initial(5, torch.Generator().manual_seed(0))
    if not (torch.equal(qpos, again[0]) and torch.equal(qvel, again[1])):
        yield "initial() draws from something else than its generator"


def _values(environment: Environment) -> Iterator[str]:
    """Shapes, types and finiteness of all that is handed over, and leading dimensions."""
    steps, _ = _run(environment, [7])
    block = _stacked([step.after for step in steps])
    before = _stacked([step.before for step in steps])
    lead = (_STEPS, _ROWS)
    state = environment.state(block)
    if tuple(state) != environment.schema.names:
        yield f"state() has the fields {', '.join(state)}; the schema names others"
        return
    for field in environment.schema.state:
        yield from _value(f"state.{field.name}", state[field.name], (*lead, *field.shape))
    yield from _value("observation", environment.observation(block), (*lead, environment.obs_dim))
    ended = environment.terminated(block)
    if ended.dtype != torch.bool or tuple(ended.shape) != lead:
        yield f"terminated() gives {ended.dtype} of shape {tuple(ended.shape)}"
    action = torch.rand(*lead, environment.action_dim) * 2 - 1
    fitness = environment.fitness_steps(before, action, block)
    if tuple(fitness) != tuple(f.name for f in environment.folder.fitness):
        yield f"fitness_steps() names {', '.join(fitness)}; schema.yaml names others"
    for name, value in fitness.items():
        yield from _value(f"fitness {name}", value, lead)
    one = environment.state(Physics(*(tensor[3] for tensor in block)))
    for name, value in one.items():
        if not torch.equal(value, state[name][3]):
            yield f"state.{name} of one step differs from that of a block of steps"


def _value(what: str, value: Tensor, shape: tuple[int, ...]) -> Iterator[str]:
    if tuple(value.shape) != shape:
        yield f"{what} has shape {tuple(value.shape)}, not {shape}"
    if value.dtype != torch.float32:
        yield f"{what} is {value.dtype}, not torch.float32"
    if not value.isfinite().all():
        yield f"{what} is not finite"


def _reproducible(environment: Environment) -> Iterator[str]:
    if _differ(_run(environment, [7])[0], _run(environment, [7])[0]):
        yield "two runs of one seed and the same actions differ"


def _terminal_states(environment: Environment) -> Iterator[str]:
    """A step hands over the state in which an episode ended, not the next one's start."""
    vector = _vector(environment, [7])
    for action in _actions(environment, 1):
        number = vector.episode_step
        step = vector.step(action)
        ended = step.terminated | step.truncated
        if (step.terminated & step.truncated).any():
            yield "a step is both terminated and truncated"
        if not torch.equal(step.terminated, environment.terminated(step.after)):
            yield "terminated does not belong to the state that is handed over"
        if (vector.episode_step[ended] != 0).any():
            yield "an ended row did not restart"
        if not torch.equal(vector.episode_step[~ended], number[~ended] + 1):
            yield "a row restarted that had not ended"
        if ended.any() and torch.equal(step.after.qpos[ended], vector.physics.qpos[ended]):
            yield "the terminal state is already the next episode's start"
    vector.close()


def _independent_groups(environment: Environment) -> Iterator[str]:
    """A group's episodes are the same alone, in company, and on threads."""
    alone = _run(environment, [7])[0]
    middle = slice(_ROWS, 2 * _ROWS)
    for threads in (0, 2):
        steps = _run(environment, [5, 7, 9], threads)[0]
        company = [_rows_of(step, middle) for step in steps]
        if _differ(alone, company):
            yield f"a group's episodes depend on its neighbours ({threads} threads)"


def _checkpoint(environment: Environment) -> Iterator[str]:
    """A group put back to a checkpoint goes on bit for bit."""
    _, vector = _run(environment, [7])
    state = vector.group_state(0)
    going_on = [vector.step(a) for a in _actions(environment, 1)]
    restored = _vector(environment, [99])
    restored.load_group_state(0, state)
    if _differ(going_on, [restored.step(a) for a in _actions(environment, 1)]):
        yield "a group restored from a checkpoint goes on differently"
    vector.close()
    restored.close()


def _terminations(environment: Environment) -> Iterator[str]:
    """Every way to end an episode that a task may choose runs."""
    folder: EnvironmentFolder = environment.folder
    for task in folder.tasks.values():
        variant = load_environment(folder, task)
        for step in _run(variant, [7])[0]:
            if not torch.equal(step.terminated, variant.terminated(step.after)):
                yield f"task {task.name}: terminated does not belong to the state handed over"
                break


def _speed(environment: Environment, seconds: float) -> float:
    vector = VectorEnvironment(environment, environment.folder.horizon)
    vector.add_group(128, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    action = torch.rand(128, environment.action_dim, generator=generator) * 2 - 1
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds or not count:
        vector.step(action)
        count += vector.num
    vector.close()
    return count / max(spent, 1e-9)


def _vector(environment: Environment, seeds: list[int], threads: int = 0) -> VectorEnvironment:
    vector = VectorEnvironment(environment, _HORIZON, threads)
    for seed in seeds:
        vector.add_group(_ROWS, torch.Generator().manual_seed(seed))
    return vector


def _run(
    environment: Environment, seeds: list[int], threads: int = 0
) -> tuple[list[Step], VectorEnvironment]:
    vector = _vector(environment, seeds, threads)
    return [vector.step(action) for action in _actions(environment, len(seeds))], vector


def _actions(environment: Environment, groups: int) -> list[Tensor]:
    """Return the same random actions for every group."""
    generator = torch.Generator().manual_seed(3)
    shape = (_STEPS, _ROWS, environment.action_dim)
    block = torch.rand(*shape, generator=generator) * 2 - 1
    return list(block.repeat(1, groups, 1))


def _differ(first: list[Step], second: list[Step]) -> bool:
    return any(
        not torch.equal(x, y)
        for a, b in zip(first, second, strict=True)
        for x, y in zip((*a.before, *a.after, *a[2:]), (*b.before, *b.after, *b[2:]), strict=True)
    )


def _rows_of(step: Step, rows: slice) -> Step:
    return Step(
        step.before.rows(rows), step.after.rows(rows), step.terminated[rows], step.truncated[rows]
    )


def _stacked(parts: list[Physics]) -> Physics:
    return Physics(*(torch.stack(tensors) for tensors in zip(*parts, strict=True)))
