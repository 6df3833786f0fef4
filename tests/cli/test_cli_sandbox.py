"""`sandbox check`, `sandbox build`, and what commands do where no sandbox works."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from autoreward.sandbox.lockdown import SECCOMP_WALLS
from autoreward.testing import sandboxes

DEAD = "sandbox.docker.host=unix:///nowhere/docker.sock"


@pytest.fixture
def brief_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes long; a real jail and its neighbour stay."""
    monkeypatch.setattr(sandboxes, "_ENDINGS", {})
    monkeypatch.setattr(sandboxes, "_escapes", lambda check: {})
    monkeypatch.setattr(sandboxes, "_lifetime", lambda check: "")
    monkeypatch.setattr(sandboxes, "_orphan", lambda settings: "")


@pytest.mark.usefixtures("brief_check")
def test_check_reports_what_holds(cli: Any) -> None:
    """Real jails of the named backend alone: walls, number of checks, time; exit code 0."""
    done = cli("sandbox", "check", "process", "--json")
    assert done.code == 0, done.out
    assert done.json["ok"] is True
    assert done.json["use"] == "process"
    assert list(done.json["sandboxes"]) == ["process"]
    report = done.json["sandboxes"]["process"]
    assert report["ok"] is True and report["problems"] == []
    assert set(report["walls"]) >= SECCOMP_WALLS
    assert report["checks"] == 4
    assert 0 < report["start_seconds"] < 60


def test_check_of_one_that_does_not_hold_fails(cli: Any) -> None:
    """One without an engine has one problem, which says what to install; exit code 1."""
    done = cli("sandbox", "check", "docker", "--set", DEAD, "--json")
    assert done.code == 1
    assert done.json["ok"] is False and done.json["use"] is None
    (problem,) = done.json["sandboxes"]["docker"]["problems"]
    assert "no Docker engine answers at unix:///nowhere/docker.sock" in problem
    text = cli("sandbox", "check", "docker", "--set", DEAD)
    assert text.code == 1
    assert "BROKEN" in text.out
    assert "Traceback" not in text.out + text.err


def test_check_of_all_says_which_would_be_used(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The strongest that holds; those that do not are shown with their reasons; exit code 0."""
    reports = {
        "docker": sandboxes.SandboxReport("docker", ("no engine",), checks=1),
        "bubblewrap": sandboxes.SandboxReport("bubblewrap", (), ("no-files",), 15, 1.0),
        "process": sandboxes.SandboxReport("process", (), ("no-files",), 15, 1.0),
    }
    monkeypatch.setattr(sandboxes, "check_sandbox", lambda settings: reports[settings.kind])
    done = cli("sandbox", "check", "--json")
    assert done.code == 0
    assert list(done.json["sandboxes"]) == list(reports)
    assert done.json["use"] == "bubblewrap"
    text = cli("sandbox", "check")
    assert "docker: BROKEN" in text.out and "no engine" in text.out
    assert "--sandbox auto takes bubblewrap" in text.out


def test_an_unknown_sandbox_is_a_usage_error(cli: Any) -> None:
    """In `check` and in every command that takes one: exit code 2, the near name, no run."""
    done = cli("sandbox", "check", "nonsense")
    assert done.code == 2
    assert "'nonsense'" in done.sentence
    done = cli("design", "go", "--env", "point_mass", "--sandbox", "bublewrap")
    assert done.code == 2
    assert "bubblewrap" in done.sentence
    assert cli("runs", "--json").json["runs"] == []


def test_build_without_an_engine_is_one_sentence(cli: Any) -> None:
    """Exit code 1; it says where no engine answers and what to do."""
    done = cli("sandbox", "build", "--set", DEAD, "--json")
    assert done.code == 1
    assert "no Docker engine answers at unix:///nowhere/docker.sock" in done.sentence
    assert "docs.docker.com" in done.sentence
    assert done.json["error"] == done.sentence


@pytest.mark.docker
def test_build_with_an_empty_wheels_folder_is_a_usage_error(cli: Any, tmp_path: Path) -> None:
    """Exit code 2, with the command that fills it; the engine builds nothing."""
    from autoreward.errors import SandboxError
    from autoreward.sandbox.engine import connect

    try:
        connect(None)
    except SandboxError as error:
        pytest.skip(str(error))
    done = cli("sandbox", "build", "--wheels", tmp_path)
    assert done.code == 2
    assert "pip download torch==" in done.sentence


def test_design_without_its_sandbox_starts_nothing(
    cli: Any, tiny_options: Any, tmp_path: Path
) -> None:
    """A named sandbox that does not work ends the command before there is a run; no replacement."""
    options = (*tiny_options("sandbox.kind=docker"), "--set", DEAD)
    done = cli("design", "go to the goal", "--env", "point_mass", *options)
    assert done.code == 1
    assert "sandbox docker does not work here: no Docker engine answers" in done.sentence
    assert cli("runs", "--json").json["runs"] == []
    runs = tmp_path / "runs"
    assert not runs.exists() or os.listdir(runs) == []


def test_check_and_evaluate_without_their_sandbox(cli: Any, tmp_path: Path) -> None:
    """The reward is not blamed: exit code 1 and a sentence about the sandbox."""
    reward = tmp_path / "reward.py"
    reward.write_text(
        "def a(state, action, next_state):\n    return -next_state.distance\n\nFORMULA = 'a'\n"
    )
    for command in ("check", "evaluate"):
        options = ("--env", "point_mass", "--set", DEAD, "--sandbox", "docker")
        done = cli(command, reward, *options)
        assert done.code == 1, done.out
        assert "no Docker engine answers" in done.sentence
    assert cli("runs", "--json").json["runs"] == []
