"""The critic's first look at a reward file: what can be said without running it."""

from __future__ import annotations

import ast
from collections.abc import Set
from dataclasses import dataclass

from autoreward.agents.static_checks import CHECKS, Reading
from autoreward.errors import RewardFileError
from autoreward.findings import Finding, has_error
from autoreward.rewards.formula import Formula, check_formula
from autoreward.rewards.rules import check_rules
from autoreward.rewards.source import RewardSource, check_names, parse_reward
from autoreward.schema import StateSchema

LONG_FILE = 200
"""Lines beyond which a reward is a burden to its readers."""
MOST_REFUSALS = 8
"""Broken rules reported at once."""


@dataclass(frozen=True)
class Review:
    """What the critic found in one file."""

    source: RewardSource | None
    """The parsed file; None where it cannot be read as a reward."""
    findings: tuple[Finding, ...]

    @property
    def accepted(self) -> bool:
        """Whether nothing forbids to train it."""
        return self.source is not None and not has_error(list(self.findings))


def review(text: str, schema: StateSchema, task_text: str = "") -> Review:
    """Check a reward file against the contract, the names of `schema` and the task; runs nothing.

    Args:
        text: The reward file.
        schema: The state it sees.
        task_text: What the robot shall do, in a person's words; empty where there is no task.
    """
    try:
        source = parse_reward(text)
    except RewardFileError as error:
        return Review(None, tuple(_refusals(text, error)))
    findings = list(check_names(source, schema))
    if source.formula is None:
        findings.append(_NO_FORMULA)
    else:
        findings += check_formula(source.formula, component_reads(source, source.formula))
        findings += _unused(source, source.formula)
    if not has_error(findings):  # the checks below take names as given
        reading = Reading(source, schema, task_text)
        findings += [finding for check in CHECKS for finding in check.find(reading)]
    return Review(source, (*findings, *_warnings(source)))


_NO_FORMULA = Finding(
    "formula",
    "error",
    "the file has no FORMULA",
    suggestion='end it with FORMULA = "..." that combines the components',
)


def _refusals(text: str, error: RewardFileError) -> list[Finding]:
    """Return all broken rules where the file is Python, so that one repair can mend them all."""
    try:
        broken = check_rules(ast.parse(text.removeprefix("\ufeff")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        broken = []
    if broken:
        return broken[:MOST_REFUSALS]
    return [Finding(error.code, "error", error.message, f"line {error.line}" if error.line else "")]


def component_reads(source: RewardSource, formula: Formula) -> dict[str, Set[str]]:
    """Return what each component reads, as far as the file shows it: see `check_formula`.

    The parts of a `compute_reward` file are known only once it has run.
    """
    known: dict[str, Set[str]] = {part.name: part.reads for part in source.components}
    if source.kind == "compute_reward":
        anything = {"state", "action", "next_state"}
        known = {name: anything for name in formula.components} | known
    return known


def _unused(source: RewardSource, formula: Formula) -> list[Finding]:
    """Warn of components that nobody asks for; parts of a `compute_reward` file are information."""
    names = [part.name for part in source.components if part.name not in formula.components]
    if source.kind == "compute_reward" or not names:
        return []
    message = f"the formula does not use {', '.join(names)}"
    return [Finding("unused-component", "warning", message, suggestion="use it or drop it")]


def _warnings(source: RewardSource) -> list[Finding]:
    found = [
        Finding(
            "constant-component",
            "warning",
            f"the component {part.name!r} reads neither state nor action, so it is a constant",
            f"line {part.line}",
            "measure something, or drop it",
        )
        for part in source.components
        if not part.reads
    ]
    lines = len(source.text.splitlines())
    if lines > LONG_FILE:
        found.append(
            Finding(
                "long-file",
                "warning",
                f"the file has {lines} lines",
                suggestion=f"stay under {LONG_FILE}: simpler rewards can be reviewed",
            )
        )
    return found
