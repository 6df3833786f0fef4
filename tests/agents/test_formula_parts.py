from __future__ import annotations

import numpy as np
import pytest

from autoreward.agents.formulas.parts import Part, parts_of_values

RANDOM = np.random.default_rng(0)
ACTION = RANDOM.uniform(-1, 1, (2000, 3)).astype(np.float32)
SPEED = RANDOM.normal(0, 1, 2000).astype(np.float32)
EFFORT = (ACTION**2).mean(axis=1)


def part(values: np.ndarray) -> Part:
    return parts_of_values({"it": values}, SPEED, ACTION)[0]


def test_ranges_are_robust() -> None:
    """Single outliers, and values that are no numbers, do not stretch the usual range."""
    values = RANDOM.uniform(2.0, 3.0, 2000)
    values[:4] = (1e9, -1e9, np.nan, np.inf)
    found = part(values)
    assert 2.0 <= found.low < 2.05
    assert 2.95 < found.high <= 3.0


def test_correlation_is_with_the_fitness() -> None:
    """More of it with better fitness is positive; a constant has none."""
    assert part(SPEED).correlation == pytest.approx(1.0)
    assert part(-SPEED).correlation == pytest.approx(-1.0)
    assert part(SPEED + RANDOM.normal(0, 1, 2000)).correlation == pytest.approx(0.7, abs=0.1)
    assert part(np.full(2000, 3.0)).correlation == 0.0


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (SPEED, "measure"),
        (np.zeros(2000), "measure"),
        (np.ones(2000), "alive"),
        (np.full(2000, 0.5), "alive"),
        (EFFORT, "effort"),
        (0.1 * (ACTION**2).sum(axis=1), "effort"),
        (-EFFORT, "effort"),
        (1.0 - EFFORT, "measure"),
        (np.full(2000, np.nan), "measure"),
    ],
)
def test_roles_are_recognised(values: np.ndarray, role: str) -> None:
    """A constant is for living, what goes along with the action is effort, or its opposite."""
    found = part(values)
    assert found.role == role
    assert np.isfinite([found.low, found.high, found.correlation]).all()


def test_parts_survive_json() -> None:
    """In the order given, and as they were written down."""
    found = parts_of_values({"b": SPEED, "a": EFFORT}, SPEED, ACTION)
    assert [one.name for one in found] == ["b", "a"]
    assert tuple(Part(**one.to_dict()) for one in found) == found
