"""Population PPO: many learners, one batch of environments, one stack of networks.

A learner is admitted and leaves between iterations; its rows are appended and dropped, so the batch
is always full. Learning in a row depends on that row alone: own generators, own statistics, own
step size, own minibatch order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoreward.config import TrainingSettings
from autoreward.environments.environment import Environment
from autoreward.environments.vector import VectorEnvironment
from autoreward.findings import Finding
from autoreward.rewards.evaluate import Moments, Signals, evaluate, needs_state_values
from autoreward.sandbox.contract import Batch, JailFailure
from autoreward.training.episodes import Episodes
from autoreward.training.learner import ComponentStatistics, Learner, LearnerSpec
from autoreward.training.networks import Architecture, apply, initial_parameters, split
from autoreward.training.normalizers import ReturnScaler, RunningMoments
from autoreward.training.ppo import Samples, StackedAdam, generalized_advantages, update
from autoreward.training.rollout import Rollout, collect
from autoreward.training.stacking import append_rows, keep_rows, load_row_state, row_state

Values = tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]


class ComponentSource(Protocol):
    """Where component values come from: jails, one per reward file."""

    def fields(self, job: str) -> frozenset[str]:
        """Return the state fields that the job's reward reads."""

    def evaluate(self, batches: dict[str, Batch]) -> dict[str, Values | JailFailure]:
        """Return component values (and those at the state) for each job's block."""


@dataclass(frozen=True)
class Ended:
    """A learner that left its slot: trained to the end, or ended by a finding."""

    learner: Learner
    policy: dict[str, Tensor]
    state: dict[str, Tensor]
    """What `Population.checkpoint` returned for it at the end."""
    finding: Finding | None


class _Parameters:
    """The stacked network parameters."""

    FIELDS: ClassVar[tuple[str, ...]] = ("flat",)

    def __init__(self, flat: Tensor) -> None:
        self.flat = flat


