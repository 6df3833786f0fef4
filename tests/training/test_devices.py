"""Training on a device: nothing mixes devices or waits, and Warp's populations train."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from autoreward.config import TrainingSettings, load_settings
from autoreward.environments.device_vector import DeviceVectorEnvironment
from autoreward.environments.environment import load_environment
from autoreward.errors import UsageError
from autoreward.rewards.formula import parse_formula
from autoreward.sandbox.contract import Batch
from autoreward.seeds import TrainingSeed, ValidationSeed
from autoreward.training.lane import Lane
from autoreward.training.lane_process import start_lanes
from autoreward.training.learner import LearnerSpec
from autoreward.training.networks import Architecture, split
from autoreward.training.normalizers import ReturnScaler, RunningMoments
from autoreward.training.population import Population
from autoreward.training.ppo import StackedAdam, generalized_advantages, update
from autoreward.training.rollout import collect
from autoreward.training.samples import Samples
from autoreward.training.stacking import append_rows, keep_rows
from autoreward.training.validation import validate

needs_warp = pytest.mark.skipif(
    importlib.util.find_spec("mujoco_warp") is None, reason="mujoco_warp is not installed"
)
SMALL = {"envs": 4, "rollout": 16, "minibatches": 2, "epochs": 2}
WARP = TrainingSettings(**SMALL, simulator="warp")
# Fake tensors know their device, refuse to be mixed with another's, and have no value to be read;
# a second CPU that is not there stands in for a GPU.
ELSEWHERE = torch.device("cpu", 1)


def forward(batch: Batch) -> dict[str, np.ndarray]:
    """Forward velocity, as a language model's reward would compute it."""
    return {"forward": batch.next_state["forward_velocity"].astype(np.float32)}


def spec(job: str, seed: int) -> LearnerSpec:
    return LearnerSpec(job, "", parse_formula("forward"), TrainingSeed(0, seed), 10**9)


def population(source: Any, env: str = "half_cheetah") -> Population:
    lanes = start_lanes(load_environment(env), 12, WARP, threads=2)
    assert [type(lane) for lane in lanes] == [Lane]
    return Population(lanes, WARP, source)


@needs_warp
@pytest.mark.parametrize("env", ["half_cheetah", "hopper"])
def test_a_population_on_warp_trains_and_continues(env: str, function_source: Any) -> None:
    """Two iterations, a checkpoint, two more: bit-equal to the whole, in company or alone."""
    torch.set_num_threads(1)
    source = function_source({"a": forward, "b": forward}, ("forward_velocity",))
    whole, later = population(source, env), population(source, env)
    for seed, job in enumerate("ab"):
        whole.admit(spec(job, seed))
    start = whole.policy(1)
    for _ in range(2):
        assert whole.iterate() == []
    state, metadata = whole.checkpoint(1), whole.learners[1].metadata()
    whole.evict(0)
    learner = later.admit(spec("b", 1))
    later.restore(0, state)
    learner.load_metadata(metadata)
    for _ in range(2):
        whole.iterate()
        later.iterate()
    last = later.checkpoint(0)
    assert all(torch.equal(value, last[name]) for name, value in whole.checkpoint(0).items())
    assert whole.learners[0].curve == later.learners[0].curve
    assert whole.learners[0].curve[-1]["return"] is not None
    policy = whole.policy(0)
    assert any(not torch.equal(start[name], value) for name, value in policy.items())
    assert whole.physics_seconds > 0
    measured = validate(load_environment(env), 20, [policy], ValidationSeed.first(0, 2), threads=0)
    assert all(len(values) == 2 for values in measured[0].scores.values())
    for one in (whole, later):
        one.close()


@pytest.mark.gpu
@needs_warp
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that torch can use")
@pytest.mark.parametrize("env", ["half_cheetah", "hopper", "ant"])
def test_a_population_on_a_gpu(env: str, function_source: Any) -> None:
    """It trains, its steps never wait for the GPU, and a checkpoint goes on where it was."""
    settings = TrainingSettings(**SMALL, simulator="warp", device="cuda")
    lane = Lane(load_environment(env), 12, settings, 0)
    source = function_source({"a": forward, "b": forward}, ("forward_velocity",))
    learners = Population([lane], settings, source)
    for seed, job in enumerate("ab"):
        learners.admit(spec(job, seed))
    for _ in range(2):
        assert learners.iterate() == []
    action = torch.zeros(lane.vector.num, lane.environment.action_dim, device="cuda")
    try:
        torch.cuda.set_sync_debug_mode("error")
        for _ in range(3):
            lane.vector.step(action)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    lane.vector.settle()
    state = learners.checkpoint(1)
    assert all(value.device.type == "cpu" for value in state.values())
    later = Lane(load_environment(env), 12, settings, 0)
    later.admit(spec("b", 1))
    later.restore(0, state)
    again = later.checkpoint(0)
    assert all(torch.equal(value, again[name]) for name, value in state.items())
    assert learners.iterate() == []
    assert learners.physics_seconds > 0


