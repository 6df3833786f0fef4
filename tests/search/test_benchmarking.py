"""Benchmarks: reading suites, planning equal runs, carrying them out."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_suite import HOPPER, SUITE, finished, planned, write_suite

from autoreward.errors import BudgetExceeded, RunError, UsageError
from autoreward.llm.ledger import Ledger, Spent
from autoreward.llm.request import Reply, Request
from autoreward.search.benchmarking import running
from autoreward.search.benchmarking.plan import Planned, chosen, final_steps, plan
from autoreward.search.benchmarking.running import carry_out, summary_of, working_on
from autoreward.search.benchmarking.suite import open_suite, suites
from autoreward.search.observer import Observer, silent
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes the suite of these tests with some keys changed."""
    return functools.partial(write_suite, tmp_path)


@pytest.mark.parametrize("name", ["quick", "learning"])
def test_the_suites_that_come_along(name: str) -> None:
    """Each can be planned, and its runs differ in method, task or seed."""
    assert name in suites()
    file, suite = open_suite(name)
    runs = plan(file, suite)
    assert len(runs) == len(suite.tasks) * len(suite.methods) * suite.run_seeds
    assert next(iter(suite.methods)) == "full"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"env_step": 5}, "unknown key 'env_step'; did you mean 'env_steps'?"),
        ({"env_steps": None}, "env_steps"),
        ({"env_steps": 0}, "env_steps"),
        ({"run_seeds": "two"}, "run_seeds"),
        ({"tasks": []}, "tasks"),
        ({"tasks": [{"env": "point_mass"}]}, "tasks.0.description"),
        ({"tasks": SUITE["tasks"] * 2}, "twice"),
        ({"methods": {}}, "methods"),
        ({"methods": {"Full search": []}}, "'Full search' cannot be a method's name"),
        ({"methods": {"human": []}}, "'human' comes with every run"),
        ({"methods": {"full": "search.strategy=full"}}, "methods.full"),
    ],
)
def test_mistakes_in_a_suite(write: Write, changes: dict[str, Any], part: str) -> None:
    """Each is one sentence with the file and the key."""
    path = write(**changes)
    with pytest.raises(UsageError) as caught:
        open_suite(str(path))
    assert part in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_unknown_suites(tmp_path: Path) -> None:
    """A name that is near one is answered with it, a file that is missing with its path."""
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        open_suite("quik")
    with pytest.raises(UsageError, match=r"none\.yaml"):
        open_suite(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("changes", "overrides", "part"),
    [
        ({"set": ["search.strategi=full"]}, [], "by full: search.strategi: no setting called"),
        ({"methods": {"odd": ["search.eta=1"]}}, [], "point_mass by odd: search.eta"),
        ({}, ["search.eta=1"], "--set search.eta"),
        ({"set": [*SUITE["set"], "budget.env_steps=5"]}, [], "budget.env_steps is the suite's"),
        ({"env_steps": 2000}, [], "env_steps is 2,000, but one training takes 2,048"),
        ({}, ["budget.calls=5"], "budget.calls is the suite's"),
        ({"set": ["search.review=true"]}, [], "does not wait for people"),
        ({"tasks": [{"env": "nowhere", "description": "x"}]}, [], "no environment 'nowhere'"),
        (
            {"tasks": [*SUITE["tasks"], {**SUITE["tasks"][0], "task": "reach"}]},
            [],
            "come down to the same one",
        ),
    ],
)
def test_mistakes_in_settings(
    write: Write, changes: dict[str, Any], overrides: list[str], part: str
) -> None:
    """They show before any run begins, and say whose they are."""
    with pytest.raises(UsageError) as caught:
        planned(write(**changes), *overrides)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_runs_may_search_for_the_same_steps(write: Write) -> None:
    """Whatever a run's final comparison takes, it comes on top of the suite's budget."""
    methods = {"full": [], "sure": ["search.confirm_seeds=5", "search.finalists=3"]}
    tasks = [*SUITE["tasks"], HOPPER]
    _, runs = planned(write(methods=methods, tasks=tasks, calls=7))
    assert all(run.setup.settings.budget.env_steps == 8192 + final_steps(run.setup) for run in runs)
    assert {run.setup.settings.budget.calls for run in runs} == {7}
    # (finalists + baselines) × confirm seeds, each whole iterations of 16 × 128 steps
    sizes = {(run.task, run.method): final_steps(run.setup) // 2048 for run in runs}
    assert sizes == {
        ("point_mass/reach", "full"): 6,
        ("point_mass/reach", "sure"): 25,
        ("hopper/hop_high", "full"): 4,
        ("hopper/hop_high", "sure"): 20,
    }


def test_runs_come_seed_by_seed_and_can_be_chosen(write: Write) -> None:
    """A benchmark that is stopped early has whole comparisons; a part can be asked for."""
    suite, runs = planned(write())
    assert [(run.seed, run.method) for run in runs] == [
        (0, "full"), (0, "random"), (1, "full"), (1, "random"),
    ]  # fmt: skip
    assert [run.setup.settings.seed for run in runs] == [0, 0, 1, 1]
    part = chosen(runs, suite, ["random"], 1)
    assert [run.name for run in part] == ["point_mass-reach-random-s0"]
    with pytest.raises(UsageError, match="did you mean 'random'"):
        chosen(runs, suite, ["randm"], None)
    with pytest.raises(UsageError, match="2 run seeds, not 3"):
        chosen(runs, suite, [], 3)


class Log:
    """Notes what a benchmark tells."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.problems: list[str] = []

    def begins(self, run: Planned, number: int, of: int) -> Observer:
        """Note that a run begins."""
        self.begun.append(run.name)
        return silent

    def ended(self, run: Planned, summary: dict[str, Any] | None, problem: str) -> None:
        """Note what went wrong, if anything did."""
        if summary is None:
            self.problems.append(problem)


def fake_engine(monkeypatch: pytest.MonkeyPatch, failing: Callable[[Setup], None]) -> None:
    """Let runs begin unchecked, and end at once with a made-up summary or as `failing` does."""

    class Quick:
        def __init__(self, journal: Journal, setup: Setup, observer: Observer) -> None:
            self.journal, self.setup = journal, setup

        def execute(self) -> dict[str, Any]:
            failing(self.setup)
            summary = finished(self.setup, 1.0, {"human": 1.0, "sparse": 0.0, "zero": 0.0})
            self.journal.set_meta("summary", summary)
            return summary

    def create(setup: Setup, kind: str, paths: object, *, name: str, root: Path) -> Journal:
        return Journal.create(root / name, setup.settings.to_dict(), {})

    monkeypatch.setattr(running, "Run", Quick)
    monkeypatch.setattr(running, "create_run", create)
    monkeypatch.setattr(running, "_share_baselines", lambda *_: None)


def test_one_failing_run_does_not_stop_the_others(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure and a defect are reported in a sentence each; the next time only those run."""
    _, runs = planned(write())
    names = [run.name for run in runs]

    def failing(setup: Setup) -> None:
        if setup.settings.search.strategy == "full":
            if setup.settings.seed:
                raise ZeroDivisionError("by nothing")
            raise RunError("no candidate\ncould be trained")

    fake_engine(monkeypatch, failing)
    log, folder = Log(), tmp_path / "bench"
    with working_on(folder):
        problems = carry_out(folder, runs, (), log)
    assert log.begun == names
    assert problems[names[0]] == "no candidate could be trained"
    assert "ZeroDivisionError: by nothing" in problems[names[2]]
    trace = folder / names[2] / "problem.txt"
    assert str(trace) in problems[names[2]]
    assert "Traceback" in trace.read_text()
    assert len(problems) == 2

    fake_engine(monkeypatch, lambda setup: None)
    log = Log()
    with working_on(folder):
        assert carry_out(folder, runs, (), log) == {}
    assert log.begun == [names[0], names[2]]
    assert not trace.exists()
    assert all(summary_of(folder / name) for name in names)


def test_runs_with_other_settings_are_not_mixed(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that holds runs of a changed suite is refused, with the setting that differs."""
    fake_engine(monkeypatch, lambda setup: None)
    folder = tmp_path / "bench"
    _, runs = planned(write())
    with working_on(folder):
        carry_out(folder, runs[:1], (), Log())
        _, changed = planned(write(), "training.gamma=0.5")
        with pytest.raises(RunError, match=r"training.gamma = 0.99, and now it is 0.5"):
            carry_out(folder, changed, (), Log())


def test_a_kill_while_a_run_is_made_leaves_nothing_half(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed host left of a run that it was just making is swept away."""
    fake_engine(monkeypatch, lambda setup: None)
    folder = tmp_path / "bench"
    _, runs = planned(write())
    half = folder / ".new" / runs[0].name
    half.mkdir(parents=True)
    (half / "run.db").write_bytes(b"")
    with working_on(folder):
        assert carry_out(folder, runs[:1], (), Log()) == {}
    assert summary_of(folder / runs[0].name)


def test_two_hosts_and_foreign_folders_are_refused(tmp_path: Path, write: Write) -> None:
    """The second host hears the first one's pid; a run's folder is no benchmark's."""
    with (
        working_on(tmp_path / "bench"),
        pytest.raises(RunError, match=f"by process {os.getpid()}"),
        working_on(tmp_path / "bench"),
    ):
        pass
    with working_on(tmp_path / "bench"):
        pass
    _, runs = planned(write())
    Journal.create(tmp_path / "run", runs[0].setup.settings.to_dict(), {}).close()
    with pytest.raises(RunError, match="is a run, not a benchmark"), working_on(tmp_path / "run"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot make the folder"), working_on(tmp_path / "file"):
        pass


def test_calls_are_limited() -> None:
    """As many calls go out as the limit allows; one that fails gives its place back."""
    ledger = Ledger(max_calls=2)
    first, second, third = (Request("a/b", (), sample=number) for number in range(3))
    reply = Reply("text", "b", output_tokens=5)
    ledger.reserve(first, 0.0, 10)
    ledger.settle(first, 0.0, 10, reply)
    ledger.reserve(second, 0.0, 10)
    ledger.release(second, 0.0, 10)
    ledger.reserve(second, 0.0, 10)
    ledger.settle(second, 0.0, 10, reply)
    with pytest.raises(BudgetExceeded, match="the limit of 2 calls"):
        ledger.reserve(third, 0.0, 10)
    known = Ledger(spent=Spent(calls=2), max_calls=2)
    with pytest.raises(BudgetExceeded, match="the limit of 2 calls"):
        known.reserve(third, 0.0, 10)
