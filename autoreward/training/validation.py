"""Rolls trained policies out on given seeds and measures fitness; no reward is anywhere near."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from autoreward.environments.environment import Environment, reduce_fitness
from autoreward.seeds import TestSeed, ValidationSeed
from autoreward.training.networks import apply

Policy = Mapping[str, Tensor]


@dataclass(frozen=True)
class Zero:
    """The policy that never acts: what standing still is worth."""


def load_policy(path: Path) -> dict[str, Tensor]:
    """Read a policy written by the trainer (safetensors)."""
    return dict(load_file(path))


@torch.no_grad()
def validate(
    environment: Environment,
    horizon: int,
    policies: Sequence[Policy | Zero],
    seeds: Sequence[ValidationSeed] | Sequence[TestSeed],
    threads: int,
) -> list[dict[str, list[float]]]:
    """Run every policy, without exploration noise, one episode per seed, all at once.

    Each seed fixes one start state, the same for every policy, so scores can be compared in pairs.

    Args:
        environment: Where.
        horizon: Steps of a full episode.
        policies: P policies of one shape.
        seeds: E seeds; never training seeds.
        threads: Simulation threads.

    Returns:
        Per policy: fitness name to its E values.
    """
    count, episodes = len(policies), len(seeds)
    starts = [environment.initial(1, torch.Generator().manual_seed(s.value)) for s in seeds]
    qpos = torch.cat([start[0] for start in starts]).repeat(count, 1)
    qvel = torch.cat([start[1] for start in starts]).repeat(count, 1)
    simulation = environment.make_simulation(threads)
    simulation.add(count * episodes)
    simulation.reset(torch.arange(count * episodes), qpos, qvel)
    act = _Actor(policies, episodes, environment.action_dim)
    physics = simulation.physics()
    # Rows of the tables that are still simulated, in the order of the simulation's rows.
    rows = torch.arange(count * episodes)
    observation = environment.observation(physics)
    values = {f.name: torch.zeros(horizon, len(rows)) for f in environment.folder.fitness}
    alive = torch.zeros(horizon, len(rows), dtype=torch.bool)
    running = torch.ones(len(rows), dtype=torch.bool)
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
        running[rows] &= ~(environment.terminated(physics) | bad)
        observation[rows] = environment.observation(physics)
        ended = int((~running[rows]).sum())
        if ended == len(rows):
            break
        if 4 * ended > len(rows):  # stop paying for physics of episodes that are over
            keep = running[rows].nonzero().squeeze(1)
            simulation.keep(keep)
            physics, rows = physics.rows(keep), rows[keep]
    simulation.close()
    result: list[dict[str, list[float]]] = [{} for _ in policies]
    for spec in environment.folder.fitness:
        table = reduce_fitness(spec, values[spec.name], alive, horizon).view(count, episodes)
        for p in range(count):
            result[p][spec.name] = [float(v) for v in table[p]]
    return result


class _Actor:
    """Deterministic actions of P policies with E rows each."""

    def __init__(self, policies: Sequence[Policy | Zero], episodes: int, action_dim: int) -> None:
        self._shape = (len(policies), episodes)
        self._action_dim = action_dim
        self._trained = [i for i, p in enumerate(policies) if not isinstance(p, Zero)]
        weights = [p for p in policies if not isinstance(p, Zero)]
        self._layers: list[Tensor] = []
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
        if self._layers:
            grouped = observation.view(*self._shape, -1)[self._trained]
            normal = ((grouped - self._mean) * self._scale).clamp_(-10.0, 10.0)
            actions[self._trained] = apply(self._layers, normal)
        return actions.view(-1, self._action_dim)
