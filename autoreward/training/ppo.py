"""Proximal policy optimisation (Schulman et al. 2017) for all learners of a population at once.

Every tensor has the learner as its first dimension; nothing is ever reduced over it except the sum
of losses, whose gradient falls apart into one per learner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from autoreward.config import TrainingSettings
from autoreward.training.networks import Architecture, apply, gaussian_log_prob, split

_LEARNING_RATE_BOUNDS = (1e-5, 1e-2)
_ADAM_BETAS = (0.9, 0.999)
_ADAM_EPSILON = 1e-5


def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    done: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Return generalised advantage estimates (Schulman et al. 2016, eq. 16).

    delta_t = r_t + gamma * V(s_{t+1}) * [not terminated] - V(s_t), summed with weight
    (gamma * lambda)^k until the episode ends. A time-out is no termination: its last state is
    bootstrapped (Pardo et al. 2018).

    Args:
        rewards: Shape: (K, T, N).
        values: V(s_t). Shape: (K, T, N).
        next_values: V of the state after the step, before any auto-reset. Shape: (K, T, N).
        terminated: The step ended its episode for good. Shape: (K, T, N), bool.
        done: The step ended its episode, by termination or time-out. Shape: (K, T, N), bool.
        gamma: Discount per step.
        gae_lambda: Bias against variance.

    Returns:
        Shape: (K, T, N).
    """
    delta = rewards + gamma * next_values * ~terminated - values
    advantages = torch.empty_like(rewards)
    running = torch.zeros_like(rewards[:, 0])
    carry = gamma * gae_lambda * (~done).to(rewards.dtype)
    for t in range(rewards.shape[1] - 1, -1, -1):
        running = delta[:, t] + carry[:, t] * running
        advantages[:, t] = running
    return advantages


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

    def take(self, index: Tensor) -> Samples:
        """Return each learner's own samples `index`. Shape of `index`: (K, m)."""
        rows = torch.arange(index.shape[0]).unsqueeze(1)
        return Samples(
            self.observations[rows, index],
            self.actions[rows, index],
            self.log_probs.gather(1, index),
            self.advantages.gather(1, index),
            self.returns.gather(1, index),
        )

    def part(self, start: int, stop: int) -> Samples:
        """Return the samples from `start` to `stop` of every learner."""
        return Samples(
            self.observations[:, start:stop],
            self.actions[:, start:stop],
            self.log_probs[:, start:stop],
            self.advantages[:, start:stop],
            self.returns[:, start:stop],
        )


def ppo_loss(
    flat: Tensor, architecture: Architecture, samples: Samples, settings: TrainingSettings
) -> tuple[Tensor, Tensor]:
    """Return each learner's loss and approximate KL divergence.

    loss = -E[min(ratio * A, clip(ratio, 1 ± clip) * A)] + c_v * E[(V - R)^2] - c_e * entropy
    (Schulman et al. 2017, eq. 9); KL is estimated by E[ratio - 1 - log ratio].

    Args:
        flat: Parameters. Shape: (K, P).
        architecture: Shapes of the networks.
        samples: One minibatch; advantages are normalised here, per learner.
        settings: clip, value_coefficient, entropy.

    Returns:
        Loss and KL, each of shape (K,); the KL carries no gradient.
    """
    networks = split(architecture, flat)
    mean = apply(networks.actor, samples.observations)
    values = apply(networks.critic, samples.observations).squeeze(-1)
    spread = samples.advantages.std(1, keepdim=True) + 1e-8
    advantages = (samples.advantages - samples.advantages.mean(1, keepdim=True)) / spread
    log_ratio = gaussian_log_prob(samples.actions, mean, networks.log_std) - samples.log_probs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
    loss = -torch.min(ratio * advantages, clipped * advantages).mean(1)
    loss = loss + settings.value_coefficient * (values - samples.returns).square().mean(1)
    if settings.entropy:
        entropy = (networks.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum((1, 2))
        loss = loss - settings.entropy * entropy
    return loss, (ratio - 1 - log_ratio).mean(1).detach()


class StackedAdam:
    """Adam with gradient clipping and an own step size for every learner (row).

    Args:
        count: Number of learners, K.
        parameters: Parameters of each, P.
        learning_rate: Initial step size.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ("first", "second", "steps", "learning_rate")

    def __init__(self, count: int, parameters: int, learning_rate: float) -> None:
        self.first = torch.zeros(count, parameters)
        self.second = torch.zeros(count, parameters)
        self.steps = torch.zeros(count, 1)
        self.learning_rate = torch.full((count, 1), learning_rate)

    @torch.no_grad()
    def step(self, flat: Tensor, gradient: Tensor, max_norm: float) -> None:
        """Update `flat` in place. A row whose gradient is not finite keeps its parameters."""
        beta1, beta2 = _ADAM_BETAS
        norm = gradient.norm(dim=1, keepdim=True)
        healthy = torch.isfinite(norm)
        gradient.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
        if not bool(healthy.all()):
            gradient = torch.where(healthy, gradient, 0.0)
        self.steps += 1
        self.first.lerp_(gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        correction = (1 - beta2**self.steps).rsqrt()
        denominator = self.second.sqrt().mul_(correction).add_(_ADAM_EPSILON)
        rate = self.learning_rate / (1 - beta1**self.steps)
        flat.sub_(torch.where(healthy, rate, 0.0) * self.first.div(denominator))

    def adapt(self, divergence: Tensor, target: float) -> None:
        """Raise or lower each learner's step size so that its KL stays near `target`.

        The rule of rsl_rl (Rudin et al. 2022): divide by 1.5 above twice the target, multiply by
        1.5 below half of it. Shape of `divergence`: (K,).
        """
        kl = divergence.unsqueeze(1)
        rate = torch.where(kl > 2 * target, self.learning_rate / 1.5, self.learning_rate)
        rate = torch.where((kl < target / 2) & (kl > 0), rate * 1.5, rate)
        self.learning_rate = rate.clamp(*_LEARNING_RATE_BOUNDS)


def update(
    flat: Tensor,
    optimizer: StackedAdam,
    architecture: Architecture,
    samples: Samples,
    settings: TrainingSettings,
    generators: list[torch.Generator],
) -> Tensor:
    """Run PPO's epochs over one rollout, updating `flat` in place.

    Each learner shuffles with its own generator, so its minibatches do not depend on neighbours.

    Returns:
        Approximate KL divergence of the last minibatch. Shape: (K,).
    """
    size = samples.returns.shape[1]
    batch = size // settings.minibatches
    leaf = flat.requires_grad_()
    divergence = torch.zeros(flat.shape[0])
    for _ in range(settings.epochs):
        order = torch.stack([torch.randperm(size, generator=g) for g in generators])
        shuffled = samples.take(order)
        for start in range(0, size, batch):
            part = shuffled.part(start, start + batch)
            loss, divergence = ppo_loss(leaf, architecture, part, settings)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
            if settings.target_kl is not None:
                optimizer.adapt(divergence, settings.target_kl)
            optimizer.step(leaf, gradient, settings.max_grad_norm)
    leaf.requires_grad_(False)
    return divergence
