"""Many copies of one MuJoCo model, stepped by the thread pool of `mujoco.rollout`.

What follows from using `mujoco.rollout` one environment step at a time:

* The constraint solver starts cold at each environment step (a `Data` loop would warm-start it), so
  trajectories drift from a plain `mj_step` loop by the solver's tolerance. Rows are in return
  bit-equal whatever their neighbours and the number of threads.
* Sensor values after a step are those of the forward pass of the last sub-step, so they lag qpos
  and qvel by one sub-step, like `xpos` and `cfrc_ext` in Gymnasium. After a reset they are exact.
"""

from __future__ import annotations

import copy

import mujoco
import numpy as np
import torch
from mujoco import rollout
from torch import Tensor

from autoreward.errors import AutorewardError
from autoreward.sim.physics import Physics

_FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS
_CTRL = mujoco.mjtState.mjSTATE_CTRL.value


class MujocoSimulation:
    """`BatchSimulation` on CPU threads; states are kept in float64.

    Args:
        model: The compiled model. A private copy is made.
        frame_skip: Sub-steps of `model.opt.timestep` per environment step.
        threads: Size of the thread pool; 0 steps on the calling thread.
    """

    def __init__(self, model: mujoco.MjModel, frame_skip: int, threads: int = 0) -> None:
        # Auto-reset would hide a diverged row behind a plausible state; we want to see it.
        self._model = _without_autoreset(model)
        self._forward_model = copy.copy(self._model)
        self._forward_model.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
        self._frame_skip = frame_skip
        self._pool = rollout.Rollout(nthread=threads)
        self._data = [mujoco.MjData(self._model) for _ in range(max(1, threads))]
        self._state_size = mujoco.mj_stateSize(self._model, _FULL)
        # The clock (entry 0) always starts a step at 0: MuJoCo ends a row's roll-out early when it
        # warns (NaN, huge value, full buffer), so a clock that stops short tells a bad row.
        self._clock = (frame_skip - 0.5) * self._model.opt.timestep
        default = np.empty(self._state_size)
        mujoco.mj_getState(self._model, self._data[0], default, _FULL)
        default[0] = 0.0
        self._default = default
        self._state = torch.empty(0, self._state_size, dtype=torch.float64)
        self._sensors = torch.empty(0, self._model.nsensordata, dtype=torch.float64)
        self._bad = torch.zeros(0, dtype=torch.bool)
        self._allocate()

    @property
    def num(self) -> int:
        """Number of rows, B."""
        return self._state.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the tensors live: the CPU."""
        return torch.device("cpu")

    @property
    def bad(self) -> Tensor:
        """Rows whose last step warned or is not finite; only a reset clears it. Shape: (B,)."""
        return self._bad

    def add(self, count: int) -> None:
        """Append `count` rows in the model's default state."""
        fresh = torch.from_numpy(self._default).expand(count, -1)
        self._state = torch.cat([self._state, fresh])
        self._sensors = torch.cat([self._sensors, self._sensors.new_zeros(count, self._ns)])
        self._bad = torch.cat([self._bad, torch.zeros(count, dtype=torch.bool)])
        self._allocate()
        self._forward(torch.arange(self.num - count, self.num))

    def keep(self, rows: Tensor) -> None:
        """Drop all rows but `rows`, which keep the given order. Shape: (k,), int64."""
        self._state = self._state[rows]
        self._sensors = self._sensors[rows]
        self._bad = self._bad[rows]
        self._allocate()

    def reset(self, rows: Tensor, qpos: Tensor, qvel: Tensor) -> None:
        """Put the rows into a state at rest of memory; sensors are those of that very state.

        Args:
            rows: Row numbers. Shape: (k,), int64.
            qpos: Generalised positions. Shape: (k, nq).
            qvel: Generalised velocities. Shape: (k, nv).
        """
        nq, nv = self._model.nq, self._model.nv
        fresh = torch.from_numpy(self._default).repeat(len(rows), 1)
        fresh[:, 1 : 1 + nq] = qpos
        fresh[:, 1 + nq : 1 + nq + nv] = qvel
        self._state[rows] = fresh
        self._bad = self._bad.index_fill(0, rows, False)
        self._forward(rows)

    def step(self, ctrl: Tensor) -> None:
        """Advance every row by `frame_skip` sub-steps under one control. Shape: (B, nu).

        Raises:
            ValueError: `ctrl` has another shape (the physics call below checks nothing).
        """
        if ctrl.shape != self._ctrl_row_shape:
            raise ValueError(f"ctrl has shape {tuple(ctrl.shape)}, not {self._ctrl_row_shape}")
        if not self.num:
            return  # mujoco.rollout crashes on an empty batch
        self._ctrl.copy_(ctrl.unsqueeze(1))
        self._pool.rollout(
            self._models,
            self._data,
            self._state_numpy,
            self._ctrl_numpy,
            skip_checks=True,
            nstep=self._frame_skip,
            state=self._out_state,
            sensordata=self._out_sensors,
        )
        last = self._last_state
        # Almost always no row is bad, which one sum and one minimum tell: a non-finite entry makes
        # the sum non-finite.
        if np.isfinite(last.sum()) and last[:, 0].min() >= self._clock:
            self._bad = self._none_bad
        else:
            healthy = np.isfinite(last).all(axis=1) & (last[:, 0] >= self._clock)
            self._bad = torch.from_numpy(~healthy)
        np.copyto(self._state_numpy, last)
        self._state_numpy[:, 0] = 0.0
        if self._ns:
            np.copyto(self._sensors_numpy, self._last_sensors)

    def physics(self, rows: Tensor | None = None) -> Physics:
        """Return the state of all rows (or of `rows`) as fresh float32 tensors."""
        state = self._state if rows is None else self._state[rows]
        sensors = self._sensors if rows is None else self._sensors[rows]
        nq, nv = self._model.nq, self._model.nv
        return Physics(
            state[:, 1 : 1 + nq].to(torch.float32),
            state[:, 1 + nq : 1 + nq + nv].to(torch.float32),
            sensors.to(torch.float32),
        )

    def snapshot(self, rows: Tensor) -> Tensor:
        """Return full state, sensors and the bad flag. Shape: (k, n), float64."""
        bad = self._bad[rows].to(torch.float64).unsqueeze(1)
        return torch.cat([self._state[rows], self._sensors[rows], bad], dim=1)

    def restore(self, rows: Tensor, snapshot: Tensor) -> None:
        """Put the rows back into a `snapshot`, bit for bit."""
        self._state[rows] = snapshot[:, : self._state_size]
        self._sensors[rows] = snapshot[:, self._state_size : -1]
        if self._bad is not self._none_bad or snapshot[:, -1].any():
            self._bad = self._bad.index_copy(0, rows, snapshot[:, -1] > 0)

    def close(self) -> None:
        """Stop the threads; the simulation cannot be used afterwards."""
        self._pool.close()

    @property
    def _ns(self) -> int:
        return int(self._model.nsensordata)

    def _allocate(self) -> None:
        """Make the buffers and numpy views of the hot loop fit the number of rows."""
        count, steps = self.num, self._frame_skip
        self._none_bad = torch.zeros(count, dtype=torch.bool)
        self._ctrl = torch.zeros(count, steps, self._model.nu, dtype=torch.float64)
        self._ctrl_row_shape = (count, self._model.nu)
        # The views share memory with the tensors; on arrays this small numpy's calls cost less.
        self._state_numpy = self._state.numpy()
        self._sensors_numpy = self._sensors.numpy()
        self._ctrl_numpy = self._ctrl.numpy()
        self._out_state = np.zeros((count, steps, self._state_size))
        self._out_sensors = np.zeros((count, steps, self._ns))
        self._last_state, self._last_sensors = self._out_state[:, -1], self._out_sensors[:, -1]
        self._models = [self._model] * count

    def _forward(self, rows: Tensor) -> None:
        """Refresh the sensors of `rows`: those of a sub-step belong to the state it starts from."""
        count = len(rows)
        if not count or not self._ns:
            return
        sensors = np.empty((count, 1, self._ns))
        self._pool.rollout(
            [self._forward_model] * count,
            self._data,
            self._state[rows].numpy(),
            np.zeros((count, 1, self._model.nu)),
            skip_checks=True,
            nstep=1,
            control_spec=_CTRL,
            state=np.empty((count, 1, self._state_size)),
            sensordata=sensors,
        )
        self._sensors[rows] = torch.from_numpy(sensors[:, 0])


def refuse_hidden_state(model: mujoco.MjModel) -> None:
    """Refuse models with state that a reset would miss; no environment here has any.

    Raises:
        AutorewardError: It has actuator activations or plugins.
    """
    if model.na or model.npluginstate:
        raise AutorewardError("models with actuator activations or plugins are not supported")


def _without_autoreset(model: mujoco.MjModel) -> mujoco.MjModel:
    """Return a copy of `model` that does not reset itself when it diverges."""
    refuse_hidden_state(model)
    private = copy.copy(model)
    private.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    return private
