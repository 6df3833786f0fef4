"""Ant: contacts, and the fitness of lying and waving by hand."""

from __future__ import annotations

import math

import mujoco
import pytest
import torch
from placing import place

from autoreward.environments.environment import load_environment
from autoreward.environments.folder import open_environment
from autoreward.environments.mujoco import MujocoEnvironment


def ant(task: str) -> MujocoEnvironment:
    folder = open_environment("ant")
    environment = load_environment(folder, folder.tasks[task])
    assert isinstance(environment, MujocoEnvironment)
    return environment


def test_ant_up_axis_and_contacts() -> None:
    """A robot on its back has uprightness -1; in the air no leg touches."""
    environment = ant("run")
    physics = place(environment, {}, {3: 0.0, 4: 1.0}, {2: 3.0})
    state = environment.state(physics)
    assert state["uprightness"].tolist() == pytest.approx([1.0, -1.0, 1.0], abs=1e-6)
    assert state["forward_axis"][0].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)
    assert state["foot_contact"][2].tolist() == [0.0] * 4
    low = place(environment, {2: 0.5, 8: 0.9, 10: -0.9, 12: -0.9, 14: 0.9})
    assert environment.state(low)["foot_contact"][0].tolist() == [1.0] * 4
    fitness = environment.fitness_steps(physics, torch.zeros(3, 8), physics)
    assert fitness["upright"].tolist() == [1.0, 0.0, 1.0]


def test_ant_foot_clearance_is_the_models() -> None:
    """The gap is that of the lowest point of the lower leg, whichever end it is, never below 0."""
    environment = ant("run")
    on_back = {2: 1.0, 3: 0.0, 4: 1.0}
    physics = place(environment, {2: 1.0, 8: 1.0}, on_back, {2: 0.3, 8: 1.2})
    clearance = environment.state(physics)["foot_clearance"]
    data = mujoco.MjData(environment.model)
    for row in (0, 1):
        data.qpos[:] = physics.qpos[row].numpy()
        mujoco.mj_forward(environment.model, data)
        geom = data.geom("left_ankle_geom")
        half = environment.model.geom("left_ankle_geom").size[1]
        lowest = min(geom.xpos[2] + side * half * geom.xmat[8] for side in (-1, 1)) - 0.08
        assert clearance[row, 0].item() == pytest.approx(lowest, abs=1e-5)
        assert lowest > 0.1
    assert clearance[2, 0].item() == 0.0


def test_ant_lies_when_still_on_its_back() -> None:
    """Rest on the back counts 1, slow motion half; standing, slumped, dropping and kicking 0."""
    environment = ant("lie_down")
    back = {2: 0.27, 3: 0.0, 4: 1.0}
    slumped = {2: 0.38, 8: 0.53, 10: -0.53, 12: -0.53, 14: 0.53}
    side = {2: 0.29, 3: math.sqrt(0.5), 4: math.sqrt(0.5)}
    airborne = {**back, 2: 0.6}
    physics = place(environment, back, {2: 0.54}, slumped, side, airborne, *[back] * 4)
    physics.qvel[5, 2] = -0.5  # the torso sinks
    physics.qvel[6, 2] = -3.0  # the torso drops through lying
    physics.qvel[7, 4] = 2.0  # the torso rocks
    physics.qvel[8, 13] = -4.0  # one leg kicks
    lying = environment.fitness_steps(physics, torch.zeros(9, 8), physics)["lying"]
    assert lying.tolist() == pytest.approx([1, 0, 0, 0, 0, 0.5, 0, 0, 0])
    assert not environment.terminated(place(environment, {2: 3.0}, {2: 0.1})).any()


THREE_FEET = {2: 0.585, 8: 0.55, 10: -1.1, 12: -1.1, 14: 1.1}


@pytest.mark.parametrize(
    ("change", "before", "after", "expected"),
    [
        ({}, [2.0, 0.0], [2.5, 0.0], 1.0),
        ({}, [-1.0, 0.0], [-1.4, 0.0], 0.5),
        ({}, [0.0, 1.0], [0.0, 1.0], 0.5),
        ({}, [2.0, 0.0], [0.0, 0.0], 0.0),
        ({}, [2.0, 0.0], [-2.0, 0.0], 0.0),
        ({}, [0.0, 0.0], [0.0, 0.0], 0.0),
        ({8: 1.1}, [2.0, 0.0], [2.0, 0.0], 0.0),
        ({10: -0.9}, [2.0, 0.0], [2.0, 0.0], 0.0),
        ({2: 0.7}, [2.0, 0.0], [2.0, 0.0], 0.0),
        ({4: 0.3}, [2.0, 0.0], [2.0, 0.0], 0.0),
        ({0: 0.4, 1: -0.4}, [2.0, 0.0], [2.0, 0.0], 0.0),
        ({2: 0.36, 10: -0.53, 12: -0.53, 14: 0.53, 8: 0.2}, [2.0, 0.0], [2.0, 0.0], 0.0),
    ],
    ids=[
        "fast",
        "slow",
        "by the ankle",
        "stops",
        "reverses",
        "still",
        "foot on the ground",
        "another foot up",
        "in the air",
        "tilted",
        "gone away",
        "slumped",
    ],
)
def test_ant_waves_with_three_feet_on_the_ground(
    change: dict[int, float], before: list[float], after: list[float], expected: float
) -> None:
    """The slower speed of leg 1 counts, up to 2 rad/s, while the robot stands near the start."""
    environment = ant("wave_leg")
    physics = place(environment, THREE_FEET | change)
    steps = []
    for speed in (before, after):
        qvel = physics.qvel.clone()
        qvel[0, 6:8] = torch.tensor(speed)
        steps.append(physics._replace(qvel=qvel))
    waving = environment.fitness_steps(steps[0], torch.zeros(1, 8), steps[1])["waving"]
    assert waving.item() == pytest.approx(expected)
