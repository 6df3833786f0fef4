"""The learners of one thread, or of a GPU: one batch of environments, one stack of networks.

A learner is admitted and leaves between iterations; its rows are appended and dropped, so the batch
is always full. Learning in a row depends on that row alone: own generators, own statistics, own
step size, own minibatch order.

All stacked tensors are on the lane's device; random numbers are drawn on the CPU, and what a lane
hands over is there, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoreward.config import TrainingSettings
from autoreward.environments.device_vector import DeviceVectorEnvironment
from autoreward.environments.environment import Environment
from autoreward.environments.vector import VectorEnvironment
from autoreward.findings import Finding
from autoreward.rewards.evaluate import Moments, Signals, evaluate, needs_state_values
from autoreward.rewards.formula import Formula
from autoreward.sandbox.contract import Batch
from autoreward.sim.device import open_device
from autoreward.training.learner import ComponentStatistics, LearnerSpec, Outcome, Values
from autoreward.training.networks import Architecture, apply, initial_parameters, split
from autoreward.training.normalizers import ReturnScaler, RunningMoments
from autoreward.training.ppo import StackedAdam, generalized_advantages, update
from autoreward.training.rollout import Rollout, collect
from autoreward.training.samples import Samples
from autoreward.training.stacking import append_rows, keep_rows, load_row_state, row_state


class _Parameters:
    """The stacked network parameters."""

    FIELDS: ClassVar[tuple[str, ...]] = ("flat",)

    def __init__(self, flat: Tensor) -> None:
        self.flat = flat


@dataclass
class _Row:
    """The part of a learner's state that is not stacked."""

    job: str
    formula: Formula
    generator: torch.Generator
    """Draws parameters, exploration and shuffles; the vector environment's own, start states."""
    episode_return: Tensor
    """Of the episodes under way, on the CPU. Shape: (N,)."""
    moments: dict[str, Moments] = field(default_factory=dict)


@dataclass(frozen=True)
class Collected:
    """What a lane hands over after a rollout."""

    batches: dict[str, Batch]
    """Each job's block of transitions, as its jail takes it."""
    physics_seconds: float
    """Wall-clock time the simulator took."""


