"""The pool of jails: one reward's end is its own, formulas share a jail, old jails take no jobs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from autoreward.config import SandboxSettings
from autoreward.errors import SandboxError
from autoreward.sandbox.backends.process import ProcessSandbox
from autoreward.sandbox.child import ChildProcess
from autoreward.sandbox.contract import Batch, JailFailure, Labels, Limits
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.reserve import Reserve
from autoreward.schema import Actuator, Field, StateSchema
from autoreward.training.jails import JailPool
from autoreward.training.population import Values

SCHEMA = StateSchema(
    (
        Field("height", "qpos[0]", "m", "height", low=0, high=2),
        Field("speed", "qvel[0]", "m/s", "speed", low=-5, high=5),
    ),
    (Actuator("motor", "N m", "torque"),),
    0.01,
)
STEPS, ROWS = 4, 3
JOB_S = 100.0
LIMITS = Limits(call_timeout_s=5.0, memory_mb=1500, lifetime_s=2 * JOB_S)

TALL = "def tall(state, action, next_state):\n    return next_state.height\n\nFORMULA = 'tall'\n"
FAST = "def fast(state, action, next_state):\n    return next_state.speed\n\nFORMULA = 'fast'\n"
SLOW_WHEN_HIGH = """
def slow(state, action, next_state):
    x = next_state.height
    if next_state.height.max() > 50.0:
        y = torch.eye(3000)
        for i in range(190):
            for j in range(100):
                y = y @ y
        x = x * y[0, 0]
    return x

FORMULA = "{formula}"
"""
HOARDS_WHEN_HIGH = """
def hoard(state, action, next_state):
    x = next_state.height
    if next_state.height.max() > 50.0:
        for _ in range(40):
            x = torch.cat([x, x])
    return x[:next_state.height.shape[0]]

FORMULA = "hoard"
"""
NAN_WHEN_HIGH = """
def log(state, action, next_state):
    return (60.0 - next_state.height).log()

FORMULA = "log"
"""
COUNT = """
def count(state, action, next_state, memory):
    memory["n"] = memory.get("n", torch.zeros_like(next_state.height)) + 1.0
    return memory["n"]

FORMULA = "{formula}"
"""


class Recorded(ProcessSandbox):
    """The process backend; keeps the jails it started, and fails where it is told to."""

    def __init__(self) -> None:
        super().__init__(SandboxSettings())
        self.jails: list[Jail] = []
        self.labels: list[Labels] = []
        self.failing = 0

    def launch(self, limits: Limits, labels: Labels) -> Jail:
        """Start a jail, or a process that ends before it is one."""
        self.labels.append(labels)
        if self.failing:
            self.failing -= 1
            program = "import os; os.write(2, b'disk full'); os._exit(9)"
            return Jail(ChildProcess([sys.executable, "-I", "-c", program]), limits)
        self.jails.append(super().launch(limits, labels))
        return self.jails[-1]


@pytest.fixture
def sandbox() -> Recorded:
    """Return the recorded backend."""
    return Recorded()


@pytest.fixture
def pool(sandbox: Recorded) -> Iterator[JailPool]:
    """Return a pool of real jails; in the end none of them is left."""
    made = JailPool(Reserve(sandbox, LIMITS, spare=0, run="a-run"), SCHEMA, JOB_S)
    yield made
    made.close()
    assert all(jail.ended for jail in sandbox.jails)


def block(height: float = 1.0) -> Batch:
    """Return transitions at a height."""
    heights = np.full((STEPS, ROWS), height, np.float32)
    fields = {"height": heights, "speed": 2 * heights}
    action = np.zeros((STEPS, ROWS, 1), np.float32)
    return Batch(fields, action, fields, np.zeros((STEPS, ROWS), np.float32))


def value(result: Values | JailFailure) -> float:
    """Return a job's only component, which is the same everywhere in its block."""
    assert not isinstance(result, JailFailure), result.message
    ((found,),) = (set(block.flatten().tolist()) for block in result[0].values())
    return float(found)


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        (SLOW_WHEN_HIGH.format(formula="slow"), "timeout"),
        (HOARDS_WHEN_HIGH, "memory"),
        (NAN_WHEN_HIGH, "bad-values"),
    ],
    ids=["hangs", "hoards", "nan"],
)
def test_a_reward_that_fails_later_ends_alone(
    pool: JailPool, sandbox: Recorded, code: str, finding: str
) -> None:
    """It loads and answers; in its third call it fails, and its neighbours' values stay right."""
    assert pool.admit({"bad": code, "tall": TALL, "fast": FAST}) == {}
    assert sorted(labels.run for labels in sandbox.labels) == ["a-run"] * 3
    assert sorted(labels.job for labels in sandbox.labels) == ["bad", "fast", "tall"]
    for _ in range(2):
        results = pool.evaluate({job: block() for job in ("bad", "tall", "fast")})
        assert value(results["tall"]) == 1.0 and value(results["fast"]) == 2.0
        assert not isinstance(results["bad"], JailFailure)
    results = pool.evaluate({"tall": block(3), "bad": block(100), "fast": block(3)})
    failure = results["bad"]
    assert isinstance(failure, JailFailure)
    assert failure.code == failure.finding().code == finding
    assert value(results["tall"]) == 3.0 and value(results["fast"]) == 6.0
    pool.release("bad")
    results = pool.evaluate({"tall": block(4), "fast": block(4)})
    assert value(results["tall"]) == 4.0 and value(results["fast"]) == 8.0
    assert len(sandbox.jails) == 3


