"""Collects one rollout of T steps for all learners; rewards are deferred until it is complete."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from autoreward.environments.vector import VectorEnvironment
from autoreward.sim.physics import Physics
from autoreward.training.networks import Networks, apply
from autoreward.training.normalizers import RunningMoments


@dataclass(frozen=True)
class Rollout:
    """T steps of B = K * N rows; rows k*N … (k+1)*N-1 belong to learner k."""

    before: Physics
    """Leading shape: (T, B)."""
    after: Physics
    """Before any auto-reset. Leading shape: (T, B)."""
    observations: Tensor
    """Normalised, as the policy saw them. Shape: (K, T, N, obs_dim)."""
    actions: Tensor
    """As sampled, before clipping. Shape: (K, T, N, action_dim)."""
    log_probs: Tensor
    """Shape: (K, T, N)."""
    terminated: Tensor
    """Shape: (K, T, N), bool."""
    done: Tensor
    """Terminated or timed out. Shape: (K, T, N), bool."""
    starts: Tensor
    """The step is the first of its episode. Shape: (K, T, N), bool."""
    lengths: Tensor
    """Steps of the episode so far, this one included. Shape: (K, T, N)."""

    @property
    def clipped_actions(self) -> Tensor:
        """What the environment and the reward saw, in [-1, 1]. Shape: (K, T, N, action_dim)."""
        return self.actions.clamp(-1.0, 1.0)


@torch.no_grad()
def collect(
    vector: VectorEnvironment,
    networks: Networks,
    moments: RunningMoments,
    generators: list[torch.Generator],
    steps: int,
) -> Rollout:
    """Act for `steps` steps in every row.

    Args:
        vector: One group of N rows per learner.
        networks: The learners' policies.
        moments: Observation statistics, fixed during the rollout.
        generators: Each learner's own source of exploration noise, on the CPU.
        steps: T.
    """
    count = len(generators)
    rows = vector.num // count
    environment = vector.environment
    dims = environment.action_dim
    noise = torch.stack([torch.randn(steps, rows, dims, generator=g) for g in generators], dim=1)
    noise = noise.to(networks.log_std.device)
    std = networks.log_std.exp()
    mean, scale = moments.mean, moments.scale
    seen, taken, results, numbers = [], [], [], []
    for t in range(steps):
        observation = environment.observation(vector.physics).view(count, rows, -1)
        normal = ((observation - mean) * scale).clamp_(-10.0, 10.0)
        action = torch.addcmul(apply(networks.actor, normal), std, noise[t])
        numbers.append(vector.episode_step)
        results.append(vector.step(action.view(count * rows, dims)))
        seen.append(normal)
        taken.append(action)

    def by_learner(items: list[Tensor]) -> Tensor:
        return torch.stack(items).view(steps, count, rows).transpose(0, 1)

    terminated = by_learner([r.terminated for r in results])
    truncated = by_learner([r.truncated for r in results])
    number = by_learner(numbers)
    log_std = networks.log_std.unsqueeze(1)
    log_probs = -0.5 * noise.transpose(0, 1).square() - log_std - 0.9189385332046727
    return Rollout(
        before=_stack([r.before for r in results]),
        after=_stack([r.after for r in results]),
        observations=torch.stack(seen, dim=1),
        actions=torch.stack(taken, dim=1),
        log_probs=log_probs.sum(-1),
        terminated=terminated,
        done=terminated | truncated,
        starts=number == 0,
        lengths=number + 1,
    )


def _stack(states: list[Physics]) -> Physics:
    return Physics(*(torch.stack(tensors) for tensors in zip(*states, strict=True)))
