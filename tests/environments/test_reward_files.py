"""The reward files of the environment folders: within our own contract, and sparse means sparse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from autoreward.environments.environment import load_environment
from autoreward.environments.folder import find_environments, open_environment, read_folder
from autoreward.environments.vector import VectorEnvironment
from autoreward.findings import has_error
from autoreward.rewards.source import check_names, parse_reward

FILES = [
    (name, file.name)
    for name, path in find_environments().items()
    for file in sorted(path.glob("*.py"))
    if file.name.startswith(("expert", "sparse"))
]


class Fields:
    """Attribute access to a state, as reward code has it."""

    def __init__(self, values: dict[str, Tensor]) -> None:
        self.__dict__.update(values)


def components(text: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec(text, scope)
    return scope


@pytest.mark.parametrize(("name", "filename"), FILES)
def test_reward_files_pass_our_own_checks(name: str, filename: str) -> None:
    """Rules, formula and field names hold; every component has a docstring and shape [B]."""
    folder = open_environment(name)
    source = parse_reward(folder.read(filename), filename)
    assert not has_error(check_names(source, folder.schema))
    assert source.docstring
    assert source.formula is not None
    assert all(component.doc for component in source.components)
    environment = load_environment(folder)
    vector = VectorEnvironment(environment, horizon=20)
    vector.add_group(5, torch.Generator().manual_seed(0))
    scope = components(folder.read(filename))
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        action = torch.rand(5, environment.action_dim, generator=generator) * 2 - 1
        step = vector.step(action)
        before, after = environment.state(step.before), environment.state(step.after)
        for component in source.components:
            value = scope[component.name](Fields(before), action, Fields(after))
            assert value.shape == (5,)
            assert value.dtype == torch.float32
            if filename.startswith("sparse"):
                assert set(value.tolist()) <= {0.0, 1.0}


def success(name: str, filename: str, before: dict[str, Any], after: dict[str, Any]) -> float:
    """Return the sparse reward of one transition; fields not given are 0."""
    folder = read_folder(find_environments()[name])
    zero = {f.name: torch.zeros(1, *f.shape) for f in folder.schema.state}
    states = [
        Fields(zero | {field: torch.tensor([value]) for field, value in given.items()})
        for given in (before, after)
    ]
    action = torch.zeros(1, len(folder.schema.action))
    return float(components(folder.read(filename))["success"](states[0], action, states[1]))


STANDING = {"torso_height": 1.2}
ON_BACK = {"torso_height": 0.27, "uprightness": -0.9}
TURNING = {"joint_velocity": [1.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]}
TURNING_BACK = {"joint_velocity": [-1.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]}
WAVING = {
    **TURNING,
    "foot_clearance": [0.2, 0.0, 0.0, 0.0],
    "foot_contact": [0.0, 1.0, 1.0, 1.0],
    "uprightness": 1.0,
    "torso_height": 0.6,
}
FLIPPED = {"pitch": -6.2, "foot_contact": 1.0, "torso_height": 1.2}


@pytest.mark.parametrize(
    ("name", "filename", "after", "expected"),
    [
        ("half_cheetah", "sparse.py", {"torso_x": 0.16}, 1),
        ("half_cheetah", "sparse.py", {"torso_x": 0.14}, 0),
        ("half_cheetah", "sparse_backward.py", {"torso_x": -0.11}, 1),
        ("half_cheetah", "sparse_backward.py", {"torso_x": 0.11}, 0),
        ("hopper", "sparse.py", {**STANDING, "torso_x": 0.021}, 1),
        ("hopper", "sparse.py", {**STANDING, "torso_x": 0.019}, 0),
        ("hopper", "sparse.py", {**STANDING, "torso_x": 0.021, "pitch": 0.3}, 0),
        ("hopper", "sparse_hop_high.py", {"torso_height": 1.5, "foot_clearance": 0.3}, 1),
        ("hopper", "sparse_hop_high.py", {"torso_height": 1.5, "foot_clearance": 0.0}, 0),
        ("hopper", "sparse_hop_high.py", {"torso_height": 1.3, "foot_clearance": 0.3}, 0),
        (
            "hopper",
            "sparse_hop_high.py",
            {"torso_height": 1.5, "foot_clearance": 0.3, "torso_x": -1.2},
            0,
        ),
        ("hopper", "sparse_backflip.py", FLIPPED, 1),
        ("hopper", "sparse_backflip.py", {**FLIPPED, "pitch": 6.2}, 0),
        ("hopper", "sparse_backflip.py", {**FLIPPED, "pitch": -3.1}, 0),
        ("hopper", "sparse_backflip.py", {**FLIPPED, "pitch": 0.0}, 0),
        ("hopper", "sparse_backflip.py", {**FLIPPED, "foot_contact": 0.0}, 0),
        ("ant", "sparse.py", {"torso_x": 0.06, "uprightness": 0.9}, 1),
        ("ant", "sparse.py", {"torso_x": 0.06, "uprightness": -0.9}, 0),
        ("ant", "sparse.py", {"torso_x": 0.04, "uprightness": 0.9}, 0),
        ("hopper", "sparse_front_flip.py", {**FLIPPED, "pitch": 6.2}, 1),
        ("hopper", "sparse_front_flip.py", FLIPPED, 0),
        ("hopper", "sparse_front_flip.py", {**FLIPPED, "pitch": 6.2, "foot_contact": 0.0}, 0),
        ("ant", "sparse_lie_down.py", ON_BACK, 1),
        ("ant", "sparse_lie_down.py", {**ON_BACK, "uprightness": 0.9}, 0),
        ("ant", "sparse_lie_down.py", {**ON_BACK, "torso_height": 0.4}, 0),
        ("ant", "sparse_lie_down.py", {**ON_BACK, "vertical_velocity": -0.6}, 0),
        ("ant", "sparse_lie_down.py", {**ON_BACK, "angular_velocity": [0.0, 0.6, 0.0]}, 0),
        ("ant", "sparse_lie_down.py", {**ON_BACK, **TURNING}, 0),
        ("reacher", "sparse.py", {"fingertip_distance": 0.009}, 1),
        ("reacher", "sparse.py", {"fingertip_distance": 0.011}, 0),
        ("inverted_double_pendulum", "sparse.py", {"tip_position": [0.1, 1.15]}, 1),
        ("inverted_double_pendulum", "sparse.py", {"tip_position": [0.4, 1.15]}, 0),
        ("inverted_double_pendulum", "sparse.py", {"tip_position": [0.1, 1.05]}, 0),
        ("point_mass", "sparse.py", {"distance": 0.04}, 1),
        ("point_mass", "sparse.py", {"distance": 0.06}, 0),
    ],
)
def test_sparse_rewards_pay_for_success_alone(
    name: str, filename: str, after: dict[str, Any], expected: int
) -> None:
    """Each success condition on both sides of its threshold."""
    assert success(name, filename, {}, after) == expected


@pytest.mark.parametrize(
    ("before", "change", "expected"),
    [
        (TURNING, {}, 1),
        (TURNING_BACK, {}, 0),
        ({}, {}, 0),
        (TURNING, {"foot_clearance": [0.0, 0.0, 0.0, 0.0]}, 0),
        (TURNING, {"foot_contact": [0.0, 1.0, 0.0, 1.0]}, 0),
        (TURNING, {"uprightness": 0.8}, 0),
        (TURNING, {"torso_height": 0.38}, 0),
        (TURNING, {"torso_y": 0.6}, 0),
    ],
)
def test_the_sparse_wave_needs_a_leg_that_moves_on(
    before: dict[str, Any], change: dict[str, Any], expected: int
) -> None:
    """Speed at both ends of the step in one direction, and each condition of the stance."""
    assert success("ant", "sparse_wave_leg.py", before, WAVING | change) == expected
