"""First failures, tables and the paragraph for the next prompt."""

from __future__ import annotations

import json

import numpy as np
import pytest
from analysis_records import COUNT, HORIZON, SPEED, curve, film, record, rising, table

from autoreward.environments.folder import open_environment
from autoreward.evaluation.analysis.analyzer import Analysis, analyze
from autoreward.evaluation.analysis.failure import first_failures
from autoreward.evaluation.analysis.record import Record
from autoreward.evaluation.analysis.tables import informative_fields


def stopping(at: int, length: int = HORIZON) -> Record:
    """All run; episode 3 stops at a step and stands; episode 6 is ended by the rule."""
    speed = table(2.0, spread=0.2)
    speed[at:, 3] = 0.0
    lengths = np.full(COUNT, HORIZON)
    lengths[6] = length
    pitch = np.zeros((HORIZON + 1, COUNT))
    pitch[length - 5 :, 6] = 0.3
    episodes = film(
        speed, length=lengths, state={"pitch": pitch}, components={"forward": speed, "upright": 1.0}
    )
    curves = rising(0.1, 2.0)
    return record(episodes, curve(curves, {"forward": curves, "upright": 1.0}), "forward + upright")


@pytest.mark.parametrize("at", [0, 50, 120])
def test_the_first_failure_is_where_nothing_good_comes_after(at: int) -> None:
    """An episode that stops fails there, one that is ended fails at its end, others do not."""
    failures = dict(first_failures(stopping(at, length=90)))
    assert set(failures) == {3, 6}
    assert failures[6] == 89
    assert abs(failures[3] - at) <= 2


def test_a_pause_is_no_failure() -> None:
    """An episode that goes on after a stop has not failed."""
    speed = table(2.0, spread=0.2)
    speed[50:120] = 0.0
    assert first_failures(record(film(speed), curve(), "forward")) == []


def test_the_paragraph_says_what_how_and_who_pays() -> None:
    """Fitness beside doing nothing, how episodes end, and the parts of the reward, in numbers."""
    text = analyze(stopping(HORIZON, length=90)).paragraph
    assert "8 validation episodes" in text and "never acting gives" in text
    assert "1 of 8 episodes are ended by the rule, typically after 90 of 200 steps" in text
    assert "pitch" in text
    assert "+1 from upright" in text and "from forward" in text


def test_tables_are_short_and_show_the_failures() -> None:
    """Episodes, components, and two failures of 8 rows with the field that left, one as a whole."""
    analysis = analyze(stopping(50, length=90))
    assert len(analysis.tables) == 5
    assert "as a whole" in analysis.tables[2] and "| 0 |" in analysis.tables[2]
    assert "| 6 |" in analysis.tables[0] and "ended by the rule | step 89" in analysis.tables[0]
    assert analysis.tables[1].count("\n") == 3
    for table_of_frames in analysis.tables[2:]:
        assert table_of_frames.count("\n") <= 10
        assert max(map(len, table_of_frames.splitlines())) < 260
    assert any("pitch" in frames for frames in analysis.tables[2:])


def test_fields_that_leave_their_range_are_shown_first() -> None:
    """The table of frames has the field that says why, and at most six fields."""
    fields = informative_fields(stopping(50, length=90), 6, 60, 89)
    assert "pitch" in fields and len(fields) <= 6


def test_an_analysis_survives_json() -> None:
    """What is journaled is read back the same."""
    analysis = analyze(stopping(50, length=90))
    assert Analysis.from_dict(json.loads(json.dumps(analysis.to_dict()))) == analysis


def test_distances_count_downward() -> None:
    """Where less is better a policy that gets near has not failed, one that stays away has."""
    folder = open_environment("point_mass")
    task = folder.task_named("reach")
    primary = folder.fitness_named(task.fitness)
    near = np.repeat(np.linspace(1.5, 0.05, HORIZON)[:, None], COUNT, axis=1)
    near[:, 2] = 1.5
    episodes = film(near)
    fitness = {primary.name: episodes.fitness[SPEED]}
    lost = film(np.full((HORIZON, COUNT), 1.5))
    episodes = type(episodes)(
        {"distance": np.ones((HORIZON + 1, COUNT), np.float32)}, episodes.action, fitness,
        episodes.length, episodes.terminated, episodes.qpos,
    )  # fmt: skip
    zero = type(lost)(
        episodes.state, lost.action, {primary.name: lost.fitness[SPEED]}, lost.length,
        lost.terminated, lost.qpos,
    )  # fmt: skip
    training = Record(task, folder, primary, 0.99, "near", [], episodes, {}, zero, None)
    assert [episode for episode, _ in first_failures(training)] == [2]
