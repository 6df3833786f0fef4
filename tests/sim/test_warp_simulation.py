"""WarpSimulation on Warp's CPU device: agreement with MuJoCo, masks, sensors, honest refusals."""

from __future__ import annotations

import importlib.util
import sys

import mujoco
import pytest
import torch

from autoreward.environments.environment import load_environment
from autoreward.errors import AutorewardError, UsageError
from autoreward.sim.device import open_device
from autoreward.sim.simulation import BatchSimulation
from autoreward.sim.warp import WarpSimulation

CPU = torch.device("cpu")
needs_warp = pytest.mark.skipif(
    importlib.util.find_spec("mujoco_warp") is None, reason="mujoco_warp is not installed"
)
# A ball on a floor, and a slider; the second body only weighs.
XML = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 .1"/>
    <body name="ball" pos="0 0 0.5">
      <joint name="fall" type="slide" axis="0 0 1"/>
      <geom name="ball" type="sphere" size="0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator>{actuator}</actuator>
  <sensor><{sensor}/></sensor>
</mujoco>
"""
MOTOR, PLACE = '<motor joint="fall"/>', 'framepos objtype="body" objname="ball"'


def both(env: str, rows: int) -> tuple[BatchSimulation, WarpSimulation]:
    """Return an environment's two simulations in the same start states."""
    environment = load_environment(env)
    start = environment.initial(rows, torch.Generator().manual_seed(0))
    device = environment.make_device_simulation(CPU)
    assert isinstance(device, WarpSimulation)
    host = environment.make_simulation()
    for simulation in (host, device):
        simulation.add(rows)
        simulation.reset(torch.arange(rows), *start)
    return host, device


# The ant is held to its first contact: under an upright capsule the two choose the tangents of the
# pyramidal friction cone differently, which is a different, equally good, approximation.
@needs_warp
@pytest.mark.parametrize(("env", "steps"), [("half_cheetah", 15), ("hopper", 40), ("ant", 2)])
def test_a_step_is_mujocos(env: str, steps: int) -> None:
    """Positions, velocities and sensors are the CPU backend's, contacts and limits included."""
    host, device = both(env, 6)
    for a, b in zip(host.physics(), device.physics(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    environment, generator = load_environment(env), torch.Generator().manual_seed(3)
    apart = []
    for _ in range(steps):
        action = torch.rand(6, environment.action_dim, generator=generator) * 2 - 1
        host.step(environment.ctrl(action))
        device.step(environment.ctrl(action))
        expected, found = torch.cat(host.physics(), 1), torch.cat(device.physics(), 1)
        apart.append((expected - found).abs().amax(1))
    # Differences grow from step to step, so the rows are judged by their middle.
    assert torch.stack(apart).median() < 1e-3
    assert apart[0].max() < 1e-4
    assert not device.bad.any()


@needs_warp
def test_rows_are_restored_by_a_mask() -> None:
    """The marked rows take their rows of the snapshot, bad flag included; the others go on."""
    _, device = both("half_cheetah", 4)
    start = device.snapshot(torch.arange(4))
    device.reset(torch.tensor([2]), torch.zeros(1, 9), torch.full((1, 9), float("nan")))
    device.step(torch.ones(4, 6))
    assert device.bad.tolist() == [False, False, True, False]
    now = device.snapshot(torch.arange(4))
    mask = torch.tensor([True, False, True, False])
    device.restore_where(mask, start)
    after = device.snapshot(torch.arange(4))
    assert torch.equal(after[mask], start[mask])
    assert torch.equal(after[~mask], now[~mask])
    assert not device.bad.any()


@needs_warp
def test_a_row_without_room_for_its_contacts_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropped contacts are never passed off as physics."""
    monkeypatch.setattr("autoreward.sim.warp._room", lambda *_: (1, 1))
    environment = load_environment("half_cheetah")
    device = environment.make_device_simulation(CPU)
    device.add(2)
    assert not device.bad.any()
    for _ in range(10):
        device.step(torch.zeros(2, 6))
    assert device.bad.all()


@needs_warp
def test_a_control_of_another_shape_is_refused() -> None:
    """A control never spreads over rows by accident."""
    _, device = both("half_cheetah", 3)
    for shape in ((1, 6), (3, 1), (6,)):
        with pytest.raises(ValueError, match="shape"):
            device.step(torch.zeros(*shape))


@needs_warp
def test_what_warp_cannot_do_is_one_sentence() -> None:
    """A feature it lacks and hidden state are named before anything runs."""
    lacking = XML.format(actuator=MOTOR, sensor=PLACE).replace(
        "<worldbody>", '<option noslip_iterations="3"/><worldbody>'
    )
    with pytest.raises(UsageError, match=r"simulator=warp cannot simulate this: .*noslip"):
        WarpSimulation(mujoco.MjModel.from_xml_string(lacking), 1, CPU)
    hidden = XML.format(actuator='<general joint="fall" dyntype="integrator"/>', sensor=PLACE)
    with pytest.raises(AutorewardError, match="activations"):
        WarpSimulation(mujoco.MjModel.from_xml_string(hidden), 1, CPU)


@needs_warp
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_driver_that_warp_cannot_use_is_one_sentence() -> None:
    """A GPU that torch may see and Warp does not is refused before anything is allocated."""
    with pytest.raises(UsageError, match=r"needs a GPU with a driver for CUDA 12\.4"):
        load_environment("half_cheetah").make_device_simulation(torch.device("cuda", 0))


def test_without_mujoco_warp_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for it without having it learns what to install."""
    monkeypatch.setitem(sys.modules, "mujoco_warp", None)
    with pytest.raises(UsageError, match=r"pip install 'autoreward\[gpu\]'"):
        load_environment("half_cheetah").make_device_simulation(CPU)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no silent fall back to the CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"training\.device=cuda cannot be used on this machine"):
        open_device("cuda")
    assert open_device("cpu") == CPU
