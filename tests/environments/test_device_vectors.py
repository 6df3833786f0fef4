"""DeviceVectorEnvironment: the same episodes as on the host, and no waiting for the device."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from autoreward.environments.device_vector import DeviceVectorEnvironment
from autoreward.environments.environment import Environment, load_environment
from autoreward.environments.folder import find_environments
from autoreward.environments.vector import Step, VectorEnvironment
from autoreward.sim.physics import Physics

CPU = torch.device("cpu")
# Fake tensors know their device, refuse to be mixed with another's, and have no value to be read;
# a second CPU that is not there stands in for a GPU.
ELSEWHERE = torch.device("cpu", 1)


@pytest.fixture(scope="module")
def puck() -> Environment:
    return load_environment("point_mass")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tape(steps: int, rows: int, seed: int = 4) -> list[Tensor]:
    return list(torch.rand(steps, rows, 2, generator=seeded(seed)) * 2 - 1)


def same(first: Step, second: Step) -> bool:
    pairs = zip((*first.before, *first.after), (*second.before, *second.after), strict=True)
    return all(torch.equal(a, b) for a, b in (*pairs, *zip(first[2:], second[2:], strict=True)))


def part(step: Step, rows: slice) -> Step:
    return Step(
        step.before.rows(rows), step.after.rows(rows), step.terminated[rows], step.truncated[rows]
    )


def stagger(vector: VectorEnvironment) -> None:
    """Let rows end at different steps."""
    vector._episode_step = torch.arange(vector.num) % 5


def test_episodes_are_the_hosts(puck: Environment) -> None:
    """From the same start states: bit-equal steps, ends and restarts, groups of unequal size."""
    host = VectorEnvironment(puck, horizon=7)
    device = DeviceVectorEnvironment(puck, 7, CPU)
    for vector in (host, device):
        vector.add_group(3, seeded(1))
        vector.add_group(5, seeded(2))
        stagger(vector)
    for number, action in enumerate(tape(28, 8)):  # as long as the first pools last
        assert same(host.step(action), device.step(action)), number
        assert torch.equal(host.episode_step, device.episode_step)
        assert torch.equal(host.physics.qpos, device.physics.qpos)


def test_a_group_lives_the_same_alone_and_in_company(puck: Environment) -> None:
    """Start states drawn between rollouts come from the group's own generator, too."""
    alone, company = (DeviceVectorEnvironment(puck, 3, CPU) for _ in range(2))
    alone.add_group(5, seeded(7))
    for rows, seed in ((3, 1), (5, 7), (4, 2)):
        company.add_group(rows, seeded(seed))
    middle, generator = company.group_slice(1), seeded(3)
    for number, action in enumerate(tape(150, 5)):
        if number == 60:
            company.remove_group(0)
            company.add_group(2, seeded(9))
            middle = company.group_slice(0)
        others = torch.rand(company.num, 2, generator=generator)
        others[middle] = action
        assert same(alone.step(action), part(company.step(others), middle)), number
        if number % 10 == 9:
            alone.settle()
            company.settle()


def test_no_start_state_is_used_twice(puck: Environment) -> None:
    """As long as a rollout ends no more episodes than the pool holds."""
    vector = DeviceVectorEnvironment(puck, 1, CPU)
    vector.add_group(8, seeded(0))
    seen = [vector.physics.qpos]
    for number, action in enumerate(tape(40, 8)):
        vector.step(action)
        seen.append(vector.physics.qpos)
        if number % 7 == 6:
            vector.settle()
    assert len(torch.cat(seen).unique(dim=0)) == 8 * 41


def test_a_pool_that_runs_out_begins_anew(puck: Environment) -> None:
    """A rollout may end more episodes than the pool has start states; then new ones are drawn."""
    vector = DeviceVectorEnvironment(puck, 1, CPU)
    vector.add_group(4, seeded(0))
    pool = vector._pool.clone()
    for action in tape(20, 4):
        vector.step(action)
    assert torch.equal(vector._pool, pool)
    vector.settle()
    assert not (vector._pool == pool).all(dim=1).any()


def test_a_checkpoint_goes_on_bit_for_bit(puck: Environment) -> None:
    """A group's state moves to another vector, another index, and goes on the same."""
    first, second = (DeviceVectorEnvironment(puck, 4, CPU) for _ in range(2))
    first.add_group(4, seeded(7))
    for action in tape(30, 4):
        first.step(action)
    first.settle()
    second.add_group(2, seeded(3))
    second.add_group(4, seeded(5))
    second.load_group_state(1, first.group_state(0))
    for number, action in enumerate(tape(100, 4, seed=8)):
        everyone = torch.cat([torch.zeros(2, 2), action])
        assert same(first.step(action), part(second.step(everyone), second.group_slice(1)))
        if number % 9 == 8:
            first.settle()
            second.settle()


def test_a_broken_simulation_ends_its_row_with_finite_values(puck: Environment) -> None:
    """A row that diverges is terminated, hands over its last good state, and restarts."""
    vector = DeviceVectorEnvironment(puck, 100, CPU)
    vector.add_group(3, seeded(0))
    qvel = torch.full((1, 2), float("nan"))
    vector._simulation.reset(torch.tensor([1]), vector.physics.qpos[1:2], qvel)
    step = vector.step(torch.zeros(3, 2))
    assert step.terminated.tolist() == [False, True, False]
    assert all(tensor.isfinite().all() for tensor in (*step.after, *vector.physics))
    assert torch.equal(step.after.qpos[1], step.before.qpos[1])
    assert vector.episode_step.tolist() == [1, 0, 1]


def test_a_step_waits_for_nothing(puck: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step on another device reads no value back and mixes no devices."""
    gpu = ELSEWHERE

    def copied(_: DeviceVectorEnvironment, numbers: np.ndarray) -> Tensor:
        return torch.zeros(len(numbers), dtype=torch.int64, device=gpu)  # of one number, it errs

    monkeypatch.setattr(DeviceVectorEnvironment, "_on_device", copied)
    monkeypatch.setattr(DeviceVectorEnvironment, "settle", lambda _: None)
    with FakeTensorMode(allow_non_fake_inputs=True):
        vector = DeviceVectorEnvironment(puck, 3, gpu)
        vector.add_group(4, seeded(0))
        vector.add_group(2, seeded(1))
        for _ in range(4):
            step = vector.step(torch.zeros(6, 2, device=gpu))
        for tensor in (*step.after, *vector.physics, *step[2:], vector.episode_step):
            assert tensor.device == gpu
        with pytest.raises(DataDependentOutputException):
            bool(step.terminated.any())


@pytest.mark.parametrize("name", sorted(find_environments()))
def test_environments_work_on_a_gpu(name: str) -> None:
    """Everything but the start states is computed where the physics is, and nothing is read."""
    folder = load_environment(name).folder
    gpu = ELSEWHERE
    for task in folder.tasks.values():
        environment = load_environment(folder, task)
        with FakeTensorMode(allow_non_fake_inputs=True):
            before, after = (
                Physics(*(torch.zeros(5, 3, n, device=gpu) for n in environment.sizes))
                for _ in range(2)
            )
            action = torch.zeros(5, 3, environment.action_dim, device=gpu)
            found = {
                **environment.state(after),
                **environment.fitness_steps(before, action, after),
                "observation": environment.observation(after),
                "terminated": environment.terminated(after),
                "ctrl": environment.ctrl(action),
            }
        assert all(value.device == gpu for value in found.values()), found
