"""A run's journal in another place: environment, versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autoreward.assets import asset_root
from autoreward.config import load_settings
from autoreward.errors import RunError
from autoreward.search.opening import create_run, reopen, take_along
from autoreward.search.setup import prepare
from autoreward.store.journal import Journal


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new run in an environment of the user's own, `mine/puck`."""
    monkeypatch.setenv("AUTOREWARD_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(asset_root("envs") / "point_mass", tmp_path / "mine" / "puck")
    return make(tmp_path, "puck", [tmp_path / "mine"])


def make(tmp_path: Path, env: str, paths: list[Path]) -> Path:
    settings = load_settings(
        "quick", None, ["sandbox.kind=process"], env=env, description="move to the goal"
    )
    with create_run(prepare(settings, paths), "design", paths, name=env) as journal:
        return journal.directory


def test_a_run_finds_its_environment_again(run: Path, tmp_path: Path) -> None:
    """Where it was, or where --env-path says it is now, and from then on there."""
    with Journal.open(run) as journal:
        assert reopen(journal).folder.path == tmp_path / "mine" / "puck"
        (tmp_path / "mine").rename(tmp_path / "other")
        setup = reopen(journal, [tmp_path / "other"])
        assert take_along(journal, setup, [tmp_path / "other"]) == []
        assert reopen(journal).folder.path == tmp_path / "other" / "puck"


def test_an_environment_that_is_gone_is_one_sentence(run: Path, tmp_path: Path) -> None:
    """It names the run, the place and what to do; another of that name does not do instead."""
    (tmp_path / "mine").rename(tmp_path / "other")
    words = r"puck needs the environment 'puck' from .*mine/puck, which is not there any more"
    with Journal.read(run) as journal:
        with pytest.raises(RunError, match=words) as caught:
            reopen(journal)
        assert "--env-path" in str(caught.value) and "\n" not in str(caught.value)
        shutil.copytree(tmp_path / "other" / "puck", tmp_path / "envs" / "puck")
        assert reopen(journal).folder.path == tmp_path / "envs" / "puck", "the very same files"
        (tmp_path / "envs" / "puck" / "card.md").write_text("another one")
        with pytest.raises(RunError, match=f"{words}.*is another"):
            reopen(journal)


def test_an_environment_of_the_current_folder_is_found_from_elsewhere(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """./envs is searched at the start only: the run remembers the place."""
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(tmp_path / "mine" / "puck", tmp_path / "envs" / "disc")
    made = make(tmp_path, "disc", []).resolve()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Journal.read(made) as journal:
        assert reopen(journal).folder.path == tmp_path / "envs" / "disc"


def test_what_may_change_the_numbers_is_said(run: Path, tmp_path: Path) -> None:
    """Other versions and another environment are words, not a refusal."""
    with Journal.open(run) as journal:
        assert take_along(journal, reopen(journal), []) == []
        old = journal.meta("versions") | {"torch": "1.0"}
        journal.set_meta("versions", old)
        card = tmp_path / "mine" / "puck" / "card.md"
        card.write_text(card.read_text() + "\nmore\n")
        versions, files = take_along(journal, reopen(journal), [])
        assert versions.startswith("other versions than at the start: torch 1.0 then, ")
        assert "mine/puck have changed since the start" in files


def test_a_run_is_made_whole_or_not_at_all(run: Path) -> None:
    """What resume needs is in the journal from its first moment."""
    with Journal.read(run) as journal:
        assert {"kind", "env_paths", "facts", "config", "versions"} <= {
            row[0] for row in journal._db.query("SELECT key FROM meta")
        }
        assert [event.kind for event in journal.events()] == ["run-created"]