class Population:
    """Learners that train together.

    Args:
        environment: What they train in.
        horizon: Steps after which an episode is cut off.
        settings: Sizes and step sizes of PPO.
        source: Evaluates rewards.
        threads: Simulation threads.
    """

    def __init__(
        self,
        environment: Environment,
        horizon: int,
        settings: TrainingSettings,
        source: ComponentSource,
        threads: int,
    ) -> None:
        self.environment, self.settings, self.source = environment, settings, source
        self.vector = VectorEnvironment(environment, horizon, threads)
        self.architecture = Architecture(
            environment.obs_dim, environment.action_dim, settings.hidden
        )
        self.learners: list[Learner] = []
        self._parameters = _Parameters(torch.zeros(0, self.architecture.parameters))
        self._adam = StackedAdam(0, self.architecture.parameters, settings.learning_rate)
        self._observed = RunningMoments(0, environment.obs_dim)
        self._scaler = ReturnScaler(0, settings.envs)

    def __len__(self) -> int:
        """Return the number of learners in slots."""
        return len(self.learners)

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps each learner takes in an iteration."""
        return self.settings.envs * self.settings.rollout

    def admit(self, spec: LearnerSpec) -> Learner:
        """Give a learner a slot."""
        learner = Learner(spec, self.settings.envs)
        flat = initial_parameters(self.architecture, learner.generator).unsqueeze(0)
        append_rows(self._parameters, _Parameters(flat))
        append_rows(self._adam, StackedAdam(1, flat.shape[1], self.settings.learning_rate))
        append_rows(self._scaler, ReturnScaler(1, self.settings.envs))
        self.vector.add_group(self.settings.envs, learner.start_generator)
        observed = RunningMoments(1, self.architecture.obs_dim)
        rows = self.vector.group_slice(len(self.learners))
        start = self.environment.observation(self.vector.physics.rows(rows))
        observed.update(start.unsqueeze(0))
        append_rows(self._observed, observed)
        self.learners.append(learner)
        return learner

    def leave(self, index: int, finding: Finding | None = None) -> Ended:
        """Take a learner out of its slot, with all that is needed to use it or to go on."""
        state = self.checkpoint(index)
        ended = Ended(self.learners[index], self.policy(index), state, finding)
        self.evict(index)
        return ended

    def evict(self, index: int) -> None:
        """Free a learner's slot."""
        rest = torch.tensor([i for i in range(len(self)) if i != index], dtype=torch.long)
        for stacked in (self._parameters, self._adam, self._observed, self._scaler):
            keep_rows(stacked, rest)
        self.vector.remove_group(index)
        del self.learners[index]

    def iterate(self) -> list[Ended]:
        """Collect a rollout, evaluate the rewards, update every learner; return who has ended.

        A reward that fails, or a policy that becomes non-finite, ends its own learner only.
        """
        rollout = self._collect()
        rewards, failures, statistics = self._rewards(rollout)
        divergence = self._update(rollout, rewards)
        finite = torch.isfinite(self._parameters.flat).all(dim=1)
        fitness = self.environment.fitness_steps(
            rollout.before, rollout.clipped_actions.transpose(0, 1).flatten(1, 2), rollout.after
        )
        ended: list[tuple[int, Finding | None]] = []
        for k, learner in enumerate(self.learners):
            learner.steps += self.steps_per_iteration
            learner.iteration += 1
            finding = failures.get(k)
            if finding is None and not bool(finite[k]):
                finding = Finding("nan-policy", "error", "the policy's parameters became NaN")
            if finding is None:
                learner.count_episodes(rewards[k], rollout.done[k], rollout.lengths[k])
                self._record(k, learner, rollout, statistics[k], fitness, divergence)
            if finding is not None or learner.done:
                ended.append((k, finding))
        # From the last to the first: the numbers of those before do not change.
        return [self.leave(k, finding) for k, finding in reversed(ended)][::-1]

    def policy(self, index: int) -> dict[str, Tensor]:
        """Return what acting needs: actor layers and observation statistics, by name."""
        shapes = self.architecture.shapes()
        sizes = [a * b for _, (a, b) in shapes]
        pieces = torch.split(self._parameters.flat[index], sizes)
        weights = {
            name: piece.view(shape).clone()
            for (name, shape), piece in zip(shapes, pieces, strict=True)
            if not name.startswith("critic")
        }
        weights["observation.mean"] = self._observed.mean[index, 0].clone()
        weights["observation.scale"] = self._observed.scale[index, 0].clone()
        return weights

    def checkpoint(self, index: int) -> dict[str, Tensor]:
        """Return all tensors learner `index` needs to go on where it is."""
        learner = self.learners[index]
        state = row_state(self._parameters, index, "parameters")
        state |= row_state(self._adam, index, "adam")
        state |= row_state(self._observed, index, "observed")
        state |= row_state(self._scaler, index, "scaler")
        group = self.vector.group_state(index)
        state |= {f"group.{name}": value for name, value in group.items()}
        state |= {f"moments.{key}": value.to_tensor() for key, value in learner.moments.items()}
        state["generator"] = learner.generator.get_state()
        state["episode_return"] = learner.episode_return.clone()
        return state

    def restore(self, index: int, state: dict[str, Tensor]) -> None:
        """Put learner `index` where `checkpoint` was taken."""
        learner = self.learners[index]
        load_row_state(self._parameters, index, "parameters", state)
        load_row_state(self._adam, index, "adam", state)
        load_row_state(self._observed, index, "observed", state)
        load_row_state(self._scaler, index, "scaler", state)
        group = {k.removeprefix("group."): v for k, v in state.items() if k.startswith("group.")}
        self.vector.load_group_state(index, group)
        learner.moments = {
            name.removeprefix("moments."): Moments.from_tensor(value)
            for name, value in state.items()
            if name.startswith("moments.")
        }
        learner.generator.set_state(state["generator"])
        learner.episode_return = state["episode_return"].clone()

    def inherit(self, index: int, state: dict[str, Tensor]) -> None:
        """Give learner `index` the networks and observation statistics of a `checkpoint`.

        All else of it stays new: seed, optimizer, reward scale, episodes, counters.
        """
        load_row_state(self._parameters, index, "parameters", state)
        load_row_state(self._observed, index, "observed", state)

    def reward_episodes(
        self, learners: list[Learner], recorded: Mapping[str, Episodes]
    ) -> dict[str, Episodes]:
        """Return each job's recorded episodes with what its reward makes of them.

        Where the reward fails on them they are returned as they are.
        """
        specs = {learner.spec.job: learner for learner in learners}
        batches = {
            job: recorded[job].batch(
                self.source.fields(job), tuple(sorted(needs_state_values(learner.spec.formula)))
            )
            for job, learner in specs.items()
        }
        result = dict(recorded)
        for job, answer in self.source.evaluate(batches).items():
            if isinstance(answer, JailFailure):
                continue
            episodes, learner = recorded[job], specs[job]
            ends = np.arange(episodes.steps)[:, None] == episodes.length - 1
            signals = Signals(
                components=_from_host(answer[0], torch.device("cpu")),
                at_state=_from_host(answer[1], torch.device("cpu")),
                terminated=torch.from_numpy(ends & episodes.terminated),
                gamma=self.settings.gamma,
                moments={name: replace(value) for name, value in learner.moments.items()},
            )
            reward = evaluate(learner.spec.formula, signals).numpy()
            result[job] = episodes.rewarded(answer[0], reward)
        return result

    def _collect(self) -> Rollout:
        return collect(
            self.vector,
            split(self.architecture, self._parameters.flat),
            self._observed,
            [learner.generator for learner in self.learners],
            self.settings.rollout,
        )

    def _rewards(
        self, rollout: Rollout
    ) -> tuple[Tensor, dict[int, Finding], dict[int, ComponentStatistics]]:
        """Evaluate every learner's reward on its own block. Rewards have shape (K, T, N)."""
        rewards = torch.zeros(rollout.done.shape)
        failures: dict[int, Finding] = {}
        statistics: dict[int, ComponentStatistics] = {}
        before = self.environment.state(rollout.before)
        after = self.environment.state(rollout.after)
        batches = {
            learner.spec.job: self._batch(k, learner, rollout, before, after)
            for k, learner in enumerate(self.learners)
        }
        values = self.source.evaluate(batches)
        for k, learner in enumerate(self.learners):
            answer = values[learner.spec.job]
            if isinstance(answer, JailFailure):
                failures[k] = answer.finding()
                continue
            signals = Signals(
                components=_from_host(answer[0], rollout.terminated.device),
                at_state=_from_host(answer[1], rollout.terminated.device),
                terminated=rollout.terminated[k],
                gamma=self.settings.gamma,
                moments=learner.moments,
            )
            reward = evaluate(learner.spec.formula, signals)
            if not bool(torch.isfinite(reward).all()):
                text = f"the formula {learner.spec.formula} is not finite on some transitions"
                failures[k] = Finding("bad-values", "error", text)
                continue
            rewards[k] = reward
            statistics[k] = ComponentStatistics(answer[0], reward)
        return rewards, failures, statistics

    def _batch(
        self,
        k: int,
        learner: Learner,
        rollout: Rollout,
        before: dict[str, Tensor],
        after: dict[str, Tensor],
    ) -> Batch:
        rows = self.vector.group_slice(k)
        names = self.source.fields(learner.spec.job)
        return Batch(
            state={name: _to_host(before[name][:, rows]) for name in names},
            action=_to_host(rollout.clipped_actions[k]),
            next_state={name: _to_host(after[name][:, rows]) for name in names},
            starts=_to_host(rollout.starts[k].to(torch.float32)),
            at_state=tuple(sorted(needs_state_values(learner.spec.formula))),
        )

    def _update(self, rollout: Rollout, rewards: Tensor) -> Tensor:
        settings = self.settings
        count, steps, rows = rollout.done.shape
        size = steps * rows
        following = self.environment.observation(rollout.after)
        following = following.view(steps, count, rows, -1).transpose(0, 1).reshape(count, size, -1)
        with torch.no_grad():
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
        generators = [learner.generator for learner in self.learners]
        flat = self._parameters.flat
        divergence = update(flat, self._adam, self.architecture, samples, settings, generators)
        self._observed.update(following)
        return divergence

    def _record(
        self,
        k: int,
        learner: Learner,
        rollout: Rollout,
        statistics: ComponentStatistics,
        fitness: dict[str, Tensor],
        divergence: Tensor,
    ) -> None:
        rows = self.vector.group_slice(k)
        returns, lengths = learner.recent_returns, learner.recent_lengths
        learner.curve.append(
            {
                "steps": learner.steps,
                "reward": float(statistics.reward.mean()),
                "return": float(np.mean(returns)) if returns else None,
                "length": float(np.mean(lengths)) if lengths else None,
                "terminated": int(rollout.terminated[k].sum()),
                "components": statistics.summary(),
                "fitness_per_step": {
                    name: float(value[:, rows].contiguous().mean())
                    for name, value in fitness.items()
                },
                "kl": float(divergence[k]),
                "learning_rate": float(self._adam.learning_rate[k, 0]),
            }
        )


def _to_host(block: Tensor) -> NDArray[np.float32]:
    """Return a block as jails take it: states may be on a GPU, no jail ever is."""
    host: NDArray[np.float32] = block.cpu().numpy()
    return host


def _from_host(values: dict[str, NDArray[np.float32]], device: torch.device) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value.copy()).to(device) for name, value in values.items()}
