"""Proximal policy optimisation (Schulman et al. 2017) for all learners of a population at once.

Every tensor has the learner as its first dimension; nothing is ever reduced over it.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from autoreward.config import TrainingSettings
from autoreward.training.networks import Architecture
from autoreward.training.objective import Objective
from autoreward.training.samples import Samples

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


class StackedAdam:
    """Adam (Kingma & Ba 2015) with gradient clipping and an own step size for every learner (row).

    Args:
        count: Number of learners, K.
        parameters: Parameters of each, P.
        learning_rate: Initial step size.
        device: Where they are.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ("first", "second", "steps", "learning_rate")

    def __init__(
        self,
        count: int,
        parameters: int,
        learning_rate: float,
        device: torch.device | str = "cpu",
    ) -> None:
        self.first = torch.zeros(count, parameters, device=device)
        self.second = torch.zeros(count, parameters, device=device)
        self.steps = torch.zeros(count, 1, device=device)
        self.learning_rate = torch.full((count, 1), learning_rate, device=device)

    def step(self, flat: Tensor, gradient: Tensor, max_norm: float) -> None:
        """Update `flat` in place; `gradient` is used up.

        A row whose gradient is not finite keeps its parameters. Shapes: (K, P).
        """
        beta1, beta2 = _ADAM_BETAS
        norm = gradient.norm(dim=1, keepdim=True)
        healthy = torch.isfinite(norm)
        gradient.mul_((max_norm / (norm + 1e-6)).clamp_(max=1.0))
        rate = self.learning_rate
        # Asking a GPU whether there is anything to repair would wait for it.
        if gradient.is_cuda or not bool(healthy.all()):
            gradient.copy_(torch.where(healthy, gradient, 0.0))
            rate = torch.where(healthy, rate, 0.0)
        self.steps += 1
        self.first.lerp_(gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        rate = rate / (1 - beta1**self.steps)
        correction = (1 - beta2**self.steps).rsqrt_()
        # The gradient's memory serves for the step; a buffer of its own would be written once more.
        torch.sqrt(self.second, out=gradient).mul_(correction).add_(_ADAM_EPSILON)
        flat.sub_(torch.div(self.first, gradient, out=gradient).mul_(rate))

    def adapt(self, divergence: Tensor, target: float) -> None:
        """Raise or lower each learner's step size so that its KL stays near `target`.

        The rule of rsl_rl (Rudin et al. 2022): divide by 1.5 above twice the target, multiply by
        1.5 below half of it. Shape of `divergence`: (K,).
        """
        kl = divergence.unsqueeze(1)
        rate = torch.where(kl > 2 * target, self.learning_rate / 1.5, self.learning_rate)
        rate = torch.where((kl < target / 2) & (kl > 0), rate * 1.5, rate)
        self.learning_rate = rate.clamp(*_LEARNING_RATE_BOUNDS)


@torch.no_grad()
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
    objective = Objective(flat, architecture, settings, batch)
    divergence = flat.new_zeros(flat.shape[0])
    for _ in range(settings.epochs):
        shuffled = samples.shuffled(generators)
        for start in range(0, size, batch):
            _, divergence = objective.differentiate(shuffled.part(start, start + batch))
            if settings.target_kl is not None:
                optimizer.adapt(divergence, settings.target_kl)
            optimizer.step(flat, objective.gradient, settings.max_grad_norm)
    return divergence
