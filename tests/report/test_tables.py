"""The tables say what the JSON says."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, RenderableType

from autoreward.report.diff import code_diff, coloured
from autoreward.report.pages import candidates_table, findings_list, runs_table
from autoreward.report.result import comparison_result, evaluation_result, run_result


def text_of(renderable: RenderableType, width: int = 110) -> str:
    """Return what a terminal of that width would show."""
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as captured:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def form(mean: float, seeds: int = 3) -> dict[str, Any]:
    """Return a fitness in JSON form, ±0.25 around its mean."""
    return {"mean": mean, "interval": [mean - 0.25, mean + 0.25], "seeds": seeds}


MEASURES = {
    "distance": {"direction": "min", "unit": "m"},
    "energy": {"direction": "min", "unit": "1"},
}


RUNGS = [
    {"steps": 20_000, "share": 0.1, "seeds": 1, "candidates": 12},
    {"steps": 60_000, "share": 0.3, "seeds": 1, "candidates": 4},
    {"steps": 200_000, "share": 1.0, "seeds": 1, "candidates": 2},
    {"steps": 200_000, "share": 1.0, "seeds": 2, "candidates": 1},
]
SEARCH = {
    "strategy": "full",
    "raced": True,
    "proposals": {"accepted": 12},
    "operators": {
        "sample": {"candidates": 7, "changes": 0, "better": 0},
        "tune": {"candidates": 3, "changes": 3, "better": 2},
        "ablate": {"candidates": 2, "changes": 2, "better": 0},
    },
    "rungs": RUNGS,
    "env_steps": 600_000,
    "whole_steps": 2_400_000,
    "occupancy": None,
    "waiting": None,
}


def summary(**changes: Any) -> dict[str, Any]:
    """Return a design summary in which less is better and the winner beats sparse alone."""

    def fitness(mean: float, seeds: int = 3) -> dict[str, Any]:
        return {"distance": form(mean, seeds), "energy": form(0.5, seeds)}

    def compared(better: bool, disjoint: bool) -> dict[str, bool]:
        return {"better": better, "intervals_disjoint": disjoint}

    base = {
        "run": "r",
        "primary": "distance",
        "measures": MEASURES,
        "winner": {"id": "abc", "formula": "-a", "file": "runs/r/abc.py", "fitness": fitness(2.0)},
        "baselines": {"human": fitness(1.5), "sparse": fitness(4.0), "zero": fitness(2.1, 1)},
        "comparison": {
            "human": compared(False, False),
            "sparse": compared(True, True),
            "zero": compared(True, False),
        },
        "clip": "runs/r/clips/abc-confirm-s1000-e3.gif",
        "clip_problem": None,
        "preference": None,
        "comparisons": 1,
        "candidates": 12,
        "env_steps": 2_400_000,
        "training_steps": 200_000,
        "usd": 0.0,
        "sandbox": "process",
        "sandbox_summary": "weak",
        "seconds": 301.0,
        "search": SEARCH,
    }
    return base | changes


def row(text: str, start: str) -> str:
    """Return the one line that begins with `start`, spaces made single."""
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return " ".join(line.split())


def test_result_compares_with_every_baseline() -> None:
    """Mean, interval, seeds, and a lead that is positive where the winner is better."""
    text = text_of(run_result(summary()))
    assert "process: weak" in text
    assert "lower is better" in text
    assert row(text, "winner  ") == "winner 2.00 [1.75, 2.25] 3"
    assert row(text, "human  ").endswith("1.50 [1.25, 1.75] 3 -0.5 intervals overlap")
    assert row(text, "sparse  ").endswith("4.00 [3.75, 4.25] 3 +2 intervals apart")
    assert row(text, "zero  ").endswith("2.10 [1.85, 2.35] - +0.1 intervals overlap")
    assert row(text, "chosen among").startswith("chosen among 12 candidates")
    assert row(text, "took") == "took 2.4 M environment steps (200,000 a training), 5 min 01 s, $0"
    assert "energy" in text
    assert "clips/abc-confirm-s1000-e3.gif" in row(text, "clip")


def test_result_says_what_the_search_did() -> None:
    """Who made the candidates with what success, and what racing saved."""
    text = text_of(run_result(summary()))
    race = "12 candidates to 10%, 4 to 30%, 2 to 100%, 1 on 2 seeds: 600,000 steps, 25% of"
    assert row(text, "raced") == f"raced {race} training all to"
    made = "sample 7, tune 3 (2 better than their parents), ablate 2 (0)"
    assert row(text, "made by") == f"made by {made}"
    assert "slots" not in text and "searched by" not in text
    control = SEARCH | {"strategy": "greedy", "raced": False, "occupancy": 0.934, "waiting": 0.1}
    text = text_of(run_result(summary(search=control)))
    assert "raced" not in text
    assert "changes of the best so far" in row(text, "searched by")
    assert row(text, "slots").startswith("slots 93% busy")


def test_result_without_a_human_reward() -> None:
    """A missing baseline is a row that says so, in a narrow terminal, too."""
    data = summary(
        budget="2 candidates (budget.candidates)", clip=None, clip_problem="pictures need EGL"
    )
    data["baselines"]["human"] = None
    del data["comparison"]["human"]
    text = text_of(run_result(data), width=80)
    assert "this task has none" in row(text, "human")
    assert "the search ended early: 2 candidates" in text
    assert "none: pictures need EGL" in row(text, "clip")


def test_a_second_comparison_says_so() -> None:
    """Who has seen the first one's test episodes knows that these are others."""
    assert "compared" not in text_of(run_result(summary()))
    text = text_of(run_result(summary(comparisons=2)))
    assert row(text, "compared") == "compared 2 times; these test seeds were new"


