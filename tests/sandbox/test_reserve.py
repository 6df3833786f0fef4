"""The reserve: jails are started ahead, never too old, tried three times, and never left over."""

from __future__ import annotations

import dataclasses
import os
import select
import sys
import time
from collections.abc import Iterator

import pytest

from autoreward.errors import SandboxError
from autoreward.sandbox.child import ChildProcess
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.reserve import SPARE, Reserve
from autoreward.testing.sandboxes import SCHEMA

READY = (
    "import os, struct, sys\n"
    "os.write(1, struct.pack('<4sBI', b'ARJ1', 1, 2) + b'{}')\n"
    "sys.stdin.buffer.read()\n"
)
"""A server that is ready at once and never gets a reward."""
DEAD = "import os; os.write(2, b'no memory left'); os._exit(3)"


class Launcher:
    """A sandbox whose jails are quick impostors.

    Args:
        broken: Numbers of the launches, from 0, whose jail does not come up.
        refused: Numbers of the launches that are refused.
    """

    name, strength, summary = "launcher", 0, "impostors"

    def __init__(self, broken: set[int] | None = None, refused: set[int] | None = None) -> None:
        self.broken, self.refused = broken or set(), refused or set()
        self.jails: list[Jail] = []
        self.labels: list[Labels] = []

    def launch(self, limits: Limits, labels: Labels) -> Jail:
        """Start an impostor."""
        number = len(self.labels)
        self.labels.append(labels)
        if number in self.refused:
            raise SandboxError("the engine is busy")
        program = DEAD if number in self.broken else READY
        self.jails.append(Jail(ChildProcess([sys.executable, "-I", "-c", program]), limits))
        return self.jails[-1]

    def sweep(self) -> int:
        """Return that nothing was left."""
        return 0

    @property
    def jobs(self) -> list[str]:
        """The jobs of all launches so far, in order."""
        return [labels.job for labels in self.labels]

    def living(self) -> list[Jail]:
        """Return the jails that were not closed; all others' processes must be gone."""
        for jail in self.jails:
            if jail.ended:
                pid = jail._process.pid  # type: ignore[attr-defined]
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)
        return [jail for jail in self.jails if not jail.ended]


@pytest.fixture
def quick() -> Iterator[Limits]:
    """Return limits for jails that need no torch."""
    yield Limits(call_timeout_s=5.0, startup_timeout_s=20.0, lifetime_s=1000.0)


def test_spares_are_started_ahead_and_used(quick: Limits) -> None:
    """After the first take two wait; the next take uses these very jails and starts two more."""
    launcher = Launcher()
    with Reserve(launcher, quick, spare=2, run="my-run") as reserve:
        assert launcher.jobs == []  # nothing before it is needed
        first = reserve.take(["a"])
        assert launcher.jobs == ["a", SPARE, SPARE]
        assert {labels.run for labels in launcher.labels} == {"my-run"}
        spares = launcher.jails[1:3]
        second = reserve.take(["b", "c", "d"])
        assert [second["b"], second["c"]] == spares
        assert launcher.jobs[3:] == ["d", SPARE, SPARE]
        taken = [*first.values(), *second.values()]
        assert len(set(map(id, taken))) == 4
        assert not any(jail.ended for jail in taken)
    assert set(map(id, launcher.living())) == set(map(id, taken))
    for jail in taken:
        jail.close()
    assert launcher.living() == []


def test_without_spares_nothing_is_started_ahead(quick: Limits) -> None:
    """And nothing for no jobs."""
    launcher = Launcher()
    with Reserve(launcher, quick, spare=0) as reserve:
        assert reserve.take([]) == {}
        jails = reserve.take(["a", "b"])
        assert list(jails) == launcher.jobs == ["a", "b"]
        for jail in jails.values():
            jail.close()
    assert launcher.living() == []


def wait_until_up(jails: list[Jail]) -> None:
    """Give spare jails the time to come up that they have while they wait."""
    for jail in jails:
        assert select.select([jail._process.reader], [], [], 20)[0]


