"""The card: what a designer reads, and what it must never read."""

from __future__ import annotations

import re

import pytest

from autoreward.environments.card import render_card
from autoreward.environments.folder import find_environments, open_environment

CASES = [(name, task) for name in find_environments() for task in open_environment(name).tasks]


@pytest.mark.parametrize(("name", "task_name"), CASES)
def test_a_card_says_all_that_reward_code_needs(name: str, task_name: str) -> None:
    """Every field, entry, actuator, unit, number and rule of the episode is there."""
    folder = open_environment(name)
    task = folder.tasks[task_name]
    card = render_card(folder, task)
    plain = " ".join(card.replace("    #   ", " ").split())
    for field in folder.schema.state:
        shape = f"[B, {len(field.index)}]" if field.index else "[B]"
        unit = "no unit" if field.unit == "1" else field.unit
        assert f"{field.name}: Tensor # {shape} {unit}, {field.frame} frame" in plain
        assert field.doc[1:] in plain
        for number, entry in enumerate(field.index):
            assert f"[:, {number}] {entry}" in plain
    for number, actuator in enumerate(folder.schema.action):
        assert f"`action[:, {number}]` {actuator.name}: {actuator.doc}" in plain
    assert f"One step is {folder.schema.dt:g} s" in plain
    assert f"after {task.horizon} steps" in plain
    assert folder.termination[task.terminate] in plain
    assert task.instruction in plain
    assert task.success in plain
    assert max(len(line) for line in card.splitlines()) <= 102


@pytest.mark.parametrize(("name", "task_name"), CASES)
def test_fitness_is_defined_in_words_and_its_code_not_shown(name: str, task_name: str) -> None:
    """Every measurement has direction and meaning, one decides; code and sources stay away."""
    folder = open_environment(name)
    card = render_card(folder, folder.tasks[task_name])
    for fitness in folder.fitness:
        better = "higher" if fitness.direction == "max" else "lower"
        assert re.search(rf"^\* {fitness.name}( \[.*\])?, {better} is better", card, re.MULTILINE)
        assert fitness.doc in " ".join(card.split())
    assert card.count("**decides**") == 1
    for secret in ("fitness_steps", "qpos[", "sensor:", "derived:", "reduce"):
        assert secret not in card


def test_the_card_warns_of_lagging_sensors() -> None:
    """Fields read by sensors are said to be one sub-step old; where there are none, nothing."""
    hopper, reacher = open_environment("hopper"), open_environment("reacher")
    assert "(0.002 s) older" in render_card(hopper, hopper.tasks["run"])
    assert "older" not in render_card(reacher, reacher.tasks["reach"])


def test_the_tasks_own_end_is_shown() -> None:
    """The backflip's card has the rule that allows turning over, the run's card the strict one."""
    hopper = open_environment("hopper")
    assert "|pitch| >= 0.2" in render_card(hopper, hopper.tasks["run"])
    flip = render_card(hopper, hopper.tasks["backflip"])
    assert "|pitch| >= 0.2" not in flip
    assert "torso_height < 0.4 m" in flip


@pytest.mark.parametrize("name", sorted(find_environments()))
def test_card_files_are_written_out(name: str) -> None:
    """card.md is a list of what one should know, and speaks only of fields that exist."""
    folder = open_environment(name)
    assert len(folder.card.splitlines()) >= 8
    known = {*folder.schema.names, "action", "state", "next_state"}
    for code in re.findall(r"`([^`]+)`", folder.card):
        for read in re.findall(r"(?:next_state|state)\.(\w+)", code):
            assert read in known, read
        if re.fullmatch(r"\w+", code):
            assert code in known, code
