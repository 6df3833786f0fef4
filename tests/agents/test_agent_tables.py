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
    """A row has the mean of every snapshot, the spread and share at three, the range at the end."""
    rows = component_table([{"up": point, "calm": entry(0.4)} for point in RISING]).splitlines()
    assert rows[0].startswith(
        "| mean in snapshot | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | std in 1, 5, 9 |"
    )
    means = " | ".join(f"{0.1 * i:.3g}" for i in range(9))
    assert rows[2] == f"| up | {means} | 0.1, 0.1, 0.1 | 0, 1 | 0.30, 0.30, 0.30 |  |"
    assert rows[3].endswith("| flat |")
    assert len(rows) == 4
    assert len({row.count("|") for row in rows}) == 1


def test_one_snapshot_is_enough() -> None:
    """A first short training has a table, too."""
    row = component_table([{"up": entry(0.5)}]).splitlines()[2]
    assert row == "| up | 0.5 | 0.1 | 0, 1 | 0.30 | flat |"


@pytest.mark.parametrize("count", [1, 3, 10, 40])
def test_both_tables_have_the_same_columns(count: int) -> None:
    """A column of the curve is the same moment as that column of the components."""
    curve = curve_table([(i, 0.0, 1.0, 0.0) for i in range(count)]).splitlines()
    components = component_table([{"up": entry(float(i))} for i in range(count)]).splitlines()
    numbers = [int(cell) for cell in curve[0].split("|")[2:-1]]
    columns = len(numbers)
    assert columns == min(count, 10)
    assert [int(cell) for cell in components[0].split("|")[2 : 2 + columns]] == numbers
    assert [float(cell) for cell in components[2].split("|")[2 : 2 + columns]] == [
        number - 1.0 for number in numbers
    ]
    assert [int(cell) for cell in curve[2].split("|")[2:-1]] == [number - 1 for number in numbers]
    assert (numbers[0], numbers[-1]) == (1, count)


def test_curve_table_has_a_row_for_each_measure() -> None:
    """Steps are written in full; a length before any episode has ended is not given as 0."""
    rows = curve_table([(16384, 0.5, 0.0, 1.25), (163840, 0.125, 42.4, -3.0)]).splitlines()
    assert rows[2:] == [
        "| environment steps | 16384 | 163840 |",
        "| fitness per step | 0.5 | 0.125 |",
        "| episode length | - | 42 |",
        "| reward per step | 1.25 | -3 |",
    ]


def test_missing_statistics_are_said() -> None:
    """A training that ended before its first snapshot gives a sentence, not an empty table."""
    assert "ended too early" in component_table([])
    assert "ended too early" in curve_table([])
