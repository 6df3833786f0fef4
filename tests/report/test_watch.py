"""The picture of a run at work: counts, rates, the best so far, time left."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from rich.console import Console

from autoreward.evaluation.statistics import estimate
from autoreward.findings import Finding
from autoreward.report.forecast import Plan
from autoreward.report.live import live
from autoreward.report.watch import Best, Watch
from autoreward.search.rungs import Rung


def watch(direction: Literal["max", "min"] = "max", **more: Any) -> Watch:
    """Return a watch of 2 generations of 3 candidates and 4 final trainings of 1000 steps."""
    plan = Plan(2, 3, 1000, 4, rungs=(Rung(1000),))
    return Watch(plan, "a-run", "speed", "m/s", direction, started=100.0, **more)


def progress(steps: int, **learners: int) -> dict[str, Any]:
    """Return a progress event."""
    return {
        "learners": {job: {"steps": n, "fitness": 0.5} for job, n in learners.items()},
        "waiting": 0,
        "slots": 12,
        "occupied": len(learners),
        "steps": steps,
        "busy_seconds": 10.0,
        "physics_seconds": 6.0,
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


def racing(**more: Any) -> Watch:
    """Return a watch of a race: 9 candidates, of which three see 300 steps and one all 1000."""
    plan = Plan(1, 9, 1000, 4, rungs=(Rung(100), Rung(300), Rung(1000)), ordered=False)
    return Watch(plan, "a-run", "speed", "m/s", "max", started=100.0, **more)


def test_rate_and_time_left() -> None:
    """1000 steps in 2 seconds and 9,000 of 10,000 to go are 18 seconds."""
    seen = watch()
    seen.take("proposing", {"generation": 0, "count": 3}, 100.0)
    seen.take("training", {"jobs": [f"{name}-search-s0" for name in "abc"]}, 100.0)
    seen.take("progress", progress(0, **{"a-search-s0": 0}), 101.0)
    assert seen.seconds_left(101.0) is None
    seen.take("progress", progress(1000, **{f"{name}-search-s0": 500 for name in "ab"}), 103.0)
    assert seen.rate(103.0) == pytest.approx(500)
    assert seen.seconds_left(103.0) == pytest.approx(9000 / 500)
    assert seen.fraction == pytest.approx(0.1)
    assert seen.jail_share == pytest.approx(0.05)


def test_the_rate_is_of_late() -> None:
    """A slow start is forgotten after a while, and a rate of which nothing is heard any more."""
    seen = watch()
    for second in range(40):
        steps = second if second < 10 else 10 + (second - 10) * 1000
        seen.take("progress", progress(steps, **{"a-search-s0": 1}), 100.0 + second)
    assert seen.rate(140.0) == pytest.approx(1000)
    assert seen.rate(160.0) == 0


def test_waiting_for_a_model_is_part_of_the_time_left() -> None:
    """Idle slots slow the search down, not the final comparison; with nobody asked who knows."""
    seen = racing()
    seen.take("asking", {"proposal": 0, "operator": "draft", "model": "m"}, 100.0)
    seen.take("progress", progress(0, **{"a-search-s0-r1": 0}), 100.0)
    seen.take("progress", progress(100), 110.0)
    soon, late = (seen.seconds_left(now) for now in (110.0, 130.0))
    search, final = 9 * 100 + 3 * 200 + 700, 4000
    assert soon == pytest.approx(search / 10 + final / 10)
    assert late == pytest.approx(search / (10 / 3) + final / 10)
    accepted = {"proposal": 0, "candidate": "b", "formula": "x"}
    seen.take("accepted", accepted, 130.0)
    assert seen.seconds_left(130.0) is None


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


def test_scores_of_two_rungs_are_not_compared() -> None:
    """The best is one of those that were trained longest, and every line says how long."""
    seen = racing()

    def line(job: str, value: float) -> str:
        event = trained(job[0], value) | {"job": job}
        return seen.take("trained", event, 101.0) or ""

    assert line("a-search-s0-r1", 5.0).endswith("a to 10%: speed 5.00 m/s  best so far at 10%")
    assert line("b-search-s0-r2", 1.0).endswith("b to 30%: speed 1.00 m/s  best so far at 30%")
    assert line("c-search-s0-r1", 9.0).endswith("c to 10%: speed 9.00 m/s")
    assert line("b-search-s0", 2.0).endswith("trained b: speed 2.00 m/s  best so far")
    assert seen.best == Best("b", 2.0, 2)


def test_a_second_seed_is_a_better_word_on_the_same_candidate() -> None:
    """The value is the mean over both, and the words say of how many seeds."""
    rungs = (Rung(100), Rung(1000), Rung(1000, 2))
    seen = Watch(Plan(1, 4, 1000, 4, rungs), "a-run", "speed", "m/s", "max", started=100.0)

    def line(job: str, value: float) -> str:
        event = trained(job[0], value) | {"job": job}
        return seen.take("trained", event, 101.0) or ""

    assert line("a-search-s0", 5.0).endswith("trained a: speed 5.00 m/s  best so far")
    assert line("b-search-s1", 3.0).endswith("trained b on 2 seeds: speed 3.00 m/s")
    wanted = "trained a on 2 seeds: speed 4.00 m/s  best so far on 2 seeds"
    assert line("a-search-s1", 4.0).endswith(wanted), "what was said of it before was luck"
    assert seen.best == Best("a", 4.0, 2)
    assert "best 4.00 m/s on 2 seeds" in seen.line(102.0)
    assert line("c-search-s0", 9.0).endswith("trained c: speed 9.00 m/s  best so far")
    seen.take("progress", progress(250, **{"a-search-s1": 250}), 103.0)
    assert "1 learner at 25%" in seen.line(103.0), "of a whole training"


def test_learners_are_on_their_way_to_a_rung() -> None:
    """Bars are full at the rung, not at the end of a whole training that few will see."""
    seen = racing()
    seen.take("training", {"jobs": ["a-search-s0-r1", "b-search-s0-r2"]}, 100.0)
    learners = {"a-search-s0-r1": 50, "b-search-s0-r2": 270}
    seen.take("progress", progress(320, **learners), 101.0)
    assert "2 learners at 50%-90%" in seen.line(101.0)
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(live(seen, 101.0))
    picture = console.export_text()
    words = [" ".join(line.split()[-7:]) for line in picture.splitlines()[:2]]
    assert words == [f"{done} speed 0.500 per step" for done in ("50% to 10%", "90% to 30%")]


def test_models_that_are_asked_are_counted() -> None:
    """An answer that came, was refused, or is known already is not waited for any more."""
    seen = racing()
    for number in range(4):
        model = None if number == 3 else "m"
        asking = {"proposal": number, "operator": "draft", "model": model}
        seen.take("asking", asking, 100.0)
    assert "searching · 3 answers awaited" in seen.line(100.0)
    before = seen.total
    seen.take("accepted", {"proposal": 0, "candidate": "a", "formula": "x"}, 101.0)
    assert seen.total == before
    seen.take("duplicate", {"proposal": 1, "candidate": "a"}, 101.0)
    error = Finding("syntax", "error", "this is not Python")
    line = seen.take("rejected", {"proposal": 2, "findings": [error]}, 101.0)
    assert line is not None and "this is not Python" in line
    assert "awaited" not in seen.line(101.0)
    assert seen.total < before


def test_limits_are_told_before_and_when_they_are_reached() -> None:
    """What waits for a slot is still trained, nothing else is expected any more."""
    seen = racing()
    text = "80% of budget.usd = 3 is used"
    assert seen.take("budget-warning", {"text": text}, 101.0) == f"  mind: {text}"
    seen.take("training", {"jobs": ["a-search-s0-r1"]}, 101.0)
    seen.take("accepted", {"proposal": 1, "candidate": "b", "formula": "x"}, 101.0)
    seen.take("budget", {"reason": "3 dollars"}, 102.0)
    assert seen.total == pytest.approx(4000 + 2 * 100 + 200 + 700)


def test_lines_say_what_matters() -> None:
    """One line for a file, a picture for a terminal: phase, learners, rate, best, time left."""
    seen = watch()
    seen.take("proposing", {"generation": 0, "count": 3}, 100.0)
    seen.take("accepted", {"proposal": 0, "candidate": "abc", "formula": "x"}, 100.0)
    seen.take("training", {"jobs": ["abc-search-s0"]}, 100.0)
    seen.take("progress", progress(0), 101.0)
    seen.take("progress", progress(1000, **{"abc-search-s0": 500}), 103.0)
    seen.take("trained", trained("best1", 1.5), 104.0)
    line = seen.line(105.0)
    console = Console(width=110, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(live(seen, 105.0))
    picture = console.export_text()
    for text in (line, picture):
        for part in ("training (generation 1 of 2)", "10,000 env steps", "5%", "1.50 m/s", "left"):
            assert part in text
    assert "speed 0.500 per step" in picture
    assert "500 a second" in picture
    assert "1 learner at 50%" in line and "500 env steps/s" in line
    assert "\n" not in line


def test_failures_and_restarts_are_told() -> None:
    """A failed training and a restarted trainer each make a line; the rate starts afresh."""
    seen = watch()
    finding = Finding("timeout", "error", "no answer within 2 s")
    line = seen.take("failed", {"job": "abc-search-s0", "finding": finding}, 101.0)
    assert line is not None
    assert "abc" in line
    assert "no answer within 2 s" in line
    seen.take("progress", progress(0, **{"a-search-s0": 1}), 101.0)
    seen.take("progress", progress(100, **{"a-search-s0": 1}), 102.0)
    assert "started again" in (seen.take("restarted", {"deaths": 1}, 103.0) or "")
    assert seen.rate(103.0) == 0


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
    before = seen.total
    seen.take("skipped", {"candidate": "abc", "reason": "poor"}, 101.0)
    assert seen.total == before - 1000
