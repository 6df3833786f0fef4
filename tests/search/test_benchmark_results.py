"""What a benchmark's runs add up to, as numbers, tables, page and plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from small_suite import HOPPER, SUITE, finished, planned, write_suite

from autoreward.report.benchmark import benchmark_markdown, notes, overall_rows, task_rows
from autoreward.report.benchmark_picture import benchmark_picture
from autoreward.search.benchmarking.plan import Planned, chosen
from autoreward.search.benchmarking.results import results
from autoreward.store.journal import Journal

VALUES = {
    ("point_mass/reach", "full"): (1.0, 1.0),
    ("point_mass/reach", "random"): (2.0, 3.0),
    ("hopper/hop_high", "full"): (0.5, 0.7),
    ("hopper/hop_high", "random"): (0.6, 0.1),
}


def results_of(
    runs: Sequence[Planned], folder: Path, human: float = 1.0, drop: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the results of a benchmark whose runs ended with `VALUES`."""
    for run in runs:
        if run.name in drop:
            continue
        with Journal.create(folder / run.name, run.setup.settings.to_dict(), {}) as journal:
            value = VALUES[run.task, run.method][run.seed]
            high = run.task == "point_mass/reach"
            baselines = {"human": human if high else None, "sparse": 3.0 + run.seed, "zero": 5.0}
            for number in range(2):
                journal.queue_job(
                    f"c-{number}", candidate="c", purpose="search", training_seed=0, steps=100
                )
                journal.start_job(f"c-{number}")
                journal.finish_job(f"c-{number}", "done", env_steps=100)
            journal.set_meta("summary", finished(run.setup, value, baselines))
    facts = {
        "name": "mine", "summary": "A test.", "command": "autoreward benchmark mine.yaml",
        "run_seeds": 2, "search_budget": 8192, "versions": {"python": "3.11"},
    }  # fmt: skip
    return results(folder, runs, {}, facts)


def test_results_add_up(tmp_path: Path) -> None:
    """Normalised scores, probability of improvement and cost, by hand."""
    _, runs = planned(write_suite(tmp_path, tasks=[*SUITE["tasks"], HOPPER]))
    data = results_of(runs, tmp_path)
    task = data["tasks"]["point_mass/reach"]
    # Lower is better; sparse has 3 and 4 on the two run seeds, human 1 and 1: the scale is 2.5.
    assert (task["human"], task["sparse"], task["direction"]) == (1.0, 3.5, "min")
    full, random = data["rows"]["full"], data["rows"]["random"]
    assert full["tasks"]["point_mass/reach"]["normalised"] == pytest.approx(1.0)
    assert random["tasks"]["point_mass/reach"]["normalised"] == pytest.approx((0.6 + 0.2) / 2)
    assert random["score"]["value"] == pytest.approx(0.4)
    assert random["score"]["runs"] == 2, "the task without a human reward has no scale"
    assert random["score"]["interval"] == pytest.approx([0.2, 0.6])
    assert data["rows"]["sparse"]["score"]["value"] == pytest.approx(0.0)
    assert data["rows"]["human"]["score"]["value"] == pytest.approx(1.0)
    assert data["rows"]["zero"]["score"]["value"] == pytest.approx(-0.6)
    # Reach: 4 of 4 pairs won. Hop: 0.5 beats 0.1 alone, 0.7 beats both: 3 of 4.
    assert random["first_is_better"]["value"] == pytest.approx((1.0 + 0.75) / 2)
    assert full["first_is_better"] is None
    assert full["tasks"]["hopper/hop_high"] == {
        "mean": pytest.approx(0.6), "interval": [0.5, 0.7], "runs": 2,
    }  # fmt: skip
    assert full["cost"]["search_steps"] == 200
    assert full["cost"]["usd"] == 0.25
    assert (full["runs"], full["planned"]) == (4, 4)
    assert "hopper/hop_high has no normalised score: no human reward" in notes(data)


def test_a_single_run_has_no_interval(tmp_path: Path) -> None:
    """Nothing is known about how sure one run per task is, so nothing is shown."""
    suite, runs = planned(write_suite(tmp_path))
    data = results_of(chosen(runs, suite, [], 1), tmp_path)
    row = data["rows"]["random"]
    assert row["tasks"]["point_mass/reach"]["interval"] is None
    assert row["score"]["interval"] is None
    assert row["first_is_better"] == {"value": 1.0, "interval": None, "runs": 1}
    assert next(cells for cells in overall_rows(data) if cells[0] == "random")[2] == "1.00"
    benchmark_picture(data, tmp_path / "single.png")
    assert "nothing is known but its own number" in " ".join(notes(data))


def test_results_of_a_part(tmp_path: Path) -> None:
    """Missing runs are counted, said, and make no numbers up; human below sparse is said too."""
    _, runs = planned(write_suite(tmp_path, tasks=[*SUITE["tasks"], HOPPER]))
    missing = [run.name for run in runs if run.method == "random"]
    data = results_of(runs, tmp_path, human=4.5, drop=missing)
    row = data["rows"]["random"]
    assert row["tasks"] == {}
    assert (row["score"], row["first_is_better"], row["cost"]) == (None, None, None)
    assert data["rows"]["full"]["tasks"]["point_mass/reach"]["normalised"] == pytest.approx(2.5)
    assert data["rows"]["human"]["score"]["value"] == pytest.approx(-1.0)
    said = " ".join(notes(data))
    assert "some runs are missing" in said
    assert "human-written reward does worse" in said
    cells = next(row for row in overall_rows(data) if row[0] == "random")
    assert cells[3] == "0/4"
    benchmark_picture(data, tmp_path / "part.png")
    assert (tmp_path / "part.png").stat().st_size > 5000


def test_tables_and_page(tmp_path: Path) -> None:
    """The tables have a row for each method and baseline; the page has the command and the plot."""
    _, runs = planned(write_suite(tmp_path, tasks=[*SUITE["tasks"], HOPPER]))
    data = results_of(runs, tmp_path)
    names = [row[0] for row in overall_rows(data)]
    assert names == ["", "full", "random", "human", "sparse", "zero"]
    head, full, *_ = task_rows(data, list(data["tasks"]))
    assert head[1] == "point_mass/reach: goal_distance ↓ m"
    assert full[1] == "1.00 [1.00, 1.00]"
    page = benchmark_markdown(data, "benchmark.png")
    assert "`autoreward benchmark mine.yaml`" in page
    assert "(benchmark.png)" in page
    assert "| random | 0.400 [0.200, 0.600] | 0.88 [0.50, 1.00] | 4/4 |" in page
    assert "not clearly apart" not in page
    close = results_of(runs, tmp_path / "close", human=2.9)
    assert "not clearly apart" not in " ".join(notes(close))
    for entry in close["rows"].values():
        entry["tasks"]["point_mass/reach"]["interval"] = [2.0, 4.0]
    assert "on point_mass/reach human and sparse are not clearly apart" in " ".join(notes(close))
    problem = benchmark_markdown(data | {"problems": {"x-s0": "it broke"}}, "benchmark.png")
    assert "**x-s0 failed:** it broke" in problem
