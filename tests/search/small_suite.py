"""A small suite for the tests of benchmarks, and what a run of it might end with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from autoreward.search.benchmarking.plan import Planned, plan
from autoreward.search.benchmarking.suite import Suite, open_suite
from autoreward.search.setup import Setup

SUITE: dict[str, Any] = {
    "summary": "A suite of this test.",
    "tasks": [{"env": "point_mass", "description": "go to the origin"}],
    "methods": {"full": [], "random": ["search.strategy=random"]},
    "run_seeds": 2,
    "env_steps": 8192,
    "set": [
        "training.steps=1024",
        "training.envs=16",
        "search.finalists=1",
        "search.confirm_seeds=2",
        "sandbox.kind=process",
    ],
}
HOPPER = {"env": "hopper", "task": "hop_high", "description": "hop high"}
"""A task without a human-written reward."""


def write_suite(folder: Path, **changes: Any) -> Path:
    """Write the suite with some keys changed, and return its file; None takes a key out."""
    keys = {name: value for name, value in (SUITE | changes).items() if value is not None}
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(keys, sort_keys=False))
    return path


def planned(path: Path, *overrides: str) -> tuple[Suite, list[Planned]]:
    """Return a suite and all its runs."""
    file, suite = open_suite(str(path))
    return suite, plan(file, suite, overrides)


def finished(setup: Setup, value: float, baselines: dict[str, float | None]) -> dict[str, Any]:
    """Return the part of a run's summary that a benchmark reads."""
    primary = setup.primary.name
    form = {k: None if v is None else {primary: {"mean": v}} for k, v in baselines.items()}
    return {
        "primary": primary,
        "winner": {"fitness": {primary: {"mean": value}}, "formula": "a"},
        "baselines": form,
        "candidates": 8,
        "env_steps": 9000,
        "seconds": 12.5,
        "usd": 0.25,
    }
