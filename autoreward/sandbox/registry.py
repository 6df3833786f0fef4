"""Finds sandbox backends: every module in `sandbox/backends/` that defines `SANDBOX`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol

from autoreward.errors import UsageError, did_you_mean
from autoreward.sandbox import backends
from autoreward.sandbox.jail import Jail, Limits


class Sandbox(Protocol):
    """A backend: one way to start a reward server where it can do no harm."""

    name: str
    strength: int
    """Order of `auto`: the strongest one that starts is taken."""
    summary: str
    """One line for people: what it is and what it does not stop."""

    def launch(self, limits: Limits) -> Jail:
        """Start a reward server without waiting for it; SandboxError if that is impossible."""


def sandboxes() -> dict[str, Sandbox]:
    """Return all backends by name, strongest first."""
    found: list[Sandbox] = [
        importlib.import_module(f"{backends.__name__}.{module.name}").SANDBOX
        for module in pkgutil.iter_modules(backends.__path__)
    ]
    return {s.name: s for s in sorted(found, key=lambda s: -s.strength)}


def open_sandbox(kind: str) -> Sandbox:
    """Return the backend called `kind`; `auto` is the strongest there is.

    Raises:
        UsageError: There is no such backend.
    """
    known = sandboxes()
    if kind == "auto":
        return next(iter(known.values()))
    if kind not in known:
        raise UsageError(f"no sandbox called {kind!r}{did_you_mean(kind, ['auto', *known])}")
    return known[kind]


def start_jail(sandbox: Sandbox, limits: Limits) -> Jail:
    """Start a jail and wait until it is ready to load a reward.

    Raises:
        SandboxError: It did not come up.
    """
    jail = sandbox.launch(limits)
    try:
        jail.wait_ready()
    except BaseException:
        jail.close()
        raise
    return jail
