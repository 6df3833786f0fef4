"""Jails that are ready when they are needed: a few are started ahead."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from autoreward.errors import SandboxError
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.registry import Sandbox

_ATTEMPTS = 3
SPARE = "spare"
"""Job label of a jail that was started before its job was known."""


class Reserve:
    """Starts jails side by side and keeps a few in hand. Use as a context manager.

    Every jail serves one reward and is never put back.

    Args:
        sandbox: Starts the jails.
        limits: What each may use.
        spare: How many to keep in hand.
        run: Label of the jails.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits, spare: int, run: str = "") -> None:
        self._sandbox, self._limits, self._spare, self._run = sandbox, limits, spare, run
        self._waiting: collections.deque[Jail] = collections.deque()

    def __enter__(self) -> Reserve:
        """Return the reserve itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the jails that were not used."""
        self.close()

    def take(self, jobs: Sequence[str]) -> dict[str, Jail]:
        """Return a ready jail for each job, each the caller's to close; then start new spare ones.

        Raises:
            SandboxError: A jail did not start, three times in a row.
        """
        jails: dict[str, Jail] = {}
        for attempt in range(_ATTEMPTS):
            missing = [job for job in jobs if job not in jails]
            launched: dict[str, Jail] = {}
            try:
                for job in missing:
                    launched[job] = self._spare_or_new(job)
                for job, jail in launched.items():
                    jail.wait_ready()
                    jails[job] = jail
                break
            except BaseException as error:
                close_all([jail for job, jail in launched.items() if job not in jails])
                if attempt == _ATTEMPTS - 1 or not isinstance(error, SandboxError):
                    close_all(list(jails.values()))
                    raise
        with contextlib.suppress(SandboxError):  # the next take tries again, and says so
            while len(self._waiting) < self._spare:
                self._waiting.append(self._launch(SPARE))
        return jails

    def close(self) -> None:
        """End the spare jails."""
        close_all(list(self._waiting))
        self._waiting.clear()

    def _spare_or_new(self, job: str) -> Jail:
        while self._waiting:
            jail = self._waiting.popleft()
            if jail.lives_for(0.75 * self._limits.lifetime_s):
                return jail
            jail.close()
        return self._launch(job)

    def _launch(self, job: str) -> Jail:
        return self._sandbox.launch(self._limits, Labels(self._run, job))


def close_all(jails: Sequence[Jail]) -> None:
    """End jails side by side: a container takes a while to go."""
    if jails:
        with ThreadPoolExecutor(min(8, len(jails))) as pool:
            list(pool.map(Jail.close, jails))
