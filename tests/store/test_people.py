"""What people write: reviews, edits, feedback, preferences; beside a working run, and killed."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoreward.errors import RunError
from autoreward.store.database import lock_owner
from autoreward.store.journal import Journal
from autoreward.store.people import Edit

ROOT = Path(__file__).resolve().parents[2]

# Holds the run lock and writes a hundred times a second, more than any run does.
WORKER = """
import sys, time
from pathlib import Path
from autoreward.store.journal import Journal

with Journal.open(Path(sys.argv[1])) as journal:
    number = 0
    while True:
        journal.event("work", number=number)
        print(number, flush=True)
        number += 1
        time.sleep(0.01)
"""

REVIEWER = """
import sys
from pathlib import Path
from autoreward.store.journal import Journal
from autoreward.store.people import Edit

number = int(sys.argv[2])
while True:
    with Journal.beside(Path(sys.argv[1])) as people:
        people.review("c1", "comment", f"{number} " * 500, reviewer="me")
        people.edit("c1", Edit(f"e{number}", f"# {number}", "a", "s"), reviewer="me")
        people.add_feedback(str(number))
        people.prefer("j1", "j2", "a")
    print(number, flush=True)
    number += 1
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run with two candidates of one proposal each, both trained."""
    with Journal.create(tmp_path / "r1", {"env": "hopper"}, {}) as journal:
        for number in (1, 2):
            journal.open_proposal(number, generation=0, operator="draft")
            journal.add_candidate(
                f"c{number}",
                proposal=number,
                text="# reward",
                formula="a",
                skeleton="s",
                idea="hop",
            )
            journal.close_proposal(number, "accepted", candidate=f"c{number}")
            journal.queue_job(
                f"j{number}", candidate=f"c{number}", purpose="search", training_seed=0, steps=1
            )
    return tmp_path / "r1"


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_the_last_decision_holds(run: Path) -> None:
    """Approve, reject and edit replace each other; comments and pins decide nothing."""
    with Journal.beside(run) as people:
        assert people.decision("c1") is None
        people.review("c1", "comment", "why squared?", reviewer="ann")
        people.review("c1", "pin", reviewer="ann")
        assert people.decision("c1") is None
        people.review("c1", "reject", "it pays for falling", reviewer="ann")
        assert people.decision("c1") == "rejected"
        people.review("c1", "approve", reviewer="bob")
        people.review("c1", "comment", "fine", reviewer="bob")
        assert people.decision("c1") == "approved"
        assert people.decision("c2") is None
    with Journal.open(run) as journal:
        said = [(r.action, r.text, r.reviewer) for r in journal.reviews("c1")]
        assert said[2] == ("reject", "it pays for falling", "ann")
        assert len(said) == 5
        assert journal.reviews("c2") == []


def test_pins(run: Path) -> None:
    """A pin holds until it is taken away."""
    with Journal.beside(run) as people:
        for candidate, action in (("c1", "pin"), ("c2", "pin"), ("c1", "unpin")):
            people.review(candidate, action, reviewer="ann")  # type: ignore[arg-type]
        assert people.pinned() == {"c2"}


def test_an_edit_is_a_candidate_of_the_same_proposal(run: Path) -> None:
    """It keeps the idea, says who changed what, has its file, and takes the other's place."""
    with Journal.beside(run) as people:
        people.edit("c1", Edit("c9", "# mine", "2 * a", "s"), "twice the weight", reviewer="ann")
    with Journal.read(run) as journal:
        edited = journal.candidate("c9")
        assert (edited.proposal, edited.idea, edited.state) == (1, "hop", "proposed")
        assert edited.changes == "c1 edited by ann: twice the weight"
        assert journal.decision("c1") == "edited"
        assert journal.edited_into("c1") == "c9"
        assert journal.files.candidate("c9").read_text() == "# mine"
        with pytest.raises(ValueError, match="no edit of c2"):
            journal.edited_into("c2")


def test_an_edit_into_a_known_reward_leaves_that_as_it_is(run: Path) -> None:
    """Whoever edits a reward into one that exists decides for that one."""
    with Journal.beside(run) as people:
        people.edit("c1", Edit("c2", "# other layout", "a", "s"), reviewer="ann")
        assert people.candidate("c2").text == "# reward"
        assert people.edited_into("c1") == "c2"
        assert people.files.candidate("c2").read_text() == "# reward"


def test_feedback_and_preferences(run: Path) -> None:
    """They come back in the order they were said, and later proposals can know which they saw."""
    with Journal.beside(run) as people:
        people.add_feedback("hop higher")
        people.add_feedback("it falls", "c1")
        people.prefer("j1", "j2", "b", (0, 3))
    with Journal.open(run) as journal:
        said = journal.feedback()
        assert [(f.candidate, f.text) for f in said] == [(None, "hop higher"), ("c1", "it falls")]
        [made] = journal.preferences()
        assert (made.candidate_a, made.candidate_b, made.outcome) == ("c1", "c2", "b")
        assert (made.job_a, made.episode_a, made.job_b, made.episode_b) == ("j1", 0, "j2", 3)
        proposal = journal.open_proposal(3, generation=1, operator="draft")
        assert max(f.id for f in said) <= proposal.seen
        with Journal.beside(run) as people:
            people.add_feedback("too late for that one")
        assert journal.feedback()[-1].id > proposal.seen


