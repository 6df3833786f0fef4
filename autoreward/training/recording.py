"""Records transitions of random behaviour: what a reward is tried on before anything is trained."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from autoreward.environments.environment import Environment
from autoreward.environments.vector import VectorEnvironment
from autoreward.seeds import TrainingSeed
from autoreward.store.rundir import write_atomic


def record_transitions(
    environment: Environment, horizon: int, seed: TrainingSeed, steps: int, rows: int, path: Path
) -> None:
    """Act at random for `steps` steps in `rows` environments and write every transition.

    Half of the rows draw actions evenly from [-1, 1], the others small Gaussian ones, so that
    falls and quiet motion are both seen. The file holds `state.NAME` and `next_state.NAME`
    [T, N, …], `action` [T, N, A], `starts` [T, N], and for the host `fitness.NAME` [T, N].
    """
    generator = torch.Generator().manual_seed(seed.value)
    vector = VectorEnvironment(environment, horizon)
    vector.add_group(rows, generator)
    scale = torch.where(torch.arange(rows) % 2 == 0, 1.0, 0.2).unsqueeze(1)
    table: dict[str, list[Tensor]] = {"action": [], "starts": []}
    for _ in range(steps):
        action = (torch.rand(rows, environment.action_dim, generator=generator) * 2 - 1) * scale
        table["starts"].append((vector.episode_step == 0).to(torch.float32))
        step = vector.step(action)
        table["action"].append(action)
        for prefix, physics in (("state", step.before), ("next_state", step.after)):
            for name, value in environment.state(physics).items():
                table.setdefault(f"{prefix}.{name}", []).append(value)
        for name, value in environment.fitness_steps(step.before, action, step.after).items():
            table.setdefault(f"fitness.{name}", []).append(value)
    vector.close()
    tensors = {name: torch.stack(values).contiguous() for name, values in table.items()}
    write_atomic(path, save(tensors))
