"""Networks, and the PPO loss and its gradient, against arithmetic done by hand and autograd."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from autoreward.config import TrainingSettings
from autoreward.training.networks import (
    Architecture,
    apply,
    gaussian_log_prob,
    split,
)
from autoreward.training.objective import Objective
from autoreward.training.samples import Samples

ARCHITECTURE = Architecture(obs_dim=1, action_dim=1, hidden=(1,))


def tiny_parameters() -> torch.Tensor:
    """Return parameters with mean(x) = 2*tanh(x) and V(x) = 3*tanh(x) + 1, std = 1."""
    # actor.0.weight, actor.0.bias, actor.1.weight, actor.1.bias, critic likewise, log_std
    return torch.tensor([[1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 3.0, 1.0, 0.0]])


def test_networks_by_hand() -> None:
    """The flat tensor is read as documented."""
    networks = split(ARCHITECTURE, tiny_parameters())
    x = torch.tensor([[[0.5]]])
    assert apply(networks.actor, x).item() == pytest.approx(2 * math.tanh(0.5))
    assert apply(networks.critic, x).item() == pytest.approx(3 * math.tanh(0.5) + 1)
    assert networks.log_std.shape == (1, 1, 1)


def test_log_prob_matches_torch() -> None:
    """The density agrees with torch.distributions."""
    mean, action = torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    log_std = torch.randn(2, 1, 3)
    expected = torch.distributions.Normal(mean, log_std.exp()).log_prob(action).sum(-1)
    assert torch.allclose(gaussian_log_prob(action, mean, log_std), expected, atol=1e-5)


def loss_of(samples: Samples, settings: TrainingSettings) -> tuple[float, float]:
    """Return loss and divergence of the tiny networks."""
    size = samples.returns.shape[1]
    objective = Objective(tiny_parameters(), ARCHITECTURE, settings, size)
    loss, divergence = objective.differentiate(samples)
    return loss.item(), divergence.item()


def test_loss_by_hand() -> None:
    """Two samples: one ratio inside the clip range, one outside where the clip binds."""
    settings = TrainingSettings(clip=0.2, value_coefficient=0.5, entropy=0.0)
    observations = torch.zeros(1, 2, 1)  # mean 0, value 1
    actions = torch.tensor([[[0.0], [1.0]]])
    now = torch.tensor([-0.5 * math.log(2 * math.pi), -0.5 - 0.5 * math.log(2 * math.pi)])
    ratios = torch.tensor([1.1, 1.5])
    old = (now - ratios.log()).unsqueeze(0)
    # advantages 3 and 1 normalise to ±1/sqrt(2) (torch.std divides by n - 1)
    samples = Samples(observations, actions, old, torch.tensor([[1.0, 3.0]]), torch.zeros(1, 2))
    loss, divergence = loss_of(samples, settings)
    unit = 1 / math.sqrt(2)
    # first: A = -unit, min(1.1*A, 1.1*A) = -1.1*unit; second: A = unit, clipped at 1.2*unit
    policy = -(-1.1 * unit + 1.2 * unit) / 2
    value = 0.5 * 1.0  # (V - R)^2 = 1 for both
    assert loss == pytest.approx(policy + value, abs=1e-5)
    expected = ((1.1 - 1 - math.log(1.1)) + (1.5 - 1 - math.log(1.5))) / 2
    assert divergence == pytest.approx(expected, abs=1e-5)


def test_entropy_bonus_lowers_the_loss() -> None:
    """A wider policy is rewarded by exactly its entropy times the weight."""
    samples = Samples(
        torch.zeros(1, 2, 1), torch.zeros(1, 2, 1), torch.zeros(1, 2), torch.eye(2)[:1],
        torch.zeros(1, 2),
    )  # fmt: skip
    plain, _ = loss_of(samples, TrainingSettings(entropy=0.0))
    bonus, _ = loss_of(samples, TrainingSettings(entropy=0.1))
    entropy = 0.5 * math.log(2 * math.pi * math.e)
    assert plain - bonus == pytest.approx(0.1 * entropy, abs=1e-5)


def autograd(
    flat: Tensor, architecture: Architecture, samples: Samples, settings: TrainingSettings
) -> tuple[Tensor, Tensor]:
    """Return loss and gradient as autograd finds them from the textbook's formula."""
    leaf = flat.clone().requires_grad_()
    networks = split(architecture, leaf)

    # `apply` works in place, which autograd refuses.
    def head(layers: list[Tensor]) -> Tensor:
        x = samples.observations
        for i in range(0, len(layers), 2):
            x = x @ layers[i] + layers[i + 1]
            x = torch.tanh(x) if i < len(layers) - 2 else x
        return x

    mean, values = head(networks.actor), head(networks.critic).squeeze(-1)
    advantages = samples.advantages - samples.advantages.mean(1, keepdim=True)
    advantages = advantages / (samples.advantages.std(1, keepdim=True) + 1e-8)
    log_ratio = gaussian_log_prob(samples.actions, mean, networks.log_std) - samples.log_probs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
    loss = -torch.min(ratio * advantages, clipped * advantages).mean(1)
    loss = loss + settings.value_coefficient * (values - samples.returns).square().mean(1)
    entropy = (networks.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum((1, 2))
    loss = loss - settings.entropy * entropy
    (gradient,) = torch.autograd.grad(loss.sum(), leaf)
    return loss.detach(), gradient


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("action_dim", [1, 4])
@pytest.mark.parametrize("hidden", [(8,), (16, 8), (6, 5, 4)])
def test_the_gradient_is_autograds(count: int, action_dim: int, hidden: tuple[int, ...]) -> None:
    """With samples inside and outside the clip range, on either side, and an entropy bonus."""
    generator = torch.Generator().manual_seed(count)
    architecture = Architecture(5, action_dim, hidden)
    settings = TrainingSettings(entropy=0.01)
    flat = torch.randn(count, architecture.parameters, generator=generator) * 0.5
    size = 64

    def draw(*shape: int) -> Tensor:
        return torch.randn(count, size, *shape, generator=generator)

    observations, actions = draw(5), draw(action_dim)
    networks = split(architecture, flat)
    mean = apply(networks.actor, observations)
    old = gaussian_log_prob(actions, mean, networks.log_std) + 0.3 * draw()
    samples = Samples(observations, actions, old, draw(), draw())
    objective = Objective(flat, architecture, settings, size)
    for _ in range(2):  # the second call must not see what the first left in the buffers
        loss, _ = objective.differentiate(samples)
        expected_loss, expected = autograd(flat, architecture, samples, settings)
        assert torch.allclose(loss, expected_loss, rtol=1e-4, atol=1e-5)
        assert torch.allclose(objective.gradient, expected, rtol=1e-3, atol=1e-5)
        flat.add_(0.01)
