"""`stop`, a second host, changed limits and a full disk, from the command line."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from autoreward.store.journal import Journal

RUN = "from autoreward.cli.main import main; main()"


@pytest.fixture
def held(tmp_path: Path, cli: Any) -> Any:
    """Return a process that works on the run `held`, and does nothing."""
    Journal.create(tmp_path / "runs" / "held", {}, {}).close()
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from autoreward.store.journal import Journal\n"
        "with Journal.open(Path(sys.argv[1])):\n    print('open', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "runs" / "held")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def test_a_run_that_nobody_works_on_cannot_be_stopped(cli: Any, tmp_path: Path) -> None:
    """One sentence; so is a run that is not there."""
    Journal.create(tmp_path / "runs" / "idle", {}, {}).close()
    done = cli("stop", "idle")
    assert (done.code, done.sentence) == (1, "nobody works on idle")
    assert "no run called 'none'" in cli("stop", "none").sentence


def test_a_second_host_is_refused_with_the_pid(held: Any, cli: Any) -> None:
    """`resume`, with and without changes, names the first host and the way to end it."""
    for more in ((), ("--set", "budget.usd=20"), ("--generations", "1")):
        done = cli("resume", "held", *more)
        assert done.code == 1
        assert f"is being worked on by process {held.pid}; `autoreward stop held`" in done.sentence


def test_stop_ends_the_host(held: Any, cli: Any) -> None:
    """It is gone when `stop` returns, and the way to go on is said."""
    done = cli("stop", "held")
    assert done.code == 0 and "stopped; continue with: autoreward resume held" in done.out
    assert held.wait(5) != 0
    assert cli("stop", "held").sentence == "nobody works on held"


def test_a_host_on_another_machine_is_left_alone(held: Any, cli: Any, tmp_path: Path) -> None:
    """Its pid means nothing here."""
    (tmp_path / "runs" / "held" / "run.lock").write_text(f"{held.pid} far-away\n")
    assert f"process {held.pid} on far-away works on held: stop it there" in (
        cli("stop", "held").sentence
    )
    assert f"worked on by process {held.pid} on far-away;" in cli("resume", "held").sentence
    assert held.poll() is None


def test_asking_who_works_does_not_disturb_a_start(cli: Any, tmp_path: Path) -> None:
    """A reader that looks at the lock again and again never has a host refused."""
    Journal.create(tmp_path / "runs" / "idle", {}, {}).close()
    program = (
        "import sys\nfrom pathlib import Path\nfrom autoreward.store.database import lock_owner\n"
        "print('on', flush=True)\nwhile True:\n    lock_owner(Path(sys.argv[1]))\n"
    )
    lock = tmp_path / "runs" / "idle" / "run.lock"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout and reader.stdout.readline()
        try:
            for _ in range(20):
                Journal.open(tmp_path / "runs" / "idle").close()
        finally:
            reader.kill()


def test_a_limit_that_ended_a_run_is_raised(cli: Any, tiny_options: Any) -> None:
    """The run goes on from where it ended; anything but a limit is refused."""
    done = cli(
        *("design", "go to the goal", "--env", "point_mass", "--name", "short", "--json"),
        *tiny_options("budget.candidates=1", "search.generations=1", "search.population=2"),
    )
    assert done.code == 3, done.err
    refused = cli("resume", "short", "--set", "training.steps=9")
    assert refused.code == 2 and "training.steps (it is 2048)" in refused.sentence
    assert cli("resume", "short", "--json").code == 3, "still ended by its limit"
    more = cli("resume", "short", "--set", "budget.candidates=2", "--json")
    assert more.code in (0, 3), more.err
    assert more.json["candidates"] == 2 and more.json["comparisons"] == 2
    assert "budget.candidates is 2 from now on" in more.err


def test_stop_does_not_wait_for_a_silent_model(
    cli: Any, tmp_path: Path, tiny_options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host whose model says nothing ends all the same, and the call stays booked as lost."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            held.append(server.accept()[0])
            asked.set()

        held: list[socket.socket] = []
        threading.Thread(target=accept, daemon=True).start()
        base = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        command = [
            *(sys.executable, "-c", RUN, "design", "go to the goal", "--env", "point_mass"),
            *("--name", "silent", "--model", "openai/m", "--api-base", base),
            *tiny_options("llm.price.input=1", "llm.price.output=1", "search.population=2"),
        ]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as host:
            assert asked.wait(60), "the model was not asked"
            started = time.monotonic()
            assert cli("stop", "silent").code == 0
            assert time.monotonic() - started < 20
            assert host.wait(5) == 130
            assert host.stderr and "Traceback" not in host.stderr.read()
    with Journal.open(tmp_path / "runs" / "silent") as journal:
        lost = journal.lose_calls() + journal.call_counts()["lost"]
        assert lost and journal.spent().usd > 0


def test_no_space_is_one_sentence(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in the host a file cannot be written."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x/bank.safetensors")

    monkeypatch.setattr("autoreward.store.rundir.find_run", full)
    done = cli("status", "x")
    words = "no space is left on the disk for runs/x/bank.safetensors: make room and resume"
    assert (done.code, done.sentence) == (1, words)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_loses_nothing(tmp_path: Path, tiny_options: Any) -> None:
    """One sentence when space runs out, and the run goes on when there is some again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this container may not mount")
    environment = {**os.environ, "AUTOREWARD_RUNS": str(disk / "runs")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", RUN, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    try:
        (disk / "ballast").write_bytes(b"x" * (5 << 20))
        options = tiny_options("search.generations=1", "search.population=2")
        full = run("design", "go to the goal", "--env", "point_mass", "--name", "full", *options)
        assert full.returncode == 1 and "Traceback" not in full.stderr, full.stderr
        assert "space" in full.stderr or "disk is full" in full.stderr, full.stderr
        assert sum(line.startswith("error: ") for line in full.stderr.splitlines()) == 1
        (disk / "ballast").unlink()
        begun = (disk / "runs" / "full" / "run.db").exists()
        arguments = (
            ["resume", "full"]
            if begun
            else ["design", "go to the goal", "--env", "point_mass", "--name", "full", *options]
        )
        done = run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
    finally:
        for _ in range(50):
            if not subprocess.run(["umount", str(disk)], capture_output=True).returncode:
                break
            time.sleep(0.1)
        shutil.rmtree(disk, ignore_errors=True)
