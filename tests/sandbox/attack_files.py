"""Attacks and honest rewards as files: reading them, and the states that they are tried on."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoreward.agents.critic import review
from autoreward.evaluation.checks.material import Material
from autoreward.evaluation.checks.trial import try_reward
from autoreward.evaluation.transitions import Transitions, imagined
from autoreward.findings import Finding
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.contract import Batch, Limits
from autoreward.sandbox.registry import Sandbox, start_jail
from autoreward.schema import StateSchema

HERE = Path(__file__).resolve().parent
STEPS, ROWS = 4, 8
Blocks = dict[str, NDArray[np.float32]]

_HEADER = re.compile(r'"""TRIES: (.+)\nHOLDS: (.+)\nWITNESS: (claim|host|limit)\n"""\n')


def _schema() -> StateSchema:
    """Return the states of the honest rewards in the tests of the rules."""
    path = HERE.parent / "rewards" / "honest_rewards.py"
    spec = importlib.util.spec_from_file_location("honest_rewards_of_the_arena", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    schema: StateSchema = module.SCHEMA
    return schema


SCHEMA = _schema()


@dataclass(frozen=True)
class Attack:
    """One file in `attacks/`."""

    name: str
    tries: str
    holds: str
    witness: str
    """`claim`: it answers with ones if it got what it wanted. `host`: success shows outside only.
    `limit`: it must be refused (zeros) or ended."""
    text: str

    @property
    def caught(self) -> str:
        """What the static critic says of it: a finding's code, empty if it finds nothing."""
        codes = [f.code for f in review(self.text, SCHEMA).findings if f.severity == "error"]
        return "forbidden" if "forbidden" in codes else codes[0] if codes else ""


@cache
def attacks() -> tuple[Attack, ...]:
    """Return all attacks, by name."""
    return tuple(_read(path) for path in sorted((HERE / "attacks").glob("*.py")))


def honest_files() -> list[Path]:
    """Return the files of people who mean no harm."""
    return sorted((HERE / "honest").glob("*.py"))


def honest(path: Path, sandbox: Sandbox) -> list[Finding]:
    """Return what is found against an honest reward: by the critic, and in its trial in a jail."""
    text = path.read_text(encoding="utf-8")
    found = list(review(text, SCHEMA).findings)
    block = imagined(SCHEMA, 16, 32)
    drawn = Transitions(block.state, block.next_state, block.action, block.starts, {})
    with start_jail(sandbox, Limits(memory_mb=1500, call_timeout_s=20.0)) as jail:
        return found + try_reward(parse_reward(text), Material(SCHEMA, drawn), jail).findings


def _read(path: Path) -> Attack:
    text = path.read_text(encoding="utf-8")
    found = _HEADER.match(text)
    if not found:
        raise ValueError(f"{path}: the header must be three lines: TRIES, HOLDS, WITNESS")
    return Attack(path.stem, *found.groups(), text)


def random_block(number: int) -> Batch:
    """Return a block of random states, [T, N]."""
    draw = np.random.default_rng(number)

    def fields() -> Blocks:
        return {
            f.name: draw.normal(size=(STEPS, ROWS, *f.shape)).astype(np.float32)
            for f in SCHEMA.state
        }

    starts = np.zeros((STEPS, ROWS), dtype=np.float32)
    starts[0] = 1.0
    action = draw.uniform(-1, 1, (STEPS, ROWS, len(SCHEMA.action))).astype(np.float32)
    return Batch(fields(), action, fields(), starts, check_inputs=number == 0)


def as_bytes(block: Batch) -> bytes:
    arrays = [*block.state.values(), *block.next_state.values(), block.action, block.starts]
    return b"".join(array.tobytes() for array in arrays)
