"""What the measurements of `sandbox.py` share: series of rounds, processes seen from outside."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoreward.sandbox.contract import Limits

ENGINE = ("dockerd", "containerd", "containerd-shim")


@dataclass
class Series:
    """Numbers of one variant, one from each round."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)

    def text(self, name: str, form: str = ".2f", scale: float = 1.0) -> str:
        """Render as `median (min to max)`."""
        numbers = [scale * value for value in self.values[name]]
        low, high = min(numbers), max(numbers)
        return f"{statistics.median(numbers):{form}} ({low:{form}} to {high:{form}})"

    def against(self, other: Series, name: str, target: str) -> None:
        """Add the ratio to another series, round by round."""
        pairs = zip(self.values[name], other.values[name], strict=True)
        self.values[target] = [mine / theirs for mine, theirs in pairs]


def rotated(items: Sequence[Any], by: int) -> list[Any]:
    by %= len(items)
    return [*items[by:], *items[:by]]


def jail_pids(mark: Limits) -> list[int]:
    """Return the processes of the jails that have these limits."""
    return processes_with("reward_server", repr(mark.lifetime_s))


def processes_with(*texts: str) -> list[int]:
    """Return the processes that have all these texts in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes()
            if all(text.encode() in line for text in texts):
                found.append(int(path.parent.name))
    return found


def engine_pids() -> list[int]:
    """Return the processes of Docker engines on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().strip() in ENGINE:
                found.append(int(path.parent.name))
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU seconds that processes have used, all threads, to the nanosecond."""
    total = 0
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(path.read_text().split()[0])
    return total / 1e9


def memory(pids: Sequence[int]) -> dict[str, float]:
    """Return the MB of processes together, as the kernel's `smaps_rollup` has them.

    Raises:
        PermissionError: They are another user's.
    """
    total = {"Pss": 0.0, "Rss": 0.0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in total:
                total[name] += int(value.split()[0]) / 1024
    return total


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head: Sequence[str], rows: Sequence[str]) -> str:
    return "\n".join([row(*head), row(*("---" for _ in head)), *rows])
