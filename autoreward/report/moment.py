"""The moment of a running run, left beside its journal for `status` in another terminal."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoreward.report.format import count, duration
from autoreward.report.watch import Watch

_STALE_SECONDS = 60.0
"""What is older says nothing about now: no step was taken, or nobody writes any more."""


def write_moment(path: Path, watch: Watch, now: float) -> None:
    """Write what a watch sees; a torn or lost file does no harm, so nothing is synchronised.

    Args:
        path: The file.
        watch: Of this process's run.
        now: Time in the watch's clock.
    """
    used, slots = watch.slots
    left = watch.seconds_left(now)
    moment = {
        "pid": os.getpid(),
        "written": time.time(),
        "phase": watch.phase,
        "env_steps_per_second": round(watch.rate(now)),
        "physics_share": round(watch.physics_share, 3),
        "jail_share": round(watch.jail_share, 3),
        "slots": slots,
        "slots_busy": used,
        "env_steps": watch.taken,
        "env_steps_expected": watch.total,
        "seconds_left": None if left is None else round(left),
    }
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(moment))
    os.replace(temporary, path)


def read_moment(path: Path, pid: int | None) -> dict[str, Any] | None:
    """Return what process `pid` wrote last, None if that is nothing or long ago."""
    try:
        moment = json.loads(path.read_text())
        fresh = moment["pid"] == pid and time.time() - moment["written"] < _STALE_SECONDS
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return moment if fresh else None


def moment_words(moment: Mapping[str, Any]) -> dict[str, str]:
    """Return a moment as named lines for people."""
    rate, left = moment["env_steps_per_second"], moment["seconds_left"]
    shares = f"{moment['physics_share']:.0%} physics, {moment['jail_share']:.0%} jails"
    return {
        "now": moment["phase"],
        "speed": f"{count(rate)} env steps/s, {shares}" if rate else "nothing trains",
        "slots": f"{moment['slots_busy']} of {moment['slots']} busy",
        "time left": "not known yet" if left is None else f"about {duration(left)}",
    }
