"""Where a claim about a training can be checked: one quantity, one stretch, one statistic.

A pointer is written in the evidence of a finding and read back from it, by people as well as by
code: `episode 3, steps 118-140, mean torso_height = 0.45`. A claim whose pointer cannot be read, or
whose number is not what is measured there, is no evidence.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

Statistic = Literal["mean", "std", "min", "max", "first", "last", "sum", "share"]
"""`share` is that of a component in the variance of the reward; it exists in training only."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_QUANTITY = r"[A-Za-z_][A-Za-z0-9_]*(?::[A-Za-z_][A-Za-z0-9_]*)?(?:\[\d+\])?"
_POINTER = re.compile(
    r"(?:episode (?P<episode>\d+), steps?|training, snapshots?) "
    r"(?P<first>\d+)(?:-(?P<last>\d+))?, "
    rf"(?P<statistic>[a-z]+) (?P<quantity>{_QUANTITY})(?: = (?P<value>{_NUMBER}))?"
)
_SLOPPY = re.compile(
    r"(?:episode ?#? ?(?P<episode>\d+)|training) ?[,:;]? ?(?:steps?|snapshots?) ?"
    r"(?P<first>\d+)(?: ?(?:-|\.\.\.?|to) ?(?P<last>\d+))? ?[,:;]? ?"
    r"(?P<statistic>[a-z]+)(?: of)? ?\(? ?(?P<quantity>[a-z_][a-z0-9_]*(?: ?: ?[a-z_][a-z0-9_]*)?"
    rf"(?: ?\[ ?\d+ ?\])?)(?![a-z0-9_]) ?\)?(?: ?(?:==?|:|is|≈|~) ?(?P<value>{_NUMBER}))?",
    re.IGNORECASE,
)
_SYNONYMS = {
    **{"average": "mean", "avg": "mean", "minimum": "min", "maximum": "max"},
    **{"final": "last", "total": "sum"},
}


@dataclass(frozen=True)
class Pointer:
    """A place in the validation episodes or in the training statistics of one job."""

    quantity: str
    """What is looked at. In an episode: a state field (`pitch`, an entry as `foot_position[2]`,
    the state after the step), `action[0]`, `component:NAME`, `fitness:NAME` or `reward`. In
    training: `component:NAME`, `fitness:NAME` (per step), `reward` or `length`."""
    statistic: Statistic
    first: int
    """First step of the stretch, from 0; in training the first snapshot, from 1."""
    last: int
    """Last one, included."""
    episode: int | None = None
    """Number of the recorded validation episode, from 0; None points into training."""
    value: float | None = None
    """What is claimed to stand there."""

    def __str__(self) -> str:
        """Return the form that `find_pointers` reads."""
        stretch = f"{self.first}-{self.last}" if self.last != self.first else f"{self.first}"
        noun = "step" if self.episode is not None else "snapshot"
        noun += "s" if self.last != self.first else ""
        where = "training" if self.episode is None else f"episode {self.episode}"
        value = "" if self.value is None else f" = {self.value:.4g}"
        return f"{where}, {noun} {stretch}, {self.statistic} {self.quantity}{value}"

    def claiming(self, value: float) -> Pointer:
        """Return the same pointer with the value that stands there."""
        return replace(self, value=value)

    def agrees(self, measured: float, tolerance: float = 0.1) -> bool:
        """Return whether the claimed value is the measured one, but for rounding.

        Args:
            measured: What stands there.
            tolerance: Greatest difference, relative to the larger of the two; differences below
                0.002 count as rounding.
        """
        if self.value is None or not math.isfinite(measured):
            return False
        scale = max(abs(self.value), abs(measured))
        return abs(self.value - measured) <= max(0.002, tolerance * scale)


def tidied(text: str) -> str:
    """Return a text with its pointers in the form that `find_pointers` reads.

    For what language models write: quotes, spaces, dashes, capitals, `average of`, `steps 3 to 7`.
    What could be meant in two ways stays as it is.
    """
    plain = re.sub("[\N{MINUS SIGN}\N{EN DASH}\N{NON-BREAKING HYPHEN}]", "-", text)
    plain = re.sub(r"\s+", " ", re.sub(r"[`'\"*]", "", plain))
    return _SLOPPY.sub(_strict, plain)


def _strict(match: re.Match[str]) -> str:
    noun = "snapshot" if match["episode"] is None else "step"
    if noun not in match[0].lower():
        return match[0]  # steps of a training, snapshots of an episode: who knows which is wrong
    where = "training" if match["episode"] is None else f"episode {match['episode']}"
    stretch = f" {match['first']}" + (f"-{match['last']}" if match["last"] else "")
    statistic = match["statistic"].lower()
    value = f" = {match['value']}" if match["value"] else ""
    quantity = match["quantity"].replace(" ", "")
    noun += "s" if match["last"] else ""
    return f"{where}, {noun}{stretch}, {_SYNONYMS.get(statistic, statistic)} {quantity}{value}"


def find_pointers(text: str) -> list[Pointer]:
    """Return the pointers in a text, in order; what is malformed is passed over."""
    found = []
    for match in _POINTER.finditer(text):
        if match["statistic"] not in get_args(Statistic):
            continue
        first = int(match["first"])
        last = int(match["last"]) if match["last"] else first
        if last < first:
            continue
        found.append(
            Pointer(
                match["quantity"],
                cast(Statistic, match["statistic"]),
                first,
                last,
                int(match["episode"]) if match["episode"] else None,
                float(match["value"]) if match["value"] else None,
            )
        )
    return found
