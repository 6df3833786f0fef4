"""Runs that wait for people: approval before training, preferences as the fitness."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from test_run import execute, settings

from autoreward.environments.folder import open_environment
from autoreward.errors import AutorewardError
from autoreward.evaluation.ratings import next_pair
from autoreward.rewards.source import parse_reward
from autoreward.search.archive import attempts, search_job
from autoreward.store.journal import Journal
from autoreward.store.people import Edit, People

FOLDER = open_environment("point_mass")
PROGRAM = (
    "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[2])\n"
    "from test_run import execute, settings\nexecute(Path(sys.argv[1]), settings(*sys.argv[3:]))\n"
)
EDITED = '''"""Written by a person."""

def near(state, action, next_state):
    """1 at the goal, in [0, 1]."""
    return tolerance(next_state.distance, margin=3.0)

FORMULA = "near"
'''


def host(directory: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own."""
    here = str(Path(__file__).parent)
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(directory), here, *options])


def until(directory: Path, met: Callable[[People], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until something is true of the journal."""
    end = time.monotonic() + 90
    while True:
        assert time.monotonic() < end and process.poll() is None
        try:
            with Journal.read(directory) as journal:
                if met(journal):
                    return
        except AutorewardError:  # the journal is being made
            pass
        time.sleep(0.1)


def waiting(journal: People) -> list[str]:
    """Return the candidates that nobody has decided on."""
    return [
        c.id
        for c in journal.candidates()
        if c.state == "checked" and journal.decision(c.id) is None
    ]


def test_nothing_runs_without_approval_and_no_word_is_lost(tmp_path: Path) -> None:
    """Killed while it waits, a run trains exactly what was approved or written by a person."""
    directory, options = tmp_path / "run", ("search.review=true", "search.generations=1")
    process = host(directory, *options)
    until(directory, lambda journal: len(waiting(journal)) == 3, process)
    with Journal.beside(directory) as people:
        first, second, third = waiting(people)
        assert not people.jobs(), "nothing is trained before a person has spoken"
        people.review(first, "approve", reviewer="me")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    source = parse_reward(EDITED)
    edit = Edit(source.identity, EDITED, str(source.formula), source.skeleton)
    with Journal.beside(directory) as people:
        people.edit(second, edit, "nearness alone", reviewer="me")
        people.review(third, "reject", "it rewards waiting", reviewer="me")
    summary = execute(directory, settings(*options))
    assert summary["candidates"] == 4
    with Journal.read(directory) as journal:
        trained = {job.candidate for job in journal.jobs(purpose="search")}
        states = {c.id: c.state for c in journal.candidates()}
    assert trained == {first, source.identity}
    assert states[third] == states[second] == "rejected"


def test_people_choose_the_winner(tmp_path: Path) -> None:
    """With preferences as fitness the candidate that people like wins, though it measures worst."""
    directory = tmp_path / "run"
    options = ("search.fitness=preference", "search.generations=1", "search.comparisons=1")
    process = host(directory, *options)
    until(
        directory, lambda journal: len(journal.jobs(purpose="search", state="done")) == 3, process
    )
    with Journal.beside(directory) as people:
        names = [c.id for c in people.candidates()]
        goal = FOLDER.fitness_named("goal_distance")
        liked = attempts(people, goal)[-1].id
    end = time.monotonic() + 90
    while process.poll() is None:
        assert time.monotonic() < end
        with Journal.beside(directory) as people:
            made = people.preferences()
            pair = next_pair(names, made)
            assert pair is not None
            if len(made) < 6:
                best = pair if liked not in pair else (liked, *(n for n in pair if n != liked))
                jobs = [search_job(people, name) for name in best]
                people.prefer(str(jobs[0]), str(jobs[1]), "a")
        time.sleep(0.2)
    with Journal.read(directory) as journal:
        assert journal.meta("winner") == liked


def test_a_finished_run_hears_feedback_and_goes_on(tmp_path: Path) -> None:
    """More generations: old trainings stay, the comparison is made anew on other test seeds."""
    from autoreward.search.continuing import extend

    directory = tmp_path / "run"
    first = execute(directory, settings("search.generations=1"))
    with Journal.beside(directory) as people:
        people.add_feedback("be quicker")
    with Journal.open(directory) as journal:
        before = {job.id: job.finished for job in journal.jobs(state="done")}
        extend(journal, 1)
        config = journal.meta("config")
    assert config["search"]["generations"] == 2
    second = execute(directory, settings("search.generations=2"))
    assert first["comparisons"] == 1 and second["comparisons"] == 2
    assert second["candidates"] == 6
    with Journal.read(directory) as journal:
        after = {job.id: job.finished for job in journal.jobs(state="done")}
        job = next(j for j in journal.jobs(purpose="baseline", state="done"))
        assert journal.scores(job.id, "test") and journal.scores(job.id, "test-2")
        assert journal.scores(job.id, "test") != journal.scores(job.id, "test-2")
    assert before.items() <= after.items(), "a finished training was touched again"
