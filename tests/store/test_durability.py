"""The journal under fire: killed writers, second writers, busy readers, damaged files."""

from __future__ import annotations

import os
import random
import shutil
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

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys, time
from pathlib import Path
from autoreward.findings import Finding
from autoreward.store.journal import Journal

with Journal.open(Path(sys.argv[1])) as journal:
    number = len(journal.jobs())
    while True:
        job = f"j{number}"
        journal.queue_job(job, candidate="c", purpose="search", training_seed=number, steps=1)
        journal.start_job(job)
        scores = {"validation": {"a": [number] * 50, "b": [-number] * 50}}
        findings = [Finding("x", "note", str(number))] * 3
        journal.finish_job(job, "done", scores=scores, findings=findings, env_steps=10)
        print(number, flush=True)
        number += 1
        time.sleep(float(sys.argv[2]))
"""

# Dies inside a commit, when the database file is half written: the small cache makes SQLite write
# changed pages before the commit.
HALF_COMMIT = """
import os, signal, sys
from pathlib import Path
from autoreward.store.journal import Journal

journal = Journal.open(Path(sys.argv[1]))
with journal._db.transaction() as db:
    db.execute("PRAGMA cache_size = 1")
    db.execute("DELETE FROM meta")
    for number in range(3000):
        db.execute("INSERT INTO events (at, kind, data) VALUES (0, 'half', ?)", ("x" * 500,))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    Journal.create(tmp_path / "r1", {"env": "hopper"}, {}).close()
    return tmp_path / "r1"


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_a_killed_writer_leaves_every_finished_fact(run: Path) -> None:
    """After kill -9 at 20 random moments, all that was reported done is there, whole."""
    moments = random.Random(0)
    told: set[str] = set()
    for kills in range(1, 21):
        with start(WRITER, run, 0) as writer:
            assert writer.stdout
            first = writer.stdout.readline()
            time.sleep(moments.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
            lines = [first, *writer.stdout.read().splitlines()]
        told |= {f"j{int(line)}" for line in lines}
        with Journal.read(run) as journal:
            jobs = journal.jobs()
            done = [job for job in jobs if job.state == "done"]
            assert told <= {job.id for job in done}
            # A kill may fall between a commit and the line that tells of it, or within a job.
            assert len(jobs) - len(told) <= kills
            assert [event.kind for event in journal.events()].count("job-done") == len(done)
            for job in jobs:
                values = [job.training_seed] * 50
                whole = {"a": values, "b": [-value for value in values]}
                expected = whole if job.state == "done" else {}
                assert journal.scores(job.id, "validation") == expected
            assert len(journal.findings()) == 3 * len(done)
            assert journal.env_steps() == 10 * len(done)
    with Journal.open(run) as journal:
        assert journal.meta("config") == {"env": "hopper"}


def test_a_half_commit_is_undone_by_the_next_reader(run: Path) -> None:
    """A reader after a kill inside a commit sees the state before it, also one opened earlier."""
    with Journal.read(run) as early:
        with start(HALF_COMMIT, run) as writer:
            assert writer.wait() == -signal.SIGKILL
        assert (run / "run.db-journal").stat().st_size > 0
        shutil.copytree(run, run.parent / "copy")
        assert early.meta("config") == {"env": "hopper"}
        assert len(early.events()) == 1
    with Journal.read(run.parent / "copy") as journal:
        assert journal.meta("config") == {"env": "hopper"}
        assert len(journal.events()) == 1
    with Journal.open(run) as journal:
        journal.event("goes on")


def test_a_second_writer_is_refused_with_the_pid(run: Path) -> None:
    """The second writer is told who holds the run; when that one is killed, the run is free."""
    with start(WRITER, run, 0) as writer:
        assert writer.stdout and writer.stdout.readline()
        assert lock_owner(run / "run.lock") == writer.pid
        with pytest.raises(RunError, match=f"r1 is being worked on by process {writer.pid};"):
            Journal.open(run)
        writer.kill()
    assert lock_owner(run / "run.lock") is None
    with Journal.open(run):
        assert lock_owner(run / "run.lock") == os.getpid()
        with pytest.raises(RunError, match=f"process {os.getpid()};"):
            Journal.open(run)
    assert lock_owner(run / "run.lock") is None
    assert lock_owner(run / "none.lock") is None


def test_a_child_does_not_keep_the_run_locked(run: Path) -> None:
    """A child process that outlives its parent's work does not hold the lock."""
    with Journal.open(run):
        child = subprocess.Popen(["sleep", "30"])
    try:
        Journal.open(run).close()
    finally:
        child.kill()
        child.wait()


def test_reading_beside_a_writer(run: Path) -> None:
    """A reader sees only whole facts while a writer works, and does not stop it."""
    with start(WRITER, run, 0.05) as writer, Journal.read(run) as journal:
        assert writer.stdout
        seen = 0
        for _ in range(10):
            told = int(writer.stdout.readline()) + 1
            done = journal.jobs(state="done")
            assert len(done) >= max(told, seen)
            assert all(len(journal.scores(job.id, "validation")) == 2 for job in done[-5:])
            seen = len(done)
        assert writer.poll() is None
        writer.kill()


@pytest.mark.parametrize("opener", [Journal.open, Journal.read])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a database at all" * 100, "run.db cannot be used: file is not a database"),
        (b"", "was never finished"),
        (None, "holds no run: run.db is missing"),
    ],
)
def test_damaged_and_missing_files(run: Path, opener, content: bytes | None, words: str) -> None:
    """A journal that is no database, empty or missing is one sentence, and the lock is free."""
    if content is None:
        (run / "run.db").unlink()
    else:
        (run / "run.db").write_bytes(content)
    with pytest.raises(RunError) as caught:
        opener(run)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert lock_owner(run / "run.lock") is None


def test_a_damaged_page_is_found_before_work_goes_on(run: Path) -> None:
    """A writer does not go on with a database that has a broken page in the middle."""
    with Journal.open(run) as journal:
        for number in range(50):
            journal.event("note", text="x" * 500, number=number)
    data = bytearray((run / "run.db").read_bytes())
    for offset in range(4096 * 3, len(data), 4096):
        data[offset : offset + 200] = os.urandom(200)
    (run / "run.db").write_bytes(data)
    with pytest.raises(RunError, match=r"run\.db"):
        Journal.open(run)


def test_another_version_is_refused(run: Path) -> None:
    """A journal in another format is not touched."""
    with sqlite3.connect(run / "run.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RunError, match="another version of autoreward"):
        Journal.read(run)


def test_no_such_folder(tmp_path: Path) -> None:
    """Opening what is not there makes nothing."""
    with pytest.raises(RunError, match="there is no run in"):
        Journal.open(tmp_path / "none")
    with pytest.raises(RunError, match="holds no run"):
        Journal.read(tmp_path / "none")
    assert not (tmp_path / "none").exists()
