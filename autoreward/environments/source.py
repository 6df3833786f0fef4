"""Where a state field is read: the small language of `source` in schema.yaml.

qpos[1]                  one generalised position (or qvel)
qpos[3:9]                a slice of them
qpos[1] + 0.7            the same plus a constant
sensor:foot_contact      a whole sensor (a scalar field where the sensor has one value)
sensor:foot_position[2]  one value of a sensor
derived:foot_clearance   what env.py's `derived` returns under that name
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN = re.compile(
    r"(?:(?P<array>qpos|qvel)|(?P<kind>sensor|derived):(?P<name>[A-Za-z]\w*))"
    r"(?:\[(?P<start>\d+)(?::(?P<stop>\d+))?\])?"
    r"(?:\s*(?P<sign>[+-])\s*(?P<offset>\d+(?:\.\d+)?))?"
)


@dataclass(frozen=True)
class Source:
    """A parsed `source`."""

    kind: str
    """`qpos`, `qvel`, `sensor` or `derived`."""
    name: str
    """The sensor's or derived quantity's name; empty for qpos and qvel."""
    start: int | None
    """First entry; None for the whole."""
    stop: int | None
    """One past the last entry of a slice; None for a single entry or the whole."""
    offset: float
    """Constant added to the value."""

    @property
    def length(self) -> int | None:
        """Entries of a vector, 0 for a scalar, None where only the sensor's size tells."""
        if self.start is None:
            return None
        return 0 if self.stop is None else self.stop - self.start


def parse_source(text: str) -> Source:
    """Parse one `source`.

    Raises:
        ValueError: It is not of the forms above.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None or (match["kind"] == "derived" and match["start"]):
        raise ValueError(
            f"source {text!r} is not of the form qpos[1], qvel[3:6], qpos[1] + 0.7, "
            "sensor:NAME, sensor:NAME[2] or derived:NAME"
        )
    if match["array"] and match["start"] is None:
        raise ValueError(f"source {text!r} needs an index, such as {text.strip()}[0]")
    start = None if match["start"] is None else int(match["start"])
    stop = None if match["stop"] is None else int(match["stop"])
    if start is not None and stop is not None and stop <= start:
        raise ValueError(f"source {text!r} is an empty slice")
    offset = float(match["offset"] or 0.0) * (-1.0 if match["sign"] == "-" else 1.0)
    return Source(match["array"] or match["kind"], match["name"] or "", start, stop, offset)
