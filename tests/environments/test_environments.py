"""Environments: state fields, fitness by hand, ends by task, loading, reduction over time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import mujoco
import pytest
import torch
from placing import place
from torch import Tensor

from autoreward.environments.environment import load_environment, reduce_fitness
from autoreward.environments.folder import open_environment
from autoreward.environments.mujoco import MujocoEnvironment
from autoreward.errors import UsageError
from autoreward.schema import Fitness
from autoreward.sim.physics import Physics


def hopper(task: str = "run") -> MujocoEnvironment:
    folder = open_environment("hopper")
    environment = load_environment(folder, folder.tasks[task])
    assert isinstance(environment, MujocoEnvironment)
    return environment


def test_pitch_is_positive_leaning_forward() -> None:
    """As the cards say: positive turns the hopper's top forward and the cheetah's nose down."""
    for name, body in (("hopper", "torso_geom"), ("half_cheetah", "head")):
        environment = load_environment(name)
        assert isinstance(environment, MujocoEnvironment)
        data = mujoco.MjData(environment.model)
        mujoco.mj_forward(environment.model, data)
        height = data.geom(body).xpos[2]
        data.qpos[2] = 0.3
        mujoco.mj_forward(environment.model, data)
        if name == "hopper":
            up = data.geom(body).xmat.reshape(3, 3)[:, 2]
            assert up[0] == pytest.approx(math.sin(0.3))
        else:
            assert data.geom(body).xpos[2] < height - 0.1


def test_foot_clearance_is_the_gap_under_the_lowest_point() -> None:
    """0.04 m at the start; lifted by 0.5 m it is 0.54; tilted by the ankle the toe hangs lower."""
    environment = hopper()
    physics = place(environment, {}, {1: 1.75}, {1: 1.75, 5: -0.5}, {1: 1.0})
    clearance = environment.state(physics)["foot_clearance"]
    assert clearance[:2].tolist() == pytest.approx([0.04, 0.54], abs=1e-5)
    data = mujoco.MjData(environment.model)
    data.qpos[:] = physics.qpos[2].numpy()
    mujoco.mj_forward(environment.model, data)
    geom = data.geom("foot_geom")
    ends = [geom.xpos[2] + side * 0.195 * geom.xmat[8] - 0.06 for side in (-1, 1)]
    assert clearance[2].item() == pytest.approx(min(ends), abs=1e-5)
    assert clearance[3].item() == 0.0


def test_offsets_and_slices_of_sources() -> None:
    """The cheetah's height is its root joint plus 0.7; vectors are slices in order."""
    environment = load_environment("half_cheetah")
    state = environment.state(place(environment, {1: -0.1, 3: 0.3, 8: -0.2}))
    assert state["torso_height"].item() == pytest.approx(0.6)
    assert state["joint_position"][0].tolist() == pytest.approx([0.3, 0, 0, 0, 0, -0.2])
    assert state["back_foot_height"].item() == state["back_foot_position"][0, 2].item()


def test_hopper_ends_by_the_tasks_rule() -> None:
    """Tilting ends a run but not a backflip; touching the ground with another part ends both."""
    kneeling = {1: 0.66, 4: -2.5}
    rows: tuple[dict[int, float], ...] = ({}, {2: 0.21}, {2: -3.0}, kneeling, {1: 0.3})
    run, flip = hopper("run"), hopper("backflip")
    physics = place(run, *rows)
    touching = run.state(physics)["body_contact"] > 0
    assert run.terminated(physics).tolist() == [False, True, True, True, True]
    assert flip.terminated(physics).tolist() == touching.tolist()
    assert touching.tolist() == [False, False, False, True, True]
    fast = physics._replace(qvel=torch.full((5, 6), 101.0))
    assert run.terminated(fast).all()


def test_hopper_fitness_by_hand() -> None:
    """Speed is metres per second; a hop needs torso and foot up and the start near."""
    environment = hopper("hop_high")
    before = place(environment, *[{}] * 4)
    after = place(environment, {0: 0.008}, {1: 1.75}, {1: 1.75, 0: 1.5}, {1: 1.19})
    action = torch.tensor([[1.0, 0.0, -1.0]]).repeat(4, 1)
    fitness = environment.fitness_steps(before, action, after)
    assert fitness["forward_speed"].tolist() == pytest.approx([1.0, 0.0, 187.5, 0.0], abs=1e-4)
    # At the start the foot hangs 0.04 m above ground and the torso 0.04 m above standing.
    assert fitness["hop_height"].tolist() == pytest.approx([0.04, 0.54, 0.0, 0.0], abs=1e-5)
    assert fitness["peak_height"].tolist() == pytest.approx([0.04, 0.54, 0.54, -0.02], abs=1e-5)
    assert fitness["energy"].tolist() == pytest.approx([2 / 3] * 4)


