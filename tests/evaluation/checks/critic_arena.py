"""Real environments' recorded behaviour, jails, and the lists of planted and honest rewards."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from autoreward.agents.critic import review
from autoreward.config import SandboxSettings
from autoreward.environments.environment import load_environment
from autoreward.environments.folder import find_environments, open_environment
from autoreward.evaluation.checks.formula import formula_findings
from autoreward.evaluation.checks.material import Material
from autoreward.evaluation.checks.trial import Trial, try_reward
from autoreward.evaluation.transitions import Transitions
from autoreward.findings import Finding, has_error
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import open_sandbox, start_jail
from autoreward.seeds import TrainingSeed, ValidationSeed
from autoreward.training.recording import record_transitions
from autoreward.training.validation import Random, Zero, validate

HERE = Path(__file__).parent
LIMITS = Limits(memory_mb=1500, call_timeout_s=20.0)
_EPISODES = 8


@dataclass(frozen=True)
class Case:
    """A reward file and where it belongs."""

    path: Path
    environment: str
    task: str
    expected: str = ""
    """Code of the planted bug; empty for an honest file."""

    @property
    def name(self) -> str:
        folder = self.path.parent.name
        return f"{folder}/{self.path.name}"


@cache
def material(environment: str, task: str) -> Material:
    """Return what the real environment gives: random transitions, episodes of zero and random."""
    folder = open_environment(environment)
    chosen = folder.tasks[task]
    loaded = load_environment(folder, chosen)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "transitions.safetensors"
        record_transitions(loaded, chosen.horizon, TrainingSeed(0, 0), 200, 16, path)
        transitions = Transitions.load(path)
    seeds = ValidationSeed.first(0, _EPISODES)
    zero, random = validate(loaded, chosen.horizon, [Zero(), Random()], seeds, 1, _EPISODES)
    return Material(
        folder.schema,
        transitions,
        zero.episodes,
        random.episodes,
        task=chosen,
        primary=folder.fitness_named(chosen.fitness),
    )


def trial(text: str, stuff: Material) -> Trial:
    """Try a reward in a jail of its own."""
    sandbox = open_sandbox(SandboxSettings(kind="process"))
    with start_jail(sandbox, LIMITS) as jail:
        return try_reward(parse_reward(text), stuff, jail)


def findings(text: str, environment: str, task: str) -> list[Finding]:
    """Return all that the machine critic finds in a reward file: static review, then trial."""
    torch.set_num_threads(1)
    folder = open_environment(environment)
    reviewed = review(text, folder.schema, folder.tasks[task].instruction)
    found = list(reviewed.findings)
    if reviewed.source is None or has_error(found):
        return found
    tried = trial(text, material(environment, task))
    found += tried.findings
    if reviewed.source.formula is not None:
        found += formula_findings(tried, reviewed.source.formula)
    return found


def planted() -> list[Case]:
    """Return the rewards with one bug each; their first line says which and where."""
    cases = []
    for path in sorted((HERE / "planted").glob("*.py")):
        code, environment, task = path.read_text().split(":")[0].strip('"').split()
        cases.append(Case(path, environment, task, code))
    return cases


def honest() -> list[Case]:
    """Return the rewards of people who mean no harm, on real environments."""
    cases = []
    for path in sorted((HERE / "honest").glob("*.py")):
        environment = next(name for name in find_environments() if path.name.startswith(name))
        cases.append(
            Case(path, environment, path.read_text().split(":")[0].split(",")[0].strip('"'))
        )
    for name, path in find_environments().items():
        folder = open_environment(name)
        for task in folder.tasks.values():
            files = [file for file in (task.human, task.sparse) if file is not None]
            cases += [Case(path / file, name, task.name) for file in files]
    return cases


@dataclass(frozen=True)
class Tally:
    """What the machine critic says of one file."""

    case: Case
    findings: list[Finding]

    @property
    def found(self) -> bool:
        """Whether the planted bug is named, as more than a note."""
        return any(f.code == self.case.expected and f.severity != "note" for f in self.findings)

    def count(self, severity: str) -> int:
        return sum(finding.severity == severity for finding in self.findings)


def tally(cases: list[Case]) -> list[Tally]:
    """Let the machine critic look at reward files."""
    return [Tally(c, findings(c.path.read_text(), c.environment, c.task)) for c in cases]
