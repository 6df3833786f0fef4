"""`evaluate` and `check` of reward files that somebody wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoreward.assets import asset_root

EXPERT = asset_root("envs") / "point_mass" / "expert.py"


def test_evaluate_measures_on_test_seeds(cli: Any, tiny_options: Any) -> None:
    """The same fitness form as design's, over as many seeds as asked for, and the components."""
    options = ("--env", "point_mass", "--seeds", "2", "--steps", "4096", *tiny_options()[2:])
    done = cli("evaluate", EXPERT, *options, "--json")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 1
    data = done.json
    assert data["fitness"]["goal_distance"]["seeds"] == 2
    assert data["training_steps"] == 4096
    assert data["components"].keys() == {"distance", "speed", "control"}
    assert data["components"]["distance"]["last"]["mean"] > 0
    assert "the file belongs to it" in done.err
    (run,) = cli("runs", "--json").json["runs"]
    assert run["kind"] == "evaluate"
    assert cli("resume", run["run"], "--json").json == data
    text = cli("resume", run["run"]).out
    assert "components over training" in text
    assert "2 training seeds" in text
    shown = cli("show", run["run"], "winner", "--json").json
    assert shown["fitness"]["confirm"]["test"] == data["fitness"]
    assert cli("export", run["run"], "-o", "exported.py").code == 0
    assert "on test episodes" in Path("exported.py").read_text()


def test_an_interrupted_evaluation_is_continued(cli: Any, tiny_options: Any) -> None:
    """What was made but not trained is trained by `resume`."""
    from autoreward.config import load_settings
    from autoreward.search.evaluating import create_evaluation, prepare_file

    overrides = [o for o in tiny_options() if o != "--set"]
    setup = prepare_file(load_settings(overrides=overrides, env="point_mass"), EXPERT)
    with create_evaluation(setup, EXPERT, EXPERT.read_text(), 1) as journal:
        name = journal.directory.name
    done = cli("resume", name, "--json")
    assert done.code == 0, done.err
    assert done.json["fitness"]["success"]["seeds"] == 1


def test_a_good_file_passes_the_check(cli: Any) -> None:
    """Exit 0, and what its components did on recorded behaviour."""
    done = cli("check", EXPERT, "--env", "point_mass")
    assert done.code == 0
    assert "ok: it may be trained" in done.out
    assert "control" in done.out
    data = cli("check", EXPERT, "--env", "point_mass", "--json").json
    assert data["ok"] is True
    assert data["formula"] == "-distance - 0.1 * speed - 0.01 * control"
    assert data["components"]["control"]["std"] > 0


def test_warnings_do_not_refuse(cli: Any, tmp_path: Path) -> None:
    """A component that the formula does not use is a warning: one line, exit 0."""
    path = tmp_path / "reward.py"
    path.write_text(EXPERT.read_text().replace(" - 0.01 * control", ""))
    done = cli("check", path, "--env", "point_mass")
    assert done.code == 0
    assert [line for line in done.out.splitlines() if line.startswith("warning: unused-component")]
