"""Many copies of one MuJoCo model on MuJoCo Warp: made for GPUs, and runs on the CPU to be tested.

One environment step is one graph, recorded at the first step of a batch and replayed from then on.
Nothing here waits for the device but what changes the number of rows.

Where it differs from `MujocoSimulation`:

* Everything is float32, and the constraint solver starts from the last acceleration.
* A GPU adds up contacts in any order: there two runs agree in distribution, not bit for bit.
* The tangents of a contact under an upright capsule may be turned about its normal, which a
  pyramidal friction cone feels: the ant's steps differ there, within what its friction model means.

The same on both: sensor values after a step belong to the state its last sub-step starts from, and
after a reset to that very state.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import mujoco
import torch
from torch import Tensor

from autoreward.errors import UsageError
from autoreward.sim.mujoco import refuse_hidden_state
from autoreward.sim.physics import Physics

_LARGEST = 1e10
"""A coordinate or velocity beyond it is broken, as in MuJoCo (mjMAXVAL)."""
_FEWEST_ROWS, _MOST_CONTACTS = 8, 256
"""Bounds on what is allocated for one row; a step that needs more marks the row as bad."""


class WarpSimulation:
    """`BatchSimulation` on one device, by mujoco_warp.

    Args:
        model: The compiled model.
        frame_skip: Sub-steps of `model.opt.timestep` per environment step.
        device: A CUDA device with its number, or the CPU.

    Raises:
        UsageError: mujoco_warp is not installed, finds no GPU, or lacks something the model has.
    """

    def __init__(self, model: mujoco.MjModel, frame_skip: int, device: torch.device) -> None:
        refuse_hidden_state(model)
        self._wp, self._mjw = _import()
        # Without conditional nodes a recorded solver would run all its iterations, always.
        if device.type == "cuda" and not self._wp.is_conditional_graph_supported():
            raise UsageError(
                "training.simulator=warp needs a GPU with a driver for CUDA 12.4 or newer"
            )
        self._host_model, self._frame_skip, self._device = model, frame_skip, device
        self._warp_device = self._wp.device_from_torch(device)
        with self._wp.ScopedDevice(self._warp_device):
            try:
                self._model = self._mjw.put_model(model)
            except (NotImplementedError, ValueError) as error:
                text = " ".join(str(error).split()).rstrip(".")
                raise UsageError(f"training.simulator=warp cannot simulate this: {text}") from None
        self._model.opt.warn_overflow = False  # a print a row; `bad` says it
        self._widths = [int(model.nq), int(model.nv), int(model.nv), int(model.nsensordata)]
        self._default = torch.from_numpy(model.qpos0).to(device, torch.float32)
        self._bad: Tensor
        self._state: list[Tensor]
        """Views of qpos, qvel, the solver's starting point and the sensors. Shapes: (B, width)."""
        self._ctrl: Tensor
        self._overflow: Tensor
        self._data: Any
        self._sensors: Any
        self._graphs: dict[str, Any]
        self._allocate(0)

    @property
    def num(self) -> int:
        """Number of rows, B."""
        return len(self._bad)

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self._device

    @property
    def bad(self) -> Tensor:
        """Rows whose last step is not finite, huge, or had no room for its contacts. Shape: (B,).

        Only a reset clears it.
        """
        return self._bad

    def add(self, count: int) -> None:
        """Append `count` rows in the model's default state."""
        old = self.num
        kept = self.snapshot(self._rows(old))
        self._allocate(old + count)
        self.restore(self._rows(old), kept)
        fresh = self._default.expand(count, -1)
        self.reset(self._rows(count) + old, fresh, fresh.new_zeros(count, self._widths[1]))

    def keep(self, rows: Tensor) -> None:
        """Drop all rows but `rows`, which keep the given order. Shape: (k,), int64."""
        kept = self.snapshot(rows)
        self._allocate(len(rows))
        self.restore(self._rows(len(rows)), kept)

    def reset(self, rows: Tensor, qpos: Tensor, qvel: Tensor) -> None:
        """Put the rows into a state at rest of memory; sensors are those of that very state.

        Args:
            rows: Row numbers. Shape: (k,), int64.
            qpos: Generalised positions. Shape: (k, nq).
            qvel: Generalised velocities. Shape: (k, nv).
        """
        if not len(rows):
            return
        rows = rows.to(self._device)
        position, velocity, acceleration, sensors = self._state
        position.index_copy_(0, rows, qpos.to(self._device, torch.float32))
        velocity.index_copy_(0, rows, qvel.to(self._device, torch.float32))
        acceleration.index_fill_(0, rows, 0.0)
        self._bad = self._bad.index_fill(0, rows, False)
        if self._widths[3]:
            before = sensors.clone()
            self._ctrl.zero_()
            self._replay("forward", self._sense)
            # The pass is over all rows; the others keep the sensors of their own last step.
            fresh = torch.zeros_like(self._bad).index_fill_(0, rows, True)
            sensors.copy_(torch.where(fresh.unsqueeze(1), sensors, before))

    def step(self, ctrl: Tensor) -> None:
        """Advance every row by `frame_skip` sub-steps under one control. Shape: (B, nu).

        Raises:
            ValueError: `ctrl` has another shape.
        """
        if ctrl.shape != (self.num, self._host_model.nu):
            expected = (self.num, self._host_model.nu)
            raise ValueError(f"ctrl has shape {tuple(ctrl.shape)}, not {expected}")
        if not self.num:
            return
        self._ctrl.copy_(ctrl)
        self._replay("step", self._advance)
        position, velocity = self._state[:2]
        # A comparison with NaN is false.
        sound = (position.abs() <= _LARGEST).all(1) & (velocity.abs() <= _LARGEST).all(1)
        self._bad = ~sound | (self._overflow != 0)

    def physics(self, rows: Tensor | None = None) -> Physics:
        """Return the state of all rows (or of `rows`) as fresh float32 tensors."""
        position, velocity, _, sensors = self._state
        if rows is None:
            return Physics(position.clone(), velocity.clone(), sensors.clone())
        return Physics(position[rows], velocity[rows], sensors[rows])

    def snapshot(self, rows: Tensor) -> Tensor:
        """Return all that decides the rows' future, sensors and the bad flag.

        Shape: (k, n), float32.
        """
        parts = [part[rows] for part in self._state]
        return torch.cat([*parts, self._bad[rows].unsqueeze(1).to(torch.float32)], dim=1)

    def restore(self, rows: Tensor, snapshot: Tensor) -> None:
        """Put the rows back into a `snapshot`, bit for bit."""
        rows, snapshot = rows.to(self._device), snapshot.to(self._device)
        *parts, bad = torch.split(snapshot, [*self._widths, 1], dim=1)
        for mine, part in zip(self._state, parts, strict=True):
            mine.index_copy_(0, rows, part)
        self._bad = self._bad.index_copy(0, rows, bad.squeeze(1) > 0)

    def restore_where(self, mask: Tensor, snapshot: Tensor) -> None:
        """Put the rows that a mask marks into their rows of a snapshot. Shapes: (B,), (B, n)."""
        *parts, bad = torch.split(snapshot, [*self._widths, 1], dim=1)
        for mine, part in zip(self._state, parts, strict=True):
            mine.copy_(torch.where(mask.unsqueeze(1), part, mine))
        self._bad = torch.where(mask, bad.squeeze(1) > 0, self._bad)

    def close(self) -> None:
        """Release the memory of the rows."""
        self._allocate(0)

    def _rows(self, count: int) -> Tensor:
        return torch.arange(count, device=self._device)

    def _allocate(self, count: int) -> None:
        """Make room for `count` rows, whatever is in them."""
        wp = self._wp
        self._graphs = {}
        self._bad = torch.zeros(count, dtype=torch.bool, device=self._device)
        if not count:
            self._data = self._sensors = None
            self._state = [torch.zeros(0, width, device=self._device) for width in self._widths]
            return
        contacts, constraints = _room(self._host_model, self._model)
        with wp.ScopedDevice(self._warp_device):
            data = self._mjw.make_data(
                self._host_model, nworld=count, nconmax=contacts, njmax=constraints
            )
            # Of the last sub-step: the later stages of a Runge-Kutta step write into `data`, too.
            self._sensors = wp.zeros_like(data.sensordata)
            # It was filled on Warp's stream and is written on torch's.
            wp.synchronize_device(self._warp_device)
        self._data = data
        shared = (data.qpos, data.qvel, data.qacc_warmstart, self._sensors)
        self._state = [wp.to_torch(array, requires_grad=False) for array in shared]
        self._ctrl = wp.to_torch(data.ctrl, requires_grad=False)
        self._overflow = wp.to_torch(data.overflow, requires_grad=False)

    def _replay(self, name: str, record: Callable[[], None]) -> None:
        """Run what `record` launches, on torch's stream; it is recorded once."""
        wp = self._wp
        with wp.ScopedDevice(self._warp_device):
            if name not in self._graphs:
                with wp.ScopedCapture(device=self._warp_device) as capture:
                    record()
                self._graphs[name] = capture.graph
            on_gpu = self._device.type == "cuda"
            stream = wp.stream_from_torch(self._device) if on_gpu else None
            wp.capture_launch(self._graphs[name], stream=stream)

    def _sense(self) -> None:
        self._mjw.forward(self._model, self._data)
        self._wp.copy(self._sensors, self._data.sensordata)

    def _advance(self) -> None:
        mjw, model, data = self._mjw, self._model, self._data
        integrate = {
            mjw.IntegratorType.EULER: mjw.euler,
            mjw.IntegratorType.RK4: mjw.rungekutta4,
        }.get(model.opt.integrator, mjw.implicit)
        flags = model.opt.disableflags
        data.overflow.zero_()
        for substep in range(self._frame_skip):
            # Nobody reads the sensors of the other sub-steps and of a Runge-Kutta step's stages.
            last = substep == self._frame_skip - 1
            model.opt.disableflags = flags if last else flags | mjw.DisableBit.SENSOR
            mjw.forward(model, data)
            if last:
                self._wp.copy(self._sensors, data.sensordata)
                model.opt.disableflags = flags | mjw.DisableBit.SENSOR
            integrate(model, data)
        model.opt.disableflags = flags