def test_flips_count_when_landed() -> None:
    """A turn counts 1 on the foot, at most 0.25 in the air, in its own direction alone."""
    environment = hopper("backflip")
    turn = 2 * math.pi
    ground = {1: 1.205}
    physics = place(
        environment,
        {**ground, 2: -turn},
        {**ground, 2: -2 * turn},
        {1: 1.6, 2: -turn},
        {1: 1.6, 2: -turn / 2},
        {**ground, 2: turn},
        ground,
    )
    contact = environment.state(physics)["foot_contact"] > 0
    assert contact.tolist() == [True, True, False, False, True, True]
    action = torch.zeros(6, 3)
    fitness = environment.fitness_steps(physics, action, physics)
    flips = [1.0, 2.0, 0.25, 0.125, 0.0, 0.0]
    assert fitness["backflips"].tolist() == pytest.approx(flips, abs=1e-5)
    assert fitness["front_flips"].tolist() == pytest.approx([0, 0, 0, 0, 1.0, 0], abs=1e-5)
    qpos = physics.qpos.clone()
    qpos[:, 2] *= -1
    mirrored = physics._replace(qpos=qpos)
    front = environment.fitness_steps(mirrored, action, mirrored)["front_flips"]
    assert front.tolist() == pytest.approx(flips, abs=1e-5)
    lying = place(environment, {1: 0.7, 2: -turn, 3: -1.2, 4: -2.0})
    assert environment.fitness_steps(lying, action[:1], lying)["backflips"].item() <= 0.25


def test_reacher_kinematics_are_the_models() -> None:
    """Fingertip place and velocity agree with MuJoCo's, and the vector points to the target."""
    environment = load_environment("reacher")
    assert isinstance(environment, MujocoEnvironment)
    data = mujoco.MjData(environment.model)
    data.qpos[:] = [0.7, -1.1, 0.05, 0.12]
    data.qvel[:2] = [2.0, -3.0]
    mujoco.mj_forward(environment.model, data)
    velocity = torch.zeros(6, dtype=torch.float64).numpy()
    body = mujoco.mjtObj.mjOBJ_XBODY
    mujoco.mj_objectVelocity(
        environment.model, data, body, data.body("fingertip").id, velocity, False
    )
    qpos = torch.from_numpy(data.qpos.copy()).float()
    qvel = torch.from_numpy(data.qvel.copy()).float()
    state = environment.state(Physics(qpos, qvel, torch.zeros(0)))
    assert state["fingertip_position"].tolist() == pytest.approx(data.body("fingertip").xpos[:2])
    assert state["fingertip_velocity"].tolist() == pytest.approx(velocity[3:5], abs=1e-6)
    reached = state["fingertip_position"] + state["fingertip_to_target"]
    assert reached.tolist() == pytest.approx(data.body("target").xpos[:2])


def test_pendulum_tip_is_the_models() -> None:
    """The tip's place agrees with MuJoCo's site, and 1 m is the end."""
    environment = load_environment("inverted_double_pendulum")
    assert isinstance(environment, MujocoEnvironment)
    data = mujoco.MjData(environment.model)
    data.qpos[:] = [0.3, 0.4, -0.7]
    mujoco.mj_forward(environment.model, data)
    physics = place(environment, {0: 0.3, 1: 0.4, 2: -0.7}, {1: 1.0}, {})
    tip = environment.state(physics)["tip_position"][0]
    assert tip.tolist() == pytest.approx(data.site("tip").xpos[[0, 2]], abs=1e-6)
    assert environment.terminated(physics).tolist() == [False, True, False]
    fitness = environment.fitness_steps(physics, torch.zeros(3, 1), physics)
    assert fitness["balance_time"].tolist() == pytest.approx([0.05, 0.0, 0.05])


