"""Help is immediate, and mistakes in typing end with code 2 and a sentence."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

import pytest

from autoreward.cli.main import app

COMMANDS = sorted(
    [
        "design",
        "resume",
        "runs",
        "status",
        "show",
        "stop",
        "review",
        "feedback",
        "prefer",
        "clip",
        "evaluate",
        "check",
        "compare",
        "benchmark",
        "export",
        "envs",
        "doctor",
    ]
)


def help_seconds() -> float:
    """Return the processor time that `autoreward --help` takes: others may be at work here."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = "from autoreward.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_immediate() -> None:
    """The best of three takes under half a second."""
    assert min(help_seconds() for _ in range(3)) < 0.5


def test_commands_import_nothing_heavy() -> None:
    """Reading the command line loads neither tables nor settings, let alone numbers."""
    program = (
        "import sys, json, autoreward.cli.main\n"
        "heavy = ('rich', 'pydantic', 'numpy', 'torch', 'mujoco', 'yaml', 'jinja2')\n"
        "print(json.dumps([name for name in heavy if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert json.loads(done.stdout) == [], done.stderr


def test_these_are_the_commands() -> None:
    """Every command of the README is there, and each offers --json."""
    assert sorted(c.callback.__name__ for c in app.registered_commands if c.callback) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str, cli: Any) -> None:
    """`COMMAND --help` explains itself."""
    done = cli(command, "--help")
    assert done.code == 0
    assert "--json" in done.out


def test_no_arguments_print_the_help(cli: Any) -> None:
    """A bare `autoreward` shows what there is."""
    assert "Usage: autoreward" in cli().out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["desing", "x"], "No such command 'desing'"),
        (["design", "x", "--seed", "one"], "--seed"),
        (["design", "x", "--sed", "1"], "--sed"),
        (["evaluate"], "FILE"),
        (["evaluate", "x.py", "--seeds", "0"], "--seeds"),
    ],
)
def test_typing_mistakes_are_usage_errors(cli: Any, arguments: list[str], part: str) -> None:
    """One sentence, code 2; the same as JSON where JSON was asked for."""
    done = cli(*arguments)
    assert done.code == 2
    assert part in done.sentence
    done = cli(*arguments, "--json")
    assert done.code == 2
    assert done.json["code"] == "usage"
    assert part in done.json["error"]