class Lane:
    """Learners that train together on one thread or one device.

    Args:
        environment: What they train in.
        horizon: Steps after which an episode is cut off.
        settings: Sizes and step sizes of PPO.
        threads: Simulation threads; 0 steps on the calling thread.

    Raises:
        UsageError: The device or the simulator cannot be used here.
    """

    def __init__(
        self,
        environment: Environment,
        horizon: int,
        settings: TrainingSettings,
        threads: int,
    ) -> None:
        self.environment, self.settings = environment, settings
        device = self._device = open_device(settings.device)
        self.vector = (
            DeviceVectorEnvironment(environment, horizon, device)
            if settings.simulator == "warp"
            else VectorEnvironment(environment, horizon, threads)
        )
        self.architecture = Architecture(
            environment.obs_dim, environment.action_dim, settings.hidden
        )
        self._rows: list[_Row] = []
        self._rollout: Rollout | None = None
        size, rate = self.architecture.parameters, settings.learning_rate
        self._parameters = _Parameters(torch.zeros(0, size, device=device))
        self._adam = StackedAdam(0, size, rate, device)
        self._observed = RunningMoments(0, environment.obs_dim, device)
        self._scaler = ReturnScaler(0, settings.envs, device)

    def admit(self, spec: LearnerSpec) -> None:
        """Take a learner in, with the parameters and episodes that its training seed draws."""
        generator = torch.Generator().manual_seed(spec.seed.value)
        starts = torch.Generator().manual_seed(spec.seed.value ^ 1)
        device, rate = self._device, self.settings.learning_rate
        flat = initial_parameters(self.architecture, generator).unsqueeze(0).to(device)
        append_rows(self._parameters, _Parameters(flat))
        append_rows(self._adam, StackedAdam(1, flat.shape[1], rate, device))
        append_rows(self._scaler, ReturnScaler(1, self.settings.envs, device))
        self.vector.add_group(self.settings.envs, starts)
        observed = RunningMoments(1, self.architecture.obs_dim, device)
        rows = self.vector.group_slice(len(self._rows))
        start = self.environment.observation(self.vector.physics.rows(rows))
        observed.update(start.unsqueeze(0))
        append_rows(self._observed, observed)
        unpaid = torch.zeros(self.settings.envs)
        self._rows.append(_Row(spec.job, spec.formula, generator, unpaid))

    def evict(self, index: int) -> None:
        """Forget a learner."""
        rest = torch.tensor([i for i in range(len(self._rows)) if i != index], dtype=torch.long)
        for stacked in (self._parameters, self._adam, self._observed, self._scaler):
            keep_rows(stacked, rest)
        self.vector.remove_group(index)
        del self._rows[index]

    @torch.no_grad()
    def collect(self, fields: Mapping[str, frozenset[str]]) -> Collected:
        """Act for one rollout in every environment.

        Args:
            fields: The state fields that each job's reward reads.
        """
        before_rollout = self.vector.physics_seconds
        rollout = self._rollout = collect(
            self.vector,
            split(self.architecture, self._parameters.flat),
            self._observed,
            [row.generator for row in self._rows],
            self.settings.rollout,
        )
        self.vector.settle()
        before = self.environment.state(rollout.before)
        after = self.environment.state(rollout.after)
        actions, starts = rollout.clipped_actions, rollout.starts.to(torch.float32)
        result = {}
        for k, row in enumerate(self._rows):
            rows, names = self.vector.group_slice(k), fields[row.job]
            result[row.job] = Batch(
                state={name: _to_host(before[name][:, rows]) for name in names},
                action=_to_host(actions[k]),
                next_state={name: _to_host(after[name][:, rows]) for name in names},
                starts=_to_host(starts[k]),
                at_state=tuple(sorted(needs_state_values(row.formula))),
            )
        return Collected(result, self.vector.physics_seconds - before_rollout)

    @torch.no_grad()
    def learn(self, values: Mapping[str, Values | Finding]) -> list[Outcome]:
        """Turn component values into rewards of the last rollout and update every learner.

        Args:
            values: What the jails made of each job's block, or what was wrong with its reward.

        Returns:
            Each learner's outcome. It has to end if its reward failed or its policy is not finite.
        """
        rollout, self._rollout = self._rollout, None
        assert rollout is not None, "learn() follows collect()"
        rewards, failures, statistics = self._rewards(rollout, values)
        divergence = self._update(rollout, rewards)
        finite = torch.isfinite(self._parameters.flat).all(dim=1)
        fitness = self.environment.fitness_steps(
            rollout.before, rollout.clipped_actions.transpose(0, 1).flatten(1, 2), rollout.after
        )
        outcomes: list[Outcome] = []
        earned, done, numbers = rewards.cpu(), rollout.done.cpu(), rollout.lengths.cpu()
        for k, row in enumerate(self._rows):
            finding = failures.get(k)
            if finding is None and not bool(finite[k]):
                finding = Finding("nan-policy", "error", "the policy's parameters became NaN")
            if finding is not None:
                outcomes.append(Outcome(finding))
                continue
            returns, lengths = _count_episodes(row, earned[k], done[k], numbers[k])
            record = self._record(k, rollout, statistics[k], fitness, divergence)
            outcomes.append(Outcome(None, record, returns, lengths))
        return outcomes

    def policy(self, index: int) -> dict[str, Tensor]:
        """Return what acting needs: actor layers and observation statistics, by name."""
        shapes = self.architecture.shapes()
        sizes = [a * b for _, (a, b) in shapes]
        pieces = torch.split(self._parameters.flat[index], sizes)
        weights = {
            name: piece.view(shape).clone().cpu()
            for (name, shape), piece in zip(shapes, pieces, strict=True)
            if not name.startswith("critic")
        }
        weights["observation.mean"] = self._observed.mean[index, 0].clone().cpu()
        weights["observation.scale"] = self._observed.scale[index, 0].clone().cpu()
        return weights

    def checkpoint(self, index: int) -> dict[str, Tensor]:
        """Return all tensors learner `index` needs to go on where it is."""
        row = self._rows[index]
        state = row_state(self._parameters, index, "parameters")
        state |= row_state(self._adam, index, "adam")
        state |= row_state(self._observed, index, "observed")
        state |= row_state(self._scaler, index, "scaler")
        group = self.vector.group_state(index)
        state |= {f"group.{name}": value for name, value in group.items()}
        state |= {f"moments.{key}": value.to_tensor() for key, value in row.moments.items()}
        state["generator"] = row.generator.get_state()
        state["episode_return"] = row.episode_return.clone()
        return {name: value.cpu() for name, value in state.items()}

    def restore(self, index: int, state: dict[str, Tensor]) -> None:
        """Put learner `index` where `checkpoint` was taken."""
        row = self._rows[index]
        load_row_state(self._parameters, index, "parameters", state)
        load_row_state(self._adam, index, "adam", state)
        load_row_state(self._observed, index, "observed", state)
        load_row_state(self._scaler, index, "scaler", state)
        group = {k.removeprefix("group."): v for k, v in state.items() if k.startswith("group.")}
        self.vector.load_group_state(index, group)
        row.moments = moments_of(state)
        row.generator.set_state(state["generator"])
        row.episode_return = state["episode_return"].clone()

    def inherit(self, index: int, state: dict[str, Tensor]) -> None:
        """Give learner `index` the networks and observation statistics of a `checkpoint`.

        All else of it stays new: seed, optimizer, reward scale, episodes, counters.
        """
        load_row_state(self._parameters, index, "parameters", state)
        load_row_state(self._observed, index, "observed", state)

    def close(self) -> None:
        """Release the simulation."""
        self.vector.close()

    def _rewards(
        self, rollout: Rollout, values: Mapping[str, Values | Finding]
    ) -> tuple[Tensor, dict[int, Finding], dict[int, ComponentStatistics]]:
        """Evaluate every learner's formula on its own block. Rewards have shape (K, T, N)."""
        rewards = torch.zeros(rollout.done.shape, device=self._device)
        failures: dict[int, Finding] = {}
        statistics: dict[int, ComponentStatistics] = {}
        for k, row in enumerate(self._rows):
            answer = values[row.job]
            if isinstance(answer, Finding):
                failures[k] = answer
                continue
            signals = Signals(
                components=from_host(answer[0], self._device),
                at_state=from_host(answer[1], self._device),
                terminated=rollout.terminated[k],
                gamma=self.settings.gamma,
                moments=row.moments,
            )
            reward = evaluate(row.formula, signals)
            if not bool(torch.isfinite(reward).all()):
                text = f"the formula {row.formula} is not finite on some transitions"
                failures[k] = Finding("bad-values", "error", text)
                continue
            rewards[k] = reward
            statistics[k] = ComponentStatistics(answer[0], reward.cpu())
        return rewards, failures, statistics

    def _update(self, rollout: Rollout, rewards: Tensor) -> Tensor:
        settings = self.settings
        count, steps, rows = rollout.done.shape
        size = steps * rows
        following = self.environment.observation(rollout.after)
        following = following.view(steps, count, rows, -1).transpose(0, 1).reshape(count, size, -1)
        critic = split(self.architecture, self._parameters.flat).critic
        observations = rollout.observations.reshape(count, size, -1)
        values = apply(critic, observations).view(count, steps, rows)
        next_values = apply(critic, self._observed.normalize(following))
        scaled = self._scaler.scale_rewards(rewards, rollout.done, settings.gamma)
        advantages = generalized_advantages(
            scaled,
            values,
            next_values.view(count, steps, rows),
            rollout.terminated,
            rollout.done,
            settings.gamma,
            settings.gae_lambda,
        )
        samples = Samples(
            observations,
            rollout.actions.reshape(count, size, -1),
            rollout.log_probs.reshape(count, size),
            advantages.reshape(count, size),
            (advantages + values).reshape(count, size),
        )
        generators = [row.generator for row in self._rows]
        flat = self._parameters.flat
        divergence = update(flat, self._adam, self.architecture, samples, settings, generators)
        self._observed.update(following)
        return divergence

    def _record(
        self,
        k: int,
        rollout: Rollout,
        statistics: ComponentStatistics,
        fitness: dict[str, Tensor],
        divergence: Tensor,
    ) -> dict[str, Any]:
        """Return what the curve says of learner `k` at this iteration."""
        rows = self.vector.group_slice(k)
        return {
            "reward": float(statistics.reward.mean()),
            "terminated": int(rollout.terminated[k].sum()),
            "components": statistics.summary(),
            "fitness_per_step": {
                name: float(value[:, rows].contiguous().mean()) for name, value in fitness.items()
            },
            "kl": float(divergence[k]),
            "learning_rate": float(self._adam.learning_rate[k, 0]),
        }