def test_a_reward_that_does_not_load_is_not_admitted(pool: JailPool, sandbox: Recorded) -> None:
    """Its failure comes back under its job; the others are admitted, its jail is ended."""
    broken = TALL.replace("height", "heigth")
    failures = pool.admit({"broken": broken, "tall": TALL})
    assert list(failures) == ["broken"]
    assert failures["broken"].code == "unknown-name"
    assert value(pool.evaluate({"tall": block()})["tall"]) == 1.0
    assert [jail.ended for jail in sandbox.jails] == [True, False]
    pool.release("broken")  # never admitted: nothing happens


def test_formulas_over_one_file_share_a_jail_and_no_memory(
    pool: JailPool, sandbox: Recorded
) -> None:
    """Two jobs that differ in their formula alone: one process, a count for each."""
    pool.admit({"a": COUNT.format(formula="count"), "b": COUNT.format(formula="2 * count")})
    assert len(sandbox.jails) == 1
    last = [pool.evaluate({"a": block(), "b": block()}) for _ in range(2)][-1]
    both = [last[job] for job in ("a", "b")]
    for result in both:
        assert not isinstance(result, JailFailure)
        assert result[0]["count"][:, 0].tolist() == [5, 6, 7, 8]
    pool.admit({"c": COUNT.format(formula="3 * count")})
    assert len(sandbox.jails) == 1
    for job, ended in (("a", False), ("b", False), ("c", True)):
        pool.release(job)
        assert sandbox.jails[0].ended is ended


def test_a_jail_waits_for_its_candidate_while_there_is_room(sandbox: Recorded) -> None:
    """Its next job finds it, with a memory of its own; others take the room of the oldest."""
    jails = JailPool(Reserve(sandbox, LIMITS, spare=0), SCHEMA, JOB_S, keep=2)
    try:
        jails.admit({"first": COUNT.format(formula="count")})
        jails.evaluate({"first": block()})
        jails.release("first")
        jails.admit({"second": COUNT.format(formula="count")})
        assert len(sandbox.jails) == 1
        result = jails.evaluate({"second": block()})["second"]
        assert not isinstance(result, JailFailure)
        assert result[0]["count"][:, 0].tolist() == [1, 2, 3, 4]
        jails.admit({"tall": TALL})
        jails.release("tall")
        jails.release("second")
        assert [jail.ended for jail in sandbox.jails] == [False, False]
        jails.admit({"fast": FAST})
        assert [jail.ended for jail in sandbox.jails] == [False, True, False]
        jails.admit({"third": COUNT.format(formula="count"), "again": TALL})
        assert [jail.ended for jail in sandbox.jails] == [False, True, False, False]
        jails.release("again")
        assert sandbox.jails[-1].ended, "more than two"
    finally:
        jails.close()


def test_a_broken_jail_waits_for_nobody(sandbox: Recorded) -> None:
    """The candidate's next job is given a fresh one."""
    jails = JailPool(Reserve(sandbox, LIMITS, spare=0), SCHEMA, JOB_S, keep=2)
    code = SLOW_WHEN_HIGH.format(formula="slow")
    try:
        jails.admit({"bad": code})
        assert isinstance(jails.evaluate({"bad": block(100)})["bad"], JailFailure)
        jails.release("bad")
        jails.admit({"again": code})
        assert value(jails.evaluate({"again": block(2)})["again"]) == 2.0
    finally:
        jails.close()


def test_one_that_breaks_a_shared_jail_leaves_the_other_a_fresh_one(
    pool: JailPool, sandbox: Recorded
) -> None:
    """The other job's next block is computed in a new jail, with the right values."""
    files = {n: SLOW_WHEN_HIGH.format(formula=f) for n, f in (("bad", "slow"), ("good", "-slow"))}
    pool.admit(files)
    results = pool.evaluate({"good": block(5), "bad": block(100)})
    assert value(results["good"]) == 5.0
    assert isinstance(results["bad"], JailFailure)
    assert [jail.ended for jail in sandbox.jails] == [True, False]
    pool.release("bad")
    assert value(pool.evaluate({"good": block(7)})["good"]) == 7.0