def test_a_spare_that_is_too_old_is_replaced(
    quick: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has used up a quarter of its life is ended, and a new one is taken instead."""
    launcher = Launcher()
    with Reserve(launcher, quick, spare=2) as reserve:
        reserve.take(["a"])["a"].close()
        old = launcher.jails[1:3]
        wait_until_up(old)
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 0.2 * quick.lifetime_s)
        young_enough = reserve.take(["b"])["b"]
        assert young_enough is old[0]
        young_enough.close()
        wait_until_up(launcher.jails[3:])
        monkeypatch.setattr(time, "monotonic", lambda: now + 0.3 * quick.lifetime_s)
        # waiting now: the other old one, and one that was started at 0.2
        taken = reserve.take(["c", "d"])
        monkeypatch.undo()
        assert old[1].ended
        assert taken["c"] is launcher.jails[3]
        for jail in taken.values():
            jail.close()
    assert launcher.living() == []


@pytest.mark.parametrize("how", ["broken", "refused"])
def test_a_start_that_fails_twice_is_tried_a_third_time(quick: Limits, how: str) -> None:
    """Infrastructure fails now and then; the failed ones are closed."""
    launcher = Launcher(**{how: {0, 1}})
    with Reserve(launcher, quick, spare=0) as reserve:
        jail = reserve.take(["a"])["a"]
        assert launcher.jobs == ["a"] * 3
        assert launcher.living() == [jail]
        jail.close()


@pytest.mark.parametrize("how", ["broken", "refused"])
def test_a_start_that_fails_three_times_is_an_error(quick: Limits, how: str) -> None:
    """With the reason; no jail of the failed take is left, nor a spare one started."""
    launcher = Launcher(**{how: set(range(99))})
    reason = "no memory left" if how == "broken" else "the engine is busy"
    with Reserve(launcher, quick, spare=2) as reserve:
        with pytest.raises(SandboxError, match=reason):
            reserve.take(["a"])
        assert launcher.jobs == ["a"] * 3
        assert launcher.living() == []


@pytest.mark.parametrize("how", ["broken", "refused"])
def test_a_failed_start_costs_no_other_job_its_jail(quick: Limits, how: str) -> None:
    """Those that came up are kept or closed, never lost: in the end each job has one of its own."""
    launcher = Launcher(**{how: {1}})
    with Reserve(launcher, quick, spare=0) as reserve:
        jails = reserve.take(["a", "b", "c"])
        assert list(jails) == ["a", "b", "c"]
        assert len(launcher.living()) == 3
        assert not any(jail.ended for jail in jails.values())
        for jail in jails.values():
            jail.close()
    assert launcher.living() == []


def test_what_came_up_before_the_third_failure_is_closed(quick: Limits) -> None:
    """A take that fails gives nothing, so it must leave nothing."""
    launcher = Launcher(broken={1, 2, 3, 4, 5, 6})
    with Reserve(launcher, quick, spare=1) as reserve:
        with pytest.raises(SandboxError):
            reserve.take(["a", "b"])
        assert launcher.living() == []


def test_a_spare_that_did_not_come_up_is_replaced(quick: Limits) -> None:
    """It ended while it waited, before anyone looked: its job gets another jail."""
    launcher = Launcher(broken={1})
    with Reserve(launcher, quick, spare=1) as reserve:
        reserve.take(["a"])["a"].close()
        jail = reserve.take(["b"])["b"]
        assert jail is not launcher.jails[1]
        assert launcher.jails[1].ended and not jail.ended
        jail.close()
    assert launcher.living() == []


def test_a_spare_that_was_killed_while_it_waited_is_never_blamed_on_its_job(quick: Limits) -> None:
    """It was ready, then somebody killed it: that is infrastructure, and no finding."""
    launcher = Launcher()
    with Reserve(launcher, quick, spare=1) as reserve:
        reserve.take(["a"])["a"].close()
        wait_until_up(launcher.jails[1:])
        child = launcher.jails[1]._process._child  # type: ignore[attr-defined]
        child.kill()
        child.wait()
        with reserve.take(["b"])["b"] as jail, pytest.raises(SandboxError):
            jail.load("def a(state, action, next_state):\n    return 0\n", SCHEMA)
    assert launcher.living() == []


def test_a_spare_that_cannot_be_started_does_not_lose_the_jobs_jails(quick: Limits) -> None:
    """Spares are for later: their failure must not leave jails that nobody holds."""
    launcher = Launcher(refused={1})
    with Reserve(launcher, quick, spare=1) as reserve:
        try:
            taken = list(reserve.take(["a"]).values())
        except SandboxError:
            taken = []
        assert [jail for jail in launcher.living() if jail not in taken] == []
        for jail in taken:
            jail.close()
    assert launcher.living() == []


def test_an_interrupt_while_starting_leaves_nothing(
    quick: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C during a take ends what it had started."""
    launcher = Launcher()
    original = Jail.wait_ready
    calls: list[Jail] = []

    def interrupted(jail: Jail) -> None:
        calls.append(jail)
        if len(calls) == 2:
            raise KeyboardInterrupt
        original(jail)

    monkeypatch.setattr(Jail, "wait_ready", interrupted)
    with pytest.raises(KeyboardInterrupt), Reserve(launcher, quick, spare=0) as reserve:
        reserve.take(["a", "b", "c"])
    left = launcher.living()
    for jail in left:
        jail.close()
    assert left == []


def test_closing_twice_is_fine(quick: Limits) -> None:
    """And a closed reserve has nothing in hand."""
    launcher = Launcher()
    reserve = Reserve(launcher, dataclasses.replace(quick), spare=1)
    reserve.take(["a"])["a"].close()
    reserve.close()
    reserve.close()
    assert launcher.living() == []
