from __future__ import annotations

import pytest

from autoreward.agents.tables import component_table, curve_table, diagnose


def entry(mean: float, std: float = 0.1, low: float = 0.0, high: float = 1.0, share: float = 0.3):
    return {"mean": mean, "std": std, "min": low, "max": high, "share": share}


RISING = [entry(0.1 * i) for i in range(9)]


@pytest.mark.parametrize(
    ("series", "remark"),
    [
        (RISING, ""),
        ([entry(0.001, 0.002, high=0.01)] * 5, "near zero"),
        ([entry(0.4)] * 5, "flat"),
        ([entry(-0.4, low=-1.0, high=0.0)] * 5, "flat"),
        ([*RISING, entry(0.99, 0.01)], "saturated"),
        ([entry(1.0, 0.0, 1.0, 1.0, 0.0)] * 5, "constant"),
        ([*RISING, entry(0.9, share=0.95)], "dominant"),
    ],
)
def test_diagnosis(series: list[dict[str, float]], remark: str) -> None:
    """Each kind of trouble is told from the numbers, and a healthy component gets no remark."""
    assert diagnose(series) == remark


def test_a_single_component_dominates_rightly() -> None:
    """Where there is but one, its share is no news."""
    assert diagnose([*RISING, entry(0.9, share=1.0)], alone=True) == ""


def test_component_table_shows_course_and_end() -> None:
    """A row has the means over training and the statistics at the end."""
    table = component_table([{"up": point, "calm": entry(0.4)} for point in RISING])
    rows = table.splitlines()
    assert rows[2] == "| up | 0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 | 0.1, 0, 1 | 0.30 |  |"
    assert rows[3].endswith("| flat |")
    assert len(rows) == 4


def test_curve_table_keeps_start_and_end() -> None:
    """A long curve is thinned to a few rows that include the first and the last."""
    rows = curve_table([(i * 1000, i / 7, 50.0 + i, 0.5) for i in range(40)]).splitlines()
    assert rows[2] == "| 0 | 0 | 50 | 0.5 |"
    assert rows[-1] == "| 39000 | 5.57 | 89 | 0.5 |"
    assert len(rows) == 8
    assert curve_table([(5, 1.0, 2.0, 3.0)]).splitlines()[2:] == ["| 5 | 1 | 2 | 3 |"]


def test_missing_statistics_are_said() -> None:
    """A training that ended before its first snapshot gives a sentence, not an empty table."""
    assert "ended too early" in component_table([])
    assert "ended too early" in curve_table([])
