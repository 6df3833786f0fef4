"""`compare` says how far apart two rewards are as aims, with the controls beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TEXT = '''
def near(state, action, next_state):
    """1 at the goal, in [0, 1]."""
    return tolerance(next_state.distance, margin=3.0)

def effort(state, action, next_state):
    """Size of the action, in [0, 2]."""
    return action.square().sum(dim=-1)

FORMULA = "{}"
'''


@pytest.fixture
def rewards(tmp_path: Path) -> dict[str, Path]:
    """Return reward files of a few formulas over the same components."""
    formulas = {
        "plain": "near - 0.1 * effort",
        "shaped": "2 * near - 0.2 * effort + 3 * potential(near)",
        "opposite": "0.1 * effort - near",
    }
    files = {name: tmp_path / f"{name}.py" for name in formulas}
    for name, formula in formulas.items():
        files[name].write_text(TEXT.format(formula))
    files["broken"] = tmp_path / "broken.py"
    files["broken"].write_text(TEXT.format("near").replace(".distance", ".distanse"))
    return files


def test_the_distance_stands_beside_its_controls(
    cli: Any, rewards: dict[str, Path], tiny_options: Any
) -> None:
    """On the behaviour of a run: shaping and scale are no distance; the opposite is the largest."""
    trained = cli(
        *("evaluate", rewards["plain"], "--env", "point_mass", "--seeds", "1"),
        *(*tiny_options(), "--json"),
    )
    assert trained.code == 0, trained.err
    run = trained.json["run"]
    done = cli("compare", rewards["plain"], rewards["shaped"], "--run", run, "--json").json
    assert done["distance"]["value"] < 1e-3
    assert done["distance"]["shaped_copy"] < 1e-3
    assert done["distance"]["unrelated"] > 0.5
    assert done["no_distance"] == ""
    candidate = trained.json["id"]
    shown = cli("compare", candidate, rewards["opposite"]).out
    assert "STARC distance 1.00" in shown
    assert "A with potential shaping 0.00" in shown
    done = cli("compare", candidate, rewards["broken"], "--json").json
    assert done["distance"] is None
    assert "broken.py cannot be tried" in done["no_distance"]
    assert "distanse" in done["no_distance"]


def test_files_alone_have_no_distance(cli: Any, rewards: dict[str, Path]) -> None:
    """No behaviour is known to try them on: it says what to do, and compares the rest."""
    done = cli("compare", rewards["plain"], rewards["shaped"])
    assert done.code == 0
    assert "no distance: name a run with --run" in done.out
    assert "FORMULA" in done.out
    missing = cli("compare", rewards["plain"], rewards["shaped"], "--run", "nowhere", "--json").json
    assert missing["distance"] is None and "nowhere" in missing["no_distance"]
