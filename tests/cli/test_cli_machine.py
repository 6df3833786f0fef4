"""`envs` and `doctor`."""

from __future__ import annotations

from typing import Any

import pytest

from autoreward.environments.card import render_card
from autoreward.environments.folder import open_environment


def test_envs_lists_all(cli: Any) -> None:
    """Names, tasks and Gymnasium's id of each."""
    entries = {e["name"]: e for e in cli("envs", "--json").json["environments"]}
    assert {"hopper", "half_cheetah", "point_mass"} <= entries.keys()
    assert entries["hopper"]["gymnasium_id"] == "Hopper-v5"
    assert "hop_high" in entries["hopper"]["tasks"]
    text = cli("envs").out
    assert all(name in text for name in entries)


def test_envs_prints_the_very_card(cli: Any) -> None:
    """Word for word what a model gets, for the first task or the named one."""
    folder = open_environment("hopper")
    tasks = list(folder.tasks.values())
    done = cli("envs", "hopper")
    assert done.out == render_card(folder, tasks[0]) + "\n"
    assert tasks[1].name in done.err
    named = cli("envs", "hopper", "--task", tasks[1].name, "--json").json
    assert named == {
        "environment": "hopper",
        "task": tasks[1].name,
        "card": render_card(folder, tasks[1]),
    }


def test_doctor_tries_everything(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages, physics and a real jail; keys by name only."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never-shown")
    done = cli("doctor", "--json")
    checks = {check["name"]: check for check in done.json["checks"]}
    assert done.code == 0, checks
    assert done.json["ok"] is True
    for name in ("python", "torch", "mujoco", "cores", "memory", "physics", "sandbox process"):
        assert checks[name]["state"] == "ok"
    assert "steps/s" in checks["physics"]["text"]
    assert "OPENAI_API_KEY" in checks["model keys"]["text"]
    assert "sk-never-shown" not in done.out + done.err


def test_doctor_fails_where_physics_does(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is necessary and does not work gives code 1 and its name; a GPU is not necessary."""
    from autoreward.report import machine

    monkeypatch.setattr(machine, "_PHYSICS", "raise SystemExit('no physics here')")
    monkeypatch.setattr(machine, "_GPU", "raise SystemExit('no gpu')")
    monkeypatch.setattr(machine, "_RENDERING", "raise SystemExit('no egl')")
    done = cli("doctor")
    assert done.code == 1
    assert "does not work: physics" in done.out
    assert "no physics here" in done.out
