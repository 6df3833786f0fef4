"""What is known of this machine: measured, kept, and laid under the user's settings."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autoreward import machine
from autoreward.config import load_settings
from autoreward.machine import machine_file, machine_settings, remember
from autoreward.report.machine import bench, best_slots


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_what_was_found_is_the_default(tmp_path: Path) -> None:
    """It lies under presets, files and flags, and changes nothing before it is known."""
    default = load_settings().training.slots
    remember(default + 5)
    assert machine_file().parent.parent == tmp_path
    assert load_settings().training.slots == default + 5
    assert load_settings("standard").training.slots == default + 5
    assert load_settings(overrides=["training.slots=3"]).training.slots == 3


def test_another_number_of_cores_is_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found with two cores says nothing about one."""
    remember(7)
    assert machine_settings() == {"training": {"slots": 7}}
    monkeypatch.setattr(machine, "_cores", lambda: len(os.sched_getaffinity(0)) + 1)
    assert machine_settings() == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"slots": -1}', '{"slots": "many"}'])
def test_a_damaged_file_is_no_file(text: str) -> None:
    """It is a cache: nothing in it may stop a run."""
    machine_file().parent.mkdir(parents=True)
    machine_file().write_text(text)
    assert machine_settings() == {}
    machine_file().write_text(json.dumps({"slots": 0, "cores": len(os.sched_getaffinity(0))}))
    assert machine_settings() == {}


def test_the_fewest_learners_that_nearly_reach_the_best_rate() -> None:
    """Bare physics is no population."""
    rates = {1: 10.0, 4: 90.0, 8: 97.0, 16: 100.0, 32: 99.0, 0: 1000.0}
    assert best_slots([{"learners": n, "rate": rate} for n, rate in rates.items()]) == 8


def test_this_machine_is_measured() -> None:
    """Populations are slower than bare physics, and two learners are faster than none."""
    measured = list(bench([2]))
    assert [entry["learners"] for entry in measured] == [2, 0]
    population, bare = measured
    assert 0 < population["rate"] < bare["rate"]
    assert 0 < population["physics"] <= 1
