"""The `autoreward` command: its sub-commands, and how errors become sentences and exit codes.

Exit codes: 0 done, 1 failure, 2 usage, 3 budget reached, 130 interrupted.

Everything heavy is imported inside the commands, so that `--help` is immediate.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from autoreward.cli import (
    benchmark,
    check,
    clip,
    compare,
    design,
    doctor,
    envs,
    evaluate,
    export,
    feedback,
    prefer,
    review,
    runs,
    sandbox,
)
from autoreward.cli.output import Interrupted, print_json
from autoreward.errors import AutorewardError, RewardFileError, UsageError

app = typer.Typer(
    name="autoreward",
    help=(
        "Designs reward functions for reinforcement learning from a sentence, and proves them by "
        "training. Start with: autoreward design 'run forward fast' --env half_cheetah"
    ),
    add_completion=False,
    rich_markup_mode=None,  # rich help would load rich
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for group in (
    *(design, runs, review, feedback, prefer, clip),
    *(evaluate, check, compare, export, benchmark, envs, doctor, sandbox),
):
    group.register(app)

# The base of all errors of the command line's own syntax. Where it is to be imported from depends
# on the version of typer, but not what typer's public BadParameter inherits from.
_SyntaxMistake: type[Exception] = typer.BadParameter.__mro__[2]


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; nothing but a bug gets out as an exception."""
    as_json = "--json" in arguments
    try:
        result = app(list(arguments) or ["--help"], prog_name="autoreward", standalone_mode=False)
    except _SyntaxMistake as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        return _fail(f"{text.rstrip('.')}; see autoreward --help", "usage", 2, as_json)
    except (Interrupted, KeyboardInterrupt, typer.Abort) as error:
        run_name = error.run if isinstance(error, Interrupted) else None
        hint = f"; continue with: {error.command}" if isinstance(error, Interrupted) else ""
        print(f"interrupted{hint}", file=sys.stderr)
        if as_json:
            print_json({"error": "interrupted", "code": "interrupted", "run": run_name})
        return 130
    except AutorewardError as error:
        return _fail(_sentence(error), _code(error), error.exit_code, as_json)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" for {error.filename}" if error.filename else ""
            return _fail(
                f"no space is left on the disk{where}: make room and resume", "disk", 1, as_json
            )
        if not isinstance(error, BrokenPipeError):
            raise
        # `autoreward runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return result if isinstance(result, int) else 0


def main() -> NoReturn:
    """Run the process's own command line and exit."""
    # What a host computes is small; its threads would only be in the way of those that train.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(run(sys.argv[1:]))


def _fail(text: str, code: str, status: int, as_json: bool) -> int:
    print(f"error: {text}", file=sys.stderr)
    if as_json:
        print_json({"error": text, "code": code})
    return status


def _sentence(error: AutorewardError) -> str:
    return " ".join(str(error).split())


def _code(error: AutorewardError) -> str:
    """Return a short stable name of an error: that of its finding, or of its class."""
    if isinstance(error, RewardFileError):
        return error.code
    if isinstance(error, UsageError):
        return "usage"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__.removesuffix("Error"))
    return words.lower() or "failure"