def test_the_other_is_not_blamed_if_its_turn_comes_after(pool: JailPool, sandbox: Recorded) -> None:
    """In the same exchange: the jail is replaced before the second job's block is sent."""
    files = {n: SLOW_WHEN_HIGH.format(formula=f) for n, f in (("bad", "slow"), ("good", "-slow"))}
    pool.admit(files)
    results = pool.evaluate({"bad": block(100), "good": block(5)})
    assert isinstance(results["bad"], JailFailure)
    assert value(results["good"]) == 5.0


def test_the_time_of_a_reward_that_hung_is_counted(pool: JailPool) -> None:
    """Seconds waited for jails include those for an answer that never came."""
    pool.admit({"bad": SLOW_WHEN_HIGH.format(formula="slow")})
    pool.evaluate({"bad": block(100)})
    pool.release("bad")
    assert pool.seconds >= 0.9 * LIMITS.call_timeout_s


def test_a_jail_that_is_too_old_takes_no_new_job(
    pool: JailPool, sandbox: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could end by its own deadline within the job: the same components get a second jail."""
    pool.admit({"first": TALL})
    pool.admit({"second": TALL.replace("'tall'", "'2 * tall'")})
    assert len(sandbox.jails) == 1
    sandbox.jails[0]._started -= LIMITS.lifetime_s - JOB_S + 1
    pool.admit({"third": TALL.replace("'tall'", "'3 * tall'")})
    assert len(sandbox.jails) == 2
    pool.admit({"fourth": TALL.replace("'tall'", "'4 * tall'")})
    assert len(sandbox.jails) == 2
    results = pool.evaluate({job: block(2) for job in ("first", "second", "third", "fourth")})
    assert {value(result) for result in results.values()} == {2.0}
    for job in ("first", "second"):
        pool.release(job)
    assert [jail.ended for jail in sandbox.jails] == [True, False]
    assert value(pool.evaluate({"third": block(6)})["third"]) == 6.0


def test_a_jail_that_fails_to_start_is_tried_again(pool: JailPool, sandbox: Recorded) -> None:
    """Twice it is our infrastructure's fault; the reward is never blamed for it."""
    sandbox.failing = 2
    assert pool.admit({"tall": TALL}) == {}
    assert value(pool.evaluate({"tall": block()})["tall"]) == 1.0
    assert len(sandbox.labels) == 3


def test_one_that_never_starts_is_infrastructure(pool: JailPool, sandbox: Recorded) -> None:
    """Three times: an error that ends the trainer's work, not a finding that ends the reward."""
    pool.admit({"fast": FAST})
    sandbox.failing = 99
    with pytest.raises(SandboxError, match="disk full"):
        pool.admit({"tall": TALL})
    assert value(pool.evaluate({"fast": block()})["fast"]) == 2.0
    with pytest.raises(KeyError):
        pool.fields("tall")


def test_infrastructure_after_a_failure_is_infrastructure(
    pool: JailPool, sandbox: Recorded
) -> None:
    """If the fresh jail for the other job cannot be started, that is said as what it is."""
    files = {n: SLOW_WHEN_HIGH.format(formula=f) for n, f in (("bad", "slow"), ("good", "-slow"))}
    pool.admit(files)
    sandbox.failing = 99
    with pytest.raises(SandboxError, match="disk full"):
        pool.evaluate({"bad": block(100), "good": block(5)})


def test_the_deadline_of_a_jail_is_a_timeout(sandbox: Recorded) -> None:
    """A jail that reaches the end of its life while it has a job is told as being late."""
    short = Limits(call_timeout_s=20.0, memory_mb=1500, lifetime_s=4.0)
    jails = JailPool(Reserve(sandbox, short, spare=0), SCHEMA, 0.1)
    try:
        jails.admit({"tall": TALL})
        until = time.monotonic() + 60
        result = jails.evaluate({"tall": block()})["tall"]
        while not isinstance(result, JailFailure) and time.monotonic() < until:
            time.sleep(0.2)
            result = jails.evaluate({"tall": block()})["tall"]
        assert isinstance(result, JailFailure)
        assert result.code == "timeout"
    finally:
        jails.close()


def test_a_pool_knows_what_each_job_reads(pool: JailPool) -> None:
    """So that the trainer sends no more."""
    pool.admit({"tall": TALL, "fast": FAST})
    assert pool.fields("tall") == {"height"}
    assert pool.fields("fast") == {"speed"}
