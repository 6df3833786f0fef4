"""Finds sandbox backends: every module in `sandbox/backends/` that defines `SANDBOX`."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from autoreward.config import SandboxSettings
from autoreward.errors import SandboxError, UsageError, did_you_mean
from autoreward.sandbox import backends
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.jail import Jail


class Sandbox(Protocol):
    """A backend: one way to start a reward server where it can do no harm."""

    name: str
    strength: int
    """Order of `auto`: the strongest one that works is taken."""
    summary: str
    """One line for people: what it is and what it does not stop."""

    def launch(self, limits: Limits, labels: Labels) -> Jail:
        """Start a reward server without waiting for it; SandboxError if that is impossible."""

    def sweep(self) -> int:
        """End what owners that are gone left behind, and return how much that was."""


@dataclass(frozen=True)
class Choice:
    """A sandbox that works here."""

    sandbox: Sandbox
    walls: tuple[str, ...]
    """What its jails found to hold, by trying."""
    passed_over: dict[str, str] = field(default_factory=dict)
    """Stronger backends, and why each is not used."""
    swept: int = 0
    """Jails of owners that are gone, found and ended."""

    @property
    def described(self) -> str:
        """One line for people: which one, and why not a stronger one."""
        line = f"{self.sandbox.name}: {self.sandbox.summary}"
        reasons = [f"not {name}: {reason}" for name, reason in self.passed_over.items()]
        if self.swept:
            reasons.append(f"ended {self.swept} that an earlier run had left behind")
        return "; ".join([line, *reasons])


def sandboxes(settings: SandboxSettings) -> dict[str, Sandbox]:
    """Return all backends by name, strongest first."""
    classes: list[Callable[[SandboxSettings], Sandbox]] = [
        importlib.import_module(f"{backends.__name__}.{module.name}").SANDBOX
        for module in pkgutil.iter_modules(backends.__path__)
    ]
    found = [make(settings) for make in classes]
    return {s.name: s for s in sorted(found, key=lambda s: -s.strength)}


def require_sandbox(settings: SandboxSettings) -> None:
    """Check that there is a backend of the name in the settings.

    Raises:
        UsageError: There is none.
    """
    known = ["auto", *sandboxes(settings)]
    if settings.kind not in known:
        near = did_you_mean(settings.kind, known)
        raise UsageError(f"no sandbox called {settings.kind!r}{near}")


def open_sandbox(settings: SandboxSettings) -> Sandbox:
    """Return the backend that the settings name (not `auto`), without trying it.

    Raises:
        UsageError: There is no such backend.
    """
    require_sandbox(settings)
    return sandboxes(settings)[settings.kind]


def choose_sandbox(settings: SandboxSettings) -> Choice:
    """Return the backend that the settings name, or for `auto` the strongest, after trying it.

    What owners that are gone left behind is ended, in whichever backend it is.

    Raises:
        UsageError: There is no such backend.
        SandboxError: The named one does not work here, or none does.
    """
    limits = Limits.of(settings)
    if settings.kind != "auto":
        sandbox = open_sandbox(settings)
        try:
            return Choice(sandbox, self_check(sandbox, limits), swept=_sweep(settings))
        except SandboxError as error:
            raise SandboxError(f"sandbox {settings.kind} does not work here: {error}") from None
    reasons: dict[str, str] = {}
    for name, sandbox in sandboxes(settings).items():
        try:
            return Choice(sandbox, self_check(sandbox, limits), reasons, _sweep(settings))
        except SandboxError as error:
            reasons[name] = str(error)
    texts = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise SandboxError(f"no sandbox works here: {texts}")


def _sweep(settings: SandboxSettings) -> int:
    swept = 0
    for sandbox in sandboxes(settings).values():
        with contextlib.suppress(SandboxError):  # it does not work here: it left nothing
            swept += sandbox.sweep()
    return swept


def self_check(sandbox: Sandbox, limits: Limits) -> tuple[str, ...]:
    """Start a jail, which tries its own walls, and return those that hold.

    Raises:
        SandboxError: It did not come up, or a wall that the backend promises does not hold.
    """
    with start_jail(sandbox, limits, Labels(job="self-check")) as jail:
        return jail.walls


def start_jail(sandbox: Sandbox, limits: Limits, labels: Labels | None = None) -> Jail:
    """Start a jail and wait until it is ready to load a reward.

    Raises:
        SandboxError: It did not come up.
    """
    jail = sandbox.launch(limits, labels or Labels())
    try:
        jail.wait_ready()
    except BaseException:
        jail.close()
        raise
    return jail
