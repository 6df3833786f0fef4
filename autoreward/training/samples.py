"""What one update of PPO learns from: the rollouts of all learners as flat rows of samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Samples:
    """Flattened rollouts of all learners. M = T * N."""

    observations: Tensor
    """Normalised. Shape: (K, M, obs_dim)."""
    actions: Tensor
    """As sampled, before clipping. Shape: (K, M, action_dim)."""
    log_probs: Tensor
    """Under the policy that acted. Shape: (K, M)."""
    advantages: Tensor
    """Shape: (K, M)."""
    returns: Tensor
    """Targets of the critic. Shape: (K, M)."""

    def shuffled(self, generators: list[torch.Generator]) -> Samples:
        """Return each learner's samples in an order of its own, drawn from its own generator."""
        count, size = self.returns.shape
        order = [torch.randperm(size, generator=g).add_(k * size) for k, g in enumerate(generators)]
        scalars = (self.log_probs, self.advantages, self.returns)
        # Side by side, so that one gather moves all of a sample.
        parts = [self.observations, self.actions, *(s.unsqueeze(-1) for s in scalars)]
        numbers = torch.cat(order).to(self.returns.device)
        rows = torch.cat(parts, dim=-1).flatten(0, 1).index_select(0, numbers)
        widths = [part.shape[-1] for part in parts]
        observations, actions, *rest = torch.split(rows.view(count, size, -1), widths, dim=-1)
        return Samples(observations, actions, *(s.squeeze(-1) for s in rest))

    def part(self, start: int, stop: int) -> Samples:
        """Return the samples from `start` to `stop` of every learner."""
        return Samples(
            self.observations[:, start:stop],
            self.actions[:, start:stop],
            self.log_probs[:, start:stop],
            self.advantages[:, start:stop],
            self.returns[:, start:stop],
        )