def test_where_people_decide_the_measurement_is_information() -> None:
    """The headline says how often the winner was compared, the table that it did not decide."""
    text = text_of(run_result(summary(preference={"elo": 1031.6, "comparisons": 4})))
    assert "winner abc: liked best, Elo 1032 from 4 comparisons" in text
    assert "for information, preferences decided" in text and "it decides" not in text


def test_evaluation_shows_fitness_and_components() -> None:
    """Start and end of each component; what failed is not hidden."""
    stats = {"mean": 1.0, "std": 0.5, "min": 0.0, "max": 2.0, "share": 0.25}
    result = {
        "seeds": 2,
        "training_steps": 1000,
        "fitness": {"energy": form(0.5, 2), "distance": form(2.0, 2)},
        "measures": MEASURES,
        "primary": "distance",
        "components": {"near": {"first": stats, "last": {**stats, "mean": 3.0, "share": 0.75}}},
        "formula_components": ["near"],
        "findings": [
            {
                "job": f"abc-confirm-s{seed}",
                "code": "reward-hacking",
                "severity": "warning",
                "message": "component speed is farmed",
                "evidence": "episode 1, steps 3-9, mean component:speed = 1; episode 2, step 4",
                "suggestion": "gate it",
            }
            for seed in (1000, 1001)
        ],
        "failures": ["error: timeout: no answer within 2 s"],
        "formula": "near",
        "env_steps": 2000,
        "seconds": 5.0,
        "usd": 0.0,
        "sandbox": "process",
        "sandbox_summary": "weak",
    }
    text = text_of(evaluation_result(result))
    lines = [line.split()[0] for line in text.splitlines() if line]
    assert lines.index("distance") < lines.index("energy")
    assert "1.00 → 3.00" in text
    assert "25% → 75%" in text
    assert "no answer within 2 s" in text
    assert row(text, "reward-hacking").endswith("mean component:speed = 1) in 2 trainings")


