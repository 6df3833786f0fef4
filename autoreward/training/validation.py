"""Rolls trained policies out on given seeds and measures fitness; no reward is anywhere near.

Policies act without exploration noise, but for those that are measured early (`explore`): after a
few updates their mean actions are hardly apart, while what their noise is aimed at is. The noise is
the same for all, so that they are compared in pairs.

On request it records the episodes, too: state fields, actions, fitness of each step, positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from autoreward.environments.environment import Environment, reduce_fitness
from autoreward.seeds import TestSeed, ValidationSeed
from autoreward.sim.physics import Physics
from autoreward.training.episodes import Episodes
from autoreward.training.networks import apply

Policy = Mapping[str, Tensor]


Seeds = Sequence[ValidationSeed] | Sequence[TestSeed]


@dataclass(frozen=True)
class Zero:
    """The policy that never acts: what standing still is worth."""


@dataclass(frozen=True)
class Random:
    """The policy that draws every action evenly from [-1, 1], the same ones each time."""


@dataclass(frozen=True)
class Measured:
    """What one policy did."""

    scores: dict[str, list[float]]
    """Fitness name to one value per seed."""
    episodes: Episodes | None
    """The first of its episodes, where they were to be recorded."""


def load_policy(path: Path) -> dict[str, Tensor]:
    """Read a policy written by the trainer (safetensors)."""
    return dict(load_file(path))


@torch.no_grad()
def validate(
    environment: Environment,
    horizon: int,
    policies: Sequence[Policy | Zero | Random],
    seeds: Seeds,
    threads: int,
    record: int = 0,
    explore: bool = False,
) -> list[Measured]:
    """Run every policy, one episode per seed, all at once.

    Each seed fixes one start state, the same for every policy, so scores can be compared in pairs.

    Args:
        environment: Where.
        horizon: Steps of a full episode.
        policies: P policies of one shape.
        seeds: E seeds; never training seeds.
        threads: Simulation threads.
        record: How many episodes of each policy to record, those of the first seeds.
        explore: Whether trained policies act with their exploration noise.
    """
    count, episodes = len(policies), len(seeds)
    starts = [environment.initial(1, torch.Generator().manual_seed(s.value)) for s in seeds]
    qpos = torch.cat([start[0] for start in starts]).repeat(count, 1)
    qvel = torch.cat([start[1] for start in starts]).repeat(count, 1)
    simulation = environment.make_simulation(threads)
    simulation.add(count * episodes)
    simulation.reset(torch.arange(count * episodes), qpos, qvel)
    act = _Actor(policies, episodes, environment.action_dim, explore)
    physics = simulation.physics()
    # Rows of the tables that are still simulated, in the order of the simulation's rows.
    rows = torch.arange(count * episodes)
    recorded = (rows % episodes) < record
    film = _Film(horizon, recorded, physics, environment.action_dim) if record else None
    observation = environment.observation(physics)
    values = {f.name: torch.zeros(horizon, len(rows)) for f in environment.folder.fitness}
    alive = torch.zeros(horizon, len(rows), dtype=torch.bool)
    running = torch.ones(len(rows), dtype=torch.bool)
    terminated = torch.zeros(len(rows), dtype=torch.bool)
    for t in range(horizon):
        action = act(observation)[rows].clamp(-1.0, 1.0)
        before = physics
        simulation.step(environment.ctrl(action))
        bad = simulation.bad
        physics = simulation.physics()
        if bool(bad.any()):
            broken = bad.nonzero().squeeze(1)
            physics = physics.replaced(broken, before.rows(broken))
        steps = environment.fitness_steps(before, action, physics)
        lived = running[rows]
        alive[t, rows] = lived
        for name, table in values.items():
            table[t, rows] = torch.where(lived, steps[name], 0.0)
        if film:
            film.add(t, rows[lived], action[lived], physics.rows(lived.nonzero().squeeze(1)))
        ended = environment.terminated(physics)
        terminated[rows] |= ended & lived
        running[rows] &= ~(ended | bad)
        observation[rows] = environment.observation(physics)
        over = int((~running[rows]).sum())
        if over == len(rows):
            break
        if 4 * over > len(rows):  # stop paying for physics of episodes that are over
            keep = running[rows].nonzero().squeeze(1)
            simulation.keep(keep)
            physics, rows = physics.rows(keep), rows[keep]
    simulation.close()
    tables = {
        spec.name: reduce_fitness(spec, values[spec.name], alive, horizon).view(count, episodes)
        for spec in environment.folder.fitness
    }
    result = []
    for p in range(count):
        scores = {name: [float(v) for v in table[p]] for name, table in tables.items()}
        shown = slice(p * episodes, p * episodes + min(record, episodes))
        fitness = {name: table[:, shown] for name, table in values.items()}
        seen = None
        if film:
            lived = alive[:, shown]
            seen = film.episodes(environment, p, fitness, lived, terminated[shown])
        result.append(Measured(scores, seen))
    return result


class _Film:
    """Tables of what some of the rows did."""

    def __init__(self, horizon: int, recorded: Tensor, start: Physics, action_dim: int) -> None:
        chosen = recorded.nonzero().squeeze(1)
        self._place = torch.full((len(recorded),), -1)
        self._place[chosen] = torch.arange(len(chosen))
        first = start.rows(chosen)
        self._tables = [
            torch.zeros(horizon + 1, *part.shape)
            for part in (first.qpos, first.qvel, first.sensordata)
        ]
        self._action = torch.zeros(horizon, len(chosen), action_dim)
        self._put(0, torch.arange(len(chosen)), first)

    def add(self, t: int, rows: Tensor, action: Tensor, after: Physics) -> None:
        """Take in step `t` of `rows`."""
        place = self._place[rows]
        wanted = (place >= 0).nonzero().squeeze(1)
        self._action[t, place[wanted]] = action[wanted]
        self._put(t + 1, place[wanted], after.rows(wanted))

    def _put(self, t: int, places: Tensor, physics: Physics) -> None:
        parts = (physics.qpos, physics.qvel, physics.sensordata)
        for table, part in zip(self._tables, parts, strict=True):
            if t:
                table[t] = table[t - 1]  # an episode that is over keeps its last state
            table[t, places] = part

    def episodes(
        self,
        environment: Environment,
        policy: int,
        fitness: Mapping[str, Tensor],
        alive: Tensor,
        terminated: Tensor,
    ) -> Episodes:
        """Return the recorded episodes of a policy, cut to the longest of them."""
        count = alive.shape[1]
        mine = slice(policy * count, (policy + 1) * count)
        length = alive.sum(dim=0)
        steps = int(length.max())
        qpos, qvel, sensed = (table[: steps + 1, mine] for table in self._tables)
        state = environment.state(Physics(qpos, qvel, sensed))
        return Episodes(
            state={name: value.contiguous().numpy() for name, value in state.items()},
            action=self._action[:steps, mine].contiguous().numpy(),
            fitness={name: v[:steps].contiguous().numpy() for name, v in fitness.items()},
            length=length.numpy(),
            terminated=terminated.numpy(),
            qpos=qpos.contiguous().numpy(),
        )


class _Actor:
    """Actions of P policies with E rows each."""

    def __init__(
        self,
        policies: Sequence[Policy | Zero | Random],
        episodes: int,
        action_dim: int,
        explore: bool,
    ) -> None:
        self._shape = (len(policies), episodes)
        self._action_dim = action_dim
        self._generator = torch.Generator().manual_seed(0)
        self._random = [i for i, p in enumerate(policies) if isinstance(p, Random)]
        given = enumerate(policies)
        trained = [(i, p) for i, p in given if not isinstance(p, Zero | Random)]
        self._trained = [i for i, _ in trained]
        weights = [p for _, p in trained]
        self._layers: list[Tensor] = []
        self._std = torch.stack([w["log_std"] for w in weights]).exp() if explore else None
        if weights:
            names = sorted(
                (n for n in weights[0] if n.startswith("actor")),
                key=lambda n: (int(n.split(".")[1]), n.endswith("bias")),
            )
            self._layers = [torch.stack([w[name] for w in weights]) for name in names]
            self._mean = torch.stack([w["observation.mean"] for w in weights]).unsqueeze(1)
            self._scale = torch.stack([w["observation.scale"] for w in weights]).unsqueeze(1)

    def __call__(self, observation: Tensor) -> Tensor:
        """Return actions. Shapes: (P * E, obs_dim) to (P * E, action_dim)."""
        actions = torch.zeros(*self._shape, self._action_dim)
        for i in self._random:
            drawn = torch.rand(*actions.shape[1:], generator=self._generator)
            actions[i] = 2.0 * drawn - 1.0
        if self._layers:
            grouped = observation.view(*self._shape, -1)[self._trained]
            normal = ((grouped - self._mean) * self._scale).clamp_(-10.0, 10.0)
            mean = apply(self._layers, normal)
            if self._std is not None:  # one draw for all policies
                mean += self._std * torch.randn(*actions.shape[1:], generator=self._generator)
            actions[self._trained] = mean
        return actions.view(-1, self._action_dim)