def _count_episodes(
    row: _Row, rewards: Tensor, done: Tensor, number: Tensor
) -> tuple[list[float], list[int]]:
    """Return the returns and lengths of a learner's episodes that ended in a rollout.

    Args:
        row: The learner; returns of episodes that go on are kept in it.
        rewards: Shape: (T, N).
        done: Shape: (T, N), bool.
        number: Steps of the episode so far. Shape: (T, N).
    """
    returns: list[float] = []
    lengths: list[int] = []
    for t, some in enumerate(done.any(dim=1).tolist()):
        row.episode_return += rewards[t]
        if some:
            ended = done[t]
            returns += row.episode_return[ended].tolist()
            lengths += number[t][ended].tolist()
            row.episode_return = torch.where(ended, 0.0, row.episode_return)
    return returns, lengths


def moments_of(state: Mapping[str, Tensor]) -> dict[str, Moments]:
    """Return the moments of a formula's `normalize(…)` that a checkpoint holds."""
    return {
        name.removeprefix("moments."): Moments.from_tensor(value)
        for name, value in state.items()
        if name.startswith("moments.")
    }


def _to_host(block: Tensor) -> NDArray[np.float32]:
    """Return a block as jails take it: states may be on a GPU, no jail ever is."""
    host: NDArray[np.float32] = block.cpu().numpy()
    return host


def from_host(values: dict[str, NDArray[np.float32]], device: torch.device) -> dict[str, Tensor]:
    """Return what a jail answered as tensors of our own memory."""
    return {name: torch.from_numpy(value.copy()).to(device) for name, value in values.items()}
