"""GAE, Adam and the update against arithmetic done by hand."""

from __future__ import annotations

import math

import pytest
import torch

from autoreward.config import TrainingSettings
from autoreward.training.networks import Architecture, initial_parameters
from autoreward.training.ppo import StackedAdam, generalized_advantages, update
from autoreward.training.samples import Samples


def column(*values: float) -> torch.Tensor:
    """Return values as one learner's rollout [K=1, T, N=1]."""
    return torch.tensor(values).view(1, -1, 1)


def test_advantages_by_hand() -> None:
    """Three steps, no end: each delta and its discounted sum match pencil and paper."""
    rewards, values, following = column(1.0, 2.0, 3.0), column(0.5, 1.0, 1.5), column(1.0, 1.5, 2.0)
    no = torch.zeros(1, 3, 1, dtype=torch.bool)
    result = generalized_advantages(rewards, values, following, no, no, 0.9, 0.5)
    # delta2 = 3 + 0.9*2 - 1.5 = 3.3
    # delta1 = 2 + 0.9*1.5 - 1 = 2.35; A1 = 2.35 + 0.45*3.3 = 3.835
    # delta0 = 1 + 0.9*1 - 0.5 = 1.4;  A0 = 1.4 + 0.45*3.835 = 3.12575
    assert result.flatten().tolist() == pytest.approx([3.12575, 3.835, 3.3])


def test_termination_cuts_and_time_out_bootstraps() -> None:
    """After a termination nothing is worth anything; a time-out still counts its last state."""
    rewards, values, following = column(1.0, 1.0), column(0.0, 0.0), column(10.0, 10.0)
    done = torch.tensor([True, False]).view(1, 2, 1)
    terminated = done.clone()
    ended = generalized_advantages(rewards, values, following, terminated, done, 0.9, 0.5)
    assert ended.flatten().tolist() == pytest.approx([1.0, 10.0])
    timed_out = generalized_advantages(
        rewards, values, following, torch.zeros_like(done), done, 0.9, 0.5
    )
    # delta0 = 1 + 0.9*10 = 10, and nothing flows over the episode's end
    assert timed_out.flatten().tolist() == pytest.approx([10.0, 10.0])


def test_adam_step_by_hand() -> None:
    """The first step moves every parameter by the learning rate against its gradient's sign."""
    flat = torch.zeros(1, 2)
    StackedAdam(1, 2, 0.1).step(flat, torch.tensor([[0.3, -0.004]]), max_norm=10.0)
    assert flat.flatten().tolist() == pytest.approx([-0.1, 0.1], rel=1e-2)


def test_gradient_clipping_is_per_learner() -> None:
    """One learner's huge gradient does not shrink another's."""
    adam = StackedAdam(2, 1, 0.1)
    adam.step(torch.zeros(2, 1), torch.tensor([[1000.0], [0.2]]), max_norm=0.5)
    assert adam.first.flatten().tolist() == pytest.approx([0.05, 0.02], rel=1e-3)


def test_non_finite_gradient_touches_its_own_learner_only() -> None:
    """A NaN gradient leaves that row's parameters as they were; the neighbour learns on."""
    flat = torch.ones(2, 1)
    StackedAdam(2, 1, 0.1).step(flat, torch.tensor([[math.nan], [1.0]]), max_norm=1.0)
    assert flat[0].item() == 1.0
    assert flat[1].item() == pytest.approx(0.9, rel=1e-3)


def test_learning_rate_follows_the_divergence() -> None:
    """Above twice the target the rate falls by 1.5, below half of it rises, between it stays."""
    adam = StackedAdam(3, 1, 1e-3)
    adam.adapt(torch.tensor([0.03, 0.001, 0.01]), 0.01)
    assert adam.learning_rate.flatten().tolist() == pytest.approx([1e-3 / 1.5, 1.5e-3, 1e-3])


def test_update_of_a_row_does_not_depend_on_other_rows() -> None:
    """A learner's parameters after an update are the same alone and beside another learner."""
    architecture = Architecture(3, 2, (8, 8))
    settings = TrainingSettings(envs=4, rollout=16, minibatches=4, epochs=3)

    def run(seeds: list[int]) -> torch.Tensor:
        generators = [torch.Generator().manual_seed(s) for s in seeds]
        flat = torch.stack([initial_parameters(architecture, g) for g in generators])
        parts = []
        for g in generators:
            observations = torch.randn(64, 3, generator=g)
            actions, numbers = torch.randn(64, 2, generator=g), torch.randn(3, 64, generator=g)
            parts.append((observations, actions, *numbers))
        samples = Samples(*(torch.stack(tensors) for tensors in zip(*parts, strict=True)))
        adam = StackedAdam(len(seeds), flat.shape[1], 3e-4)
        update(flat, adam, architecture, samples, settings, generators)
        return flat

    assert torch.equal(run([5]), run([3, 5])[1:])


def test_shuffling_keeps_samples_whole() -> None:
    """Each learner's samples come in an order of its own, none lost, none torn apart."""
    numbers = torch.arange(2 * 6, dtype=torch.float32).view(2, 6)
    samples = Samples(
        numbers.unsqueeze(-1) * torch.tensor([1.0, 10.0]), -numbers.unsqueeze(-1), numbers + 100,
        numbers + 200, numbers + 300,
    )  # fmt: skip
    shuffled = samples.shuffled([torch.Generator().manual_seed(seed) for seed in (0, 1)])
    order = shuffled.observations[..., 0]
    assert torch.equal(order.sort(dim=1).values, numbers)
    assert not torch.equal(order[0], order[1] - 6)
    assert torch.equal(shuffled.observations[..., 1], 10 * order)
    assert torch.equal(shuffled.actions.squeeze(-1), -order)
    for values, offset in ((shuffled.log_probs, 100), (shuffled.advantages, 200)):
        assert torch.equal(values, order + offset)
    assert torch.equal(shuffled.part(2, 4).returns, order[:, 2:4] + 300)