def _import() -> tuple[ModuleType, ModuleType]:
    """Return warp and mujoco_warp, which only those need who train on them."""
    try:
        import warp

        warp.config.log_level = warp.LOG_WARNING  # it greets, and reports every kernel it compiles
        import mujoco_warp
    except ImportError as error:
        raise UsageError(
            f"training.simulator=warp needs mujoco_warp ({error}): pip install 'autoreward[gpu]'"
        ) from None
    warp.init()
    return warp, mujoco_warp


def _room(model: mujoco.MjModel, device_model: Any) -> tuple[int, int]:
    """Return how many contacts and constraints to allocate for a row: as many as there can be."""
    sphere, capsule = mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_CAPSULE
    round_or_flat = {int(capsule), int(mujoco.mjtGeom.mjGEOM_PLANE)}
    contacts = 0
    for pair in device_model.nxn_geom_pair_filtered.numpy():
        kinds = {int(model.geom_type[geom]) for geom in pair}
        contacts += 1 if int(sphere) in kinds else 2 if kinds <= round_or_flat else 8
    contacts = min(contacts, _MOST_CONTACTS)
    limits = int(model.jnt_limited.sum() + model.tendon_limited.sum())
    rubbing = int((model.dof_frictionloss > 0).sum() + (model.tendon_frictionloss > 0).sum())
    constraints = contacts * int(device_model.nmaxpyramid) + 2 * limits + rubbing + 6 * model.neq
    return max(contacts, _FEWEST_ROWS), max(int(constraints), _FEWEST_ROWS)
