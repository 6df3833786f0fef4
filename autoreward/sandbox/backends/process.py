"""The `process` backend: a forked process that walls itself in. Needs nothing; weak.

What is covered: a clean environment (no keys), no inherited descriptors, limits on address space,
processes, files and time, a supervisor that ends everything with its owner; and where the kernel
has them, the inner walls: a user of its own if started by root, Landlock, seccomp.
What is not covered: there is one wall and no second one behind it. On a kernel without Landlock and
seccomp, code that gets past the static rules can read this user's files and open connections. All
jails are forks of one template: they share the layout of its memory, and a reward could read what
that held, the interpreter and its libraries; no reward and no key.
"""

from __future__ import annotations

from autoreward.config import SandboxSettings
from autoreward.sandbox.child import server_options
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.forked import Template
from autoreward.sandbox.jail import Jail


class ProcessSandbox:
    """Starts reward servers as child processes."""

    name = "process"
    strength = 1
    summary = "weak: a child process; only its own seccomp and Landlock part it from your files"

    def __init__(self, settings: SandboxSettings) -> None:
        """Take the settings; none apply here."""
        self._template = Template()

    def launch(self, limits: Limits, labels: Labels) -> Jail:
        """Start a reward server without waiting for it; `Jail.wait_ready` does.

        Raises:
            SandboxError: The process cannot be started.
        """
        return Jail(self._template.fork(server_options(limits)), limits)

    def sweep(self) -> int:
        """Return 0: a child never outlives its owner."""
        return 0


SANDBOX = ProcessSandbox
