"""Checks of single components, whatever the formula makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from autoreward.evaluation.checks.material import Answer, Array
from autoreward.findings import Finding
from autoreward.rewards.indicators import bonuses, indicators
from autoreward.rewards.source import RewardSource

STUCK_SHARE = 0.99
"""Share of all recorded steps that a saturated component spends at one end of its range."""
_END = 0.01
"""How near to the end counts as there."""
_LIVED = ("recorded", "zero", "random", "best")
_PROBES = ("imagined", "ends", "beyond")


class ComponentCheck(Protocol):
    """Looks at one component."""

    def find(self, name: str, lived: Array, probed: Array, indicator: bool) -> Finding | None:
        """Return what is wrong, if anything.

        Args:
            name: The component.
            lived: Its values in recorded behaviour, flat.
            probed: Its values on states of the schema's ranges and beyond, flat; may be empty.
            indicator: Whether it compares, so that a rare state alone may change it.
        """


class Constant:
    """A component that nothing changes: dead from the start, e.g. a margin out of reach."""

    def find(self, name: str, lived: Array, probed: Array, indicator: bool) -> Finding | None:
        """See `ComponentCheck`."""
        if np.ptp(lived) > 0:
            return None
        value = f"always {float(lived[0]):.4g}"
        alive = not probed.size or np.ptp(probed) > 0 or probed[0] != lived[0]
        if alive or indicator:
            message = f"component {name!r} never changes in recorded random behaviour"
            return Finding("flat-component", "note", message, value)
        message = (
            f"component {name!r} never changes, neither in recorded behaviour nor in any state of "
            "the usual ranges"
        )
        fix = "measure a quantity that changes, with bounds and margins inside its usual range"
        return Finding("constant-component", "warning", message, value, fix)


class Saturated:
    """A graded score in [0, 1] or [-1, 1] that rests at one end: no slope to learn from."""

    def find(self, name: str, lived: Array, probed: Array, indicator: bool) -> Finding | None:
        """See `ComponentCheck`."""
        everything = np.concatenate([lived, probed])
        # An indicator is at an end always: that is what it is for.
        if indicator or np.ptp(lived) == 0 or float(np.abs(everything).max()) > 1.0 + _END:
            return None
        low = -1.0 if float(everything.min()) < -_END else 0.0
        for end, share in (
            (low, float((lived < low + _END).mean())),
            (1.0, float((lived > 1.0 - _END).mean())),
        ):
            if share > STUCK_SHARE:
                return Finding(
                    "saturated",
                    "note",
                    f"component {name!r} is {end:g} nearly always in recorded behaviour",
                    f"{share:.1%} of the steps",
                    "widen its margin or scale, so that it differs between ordinary states",
                )
        return None


CHECKS: tuple[ComponentCheck, ...] = (Constant(), Saturated())


def component_findings(source: RewardSource, answers: Mapping[str, Answer]) -> Iterator[Finding]:
    """Yield what the checks find in the components of a file."""
    reading = {part.name for part in source.components if part.reads}
    known = {part.name for part in source.components}
    comparing, living = indicators(source), bonuses(source)
    for name in answers["recorded"].components:
        if name in known - reading or name in living:
            continue  # the static review has said so, or it is meant to be constant
        lived = _flat(name, answers, _LIVED)
        probed = _flat(name, answers, _PROBES)
        for check in CHECKS:
            finding = check.find(name, lived, probed, name in comparing)
            if finding is not None:
                yield finding


def _flat(name: str, answers: Mapping[str, Answer], blocks: tuple[str, ...]) -> Array:
    parts = [answers[block].components[name].ravel() for block in blocks if block in answers]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
