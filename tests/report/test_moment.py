"""The moment that a run leaves for `status`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from autoreward.report.forecast import Plan
from autoreward.report.moment import moment_words, read_moment, write_moment
from autoreward.report.watch import Watch
from autoreward.search.rungs import Rung


def test_a_moment_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Speed, shares, slots and time left, in numbers and in words."""
    plan = Plan(2, 3, 1000, 4, rungs=(Rung(1000),))
    seen = Watch(plan, "a-run", "speed", "m/s", "max", started=100.0)
    path = tmp_path / "moment.json"
    seen.take("training", {"jobs": ["a-search-s0", "b-search-s0"]}, 100.0)
    for second in range(5):
        done = 100 * second
        learners = {f"{name}-search-s0": {"steps": done, "fitness": 0.5} for name in "ab"}
        counts = {"steps": 2 * done, "slots": 12, "occupied": 2}
        times = {"busy_seconds": 10.0, "physics_seconds": 6.0, "jail_seconds": 0.5}
        seen.take("progress", {"learners": learners} | counts | times, 100.0 + second)
    write_moment(path, seen, 104.0)
    moment = read_moment(path, os.getpid())
    assert moment is not None
    assert moment["env_steps_per_second"] == 200
    assert (moment["physics_share"], moment["jail_share"]) == (0.6, 0.05)
    assert (moment["slots_busy"], moment["slots"]) == (2, 12)
    assert moment["env_steps"] == 800
    words = moment_words(moment)
    assert words["speed"] == "200 env steps/s, 60% physics, 5% jails"
    assert words["slots"] == "2 of 12 busy"
    assert words["time left"].startswith("about ")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_moment_of_somebody_else_or_long_ago_is_none(text: str, tmp_path: Path) -> None:
    """Nor is one that is torn, or that is not there."""
    path = tmp_path / "moment.json"
    assert read_moment(path, os.getpid()) is None
    path.write_text(text)
    assert read_moment(path, os.getpid()) is None
    path.write_text(json.dumps({"pid": os.getpid(), "written": time.time() - 999}))
    assert read_moment(path, os.getpid()) is None
    path.write_text(json.dumps({"pid": os.getpid() + 1, "written": time.time()}))
    assert read_moment(path, os.getpid()) is None
    assert read_moment(path, None) is None
