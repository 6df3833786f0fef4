"""The picture of an analysis: it is drawn for every kind of training and shows what was found."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from autoreward.evaluation.analysis.analyzer import analyze
from autoreward.report.pictures import analysis_picture


@pytest.fixture(scope="module")
def made_up() -> Iterator[ModuleType]:
    """Return the made-up trainings of the analysis' tests."""
    shelf = str(Path(__file__).parents[1] / "evaluation" / "analysis")
    sys.path.insert(0, shelf)
    import analysis_records

    yield analysis_records
    sys.path.remove(shelf)


@pytest.mark.parametrize("kind", ["farmed", "falling", "bare", "no curve", "many components"])
def test_a_picture_is_drawn(made_up: ModuleType, tmp_path: Path, kind: str) -> None:
    """A page of a readable size with several colours, whatever there is to show."""
    m = made_up
    speed = m.table(0.0, spread=0.1)
    names = ["shake"] if kind != "many components" else [f"part_{i}" for i in range(8)]
    parts = {name: m.rising(0.5, 3.0 + i) for i, name in enumerate(names)}
    paid = {name: m.table(3.0, spread=0.2) for name in names}
    length = 60 if kind == "falling" else m.HORIZON
    training = m.record(
        m.film(speed, length=length, components=None if kind == "bare" else paid),
        [] if kind == "no curve" else m.curve(0.0, parts),
        " + ".join(names),
    )
    if kind == "bare":
        training = replace(training, zero=None, random=None)
    path = tmp_path / "analysis.png"
    analysis_picture(training, analyze(training), path)
    with Image.open(path) as picture:
        assert picture.size[0] > 1000 and picture.size[1] > 700
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert len(np.unique(pixels, axis=0)) > 50
    assert (pixels == 255).all(axis=1).mean() > 0.5
