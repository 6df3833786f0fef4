"""The `process` backend: a plain child process that walls itself in. Needs nothing; weak.

What is covered: a clean environment (no keys), no inherited descriptors, limits on address space,
processes, files and time, a supervisor that ends everything with its owner; and where the kernel
has them, the inner walls: a user of its own if started by root, Landlock, seccomp.
What is not covered: there is one wall and no second one behind it. On a kernel without Landlock and
seccomp, code that gets past the static rules can read this user's files and open connections.
"""

from __future__ import annotations

from autoreward.config import SandboxSettings
from autoreward.sandbox.child import ChildProcess, server_command
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.jail import Jail


class ProcessSandbox:
    """Starts reward servers as child processes."""

    name = "process"
    strength = 1
    summary = "weak: a child process; only its own seccomp and Landlock part it from your files"

    def __init__(self, settings: SandboxSettings) -> None:
        """Take the settings; none apply here."""

    def launch(self, limits: Limits, labels: Labels) -> Jail:
        """Start a reward server without waiting for it; `Jail.wait_ready` does.

        Raises:
            SandboxError: The process cannot be started.
        """
        return Jail(ChildProcess(server_command(limits)), limits)

    def sweep(self) -> int:
        """Return 0: a child never outlives its owner."""
        return 0


SANDBOX = ProcessSandbox
