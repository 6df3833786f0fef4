"""VectorEnvironment: terminal states, restarts, independent groups, checkpoints."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from autoreward.environments.environment import Environment, load_environment
from autoreward.environments.vector import Step, VectorEnvironment
from autoreward.sim.physics import Physics


@pytest.fixture(scope="module")
def hopper() -> Environment:
    return load_environment("hopper")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tape(environment: Environment, steps: int, rows: int, seed: int = 4) -> list[Tensor]:
    block = torch.rand(steps, rows, environment.action_dim, generator=seeded(seed)) * 2 - 1
    return list(block)


def equal(first: Physics, second: Physics) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def same(first: Step, second: Step) -> bool:
    flags = torch.equal(first.terminated, second.terminated) and torch.equal(
        first.truncated, second.truncated
    )
    return equal(first.before, second.before) and equal(first.after, second.after) and flags


def part(step: Step, rows: slice) -> Step:
    return Step(
        step.before.rows(rows), step.after.rows(rows), step.terminated[rows], step.truncated[rows]
    )


def test_terminal_state_is_handed_over_before_the_restart(hopper: Environment) -> None:
    """`after` shows the fall, `physics` the new start, and the count starts again at 0."""
    vector = VectorEnvironment(hopper, horizon=1000)
    vector.add_group(16, seeded(0))
    falls = 0
    for action in tape(hopper, 60, 16):
        step = vector.step(action)
        fallen = step.terminated
        falls += int(fallen.sum())
        assert torch.equal(hopper.terminated(step.after), fallen)
        assert not hopper.terminated(vector.physics).any()
        start = vector.physics.qpos[fallen] - torch.tensor([0, 1.25, 0, 0, 0, 0])
        assert (start.abs() <= 5e-3 + 1e-6).all()
        assert (vector.episode_step[fallen] == 0).all()
        going = vector.physics.rows(~fallen)
        assert equal(going, step.after.rows(~fallen))
    assert falls > 16


def test_before_is_the_physics_of_the_previous_step(hopper: Environment) -> None:
    """Each step starts where the vector stood."""
    vector = VectorEnvironment(hopper, horizon=10)
    vector.add_group(4, seeded(0))
    for action in tape(hopper, 25, 4):
        current = vector.physics
        assert equal(vector.step(action).before, current)


def test_time_out_is_truncation_not_termination(hopper: Environment) -> None:
    """Standing rows are cut off at the horizon, a row that falls there is terminated only."""
    vector = VectorEnvironment(hopper, horizon=5)
    vector.add_group(3, seeded(0))
    flags = [vector.step(torch.zeros(3, 3)) for _ in range(10)]
    assert [s.truncated.all().item() for s in flags] == [False] * 4 + [True] + [False] * 4 + [True]
    assert not any(s.terminated.any() for s in flags)


def test_actions_are_clamped(hopper: Environment) -> None:
    """An action of 50 does what an action of 1 does."""
    results = []
    for size in (1.0, 50.0):
        vector = VectorEnvironment(hopper, horizon=100)
        vector.add_group(2, seeded(0))
        results.append(vector.step(torch.full((2, 3), size)))
    assert same(*results)


@pytest.mark.parametrize("threads", [0, 2])
def test_a_group_lives_the_same_alone_and_in_company(hopper: Environment, threads: int) -> None:
    """Episodes of a group are bit-equal whatever groups stand before and after it."""
    alone = VectorEnvironment(hopper, horizon=12)
    alone.add_group(5, seeded(7))
    company = VectorEnvironment(hopper, horizon=12, threads=threads)
    for rows, seed in ((3, 1), (5, 7), (9, 2)):
        company.add_group(rows, seeded(seed))
    middle = company.group_slice(1)
    assert middle == slice(3, 8)
    generator = seeded(3)
    # Enough restarts that the group's store of start states is drawn anew.
    for action in tape(hopper, 120, 5):
        others = torch.rand(17, 3, generator=generator) * 2 - 1
        others[middle] = action
        assert same(alone.step(action), part(company.step(others), middle))
    company.close()


def test_groups_come_and_go_without_disturbing_others(hopper: Environment) -> None:
    """Removing and adding groups in mid-flight leaves the others' episodes as they were."""
    alone = VectorEnvironment(hopper, horizon=15)
    alone.add_group(4, seeded(7))
    changing = VectorEnvironment(hopper, horizon=15)
    for seed in (1, 7, 2):
        changing.add_group(4, seeded(seed))
    index = 1
    for number, action in enumerate(tape(hopper, 60, 4)):
        if number == 20:
            changing.remove_group(0)
            index = 0
        if number == 40:
            changing.remove_group(1)
            changing.add_group(6, seeded(5))
        everyone = torch.zeros(changing.num, 3)
        everyone[changing.group_slice(index)] = action
        step = part(changing.step(everyone), changing.group_slice(index))
        assert same(alone.step(action), step)
    assert (changing.groups, changing.num) == (2, 10)
    assert changing.group_slice(1) == slice(4, 10)


