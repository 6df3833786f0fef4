"""The machine's analysis of one training: findings with evidence, a paragraph, tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoreward.evaluation.analysis.behaviour import (
    contact_exploit,
    jitter,
    lucky_seed,
    standing_still,
    velocity_exploit,
    wrong_direction,
)
from autoreward.evaluation.analysis.ending import cause_of_end, early_end, ended_early, falls
from autoreward.evaluation.analysis.failure import first_failures
from autoreward.evaluation.analysis.farming import over_optimisation, reward_hacking
from autoreward.evaluation.analysis.measuring import step_series
from autoreward.evaluation.analysis.record import Record
from autoreward.evaluation.analysis.shaping import flooding, stall, weak_shaping
from autoreward.evaluation.analysis.tables import (
    components_table,
    episodes_table,
    frames_tables,
    told_fields,
)
from autoreward.findings import Finding

DETECTORS: tuple[Callable[[Record], Finding | list[Finding] | None], ...] = (
    reward_hacking,
    over_optimisation,
    wrong_direction,
    standing_still,
    early_end,
    falls,
    flooding,
    weak_shaping,
    stall,
    velocity_exploit,
    contact_exploit,
    jitter,
    lucky_seed,
)
"""In the order of the findings: what matters most comes first."""


@dataclass(frozen=True)
class Analysis:
    """What one training shows."""

    findings: tuple[Finding, ...]
    """With codes of `TAXONOMY`; every `evidence` holds pointers and what is measured there."""
    paragraph: str
    """What the policy does, when and how it fails, what pays for it; for the next designer."""
    failures: tuple[tuple[int, int], ...]
    """(validation episode, step of its first failure), failed episodes only."""
    tables: tuple[str, ...]
    """Episodes, components, frames of failed episodes, as text."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "paragraph": self.paragraph,
            "failures": [list(failure) for failure in self.failures],
            "tables": list(self.tables),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Analysis:
        """Rebuild an analysis from `to_dict`."""
        return cls(
            tuple(Finding.from_dict(finding) for finding in data["findings"]),
            data["paragraph"],
            tuple((int(episode), int(step)) for episode, step in data["failures"]),
            tuple(data["tables"]),
        )


def analyze(record: Record) -> Analysis:
    """Return what one finished training shows; the same record always gives the same analysis."""
    findings: list[Finding] = []
    for detect in DETECTORS:
        answer = detect(record)
        findings += answer if isinstance(answer, list) else [answer] if answer else []
    failures = first_failures(record)
    tables = [episodes_table(record, failures), components_table(record)]
    return Analysis(
        tuple(findings),
        _paragraph(record, findings, failures),
        tuple(failures),
        (*tables, *frames_tables(record, failures)),
    )


def _paragraph(record: Record, findings: list[Finding], failures: list[tuple[int, int]]) -> str:
    sentences = [
        _outcome(record),
        _lives(record, failures),
        _payment(record),
        _course(record),
        *(f"{finding.code}: {finding.message}." for finding in findings[:3]),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _outcome(record: Record) -> str:
    name, unit = record.primary.name, record.primary.unit
    values = record.sign * record.own
    unit = "" if unit == "1" else f" {unit}"
    others = [
        f"{what} gives {record.sign * record.fitness(episodes).mean():.3g}"
        for what, episodes in (("never acting", record.zero), ("acting at random", record.random))
        if episodes is not None
    ]
    better = "higher" if record.sign > 0 else "lower"
    compared = f"; {', '.join(others)}" if others else ""
    return (
        f"On {len(values)} validation episodes {name} ({better} is better) is "
        f"{values.mean():.3g}{unit}, from {values.min():.3g} to {values.max():.3g}{compared}."
    )


def _lives(record: Record, failures: list[tuple[int, int]]) -> str:
    count, horizon = record.episodes.count, record.task.horizon
    ended = ended_early(record)
    if ended:
        typical = int(np.median(record.episodes.length[ended]))
        causes = [cause for row in ended if (cause := cause_of_end(record, row))]
        state = _state_at_end(record, ended)
        text = f"{len(ended)} of {count} episodes are ended by the rule, typically after {typical} "
        text += f"of {horizon} steps"
        if causes:
            common = max(sorted(set(causes)), key=causes.count)
            text += f"; the first to leave its usual range is {common} ({causes.count(common)} "
            text += "times)" if causes.count(common) != 1 else "time)"
        return text + (f"; in the last state (median): {state}." if state else ".")
    if not failures:
        return f"All {count} episodes run their full {horizon} steps and none is lost on the way."
    steps = sorted(step for _, step in failures)
    return (
        f"No episode is ended early, but {len(failures)} of {count} are lost: from step "
        f"{steps[len(steps) // 2]} (median) to the end the fitness stays at the level of a policy "
        "that learnt nothing."
    )


def _state_at_end(record: Record, rows: list[int]) -> str:
    """Return the fields that fitness, success and end are about, in the last states of episodes."""
    found = []
    for name in sorted(told_fields(record)):
        series = [step_series(record, row, name) for row in rows]
        last = [float(values[-1]) for values in series if values is not None and len(values)]
        if last:
            found.append(f"{name} {np.median(last):.3g}")
    return ", ".join(found)


def _payment(record: Record) -> str:
    episodes = record.episodes
    if episodes.reward is None or not episodes.alive.any():
        return ""
    alive = episodes.alive
    mean = float(episodes.reward[alive].mean())
    text = f"The reward is {mean:.3g} a step"
    weights = record.weights
    if weights is not None and all(name in episodes.components for name in weights):
        parts = {n: w * float(episodes.components[n][alive].mean()) for n, w in weights.items()}
        order = sorted(parts, key=lambda name: -abs(parts[name]))[:4]
        return f"{text}: {', '.join(f'{parts[name]:+.3g} from {name}' for name in order)}."
    if record.snapshots:
        shares = {n: record.snapshots[-1]["components"][n]["share"] for n in record.components}
        if shares:
            name = max(shares, key=lambda n: shares[n])
            text += f"; it moves most with {name} (share {shares[name]:.2f})"
    return text + "."


def _course(record: Record) -> str:
    if len(record.snapshots) < 2:
        return ""
    start = min(record.learnt_until, len(record.snapshots) - 2)
    reward, fitness = record.curve("reward"), record.curve(f"fitness:{record.primary.name}")
    text = (
        f"Over training the reward per step went from {reward[start]:.3g} to {reward[-1]:.3g} and "
        f"{record.primary.name} per step from {fitness[start]:.3g} to {fitness[-1]:.3g}"
    )
    length = record.curve("length")[start:]
    if np.isfinite(length).all() and abs(length[-1] - length[0]) > 0.2 * length.max():
        text += f"; episodes went from {length[0]:.0f} to {length[-1]:.0f} steps"
    return text + "."
