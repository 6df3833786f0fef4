"""The `source` strings of schema.yaml."""

from __future__ import annotations

import pytest

from autoreward.environments.source import Source, parse_source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("qpos[1]", Source("qpos", "", 1, None, 0.0)),
        ("qvel[3:9]", Source("qvel", "", 3, 9, 0.0)),
        ("qpos[1] + 0.7", Source("qpos", "", 1, None, 0.7)),
        ("qpos[1]-2", Source("qpos", "", 1, None, -2.0)),
        ("sensor:foot_contact", Source("sensor", "foot_contact", None, None, 0.0)),
        ("sensor:axis[2]", Source("sensor", "axis", 2, None, 0.0)),
        ("derived:tip", Source("derived", "tip", None, None, 0.0)),
    ],
)
def test_forms(text: str, expected: Source) -> None:
    """Every documented form parses to its parts."""
    assert parse_source(text) == expected


@pytest.mark.parametrize(
    "text", ["qpos", "qpos[", "qacc[1]", "qpos[3:3]", "sensor:", "derived:x[1]"]
)
def test_everything_else_is_refused(text: str) -> None:
    """A malformed source is named in the error."""
    with pytest.raises(ValueError, match="source"):
        parse_source(text)


def test_length() -> None:
    """A slice has a length, one entry is a scalar, a whole sensor is as long as the sensor."""
    assert [parse_source(t).length for t in ("qpos[1:4]", "qpos[1]", "sensor:x")] == [3, 0, None]
