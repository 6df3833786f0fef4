"""A tiny run from the command line, and every command that looks at it afterwards."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

FORM = {"mean", "interval", "seeds"}


def check_fitness(fitness: dict[str, Any], seeds: int) -> None:
    """A fitness vector has the form that the commands promise."""
    assert fitness.keys() == {"goal_distance", "success", "final_distance", "energy"}
    for form in fitness.values():
        assert form.keys() == FORM
        low, high = form["interval"]
        assert low <= form["mean"] <= high
        assert form["seeds"] == seeds


def test_design_prints_one_object(finished: Any) -> None:
    """Everything the summary promises, and nothing else on stdout."""
    assert finished.code == 0, finished.err
    assert len(finished.out.splitlines()) == 1
    data = finished.json
    promised = "run designer sandbox winner baselines candidates env_steps usd seconds"
    assert set(promised.split()) <= data.keys()
    assert data["run"] == "tiny"
    assert data["candidates"] == 4
    assert data["env_steps"] >= (4 + 3) * 2048
    assert data["usd"] == 0
    assert data["seconds"] > 0
    winner = data["winner"]
    check_fitness(winner["fitness"], 1)
    assert winner["formula"] in Path(winner["file"]).read_text()
    assert data["baselines"].keys() == {"human", "sparse", "zero"}
    for baseline in data["baselines"].values():
        check_fitness(baseline, 1)


def test_people_are_told_first_what_is_in_use(finished: Any) -> None:
    """Under --json it goes to stderr: task and why, fitness, designer, sandbox, resume command."""
    text = " ".join(finished.err.split())
    for part in (
        "run tiny",
        "point_mass, task reach (the description says",
        "goal_distance m, lower is better",
        "it does not read your text, but optimises what decides",
        f"sandbox {finished.json['sandbox']}: ",
        "device cpu, 1 thread",
        "autoreward resume tiny",
    ):
        assert part in text
    assert "the best of those trained whole again on 1 further seed" in text
    lines = finished.err.splitlines()
    trained = [number for number, line in enumerate(lines) if line.startswith("  trained ")]
    (resume,) = [number for number, line in enumerate(lines) if "autoreward resume tiny" in line]
    assert resume < trained[0] and len(trained) >= 7
    assert any(" on 2 seeds: goal_distance" in lines[number] for number in trained)


def test_resume_of_a_finished_run_prints_the_result_again(finished: Any, cli_again: Any) -> None:
    """The same numbers, as JSON and as a table."""
    assert cli_again("resume", "tiny", "--json").json == finished.json
    text = cli_again("resume", "tiny").out
    for part in ("winner", "human", "sparse", "zero", "95 % interval", "seeds", "formula"):
        assert part in text
    assert finished.json["winner"]["id"] in text
    assert "autoreward export tiny" in text


def test_runs_and_status(finished: Any, cli_again: Any) -> None:
    """The list and the state of a finished run."""
    (run,) = cli_again("runs", "--json").json["runs"]
    assert (run["run"], run["state"], set(run["trainings"])) == ("tiny", "finished", {"done"})
    raced = [(rung["share"], rung["candidates"]) for rung in run["race"]]
    assert raced[0] == (0.25, 4) and raced[-1][0] == 1.0, "an iteration is a quarter of a training"
    status = cli_again("status", "ti", "--json").json
    assert status["winner"] == finished.json["winner"]["id"]
    assert status["events"][-1]["kind"] == "run-finished"
    assert "finished" in cli_again("runs").out
    assert "run-finished" in cli_again("status", "tiny").out


def test_show_lists_candidates_best_first(finished: Any, cli_again: Any) -> None:
    """All of them: those trained longest first, and of these the best (less is better here)."""
    shown = cli_again("show", "tiny", "--json").json
    shares = [entry["share"] for entry in shown["all_candidates"]]
    assert len(shares) == 4
    assert shares == sorted(shares, reverse=True) and shares[0] == 1.0
    whole = [entry["mean"] for entry in shown["all_candidates"] if entry["share"] == 1.0]
    assert whole[0] == min(whole)
    assert all(entry["id"] in cli_again("show", "tiny").out for entry in shown["all_candidates"])


def test_show_tells_everything_about_a_candidate(finished: Any, cli_again: Any) -> None:
    """Formula, origin, fitness on both splits, components, code; JSON and text agree."""
    winner = finished.json["winner"]["id"]
    facts = cli_again("show", "tiny", winner[:6], "--json").json
    assert facts["id"] == winner
    assert facts["winner"] is True
    assert facts["proposal"]["operator"] in ("sample", "mutate")
    searched = [job for job in facts["trainings"] if job["purpose"] == "search"]
    whole = [job["seed"] for job in searched if job["steps"] == 4096]
    assert whole == [0, 1], "the best whole training was repeated on a second seed"
    check_fitness(facts["fitness"]["search"]["validation"], 2)
    assert [(rung["share"], rung["seeds"]) for rung in facts["rungs"]][-2:] == [(1.0, 1), (1.0, 2)]
    assert facts["fitness"]["confirm"]["test"] == finished.json["winner"]["fitness"]
    for points in facts["components"].values():
        assert {"mean", "std", "min", "max", "share"} == points["first"].keys()
    text = cli_again("show", "tiny", "winner").out
    assert facts["formula"] in text
    assert "def effort(state, action, next_state):" in text
    assert "start → end" in text
    done = cli_again("show", "tiny", "zzz")
    assert done.code == 1
    assert "no candidate 'zzz' in tiny" in done.sentence


def test_compare_two_candidates(finished: Any, cli_again: Any, tmp_path: Path) -> None:
    """Diff, formulas, and fitness paired over the training seed that both had."""
    first, second = (
        e["id"] for e in cli_again("show", "tiny", "--json").json["all_candidates"][:2]
    )
    done = cli_again("compare", first, second, "--run", "tiny", "--json").json
    assert done["a"]["formula"] != done["b"]["formula"]
    assert f'-FORMULA = "{done["a"]["formula"]}"' in done["diff"]
    difference = done["comparison"]["difference"]["goal_distance"]
    means = [fitness["goal_distance"]["mean"] for fitness in done["comparison"]["fitness"]]
    assert difference["mean"] == pytest.approx(means[1] - means[0], abs=1e-6)
    assert done["comparison"]["paired_seeds"] == 1
    assert "goal_distance" in cli_again("compare", first, second).out
    path = tmp_path / "copy.py"
    path.write_text(Path(finished.json["winner"]["file"]).read_text())
    done = cli_again("compare", path, finished.json["winner"]["id"], "--run", "tiny", "--json")
    assert done.json["same_code"] is True
    assert done.json["comparison"] is None


def test_export_writes_an_importable_file(finished: Any, cli_again: Any, tmp_path: Path) -> None:
    """With the numbers of the run in it; a file that exists is not overwritten."""
    path = tmp_path / "exported.py"
    done = cli_again("export", "tiny", "-o", path, "--json").json
    assert done["candidate"] == finished.json["winner"]["id"]
    spec = importlib.util.spec_from_file_location("exported_by_cli", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PROVENANCE["fitness"] == finished.json["winner"]["fitness"]
    assert finished.json["winner"]["formula"] == module.FORMULA
    again = cli_again("export", "tiny", "-o", path)
    assert again.code == 2
    assert "--force" in again.sentence
    assert cli_again("export", "tiny", "-o", path, "--force").code == 0


def test_a_budget_ends_the_search_with_code_3(cli: Any, tiny_options: Any) -> None:
    """The result is complete all the same, and says what ended it."""
    done = cli(
        *("design", "go to the goal", "--env", "point_mass", "--name", "short", "--json"),
        *tiny_options("budget.candidates=1", "search.generations=3"),
    )
    assert done.code == 3, done.err
    assert done.json["candidates"] == 1
    assert "budget.candidates" in done.json["budget"]
    assert cli("resume", "short", "--json").code == 3


def test_a_run_finds_its_own_environment_again(cli: Any, tiny_options: Any, tmp_path: Path) -> None:
    """--env-path is kept in the run: show and export work without it."""
    import shutil

    from autoreward.assets import asset_root

    shutil.copytree(asset_root("envs") / "point_mass", tmp_path / "mine" / "puck")
    done = cli(
        *("design", "go to the goal", "--env", "puck", "--env-path", tmp_path / "mine"),
        *("--name", "own", "--json", *tiny_options()),
    )
    assert done.code == 0, done.err
    assert cli("show", "own", "winner").code == 0
    assert cli("export", "own").code == 0
    assert list(tmp_path.glob("puck_*.py"))


def start(tmp_path: Path, tiny_options: Any) -> subprocess.Popen[str]:
    """Start a run called `long` that takes a while, in a process of its own."""
    arguments = ["design", "go to the goal", "--env", "point_mass", "--name", "long", "--json"]
    arguments += tiny_options("training.steps=60000", "search.generations=9")
    return subprocess.Popen(
        [sys.executable, "-c", "from autoreward.cli.main import main; main()", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "AUTOREWARD_RUNS": str(tmp_path / "runs")},
    )


def wait_until_training(cli: Any) -> None:
    """Wait until the run `long` has a running training."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = cli("status", "long", "--json")
        if done.code == 0 and done.json["trainings"].get("running"):
            return
        time.sleep(0.2)
    pytest.fail("the run did not begin to train")


@pytest.mark.parametrize("way", ["ctrl-c", "stop"])
def test_interrupting_prints_how_to_go_on(
    cli: Any, tmp_path: Path, tiny_options: Any, way: str
) -> None:
    """Ctrl-C and `stop` end with code 130, the resume command, and a run that is kept."""
    process = start(tmp_path, tiny_options)
    try:
        wait_until_training(cli)
        if way == "stop":
            assert cli("stop", "long", "--json").json["stopped"] == process.pid
        else:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "autoreward resume long" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert json.loads(out.splitlines()[-1])["code"] == "interrupted"
    run = cli("status", "long", "--json").json
    assert run["state"] == "stopped"
    assert run["candidates"] > 0
