"""What `autoreward doctor --bench` found out about this machine, kept for later runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ORIGIN = "this machine, by autoreward doctor --bench"


def machine_file() -> Path:
    """Return where it is kept: in the user's cache folder, which may be emptied at any time."""
    root = os.environ.get("XDG_CACHE_HOME", "").strip()
    return (Path(root) if root else Path.home() / ".cache") / "autoreward" / "machine.json"


def remember(slots: int) -> None:
    """Keep how many learners this machine trains best at once.

    Raises:
        OSError: The file cannot be written.
    """
    path = machine_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps({"cores": _cores(), "slots": slots}))
    os.replace(temporary, path)


def machine_settings() -> dict[str, Any]:
    """Return settings that suit this machine; empty where nothing is known of it as it is now."""
    try:
        known = json.loads(machine_file().read_text())
        slots, cores = known["slots"], known["cores"]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return {}
    suits = isinstance(slots, int) and slots > 0 and cores == _cores()
    return {"training": {"slots": slots}} if suits else {}


def _cores() -> int:
    return len(os.sched_getaffinity(0))
