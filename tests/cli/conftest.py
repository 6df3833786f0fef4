"""Fixtures: the command line in this very process, and one finished tiny run."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autoreward.cli.main import run

TINY = (
    "training.steps=2048",
    "training.slots=4",
    "training.threads=1",
    "search.generations=1",
    "search.population=2",
    "search.elites=1",
    "search.finalists=1",
    "search.confirm_seeds=1",
    "validation.episodes=4",
    "validation.test_episodes=6",
    "sandbox.kind=process",
)
"""A run of a few seconds on point_mass."""


@dataclass(frozen=True)
class Done:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The object on the last line of stdout."""
        data: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return data

    @property
    def sentence(self) -> str:
        """The one error line; fails if there is none, or a traceback."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("error: ")


Cli = Callable[..., Done]


def call(*arguments: str | Path) -> Done:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Done(code, out.getvalue(), err.getvalue())


def tiny(*changes: str) -> list[str]:
    """Return `--set` options of a tiny run."""
    return [part for setting in (*TINY, *changes) for part in ("--set", setting)]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return a function that runs command lines whose runs stand in a folder of this test."""
    monkeypatch.setenv("AUTOREWARD_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return call


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """Return the outcome of a tiny design run called `tiny`; its runs folder is in effect."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("finished")
        patch.setenv("AUTOREWARD_RUNS", str(folder / "runs"))
        patch.chdir(folder)
        yield call(
            *("design", "go to the goal and stay", "--env", "point_mass", "--name", "tiny"),
            *(*tiny("search.generations=2", "training.steps=4096"), "--json"),
        )


@pytest.fixture
def cli_again() -> Cli:
    """Return a function that runs command lines in the folder of `finished`."""
    return call


@pytest.fixture
def tiny_options() -> Callable[..., list[str]]:
    """Return a function that makes the `--set` options of a tiny run."""
    return tiny
