"""The trainer process: simulators and policies, our own code only; it never loads a reward.

Started by the host as `python -m autoreward.training.worker`; orders come in and events go out as
JSON lines (see `messages`). Between two iterations it reads orders, fills free slots, validates
policies that are trained, and writes checkpoints. It dies with its host.
"""

from __future__ import annotations

import collections
import ctypes
import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from autoreward.config import SandboxSettings, TrainingSettings
from autoreward.environments.environment import Environment, load_environment
from autoreward.environments.folder import open_environment
from autoreward.errors import AutorewardError, SandboxError
from autoreward.findings import Finding
from autoreward.rewards.formula import parse_formula
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import open_sandbox
from autoreward.sandbox.reserve import Reserve
from autoreward.seeds import TestSeed, TrainingSeed, ValidationSeed
from autoreward.training.files import (
    write_checkpoint,
    write_policy,
    write_result,
)
from autoreward.training.jails import JailPool
from autoreward.training.lane_process import start_lanes
from autoreward.training.learner import LearnerSpec
from autoreward.training.messages import (
    EPISODES_FILE,
    RANDOM,
    ZERO,
    Measure,
    Order,
    Record,
    Start,
    Train,
    order_from,
    start_from,
)
from autoreward.training.population import Ended, Population
from autoreward.training.recording import record_transitions
from autoreward.training.starting import begin
from autoreward.training.validation import (
    Measured,
    Policy,
    Random,
    Seeds,
    Zero,
    load_policy,
    validate,
)

_PR_SET_PDEATHSIG = 1
_PROGRESS_SECONDS = 0.5
_RECORDED_EPISODES = 16
"""Validation episodes of a policy that are kept whole, at most."""