VALUES = torch.tensor([[1.0, 4.0], [2.0, -5.0], [3.0, 7.0]])
ALIVE = torch.tensor([[True, True], [True, True], [True, False]])


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        ("rate", [6 / 4, -1 / 4]),
        ("mean", [2.0, -0.5]),
        ("sum", [6.0, -1.0]),
        ("max", [3.0, 4.0]),
        ("min", [1.0, -5.0]),
        ("last", [3.0, -5.0]),
        ("any", [1.0, 1.0]),
    ],
)
def test_reduction_by_hand(reduce: Any, expected: list[float]) -> None:
    """Steps after the end (the 7) never count; `rate` divides by the horizon of 4."""
    spec = Fitness("f", "max", "1", "", reduce)
    assert reduce_fitness(spec, VALUES, ALIVE, horizon=4).tolist() == pytest.approx(expected)
    nothing = torch.zeros_like(ALIVE)
    assert reduce_fitness(spec, VALUES, nothing, horizon=4).tolist() == [0.0, 0.0]


def test_not_a_number_after_the_end_does_not_count() -> None:
    """Whatever stands in steps after the end is ignored, NaN included."""
    values = torch.tensor([[1.0], [float("nan")]])
    alive = torch.tensor([[True], [False]])
    for reduce in ("rate", "mean", "sum", "max", "min", "last", "any"):
        spec = Fitness("f", "max", "1", "", reduce)  # type: ignore[arg-type]
        assert reduce_fitness(spec, values, alive, horizon=1).item() == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "one subclass of Environment, not 0"),
    ],
)
def test_a_bad_env_py_is_one_sentence(shelf: Path, text: str, message: str) -> None:
    """The error names env.py and the reason."""
    (shelf / "puck" / "env.py").write_text(text)
    with pytest.raises(UsageError, match=message):
        load_environment("puck", extra_paths=[shelf])


def test_a_missing_env_py_is_named(shelf: Path) -> None:
    """A folder of data only is not an environment that can run."""
    (shelf / "puck" / "env.py").unlink()
    with pytest.raises(UsageError, match=r"has no env\.py"):
        load_environment("puck", extra_paths=[shelf])


def test_two_folders_of_one_name_do_not_mix(shelf: Path) -> None:
    """A user's folder of a shipped name gets its own code, before and after the shipped one."""
    own = shelf / "point_mass"
    (shelf / "puck").rename(own)
    text = (own / "env.py").read_text()
    (own / "env.py").write_text(text.replace("_FORCE = 2.0", "_FORCE = 4.0"))

    def push(environment: Any) -> float:
        simulation = environment.make_simulation()
        simulation.add(1)
        simulation.step(torch.ones(1, 2))
        return float(simulation.physics().qvel[0, 0])

    speeds = [
        push(load_environment("point_mass", extra_paths=paths)) for paths in ([], [shelf], [])
    ]
    assert speeds == pytest.approx([0.1, 0.2, 0.1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("xml: hopper.xml", "xml: grasshopper.xml", "no model file 'grasshopper.xml'"),
        ("dt: 0.008", "dt: 0.01", "dt is 0.01, the model's is 0.008"),
        ("geom:foot_geom", "geom:foot_gem", "does not compile"),
        ("geom:foot_geom", "gem:foot_geom", "did you mean 'geom'"),
        ("type: framepos", "type: frampos", "did you mean 'framepos'"),
        ("  ankle: {unit: 200 N m", "  toe: {unit: 1, doc: x}\n  ankle: {unit: 200 N m", "unit"),
    ],
)
def test_mistakes_about_the_model_are_one_sentence(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """What only the model can tell is checked when it is loaded."""
    source = open_environment("hopper").path
    folder = tmp_path / "hopper"
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file():
            (folder / path.name).write_text(path.read_text())
    text = (folder / "schema.yaml").read_text()
    assert old in text
    (folder / "schema.yaml").write_text(text.replace(old, new))
    with pytest.raises(UsageError) as caught:
        load_environment("hopper", extra_paths=[folder])
    assert message in str(caught.value)


def test_actions_are_scaled_to_the_actuators_range(tmp_path: Path) -> None:
    """Action -1, 0, 1 are the low end, middle and high end of an uneven control range."""
    source = open_environment("hopper").path
    for path in source.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_text(path.read_text())
    from autoreward.environments.mujoco import _model_file

    xml = _model_file(source, "hopper.xml").read_text()
    (tmp_path / "hopper.xml").write_text(xml.replace('ctrlrange="-1.0 1.0"', 'ctrlrange="-1 3"'))
    environment = load_environment(open_environment(tmp_path.name, [tmp_path]))
    actions = torch.tensor([-1.0, 0.0, 1.0]).unsqueeze(1).repeat(1, 3)
    expected: Tensor = torch.tensor([-1.0, 1.0, 3.0]).unsqueeze(1).repeat(1, 3)
    assert torch.equal(environment.ctrl(actions), expected)
