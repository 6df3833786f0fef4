"""What a jail and its owner agree on: limits, labels, blocks of transitions, failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autoreward.config import SandboxSettings
from autoreward.findings import Finding
from autoreward.sandbox.lockdown import INNER_WALLS

_SUGGESTIONS = {
    "timeout": "avoid loops over the batch; use batched tensor operations",
    "memory": "avoid intermediate tensors larger than the batch",
    "crashed": "use plain tensor operations only",
    "bad-values": "guard divisions, logarithms, square roots and exponentials",
    "output": "remove print statements",
}


@dataclass(frozen=True)
class Limits:
    """What one jail may use."""

    memory_mb: int = 3072
    """Address space; importing torch alone takes about 700 MB of it."""
    call_timeout_s: float = 20.0
    """Wall-clock seconds for loading the reward, and for each call."""
    startup_timeout_s: float = 120.0
    """Wall-clock seconds until the server inside is ready; over it is infrastructure."""
    output_mb: float = 1.0
    """What the reward may print before it is ended."""
    lifetime_s: float = 43_200.0
    """Wall-clock seconds until the jail ends itself, whether or not its owner still lives."""
    inner: tuple[str, ...] = INNER_WALLS
    """Walls that the jail's process puts up itself; fewer show what the backend holds alone."""

    @classmethod
    def of(cls, settings: SandboxSettings) -> Limits:
        """Return the limits that the settings ask for."""
        return cls(
            memory_mb=settings.memory_mb,
            call_timeout_s=settings.call_timeout_s,
            startup_timeout_s=settings.startup_timeout_s,
            output_mb=settings.output_mb,
            lifetime_s=2 * settings.job_timeout_s,
        )


class JailFailure(Exception):
    """The candidate failed inside its jail; `code` says how: timeout, memory, crashed, etc."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message

    def finding(self) -> Finding:
        """Return it as a finding that ends the candidate's training."""
        return Finding(self.code, "error", self.message, suggestion=_SUGGESTIONS.get(self.code, ""))


class Process(Protocol):
    """What a backend hands over: a started reward server. Its descriptors do not block."""

    reader: int
    """File descriptor that is readable when the server has written."""
    writer: int
    """File descriptor that is writable when the server takes more."""
    log: int
    """File descriptor that is readable when there is standard error."""

    def read(self) -> bytes:
        """Return what the server wrote, empty at its end; BlockingIOError if there is nothing."""

    def write(self, data: memoryview) -> int:
        """Send some of `data` and return how much; BlockingIOError if it takes nothing now."""

    def read_log(self) -> bytes:
        """Return standard error, empty at its end; BlockingIOError if there is nothing."""

    def kill(self) -> None:
        """End the server and everything it started, at once. Idempotent."""

    def exit_code(self) -> int | None:
        """Wait briefly for the end; the supervisor's exit code, None if still running.

        Raises:
            SandboxError: It was ended from outside: no fault of the reward.
        """


@dataclass(frozen=True)
class Batch:
    """A block of transitions for one learner. All arrays float32 with leading dims [T, N]."""

    state: dict[str, NDArray[np.float32]]
    action: NDArray[np.float32]
    next_state: dict[str, NDArray[np.float32]]
    starts: NDArray[np.float32]
    """[T, N], 1 where an episode starts: a reward's memory is cleared there."""
    learner: int = 0
    """Whose memory to use: formulas over the same components share a jail, never a memory."""
    at_state: tuple[str, ...] = ()
    """Components to evaluate once more with next_state := state, for `potential`."""
    check_inputs: bool = False
    """Fail the call if the reward changed its inputs in place."""


@dataclass(frozen=True)
class Labels:
    """Whom a jail works for: written on it where the backend can, to find it again."""

    run: str = ""
    job: str = ""