class Worker:
    """Carries out the host's orders.

    Args:
        start: What stays the same.
        reader: File descriptor of the orders.
        writer: File descriptor of the events.
    """

    def __init__(self, start: Start, reader: int, writer: int) -> None:
        self._settings = TrainingSettings(**start.training)
        sandbox = SandboxSettings(**start.sandbox)
        self._job_timeout = sandbox.job_timeout_s
        folder = open_environment(Path(start.environment).name, [Path(start.environment)])
        self._task = folder.task_named(start.task)
        self._environment: Environment = load_environment(folder, self._task)
        self._threads = self._settings.threads or len(os.sched_getaffinity(0))
        # First of all: lanes are forked, and a process is forked safely while it has one thread.
        lanes = start_lanes(self._environment, self._task.horizon, self._settings, self._threads)
        backend = open_sandbox(sandbox)
        reserve = Reserve(backend, Limits.of(sandbox), sandbox.spare, start.run)
        slots = self._settings.slots
        self._jails = JailPool(reserve, folder.schema, sandbox.job_timeout_s, slots)
        self._population = Population(lanes, self._settings, self._jails)
        self._reader, self._writer = reader, writer
        self._buffer = b""
        self._orders: collections.deque[Order] = collections.deque()
        self._training: dict[str, Train] = {}
        self._started: dict[str, float] = {}
        self._steps = 0
        self._busy_seconds = 0.0
        self._slot_seconds = 0.0
        self._counted = time.monotonic()
        self._last_progress = 0.0
        self._closing = False
        device = self._settings.device
        self._send("ready", sandbox=backend.name, threads=self._threads, device=device)

    def run(self) -> None:
        """Work until the host closes the pipe."""
        try:
            while True:
                idle = not self._orders and not len(self._population)
                self._read(block=idle and not self._closing)
                if self._closing:
                    return
                self._fill_slots()
                self._answer_requests()
                if len(self._population):
                    self._iterate()
        finally:
            self._jails.close()
            self._population.close()

    def _read(self, block: bool) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            while selector.select(None if block else 0):
                chunk = os.read(self._reader, 1 << 20)
                if not chunk:
                    self._closing = True
                    return
                *lines, self._buffer = (self._buffer + chunk).split(b"\n")
                for line in lines:
                    self._orders.append(order_from(json.loads(line)))
                block = block and not lines

    def _answer_requests(self) -> None:
        for order in [o for o in self._orders if not isinstance(o, Train)]:
            self._orders.remove(order)
            if isinstance(order, Measure):
                self._measure(order)
            elif isinstance(order, Record):
                self._record(order)

    def _fill_slots(self) -> None:
        """Admit waiting trainings; their jails start side by side."""
        free = self._settings.slots - len(self._population)
        waiting = [order for order in self._orders if isinstance(order, Train)][:free]
        if not waiting:
            return
        for order in waiting:
            self._orders.remove(order)
        failures = self._jails.admit({order.job: order.code for order in waiting})
        self._count_slots()
        for order in waiting:
            if order.job in failures:
                self._finish(order, failures[order.job].finding(), {})
                continue
            seed = TrainingSeed(*order.seed)
            formula = parse_formula(order.formula)
            spec = LearnerSpec(order.job, order.code, formula, seed, order.steps)
            self._population.admit(spec)
            self._training[order.job] = order
            self._started[order.job] = time.monotonic()
            begin(self._population, len(self._population) - 1, order)
        # A kill between its last checkpoint and its result leaves a learner that has had its steps.
        whole = [i for i, learner in enumerate(self._population.learners) if learner.done]
        if whole:
            self._conclude([self._population.leave(index) for index in reversed(whole)])

    def _iterate(self) -> None:
        started = time.perf_counter()
        ended = self._population.iterate()
        self._busy_seconds += time.perf_counter() - started
        learners = [*self._population.learners, *(end.learner for end in ended)]
        self._steps += len(learners) * self._population.steps_per_iteration
        ended += self._overdue()
        if ended:
            self._conclude(ended)
        for index, learner in enumerate(self._population.learners):
            if learner.iteration % self._settings.checkpoint_every == 0:
                directory = Path(self._training[learner.spec.job].directory)
                tensors = self._population.checkpoint(index)
                write_checkpoint(directory, tensors, learner.metadata())
        self._report_progress()

    def _overdue(self) -> list[Ended]:
        """End learners that are over the time for one training."""
        now, late = time.monotonic(), []
        for index in reversed(range(len(self._population))):
            learner = self._population.learners[index]
            if now - self._started[learner.spec.job] > self._job_timeout:
                text = f"training took longer than {self._job_timeout:g} s"
                finding = Finding("job-timeout", "error", text)
                late.append(self._population.leave(index, finding))
        return late

    def _conclude(self, ended: list[Ended]) -> None:
        """Write policies and results; those that finish together are validated together."""
        whole = [end for end in ended if end.finding is None]
        orders = [self._training[end.learner.spec.job] for end in whole]
        measured: dict[str, dict[str, list[float]]] = {}
        for end, order in zip(whole, orders, strict=True):
            if order.keep:
                write_checkpoint(Path(order.directory), end.state, end.learner.metadata())
        if whole:
            paths = [
                write_policy(Path(order.directory), end.policy)
                for order, end in zip(orders, whole, strict=True)
            ]
            recorded = {}
            for wanted in sorted({(order.validation, order.explore) for order in orders}):
                mine = [n for n, o in enumerate(orders) if (o.validation, o.explore) == wanted]
                policies = [load_policy(paths[n]) for n in mine]
                seeds = ValidationSeed.first(*wanted[0])
                found = self._roll_out(policies, seeds, _RECORDED_EPISODES, wanted[1])
                for n, one in zip(mine, found, strict=True):
                    measured[orders[n].job] = one.scores
                    assert one.episodes is not None
                    recorded[orders[n].job] = one.episodes
            rewarded = self._population.reward_episodes(whole, recorded)
            for order in orders:
                rewarded[order.job].save(Path(order.directory) / EPISODES_FILE)
        for end in ended:
            job, learner = end.learner.spec.job, end.learner
            order, seconds = self._release(job)
            details = {
                "steps": learner.steps - learner.began,
                "total": learner.steps,
                "seconds": seconds,
                "curve": learner.curve,
            }
            self._finish(order, end.finding, details, measured.get(job))

    def _release(self, job: str) -> tuple[Train, float]:
        """Free what a job holds; return its order and how many seconds it took."""
        self._count_slots()
        self._jails.release(job)
        return self._training.pop(job), time.monotonic() - self._started.pop(job)

    def _count_slots(self) -> None:
        """Count the time so far, before the number of jobs that hold a slot changes."""
        now = time.monotonic()
        self._slot_seconds += len(self._training) * (now - self._counted)
        self._counted = now

    def _finish(
        self,
        order: Train,
        finding: Finding | None,
        details: dict[str, Any],
        scores: dict[str, list[float]] | None = None,
    ) -> None:
        result = {
            "job": order.job,
            "ok": finding is None,
            "finding": finding.to_dict() if finding else None,
            "scores": {"validation": scores} if scores else {},
            "steps": 0,
            "total": 0,
            "seconds": 0.0,
            "curve": [],
        }
        result |= details
        write_result(Path(order.directory), result, order.keep and finding is None)
        self._send("trained", job=order.job)

    def _measure(self, order: Measure) -> None:
        run_seed, first, count = order.seeds
        kind = TestSeed if order.split == "test" else ValidationSeed
        seeds = kind.first(run_seed, count, first)
        fixed: dict[str, Policy | Zero | Random] = {ZERO: Zero(), RANDOM: Random()}
        policies = [fixed.get(name) or load_policy(Path(name)) for name in order.policies]
        kept = _RECORDED_EPISODES if order.record else 0
        found = self._roll_out(policies, seeds, kept)
        for path, one in zip(order.record, found, strict=bool(order.record)):
            assert one.episodes is not None
            one.episodes.save(Path(path))
        self._send("measured", job=order.job, scores=[one.scores for one in found])

    def _roll_out(
        self,
        policies: Sequence[Policy | Zero | Random],
        seeds: Seeds,
        record: int,
        explore: bool = False,
    ) -> list[Measured]:
        horizon, threads = self._task.horizon, self._threads
        return validate(self._environment, horizon, policies, seeds, threads, record, explore)

    def _record(self, order: Record) -> None:
        seed = TrainingSeed(*order.seed)
        record_transitions(
            self._environment, self._task.horizon, seed, order.steps, order.rows, Path(order.path)
        )
        self._send("recorded", job=order.job, path=order.path)

    def _report_progress(self) -> None:
        now = time.monotonic()
        if now - self._last_progress < _PROGRESS_SECONDS and len(self._population):
            return
        self._last_progress = now
        self._count_slots()
        primary = self._task.fitness
        learners = {
            learner.spec.job: {
                "steps": learner.steps,
                "fitness": learner.curve[-1]["fitness_per_step"][primary],
            }
            for learner in self._population.learners
            if learner.curve
        }
        self._send(
            "progress",
            learners=learners,
            waiting=len(self._orders),
            slots=self._settings.slots,
            occupied=len(self._population),
            steps=self._steps,
            busy_seconds=self._busy_seconds,
            slot_seconds=self._slot_seconds,
            physics_seconds=self._population.physics_seconds,
            jail_seconds=self._jails.seconds,
        )

    def _send(self, event: str, **data: Any) -> None:
        view = memoryview(json.dumps({"event": event, **data}).encode() + b"\n")
        while view:
            view = view[os.write(self._writer, view) :]


def main() -> int:
    """Read the first line, then work; a user's mistake is sent back as a `fault` event.

    A jail that is lost through no fault of its reward, or a lane that is killed, ends this process:
    the host starts another one, which goes on from the checkpoints.
    """
    reader, writer = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # a stray print must not look like an event
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's to handle
    torch.set_num_threads(1)
    with os.fdopen(os.dup(reader), "rb", buffering=0) as file:
        start = start_from(json.loads(file.readline()))
    if os.getppid() != start.owner:
        return 0
    try:
        Worker(start, reader, writer).run()
    except SandboxError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    except ChildProcessError as error:
        print(error, file=sys.stderr)  # its last line is what the host shows
        return 1
    except AutorewardError as error:
        fault = {"event": "fault", "type": type(error).__name__, "text": str(error)}
        os.write(writer, json.dumps(fault).encode() + b"\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
