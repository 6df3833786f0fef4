"""Numbers and times as people read them."""

from __future__ import annotations

import pytest

from autoreward.report.format import count, dollars, duration, interval, number, plural, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (3.2149, "3.21"),
        (-0.5, "-0.500"),
        (0.0123, "0.012"),
        (0.00624, "0.0062"),
        (0.00012, "0.00012"),
        (0.000012, "1.2e-05"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (2.5e7, "2.5e+07"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_have_two_or_three_digits(value: float, text: str) -> None:
    """Enough to compare, no more than is known."""
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.21, "3.2 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3900, "1 h 05 min"),
    ],
)
def test_times_use_their_two_largest_units(seconds: float, text: str) -> None:
    """Rounding never makes 60 seconds or 60 minutes."""
    assert duration(seconds) == text


def test_amounts() -> None:
    """Steps, money, plurals, intervals with and without a sign."""
    assert [count(950), count(204_800), count(3_072_000)] == ["950", "204,800", "3.07 M"]
    assert [dollars(0), dollars(0.01234), dollars(4.5)] == ["$0", "$0.0123", "$4.50"]
    assert [plural(1, "seed"), plural(3, "seed")] == ["1 seed", "3 seeds"]
    form = {"mean": 0.5, "interval": [-0.25, 1.25]}
    assert interval(form) == "0.50 [-0.25, 1.25]"
    assert signed(form) == "+0.50 [-0.25, +1.25]"
    assert interval({"mean": 0.0022, "interval": [-1e-7, 0.0044]}) == "0.0022 [0.0000, 0.0044]"
    assert interval(None) == "-"
