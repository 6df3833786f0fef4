"""The exceptions a user can see.

A failing candidate is data (a finding), never an exception: exceptions are for a user's mistake,
a missing prerequisite, a spent budget, or our own infrastructure.

    AutorewardError            exit code 1
    ├── UsageError             exit code 2: bad argument, config, name or file
    │   └── RewardFileError    a reward file or formula that breaks the contract (has a line number)
    ├── RunError               a run that does not exist, is locked, or is damaged
    ├── SandboxError           a jail that cannot be started: never the candidate's fault
    ├── TrainerError           the trainer process died or broke its protocol
    ├── LLMError               a language model call that failed for good
    └── BudgetExceeded         exit code 3: a limit the user set was reached
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AutorewardError(Exception):
    """Base of all errors that are shown to the user as one sentence, without a traceback."""

    exit_code = 1


class UsageError(AutorewardError):
    """A mistake in what the user typed or wrote: says what is wrong, where, and what to do."""

    exit_code = 2


class RewardFileError(UsageError):
    """A reward file or formula breaks the contract.

    Args:
        message: What is wrong and what to do.
        line: 1-based line in the file, None where no line applies.
        code: The finding code, e.g. `syntax`, `forbidden`, `unknown-name`.
    """

    def __init__(self, message: str, *, line: int | None = None, code: str = "contract") -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.message, self.line, self.code = message, line, code


class RunError(AutorewardError):
    """A run that does not exist, is held by another process, or cannot be read."""


class SandboxError(AutorewardError):
    """A jail could not be started or was lost before it accepted the candidate: never scored."""


class TrainerError(AutorewardError):
    """The trainer process died or broke its protocol: infrastructure, never scored."""


class LLMError(AutorewardError):
    """A language model call that failed for good.

    Args:
        message: One sentence, already free of secrets.
        transient: Whether asking again could help (time-out, 429, 5xx, dropped connection).
        retry_after: Seconds the provider asked to wait, if it did.
        billed: Whether the provider may charge for the call all the same: the request was taken,
            and only the answer was lost.
    """

    def __init__(
        self,
        message: str,
        *,
        transient: bool = False,
        retry_after: float | None = None,
        billed: bool = False,
    ) -> None:
        super().__init__(message)
        self.transient, self.retry_after, self.billed = transient, retry_after, billed


class BudgetExceeded(AutorewardError):
    """A limit the user set (dollars, tokens, environment steps, hours, candidates) was reached."""

    exit_code = 3


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest option, or all options if none is near."""
    known = sorted(options)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""