def test_all_groups_may_leave(hopper: Environment) -> None:
    """An emptied vector can be filled again and equals a new one."""
    vector, new = (VectorEnvironment(hopper, horizon=9) for _ in range(2))
    vector.add_group(3, seeded(0))
    vector.remove_group(0)
    assert (vector.num, vector.groups) == (0, 0)
    for item in (vector, new):
        item.add_group(2, seeded(1))
    for action in tape(hopper, 20, 2):
        assert same(vector.step(action), new.step(action))


def test_a_checkpoint_goes_on_bit_for_bit(hopper: Environment) -> None:
    """A group's state moves to another vector, another index, and goes on the same."""
    first = VectorEnvironment(hopper, horizon=30)
    first.add_group(4, seeded(7))
    for action in tape(hopper, 45, 4):
        first.step(action)
    state = {name: tensor.clone() for name, tensor in first.group_state(0).items()}
    second = VectorEnvironment(hopper, horizon=30)
    second.add_group(2, seeded(3))
    second.add_group(4, seeded(4))
    second.load_group_state(1, state)
    rows = second.group_slice(1)
    assert torch.equal(second.episode_step[rows], first.episode_step)
    assert equal(second.physics.rows(rows), first.physics)
    for action in tape(hopper, 200, 4, seed=8):
        everyone = torch.cat([torch.zeros(2, 3), action])
        assert same(first.step(action), part(second.step(everyone), rows))


def test_a_checkpoint_of_another_size_is_refused(hopper: Environment) -> None:
    """Loading 4 rows into a group of 3 says so."""
    vector = VectorEnvironment(hopper, horizon=30)
    vector.add_group(4, seeded(0))
    vector.add_group(3, seeded(1))
    with pytest.raises(ValueError, match="4 rows for a group of 3"):
        vector.load_group_state(1, vector.group_state(0))


def test_a_broken_simulation_ends_its_row_with_finite_values(hopper: Environment) -> None:
    """A row that diverges is terminated, hands over its last good state, and restarts."""
    vector = VectorEnvironment(hopper, horizon=1000)
    vector.add_group(3, seeded(0))
    vector.step(torch.zeros(3, 3))
    qpos, qvel = vector.physics.qpos[1:2], torch.full((1, 6), float("nan"))
    vector._simulation.reset(torch.tensor([1]), qpos, qvel)
    step = vector.step(torch.zeros(3, 3))
    assert step.terminated.tolist() == [False, True, False]
    assert all(tensor.isfinite().all() for tensor in step.after)
    assert equal(step.after.rows(slice(1, 2)), step.before.rows(slice(1, 2)))
    assert vector.episode_step.tolist() == [2, 0, 2]
    assert not vector.step(torch.zeros(3, 3)).terminated.any()


def test_starts_of_a_group_differ(hopper: Environment) -> None:
    """Rows and successive episodes get different start states."""
    vector = VectorEnvironment(hopper, horizon=1)
    vector.add_group(8, seeded(0))
    seen = [vector.physics.qpos]
    for _ in range(20):
        vector.step(torch.zeros(8, 3))
        seen.append(vector.physics.qpos)
    assert len(torch.cat(seen).unique(dim=0)) == 8 * 21
