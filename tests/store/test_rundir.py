"""Run folders: made, named, found; and files that are never torn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoreward.errors import RunError, UsageError
from autoreward.store.journal import Journal
from autoreward.store.rundir import (
    RunFiles,
    find_run,
    list_runs,
    new_run_directory,
    runs_root,
    write_atomic,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOREWARD_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def make(name: str) -> Path:
    path = new_run_directory(name, "")
    Journal.create(path, {}, {}).close()
    return path


def test_runs_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variable moves the runs; without it they are in the current folder."""
    assert runs_root() == root
    monkeypatch.delenv("AUTOREWARD_RUNS")
    assert runs_root() == Path("runs")


def test_new_directories(root: Path) -> None:
    """A chosen name is taken as it is; a made one tells date and task, and never collides."""
    assert new_run_directory("my-run", "x") == root / "my-run"
    made = [new_run_directory(None, "Hopper: hop HIGH / now!") for _ in range(3)]
    assert len(set(made)) == 3
    assert all("-hopper-hop-high-now" in path.name and path.is_dir() for path in made)
    assert new_run_directory(None, "→").name.count("-") >= 1


def test_bad_names(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that would leave the runs folder is refused, and so is one that is taken."""
    for name in ("../x", "", "a/b", ".hidden", "a b"):
        with pytest.raises(UsageError, match="cannot be a run's name"):
            new_run_directory(name, "x")
    (new_run_directory("taken", "x") / "run.db").write_text("")
    with pytest.raises(RunError, match="`autoreward resume taken`"):
        new_run_directory("taken", "x")
    (root.parent / "file").write_text("")
    monkeypatch.setenv("AUTOREWARD_RUNS", str(root.parent / "file"))
    with pytest.raises(RunError, match="cannot make"):
        new_run_directory(None, "x")


def test_a_folder_of_a_run_that_was_killed_at_birth_is_used_again(root: Path) -> None:
    """A kill before the journal was there leaves nothing behind that takes the name."""
    folder = new_run_directory("born", "x")
    for name in ("run.lock", ".run.db.new", ".run.db.new-journal", "config.yaml"):
        (folder / name).write_text("")
    assert new_run_directory("born", "x") == folder
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="exists"):
        new_run_directory("born", "x")


def test_find_run(root: Path, tmp_path: Path) -> None:
    """A run is found by name, by the unique start of its name, and by path."""
    with pytest.raises(RunError, match="there are no runs in"):
        find_run("x")
    first, second = make("20260101-hopper"), make("20260102-ant")
    assert find_run("20260101-hopper") == first
    assert find_run("20260102") == second
    assert find_run(str(first)) == first
    with pytest.raises(RunError, match="several runs begin with '2026': 20260101-hopper, 20260102"):
        find_run("2026")
    with pytest.raises(RunError, match="did you mean '20260101-hopper'"):
        find_run("20260101-hoper")
    with pytest.raises(RunError, match="no run called ''"):
        find_run("")


def test_list_runs(root: Path) -> None:
    """Runs are listed by their last change; a folder without a journal is no run."""
    first, second = make("a"), make("b")
    (root / "notes").mkdir()
    os.utime(second / "run.db", (1, 1))
    assert list_runs() == [first, second]


def test_layout() -> None:
    """The layout is as runs/README.md says."""
    files = RunFiles(Path("r"))
    text = (ROOT / "runs" / "README.md").read_text()
    for path in (files.database, files.config, files.lock, files.llm, files.prompts):
        assert f"`{path.name}" in text
    assert files.candidate("abc") == Path("r/candidates/abc.py")
    assert files.job("j1") == Path("r/jobs/j1")


def test_write_atomic(tmp_path: Path) -> None:
    """Text and bytes are written whole, into new folders, with ordinary permissions."""
    path = tmp_path / "new" / "file.txt"
    write_atomic(path, "größe")
    assert path.read_bytes() == "größe".encode()
    write_atomic(path, b"\x00\x01")
    assert path.read_bytes() == b"\x00\x01"
    (tmp_path / "plain").write_text("")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    """Text that cannot be encoded leaves the old content and no rubbish."""
    path = tmp_path / "file.txt"
    write_atomic(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "\ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    """A reader never sees a part of a file, whenever the writer is killed."""
    path = tmp_path / "file.bin"
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from autoreward.store.rundir import write_atomic\n"
        "for n in range(10**6):\n"
        "    write_atomic(Path(sys.argv[1]), bytes([n % 256]) * 2_000_000)\n"
        "    print(n, flush=True)\n"
    )
    for moment in (0.0, 0.03, 0.07):
        command = [sys.executable, "-c", program, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
            assert writer.stdout and writer.stdout.readline()
            time.sleep(moment)
            writer.send_signal(signal.SIGKILL)
        data = path.read_bytes()
        assert len(data) == 2_000_000 and len(set(data)) == 1
