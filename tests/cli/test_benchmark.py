"""`benchmark` from the command line: real runs on point_mass, interrupted, killed and failing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from autoreward.store.journal import Journal

SUITE = """\
summary: A suite of this test.
tasks:
  - {env: point_mass, task: reach, description: go to the origin}
methods:
  best-of-n: [search.strategy=best-of-n]
  random: [search.strategy=random]
run_seeds: 1
env_steps: 3072
set:
  - training.steps=1024
  - training.envs=4
  - training.rollout=32
  - training.minibatches=2
  - training.epochs=2
  - training.threads=1
  - search.population=2
  - search.elites=1
  - search.finalists=1
  - search.confirm_seeds=1
  - validation.episodes=3
  - validation.test_episodes=3
  - sandbox.kind=process
"""
RUNS = ["point_mass-reach-best-of-n-s0", "point_mass-reach-random-s0"]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Return the file of a suite whose runs take seconds."""
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE)
    return path


def state(folder: Path) -> dict[str, Any]:
    """Return what a benchmark's runs have written down."""
    found = {}
    for name in RUNS:
        with Journal.read(folder / name) as journal:
            found[name] = [(event.seq, event.kind) for event in journal.events()]
    return found


@pytest.fixture(scope="module")
def killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return a folder of runs whose benchmark was killed, and how it went on."""
    root = tmp_path_factory.mktemp("killed")
    (root / "mine.yaml").write_text(SUITE)
    program = "import sys; from autoreward.cli.main import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "benchmark", "mine.yaml", "--json"]
    environment = {**os.environ, "AUTOREWARD_RUNS": str(root / "runs")}
    with open(root / "log", "w") as log:
        host = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
    wait_for_training(host, root / "runs" / "mine" / RUNS[0])
    host.kill()
    host.wait()
    done = subprocess.run(
        command, cwd=root, env=environment, text=True, capture_output=True, timeout=200
    )
    return root / "runs", done


def wait_for_training(host: subprocess.Popen[bytes], run: Path) -> None:
    """Return when a run has finished its first training."""
    end = time.monotonic() + 90
    while True:
        assert time.monotonic() < end
        assert host.poll() is None
        if (run / "run.db").exists():
            with Journal.read(run) as journal:
                if journal.jobs(state="done"):
                    return
        time.sleep(0.02)


@pytest.mark.timeout(300)
def test_kill_and_go_on(killed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """After kill -9 in the middle of a run, the same command ends with all results."""
    root, done = killed
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout.splitlines()[-1])
    assert [run["run"] for run in data["runs"]] == RUNS
    assert data["problems"] == {}
    for run in data["runs"]:
        assert run["search_steps"] == 3072
        with Journal.read(root / "mine" / run["run"]) as journal:
            ended = [e.data["job"] for e in journal.events() if e.kind == "job-done"]
            assert journal.env_steps() == 3072 + 3 * 1024
        assert len(ended) == len(set(ended)), "a training was finished twice"
    assert {name for name, row in data["rows"].items() if row["baseline"]} == {
        "human", "sparse", "zero",
    }  # fmt: skip


def test_baselines_are_trained_once_per_seed(
    killed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    """The second method's run takes over the first one's baselines, and says from where."""
    root, _ = killed
    numbers = []
    for name in RUNS:
        with Journal.read(root / "mine" / name) as journal:
            shared = [e.data for e in journal.events() if e.kind == "baselines-shared"]
            jobs = [job.id for job in journal.jobs(purpose="baseline")]
            numbers.append([journal.scores(job, "test") for job in jobs])
        expected = [] if name == RUNS[0] else [{"jobs": sorted(jobs), "source": RUNS[0]}]
        assert [{**data, "jobs": sorted(data["jobs"])} for data in shared] == expected
    assert numbers[0] == numbers[1]


def test_again_repeats_nothing(
    killed: tuple[Path, subprocess.CompletedProcess[str]], cli_again: Any, monkeypatch: Any
) -> None:
    """Finished runs are only read; table, plot and numbers are written again."""
    root, done = killed
    monkeypatch.setenv("AUTOREWARD_RUNS", str(root))
    monkeypatch.chdir(root.parent)
    before, begun = state(root / "mine"), time.monotonic()
    again = cli_again("benchmark", "mine.yaml", "--json")
    assert time.monotonic() - begun < 20
    assert again.code == 0
    assert again.json == json.loads(done.stdout.splitlines()[-1])
    assert state(root / "mine") == before
    text = cli_again("benchmark", "mine.yaml", "--only", "random", "--seeds", "1").out
    for part in ("best-of-n", "random", "reward written by people", "all tasks together"):
        assert part in text
    page = (root / "mine" / "benchmark.md").read_text()
    assert "`autoreward benchmark mine.yaml`" in page
    assert json.loads((root / "mine" / "benchmark.json").read_text()) == again.json
    assert (root / "mine" / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    assert cli_again("runs", "--json").json["runs"] == [], "runs of a benchmark are its own"
    shown = cli_again("status", str(root / "mine" / RUNS[0]))
    assert shown.code == 0


def test_failing_runs_are_reported(cli: Any, suite: Path, tmp_path: Path) -> None:
    """Each is named with the reason and the others are tried; the exit code is 1."""
    nowhere = ("--set", "sandbox.kind=docker", "--set", "sandbox.docker.host=unix:///nowhere.sock")
    done = cli("benchmark", suite, "--name", "broken", *nowhere, "--json")
    assert done.code == 1
    assert list(done.json["problems"]) == RUNS
    assert all("docker" in problem for problem in done.json["problems"].values())
    assert "Traceback" not in done.err
    assert [line[:3] for line in done.err.splitlines() if "docker" in line] == ["1/2", "2/2"]
    assert not (tmp_path / "runs" / "broken" / "benchmark.md").exists()


def test_ctrl_c_says_how_to_go_on(cli: Any, suite: Path, monkeypatch: Any) -> None:
    """The hint is the command itself, not `resume`, which is for a single run."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("autoreward.search.benchmarking.running.carry_out", interrupted)
    done = cli("benchmark", suite, "--name", "other", "--set", "training.gamma=0.9")
    assert done.code == 130
    hint = f"autoreward benchmark {suite} --name other --set training.gamma=0.9"
    assert f"continue with: {hint}" in done.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["quik"], "did you mean 'quick'"),
        (["quick", "--only", "fill"], "did you mean 'full'"),
        (["quick", "--seeds", "99"], "run seeds, not 99"),
        (["quick", "--set", "training.step=5"], "did you mean 'steps'"),
        (["quick", "--name", "../x"], "cannot be a run's name"),
    ],
)
def test_mistakes_begin_nothing(cli: Any, tmp_path: Path, arguments: list[str], part: str) -> None:
    """One sentence, code 2, and no folder."""
    done = cli("benchmark", *arguments)
    assert done.code == 2
    assert part in done.sentence
    assert not (tmp_path / "runs").exists()
