"""MujocoSimulation: independent rows, honest sensors, contained breakdowns, exact snapshots."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from autoreward.errors import AutorewardError
from autoreward.sim.mujoco import MujocoSimulation
from autoreward.sim.physics import Physics

# A ball that falls onto the floor and a driven slider, with sensors of place and contact.
XML = """
<mujoco>
  <option timestep="0.01" integrator="RK4"/>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 .1"/>
    <body name="ball" pos="0 0 0.5">
      <joint name="fall" type="slide" axis="0 0 1"/>
      <joint name="push" type="slide" axis="1 0 0"/>
      <geom name="ball" type="sphere" size="0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor joint="push" gear="10" ctrlrange="-1 1"/></actuator>
  <sensor><framepos objtype="body" objname="ball"/><jointvel joint="push"/></sensor>
</mujoco>
"""
FRAME_SKIP = 4


@pytest.fixture
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(XML)


def make(model: mujoco.MjModel, rows: int, threads: int = 0) -> MujocoSimulation:
    simulation = MujocoSimulation(model, FRAME_SKIP, threads)
    simulation.add(rows)
    return simulation


def start(simulation: MujocoSimulation, rows: Tensor, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(len(rows), 2, generator=generator, dtype=torch.float64) * 0.3 - 0.15
    simulation.reset(rows, place, torch.zeros(len(rows), 2))


def equal(first: Physics, second: Physics) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def controls(steps: int, rows: int, seed: int = 9) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(rows, 1, generator=generator) * 2 - 1 for _ in range(steps)]


def test_a_step_is_frame_skip_steps_of_mujoco(model: mujoco.MjModel) -> None:
    """One step equals frame_skip calls of mj_step with the same control held."""
    simulation, data = make(model, 1), mujoco.MjData(model)
    for control in controls(20, 1):
        simulation.step(control)
        data.ctrl[:] = control[0].numpy()
        for _ in range(FRAME_SKIP):
            mujoco.mj_step(model, data)
    physics = simulation.physics()
    assert np.allclose(physics.qpos[0], data.qpos, atol=1e-6)
    assert np.allclose(physics.qvel[0], data.qvel, atol=1e-5)


def test_sensors_are_exact_after_a_reset_and_one_substep_old_after_a_step(
    model: mujoco.MjModel,
) -> None:
    """The documented lag of sensors: none at a reset, one sub-step after a step."""
    simulation = make(model, 2)
    simulation.reset(torch.tensor([1]), torch.tensor([[0.2, 0.3]]), torch.tensor([[0.0, 2.0]]))
    reset = simulation.physics()
    assert torch.allclose(reset.sensordata[1], torch.tensor([0.3, 0.0, 0.7, 2.0]))
    simulation.step(torch.zeros(2, 1))
    stepped = simulation.physics()
    lag = stepped.qpos[1, 1] - stepped.sensordata[1, 0]
    assert lag == pytest.approx(0.01 * 2.0, abs=1e-5)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_rows_do_not_depend_on_neighbours_or_threads(model: mujoco.MjModel, threads: int) -> None:
    """A row's trajectory is bit-equal alone on the calling thread and among 40 on a pool."""
    rows = torch.arange(40)
    many, alone = make(model, 40, threads), make(model, 1)
    start(many, rows)
    first = many.physics()
    alone.restore(torch.tensor([0]), many.snapshot(torch.tensor([23])))
    assert equal(alone.physics(), first.rows(slice(23, 24)))
    for control in controls(50, 40):
        many.step(control)
        alone.step(control[23:24])
        assert equal(alone.physics(), many.physics().rows(slice(23, 24)))
    many.close()


def test_add_and_keep_leave_the_other_rows_alone(model: mujoco.MjModel) -> None:
    """Rows go on the same after others were added and dropped."""
    changed, plain = make(model, 4), make(model, 4)
    for simulation in (changed, plain):
        start(simulation, torch.arange(4))
    changed.add(3)
    assert changed.num == 7
    changed.keep(torch.tensor([1, 3, 6]))
    assert changed.num == 3
    for control in controls(10, 4):
        plain.step(control)
        changed.step(torch.cat([control[[1, 3]], torch.zeros(1, 1)]))
    assert equal(plain.physics().rows(torch.tensor([1, 3])), changed.physics().rows(slice(0, 2)))


