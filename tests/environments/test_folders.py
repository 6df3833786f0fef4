"""Finding and reading environment folders; every mistake in them is one clear sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from autoreward.assets import asset_root
from autoreward.environments.folder import (
    choose_task,
    find_environments,
    open_environment,
    read_folder,
)
from autoreward.errors import UsageError

SHIPPED = {
    "ant",
    "half_cheetah",
    "hopper",
    "inverted_double_pendulum",
    "point_mass",
    "reacher",
}


def test_shipped_environments_are_complete() -> None:
    """All shipped folders read, and every task but the unusual ones has both baselines."""
    assert set(find_environments()) >= SHIPPED
    for name in SHIPPED:
        folder = open_environment(name)
        assert folder.tasks
        assert any(task.human for task in folder.tasks.values())
        for task in folder.tasks.values():
            assert task.sparse is not None
            assert "FORMULA" in folder.read(task.sparse)
            assert folder.fitness_named(task.fitness).name == task.fitness
        assert any(field.primitive for field in folder.schema.state)


def test_unknown_environment_names_near_misses() -> None:
    """A misspelt name is answered with the nearest one."""
    with pytest.raises(UsageError, match="no environment 'hoper'; did you mean 'hopper'"):
        open_environment("hoper")


def test_env_path_comes_before_the_working_directory_and_that_before_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same name is found in --env-path first, then in ./envs, then among the shipped."""
    source = asset_root("envs") / "point_mass"
    given, local = tmp_path / "given", tmp_path / "envs"
    for shelf in (given, local):
        shutil.copytree(source, shelf / "point_mass")
    shutil.copytree(source, local / "mine")
    monkeypatch.chdir(tmp_path)
    assert find_environments()["hopper"] == (asset_root("envs") / "hopper").resolve()
    assert find_environments()["mine"] == local / "mine"
    assert find_environments()["point_mass"] == local / "point_mass"
    assert find_environments([given])["point_mass"] == given / "point_mass"
    assert open_environment("point_mass", [given]).path == given / "point_mass"
    assert find_environments([local / "mine"])["mine"] == local / "mine"


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_env_path_without_environments_is_an_error(tmp_path: Path, path: str) -> None:
    """A mistyped --env-path does not silently fall back to the shipped environments."""
    with pytest.raises(UsageError, match="holds no environment"):
        find_environments([tmp_path / path])


@pytest.mark.parametrize(
    ("filename", "old", "new", "message"),
    [
        ("schema.yaml", "summary:", "sumary:", "unknown key 'sumary'; did you mean 'summary'"),
        ("schema.yaml", "primitive: true", "primitiv: true", "unknown key 'primitiv'"),
        ("schema.yaml", "reduce: mean", "reduce: men", "fitness.goal_distance.reduce"),
        ("schema.yaml", "direction: max", "direction: up", "direction"),
        ("schema.yaml", "dt: 0.05", "dt: fast", "dt"),
        ("schema.yaml", "dt: 0.05", "dt: -0.05", "must be above 0"),
        ("schema.yaml", "range: [0, 2]", "range: [2, 0]", "low < high"),
        ("schema.yaml", "index: [x, y]", "index: [x, y, z]", "has 2 entries but index names 3"),
        ("schema.yaml", '"qpos[0:2]"', '"sensor:place"', "no sensor called 'place'"),
        ("schema.yaml", '"qpos[0:2]"', '"position"', "not of the form"),
        ("schema.yaml", "  distance:\n", "  success:\n", "both a state field and a fitness"),
        ("schema.yaml", "  distance:\n", "  speed:\n", "twice"),
        ("schema.yaml", "state:", "state: [", "schema.yaml"),
        ("schema.yaml", "  distance:\n", "  the-distance:\n", "not a plain identifier"),
        ("tasks.yaml", "keywords", "keyword", "unknown key 'keyword'; did you mean 'keywords'"),
        ("tasks.yaml", "goal_distance", "goal_distanc", "did you mean 'goal_distance'"),
        ("tasks.yaml", "sparse.py", "sparce.py", "no file sparce.py"),
        ("tasks.yaml", "success:", "terminate: nevr\n    success:", "did you mean 'never'"),
        ("tasks.yaml", "success:", "horizon: 0\n    success:", "horizon must be above 0"),
    ],
)
def test_mistakes_in_yaml_are_one_sentence(
    edit: Any, filename: str, old: str, new: str, message: str
) -> None:
    """The error names the file and what is wrong, and fits one line."""
    shelf = edit(filename, old, new)
    with pytest.raises(UsageError) as caught:
        open_environment("puck", [shelf])
    text = str(caught.value)
    assert filename in text
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize("filename", ["schema.yaml", "tasks.yaml", "card.md"])
def test_a_missing_file_is_named(shelf: Path, filename: str) -> None:
    """A folder without one of its files says which."""
    (shelf / "puck" / filename).unlink()
    with pytest.raises(UsageError, match=filename):
        read_folder(shelf / "puck")


def test_reading_a_file_that_is_not_there(shelf: Path) -> None:
    """A misspelt file name is answered with the nearest one."""
    with pytest.raises(UsageError, match=r"did you mean 'expert.py'"):
        read_folder(shelf / "puck").read("exprt.py")


@pytest.mark.parametrize(
    ("environment", "text", "task"),
    [
        ("half_cheetah", "run forward as fast as you can", "run"),
        ("half_cheetah", "Run backward, fast!", "backward"),
        ("half_cheetah", "galloping", "run"),
        ("hopper", "run forward as fast as you can", "run"),
        ("hopper", "hop forward and land a backflip", "backflip"),
        ("hopper", "hop in place as high as you can", "hop_high"),
        ("hopper", "jumping higher and higher", "hop_high"),
        ("hopper", "do a backflip", "backflip"),
        ("hopper", "do a back flip", "backflip"),
        ("hopper", "do a front flip", "front_flip"),
        ("hopper", "land a forward somersault", "front_flip"),
        ("ant", "walk as quickly as possible", "run"),
        ("ant", "lie down", "lie_down"),
        ("ant", "raise one leg and wave it", "wave_leg"),
        ("reacher", "touch the target", "reach"),
        ("inverted_double_pendulum", "balance the poles", "balance"),
        ("point_mass", "stop at the origin", "reach"),
    ],
)
def test_a_description_finds_its_task(environment: str, text: str, task: str) -> None:
    """Free text is matched by the words it shares with a task, and the reason names them."""
    chosen, reason = choose_task(open_environment(environment), text)
    assert chosen.name == task
    assert reason.startswith("the description says ")


def test_an_explicit_task_wins() -> None:
    """--task is not overruled by the text."""
    task, reason = choose_task(open_environment("hopper"), "run forward fast", "backflip")
    assert (task.name, reason) == ("backflip", "named by --task")


def test_no_task_fits() -> None:
    """Without a word in common the tasks are listed and --task is pointed at."""
    folder = open_environment("hopper")
    for text in ("paint the fence", "", "the of and"):
        with pytest.raises(UsageError, match=r"--task.*run.*hop_high.*backflip"):
            choose_task(folder, text)
    with pytest.raises(UsageError, match="no task 'backflp'; did you mean 'backflip'"):
        choose_task(folder, "anything", "backflp")
    with pytest.raises(UsageError, match="no fitness 'forward_sped'"):
        folder.fitness_named("forward_sped")