def test_a_formulas_population_is_the_same_on_both_paths(function_source: Any) -> None:
    """Where the simulation is the same arithmetic, so is everything that is learned."""
    torch.set_num_threads(1)

    def near(batch: Batch) -> dict[str, np.ndarray]:
        return {"forward": -batch.next_state["distance"]}

    curves = []
    for settings in (WARP, TrainingSettings(**SMALL)):
        lanes = start_lanes(load_environment("point_mass"), 12, settings, threads=1)
        learners = Population(lanes, settings, function_source({"a": near}, ("distance",)))
        learners.admit(spec("a", 3))
        learners.iterate()
        learners.iterate()
        curves.append(learners.learners[0].curve)
        learners.close()
    assert curves[0] == curves[1]


def test_a_rollout_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acting on another device: noise is drawn on the CPU, copied once, and no value is read."""

    def copied(_: DeviceVectorEnvironment, numbers: np.ndarray) -> torch.Tensor:
        return torch.zeros(len(numbers), dtype=torch.int64, device=ELSEWHERE)  # of one, it errs

    monkeypatch.setattr(DeviceVectorEnvironment, "_on_device", copied)
    monkeypatch.setattr(DeviceVectorEnvironment, "settle", lambda _: None)
    environment = load_environment("point_mass")
    architecture = Architecture(environment.obs_dim, environment.action_dim, (8,))
    with FakeTensorMode(allow_non_fake_inputs=True):
        vector = DeviceVectorEnvironment(environment, 5, ELSEWHERE)
        generators = [torch.Generator().manual_seed(k) for k in range(2)]
        for generator in generators:
            vector.add_group(4, generator)
        networks = split(architecture, torch.zeros(2, architecture.parameters, device=ELSEWHERE))
        moments = RunningMoments(2, environment.obs_dim, ELSEWHERE)
        rollout = collect(vector, networks, moments, generators, 6)
        for tensor in (*rollout.before, rollout.actions, rollout.log_probs, rollout.lengths):
            assert tensor.device == ELSEWHERE


def test_an_update_stays_on_its_device() -> None:
    """Statistics, advantages and all of PPO on another device; drawn on the CPU, never read."""
    settings = TrainingSettings(**SMALL, entropy=0.01)
    count, steps, rows, width, actions = 2, 16, 4, 5, 3
    size, shape = steps * rows, (count, steps, rows)
    architecture = Architecture(width, actions, (8, 8))
    with FakeTensorMode(allow_non_fake_inputs=True):
        moments = RunningMoments(1, width, ELSEWHERE)
        append_rows(moments, RunningMoments(1, width, ELSEWHERE))
        observations = torch.zeros(count, size, width, device=ELSEWHERE)
        moments.update(observations)
        observations = moments.normalize(observations)
        done = torch.zeros(shape, dtype=torch.bool, device=ELSEWHERE)
        scaler = ReturnScaler(count, rows, ELSEWHERE)
        rewards = scaler.scale_rewards(torch.zeros(shape, device=ELSEWHERE), done, 0.99)
        advantages = generalized_advantages(rewards, rewards, rewards, done, done, 0.99, 0.95)
        samples = Samples(
            observations,
            torch.zeros(count, size, actions, device=ELSEWHERE),
            *(advantages.reshape(count, size) for _ in range(3)),
        )
        flat = torch.zeros(count, architecture.parameters, device=ELSEWHERE)
        adam = StackedAdam(count, architecture.parameters, 1e-3, ELSEWHERE)
        generators = [torch.Generator().manual_seed(k) for k in range(count)]
        with pytest.raises(DataDependentOutputException):
            # On a CPU the one value that is read is whether a gradient has to be repaired.
            update(flat, adam, architecture, samples, settings, generators)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.Tensor, "is_cuda", True)
            divergence = update(flat, adam, architecture, samples, settings, generators)
        keep_rows(adam, torch.tensor([1]))
        for tensor in (divergence, flat, adam.first, adam.learning_rate, scaler.running):
            assert tensor.device == ELSEWHERE


def test_impossible_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo's own simulator has no GPU, and one that is not there is not replaced by the CPU."""
    with pytest.raises(UsageError, match=r"training\.device=cuda needs training\.simulator=warp"):
        load_settings(overrides=["training.device=cuda"])
    with pytest.raises(UsageError, match=r"training\.device"):
        load_settings(overrides=["training.device=tpu"])
    settings = load_settings(overrides=["training.device=cuda", "training.simulator=warp"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"training\.device=cuda cannot be used"):
        start_lanes(load_environment("half_cheetah"), 12, settings.training, threads=1)
