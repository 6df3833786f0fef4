"""Population PPO: many learners that train at once, on all cores of the machine.

Learners are spread over lanes, one process a core. A lane steps its own environments and updates
its own networks, so no core waits for another but while the rewards are computed. What a learner
learns is bit-equal whichever lane it is in. (Threads instead of processes were no faster than one
thread: an update is thousands of short calls, and Python's lock changes hands at each of them.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from autoreward.config import TrainingSettings
from autoreward.findings import Finding
from autoreward.rewards.evaluate import Signals, evaluate, needs_state_values
from autoreward.sandbox.contract import Batch, JailFailure
from autoreward.training.episodes import Episodes
from autoreward.training.lane import Lane, from_host, moments_of
from autoreward.training.lane_process import LaneProcess
from autoreward.training.learner import Learner, LearnerSpec, Values


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


class Population:
    """Learners that train together.

    Args:
        lanes: Where they train.
        settings: The same as the lanes'.
        source: Evaluates rewards.
    """

    def __init__(
        self,
        lanes: Sequence[Lane | LaneProcess],
        settings: TrainingSettings,
        source: ComponentSource,
    ) -> None:
        self.settings, self.source, self._lanes = settings, source, lanes
        self.learners: list[Learner] = []
        """In the order of their admission."""
        self.physics_seconds = 0.0
        """Wall-clock time of the simulators, mean over all lanes: busy or not."""
        self._homes: list[int] = []
        """The lane of each."""

    def __len__(self) -> int:
        """Return the number of learners in slots."""
        return len(self.learners)

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps each learner takes in an iteration."""
        return self.settings.envs * self.settings.rollout

    def admit(self, spec: LearnerSpec) -> Learner:
        """Give a learner a slot, in the lane that has the fewest."""
        learner, lane = Learner(spec), min(self._numbers, key=self._homes.count)
        self._lanes[lane].admit(spec)
        self.learners.append(learner)
        self._homes.append(lane)
        return learner

    def leave(self, index: int, finding: Finding | None = None) -> Ended:
        """Take a learner out of its slot, with all that is needed to use it or to go on."""
        ended = Ended(self.learners[index], self.policy(index), self.checkpoint(index), finding)
        self.evict(index)
        return ended

    def evict(self, index: int) -> None:
        """Free a learner's slot."""
        lane, place = self._place(index)
        lane.evict(place)
        del self.learners[index], self._homes[index]

    def iterate(self) -> list[Ended]:
        """Collect a rollout, evaluate the rewards, update every learner; return who has ended.

        A reward that fails, or a policy that becomes non-finite, ends its own learner only.
        """
        self._balance()
        jobs = [learner.spec.job for learner in self.learners]
        fields = {job: self.source.fields(job) for job in jobs}
        busy = sorted(set(self._homes))
        collected = self._at_once("collect", {lane: (fields,) for lane in busy})
        values = self.source.evaluate(
            {job: batch for lane in busy for job, batch in collected[lane].batches.items()}
        )
        took = [collected[lane].physics_seconds for lane in busy]
        self.physics_seconds += sum(took) / len(self._lanes)
        answers = {
            job: value.finding() if isinstance(value, JailFailure) else value
            for job, value in values.items()
        }
        learned = self._at_once(
            "learn",
            {lane: ({job: answers[job] for job in collected[lane].batches},) for lane in busy},
        )
        ended = []
        for index, learner in enumerate(self.learners):
            outcome = learned[self._homes[index]].pop(0)
            learner.advance(self.steps_per_iteration, outcome)
            if outcome.finding is not None or learner.done:
                ended.append((index, outcome.finding))
        # From the last to the first: the numbers of those before do not change.
        return [self.leave(index, finding) for index, finding in reversed(ended)][::-1]

    def policy(self, index: int) -> dict[str, Tensor]:
        """Return what acting needs: actor layers and observation statistics, by name."""
        lane, place = self._place(index)
        return lane.policy(place)

    def checkpoint(self, index: int) -> dict[str, Tensor]:
        """Return all tensors learner `index` needs to go on where it is."""
        lane, place = self._place(index)
        return lane.checkpoint(place)

    def restore(self, index: int, state: dict[str, Tensor]) -> None:
        """Put learner `index` where `checkpoint` was taken."""
        lane, place = self._place(index)
        lane.restore(place, state)

    def inherit(self, index: int, state: dict[str, Tensor]) -> None:
        """Give learner `index` the networks and observation statistics of a `checkpoint`.

        All else of it stays new: seed, optimizer, reward scale, episodes, counters.
        """
        lane, place = self._place(index)
        lane.inherit(place, state)

    def reward_episodes(
        self, ended: Sequence[Ended], recorded: Mapping[str, Episodes]
    ) -> dict[str, Episodes]:
        """Return each job's recorded episodes with what its reward makes of them.

        Where the reward fails on them they are returned as they are.
        """
        ends = {end.learner.spec.job: end for end in ended}
        batches = {
            job: recorded[job].batch(
                self.source.fields(job),
                tuple(sorted(needs_state_values(end.learner.spec.formula))),
            )
            for job, end in ends.items()
        }
        result = dict(recorded)
        for job, answer in self.source.evaluate(batches).items():
            if isinstance(answer, JailFailure):
                continue
            episodes, end = recorded[job], ends[job]
            last = np.arange(episodes.steps)[:, None] == episodes.length - 1
            signals = Signals(
                components=from_host(answer[0], torch.device("cpu")),
                at_state=from_host(answer[1], torch.device("cpu")),
                terminated=torch.from_numpy(last & episodes.terminated),
                gamma=self.settings.gamma,
                moments=moments_of(end.state),
            )
            reward = evaluate(end.learner.spec.formula, signals).numpy()
            result[job] = episodes.rewarded(answer[0], reward)
        return result

    def close(self) -> None:
        """End the lanes; the population cannot be used afterwards."""
        for lane in self._lanes:
            lane.close()

    @property
    def _numbers(self) -> range:
        return range(len(self._lanes))

    def _place(self, index: int) -> tuple[Lane | LaneProcess, int]:
        """Return a learner's lane and its number there: lanes keep the order, too."""
        lane = self._homes[index]
        return self._lanes[lane], self._homes[:index].count(lane)

    def _balance(self) -> None:
        """Move learners from the fullest lane to the emptiest while that evens them out."""
        while True:
            fullest = max(self._numbers, key=self._homes.count)
            emptiest = min(self._numbers, key=self._homes.count)
            if self._homes.count(fullest) - self._homes.count(emptiest) < 2:
                return
            index = max(i for i, lane in enumerate(self._homes) if lane == fullest)
            self._move(index, emptiest)

    def _move(self, index: int, target: int) -> None:
        """Put a learner into another lane, as the last in the order there and here."""
        state, learner = self.checkpoint(index), self.learners[index]
        self.evict(index)
        self._lanes[target].admit(learner.spec)
        self.learners.append(learner)
        self._homes.append(target)
        self.restore(len(self.learners) - 1, state)

    def _at_once(self, method: str, calls: dict[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Call a method of several lanes at the same time; return what each answers."""
        for number, arguments in calls.items():
            lane = self._lanes[number]
            if isinstance(lane, LaneProcess):
                lane.send(method, arguments)
        return {
            number: lane.receive()
            if isinstance(lane := self._lanes[number], LaneProcess)
            else getattr(lane, method)(*arguments)
            for number, arguments in calls.items()
        }