def test_comparison_judges_by_direction() -> None:
    """B is lower in a measurement where lower is better: B is better."""
    below = {"mean": -1.0, "interval": [-1.5, -0.5], "seeds": 2}
    around = {"mean": -0.1, "interval": [-0.5, 0.3], "seeds": 2}
    facts = {
        "primary": "distance",
        "measures": MEASURES,
        "fitness": [{"distance": form(2.0), "energy": form(1.0)} for _ in range(2)],
        "difference": {"distance": below, "energy": around},
        "paired_seeds": 2,
        "shares": [1.0, 1.0],
    }
    text = text_of(comparison_result(facts))
    assert row(text, "distance").endswith("-1.00 [-1.50, -0.50] B is better")
    assert row(text, "energy").endswith("no clear difference")
    untrained = text_of(comparison_result(facts | {"fitness": [{}, {"distance": form(1.0)}]}))
    assert "not trained" in untrained
    early = text_of(comparison_result(facts | {"shares": [0.3, 0.3]}))
    assert "paired over 2 training seeds, both after 30% of a training" in early
    apart = {"shares": [0.25, 0.5], "paired_seeds": 0, "difference": {}}
    assert "A after 25% of a training, B after 50%" in text_of(comparison_result(facts | apart))


def test_runs_and_candidates_show_what_went_wrong() -> None:
    """A damaged run and a failed candidate have their reason beside them."""
    text = text_of(runs_table([{"run": "x", "state": "damaged", "error": "run.db is no database"}]))
    assert "run.db is no database" in text
    run = {"primary": "distance", "measures": MEASURES, "winner": "abc"}
    failed = {"mean": None, "interval": None, "state": "failed", "generation": 0, "formula": "a"}
    failed |= {"share": None, "seeds": None}
    entries = [
        {**failed, "id": "abc", "error": None, **form(1.0, 1), "share": 1.0},
        {**failed, "id": "def", "error": "error: timeout: no answer"},
        {**failed, "id": "ghi", "error": None, "state": "checked"},
    ]
    text = text_of(candidates_table(run, entries, "candidates"))
    assert "1.00 [0.75, 1.25]" in row(text, "abc")
    assert "no answer" in row(text, "def")
    assert "checked" in row(text, "ghi")
    assert "trained" not in text, "a column that says the same of all says nothing"
    entries.append({**failed, "id": "jkl", "error": None, **form(1.0, 1), "share": 0.3})
    text = text_of(candidates_table(run, entries, "candidates"))
    assert row(text, "abc").startswith("abc 1 100% 1.00")
    assert row(text, "jkl").startswith("jkl 1 30% 1.00")
    assert "seeds" not in text
    twice = {**failed, "id": "mno", "error": None, **form(1.0, 2), "share": 1.0}
    text = text_of(candidates_table(run, [*entries[:-1], twice], "candidates"))
    assert row(text, "abc").startswith("abc 1 1 1.00") and row(text, "mno").startswith("mno 1 2 1.")
    assert row(text, "def").startswith("def 1 error"), "who was not trained has none"


def test_findings_are_one_line_each() -> None:
    """Severity, code, message, evidence, suggestion."""
    finding = {
        "source": "critic",
        "code": "unknown-name",
        "severity": "error",
        "message": "no field 'x'",
        "evidence": "line 3",
        "suggestion": "use 'y'",
    }
    text = findings_list([finding, finding]).plain
    assert text.splitlines() == ["error: unknown-name: no field 'x' (line 3) — use 'y'"] * 2


def test_diff_shows_changed_lines_in_colour() -> None:
    """Removed lines red, added lines green; equal texts have no diff."""
    diff = code_diff("a\nb\n", "a\nc\n", "first", "second")
    assert diff.splitlines()[:2] == ["--- first", "+++ second"]
    text = coloured(diff)
    styles = {text.plain[span.start : span.end].strip(): str(span.style) for span in text.spans}
    assert styles["-b"] == "red"
    assert styles["+c"] == "green"
    assert code_diff("a\n", "a\n", "x", "y") == ""
