"""The picture of a run at work: counts, rates, the best so far, time left."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from rich.console import Console

from autoreward.config import load_settings
from autoreward.evaluation.statistics import estimate
from autoreward.findings import Finding
from autoreward.report.live import live
from autoreward.report.watch import Plan, Watch, job_label


def watch(direction: Literal["max", "min"] = "max", **more: Any) -> Watch:
    """Return a watch of 2 generations of 3 candidates and 4 final trainings of 1000 steps."""
    return Watch(Plan(2, 3, 1000, 4), "a-run", "speed", "m/s", direction, started=100.0, **more)


def progress(steps: int, **learners: int) -> dict[str, Any]:
    """Return a progress event."""
    return {
        "learners": {job: {"steps": n, "fitness": 0.5} for job, n in learners.items()},
        "waiting": 0,
        "steps": steps,
        "busy_seconds": 10.0,
        "jail_seconds": 0.5,
    }


def trained(candidate: str, value: float, purpose: str = "search") -> dict[str, Any]:
    """Return the event of a finished training."""
    return {
        "job": f"{candidate}-{purpose}-s0",
        "candidate": candidate,
        "purpose": purpose,
        "score": estimate([[value, value]]),
        "seconds": 1.0,
    }


def test_plan_of_a_run() -> None:
    """The final comparison counts finalists and baselines on every fresh seed."""
    settings = load_settings(overrides=["search.finalists=2", "search.confirm_seeds=3"])
    plan = Plan.of_run(settings, baselines=2)
    assert plan.final == (2 + 2) * 3
    assert (plan.generations, plan.population) == (2, 6)
    assert Plan.of_evaluation(settings, 5).final == 5


def test_rate_and_time_left() -> None:
    """1000 steps in 2 seconds and 9,000 of 10,000 to go are 18 seconds."""
    seen = watch()
    seen.take("proposing", {"generation": 0, "count": 3}, 100.0)
    seen.take("training", {"jobs": ["a", "b", "c"]}, 100.0)
    seen.take("progress", progress(0, a=0), 101.0)
    assert seen.seconds_left() is None
    seen.take("progress", progress(1000, a=500, b=500), 103.0)
    assert seen.rate == pytest.approx(500)
    assert seen.seconds_left() == pytest.approx(9000 / 500)
    assert seen.fraction == pytest.approx(0.1)
    assert seen.jail_share == pytest.approx(0.05)


def test_the_rate_is_of_late() -> None:
    """A slow start is forgotten after a while."""
    seen = watch()
    for second in range(40):
        steps = second if second < 10 else 10 + (second - 10) * 1000
        seen.take("progress", progress(steps, a=1), 100.0 + second)
    assert seen.rate == pytest.approx(1000)


@pytest.mark.parametrize(("direction", "best"), [("max", "b"), ("min", "a")])
def test_the_best_follows_the_direction(direction: Literal["max", "min"], best: str) -> None:
    """Higher or lower is better; confirmations do not count."""
    seen = watch(direction)
    seen.take("trained", trained("a", 1.0), 101.0)
    line = seen.take("trained", trained("b", 2.0), 102.0)
    assert ("best so far" in (line or "")) is (direction == "max")
    seen.take("trained", trained("c", 9.0 if direction == "max" else 0.0, "confirm"), 103.0)
    assert seen.best is not None
    assert seen.best.candidate == best


def test_refused_proposals_shrink_the_plan() -> None:
    """What a generation did not fill is not waited for."""
    seen = watch()
    seen.take("proposing", {"generation": 0, "count": 3}, 100.0)
    assert seen.expected == 10
    error = Finding("syntax", "error", "this is not Python")
    line = seen.take("rejected", {"proposal": 1, "findings": [error]}, 100.5)
    assert line is not None
    assert "this is not Python" in line
    seen.take("trained", trained("a", 1.0), 101.0)
    seen.take("proposing", {"generation": 1, "count": 3}, 102.0)
    assert seen.expected == 1 + 3 + 4
    seen.take("phase", {"text": "confirming on fresh training seeds"}, 103.0)
    seen.take("training", {"jobs": ["x", "y"]}, 103.0)
    assert seen.expected == 3


def test_a_resumed_run_counts_what_is_finished() -> None:
    """Finished trainings are neither waited for nor counted twice."""
    seen = watch(finished={"a-search-s0", "b-search-s0"})
    seen.take("phase", {"text": "confirming on fresh training seeds"}, 100.0)
    seen.take("training", {"jobs": ["a-search-s0", "c-confirm-s1000"]}, 100.0)
    assert (seen.done, seen.expected) == (2, 3)


def test_lines_say_what_matters() -> None:
    """One line for a file, a picture for a terminal: phase, learners, rate, best, time left."""
    seen = watch()
    seen.take("proposing", {"generation": 0, "count": 3}, 100.0)
    seen.take("accepted", {"candidate": "abc", "formula": "x"}, 100.0)
    seen.take("training", {"jobs": ["abc-search-s0"]}, 100.0)
    seen.take("progress", progress(0), 101.0)
    seen.take("progress", progress(1000, **{"abc-search-s0": 500}), 103.0)
    seen.take("trained", trained("best1", 1.5), 104.0)
    line = seen.line(105.0)
    console = Console(width=110, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(live(seen, 105.0))
    picture = console.export_text()
    for text in (line, picture):
        for part in ("training (generation 1 of 2)", "500 env steps/s", "5%", "1.50 m/s", "left"):
            assert part in text
    assert "speed 0.500 per step" in picture
    assert "1 learner at 50%" in line
    assert "\n" not in line


def test_failures_and_restarts_are_told() -> None:
    """A failed training and a restarted trainer each make a line; the rate starts afresh."""
    seen = watch()
    finding = Finding("timeout", "error", "no answer within 2 s")
    line = seen.take("failed", {"job": "abc-search-s0", "finding": finding}, 101.0)
    assert line is not None
    assert "abc" in line
    assert "no answer within 2 s" in line
    seen.take("progress", progress(0, a=1), 101.0)
    seen.take("progress", progress(100, a=1), 102.0)
    assert "started again" in (seen.take("restarted", {"deaths": 1}, 103.0) or "")
    assert seen.rate == 0


def test_job_labels() -> None:
    """Search trainings go by their candidate, others also by their seed."""
    assert job_label("3c79117b3288-search-s0") == "3c79117b3288"
    assert job_label("human-baseline-s1001") == "human (seed 1001)"


def test_people_are_told_what_waits_for_them() -> None:
    """The line names the command; where nothing waits there is none."""
    seen = watch()
    line = seen.take("reviewing", {"waiting": 3}, 101.0)
    assert line is not None and "3 rewards" in line and "autoreward review a-run" in line
    assert seen.take("reviewing", {"waiting": 0}, 102.0) is None
    line = seen.take("preferring", {"missing": 2, "candidates": 3}, 103.0)
    assert line is not None and "2 comparisons" in line and "autoreward prefer a-run" in line
    assert seen.take("preferring", {"missing": 2, "candidates": 1}, 104.0) is None


def test_findings_of_the_analyzer_are_named() -> None:
    """Warnings are worth a line, notes are not; a skipped reward is off the plan."""
    seen = watch()
    hack = Finding("reward-hacking", "warning", "the reward is farmed")
    note = Finding("jitter", "note", "the actions swing")
    line = seen.take("analyzed", {"job": "abc-search-s0", "findings": [hack, note]}, 101.0)
    assert line is not None and "abc: reward-hacking" in line and "jitter" not in line
    assert seen.take("analyzed", {"job": "abc-search-s0", "findings": [note]}, 101.0) is None
    before = seen.expected
    seen.take("skipped", {"candidate": "abc", "reason": "poor"}, 101.0)
    assert seen.expected == before - 1