def test_keep_all_rows_dropped_and_added_again(model: mujoco.MjModel) -> None:
    """A simulation may become empty and be filled again."""
    simulation = make(model, 2)
    simulation.keep(torch.zeros(0, dtype=torch.long))
    simulation.step(torch.zeros(0, 1))
    assert simulation.num == 0
    simulation.add(1)
    simulation.step(torch.zeros(1, 1))
    assert simulation.physics().qpos[0, 0] < 0


def test_physics_is_never_written_to_again(model: mujoco.MjModel) -> None:
    """Tensors once handed out keep their values while the simulation goes on."""
    simulation = make(model, 3)
    physics = simulation.physics()
    before = Physics(*(t.clone() for t in physics))
    simulation.step(torch.ones(3, 1))
    start(simulation, torch.arange(3))
    assert equal(physics, before)
    assert all(tensor.dtype == torch.float32 for tensor in physics)


def test_a_snapshot_restores_bit_for_bit(model: mujoco.MjModel) -> None:
    """After restore, the same controls give the same states, in other rows, too."""
    simulation = make(model, 3)
    start(simulation, torch.arange(3))
    warm_up, tape = controls(7, 3, seed=1), controls(20, 3, seed=2)
    for control in warm_up:
        simulation.step(control)
    snapshot, at_snapshot = simulation.snapshot(torch.tensor([0, 2])), simulation.physics()
    trail = []
    for control in tape:
        simulation.step(control)
        trail.append(simulation.physics())
    other = make(model, 2)
    other.restore(torch.tensor([0, 1]), snapshot)
    assert equal(other.physics(), at_snapshot.rows(torch.tensor([0, 2])))
    for control, expected in zip(tape, trail, strict=True):
        other.step(control[[0, 2]])
        assert equal(other.physics(), expected.rows(torch.tensor([0, 2])))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e12])
def test_a_broken_row_is_flagged_and_alone(model: mujoco.MjModel, value: float) -> None:
    """A row that diverges sets its own flag, its neighbours go on as without it."""
    sick, well = make(model, 3), make(model, 3)
    for simulation in (sick, well):
        start(simulation, torch.arange(3))
    sick.reset(torch.tensor([1]), torch.zeros(1, 2), torch.tensor([[0.0, value]]))
    others = torch.tensor([0, 2])
    for control in controls(5, 3):
        sick.step(control)
        well.step(control)
        assert sick.bad.tolist() == [False, True, False]
        assert equal(sick.physics(others), well.physics(others))
    start(sick, torch.tensor([1]))
    sick.step(torch.zeros(3, 1))
    assert not sick.bad.any()


def test_a_control_of_another_shape_is_refused(model: mujoco.MjModel) -> None:
    """The unchecked physics call never sees a control that does not fit its rows."""
    simulation = make(model, 3)
    for shape in ((2, 1), (3, 2), (3,)):
        with pytest.raises(ValueError, match="shape"):
            simulation.step(torch.zeros(*shape))


def test_models_with_hidden_state_are_refused() -> None:
    """Actuator activations are state that a reset would miss."""
    xml = XML.replace(
        '<motor joint="push" gear="10" ctrlrange="-1 1"/>',
        '<general joint="push" dyntype="integrator"/>',
    )
    with pytest.raises(AutorewardError, match="activations"):
        MujocoSimulation(mujoco.MjModel.from_xml_string(xml), 1)


def test_the_callers_model_is_not_changed(model: mujoco.MjModel) -> None:
    """The simulation's own settings stay in its private copy of the model."""
    flags, integrator = model.opt.disableflags, model.opt.integrator
    make(model, 1).step(torch.zeros(1, 1))
    assert (model.opt.disableflags, model.opt.integrator) == (flags, integrator)