def test_every_word_has_its_event(run: Path) -> None:
    """What follows the events hears of people, too; a row's id is that of its event."""
    with Journal.beside(run) as people:
        before = people.events()[-1].seq
        people.review("c1", "reject", "no", reviewer="ann")
        people.add_feedback("higher", "c2")
        people.prefer("j1", "j2", "tie")
        events = people.events(after=before)
        assert [(e.kind, e.data) for e in events] == [
            ("candidate-reviewed", {"candidate": "c1", "action": "reject", "edited": None}),
            ("feedback", {"candidate": "c2"}),
            ("preferred", {"a": "c1", "b": "c2", "outcome": "tie"}),
        ]
        rows = (*people.reviews(), *people.feedback(), *people.preferences())
        assert [row.id for row in rows] == [event.seq for event in events]


def test_what_is_not_there_cannot_be_spoken_of(run: Path) -> None:
    """Unknown candidates and jobs are the caller's bug, and leave no row and no event."""
    with Journal.beside(run) as people:
        before = people.events()
        with pytest.raises(ValueError, match="no candidate c7"):
            people.review("c7", "approve", reviewer="ann")
        with pytest.raises(ValueError, match="no candidate c7"):
            people.edit("c7", Edit("c8", "#", "a", "s"), reviewer="ann")
        with pytest.raises(ValueError, match="no candidate c7"):
            people.add_feedback("x", "c7")
        with pytest.raises(ValueError, match="no job j7"):
            people.prefer("j1", "j7", "a")
        assert people.events() == before
        assert len(people.candidates()) == 2


def test_people_write_beside_a_run_at_work(run: Path) -> None:
    """A process holds the run lock and writes on and on; every review gets in."""
    with start(WORKER, run) as worker:
        assert worker.stdout and worker.stdout.readline()
        assert lock_owner(run / "run.lock") == worker.pid
        with Journal.beside(run) as people:
            for number in range(40):
                people.review("c1", "comment", str(number), reviewer="ann")
                people.add_feedback(str(number))
            assert lock_owner(run / "run.lock") == worker.pid
        done = int(worker.stdout.readline())
        assert worker.poll() is None
        worker.kill()
    with Journal.open(run) as journal:
        assert [review.text for review in journal.reviews()] == [str(n) for n in range(40)]
        assert len(journal.feedback()) == 40
        work = [e.data["number"] for e in journal.events() if e.kind == "work"]
        assert len(work) > done
        assert work == list(range(len(work)))


def test_a_killed_reviewer_loses_nothing_that_was_confirmed(run: Path) -> None:
    """After kill -9 at 12 random moments beside a working run the database is whole."""
    moments = random.Random(0)
    told: set[int] = set()
    with start(WORKER, run) as worker:
        assert worker.stdout and worker.stdout.readline()
        for kill in range(12):
            with start(REVIEWER, run, kill * 1000) as reviewer:
                assert reviewer.stdout
                first = reviewer.stdout.readline()
                time.sleep(moments.uniform(0, 0.1))
                reviewer.send_signal(signal.SIGKILL)
                told |= {int(line) for line in (first, *reviewer.stdout.read().splitlines())}
        assert worker.poll() is None, "the run died of a reviewer's death"
        worker.kill()
    with Journal.open(run) as journal:
        comments = {int(r.text.split()[0]) for r in journal.reviews() if r.action == "comment"}
        feedback = {int(f.text) for f in journal.feedback()}
        edits = {r.edited for r in journal.reviews() if r.action == "edit"}
        assert told <= feedback <= comments
        assert {f"e{number}" for number in told} <= edits
        for edited in edits:
            assert edited and journal.candidate(edited).changes == "c1 edited by me"
            assert journal.files.candidate(edited).exists()
        assert len(edits) == len(journal.candidates()) - 2, "an edit without its review"
        assert len(journal.preferences()) >= len(told)
        kinds = [event.kind for event in journal.events()]
        assert kinds.count("candidate-reviewed") == len(journal.reviews())
        assert kinds.count("feedback") == len(journal.feedback())
        assert kinds.count("preferred") == len(journal.preferences())


def test_people_cannot_do_the_runs_work(run: Path) -> None:
    """Who writes beside a run has no way to change what the run is about to do."""
    with Journal.beside(run) as people:
        for name in ("set_meta", "finish_job", "set_candidate_state", "close_proposal"):
            assert not hasattr(people, name)


def test_no_run_to_write_to(tmp_path: Path) -> None:
    """Writing to a run that is not there is one sentence."""
    with pytest.raises(RunError, match=r"holds no run: run\.db is missing"):
        Journal.beside(tmp_path)


def test_a_run_without_these_tables_is_refused(run: Path) -> None:
    """A run of the version before has no place for reviews."""
    with sqlite3.connect(run / "run.db") as old:
        old.execute("PRAGMA user_version = 1")
    with pytest.raises(RunError, match="written by another version"):
        Journal.open(run)


def test_extending_a_run_replaces_its_settings(run: Path) -> None:
    """Journal and config.yaml say the same, and the event says by how much."""
    with Journal.open(run) as journal:
        new = {"env": "hopper", "search": {"generations": 4}}
        journal.change(new, {"round": 1}, "run-extended", generations=2)
        assert journal.meta("round") == 1
        assert journal.meta("config")["search"] == {"generations": 4}
        assert journal.events()[-1].data == {"generations": 2}
    assert "generations: 4" in (run / "config.yaml").read_text()
