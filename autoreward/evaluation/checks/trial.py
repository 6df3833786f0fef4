"""The trial of a reward in its own jail, before anything is trained: a second or so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autoreward.evaluation.checks.components import component_findings
from autoreward.evaluation.checks.material import (
    BEYOND,
    SHUFFLED,
    Answer,
    Material,
    Values,
    efforts,
    moved,
    ranges,
)
from autoreward.evaluation.transitions import imagined
from autoreward.findings import Finding
from autoreward.rewards.source import RewardSource
from autoreward.sandbox.contract import Batch, JailFailure
from autoreward.sandbox.jail import Jail

_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Trial:
    """What the components of one file did in their trial; formulas over them share it.

    What it means for a formula says `checks.formula.formula_findings`.
    """

    findings: list[Finding]
    """About the components, whatever the formula."""
    source: RewardSource
    material: Material
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """Block → values: `recorded`, `zero`, `random`, `best`; `imagined`, `ends`, `beyond`; `quiet`,
    `strong`; `shuffled`; `MEANING:FIELD`. Empty where the reward failed; a probe that failed is not
    there."""
    components: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Component → mean, std, min, max over the recorded transitions."""
    microseconds: float = 0.0
    """Time per transition, the exchange included."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        table = {name: dict(row) for name, row in self.components.items()}
        return {"components": table, "microseconds_per_transition": self.microseconds}


def try_reward(source: RewardSource, material: Material, jail: Jail) -> Trial:
    """Load a reward in a fresh jail and call it on recorded behaviour and on probes.

    Checks: it loads and runs; values are finite, one per row; the same input gives the same answer;
    a row's value does not depend on the other rows; inputs stay untouched; components stay finite
    over the usual ranges of the state and beyond, and say something.

    Args:
        source: The reward file.
        material: Recorded behaviour of the task.
        jail: Ready, and of no other use afterwards.

    Raises:
        SandboxError: The jail was lost through no fault of the reward.
    """
    try:
        jail.load(source.text, material.schema)
        return _Exchange(source, material, jail).trial()
    except JailFailure as failure:
        return Trial([failure.finding()], source, material)


class _Exchange:
    """The calls of one trial."""

    def __init__(self, source: RewardSource, material: Material, jail: Jail) -> None:
        self._source, self._material, self._jail = source, material, jail
        self._calls = 0
        reads = {part.name: part.reads for part in source.components}
        # The reads of a `compute_reward` part are those of the whole file: it has no own ones.
        self._scores = tuple(
            name
            for name in jail.components
            if reads.get(name) == frozenset({"next_state"}) and source.kind == "components"
        )

    def trial(self) -> Trial:
        material, data = self._material, self._material.transitions
        answers = {"recorded": self._call(data.batch(check=True))}
        seconds = self._jail.seconds
        findings = self._purity(answers["recorded"].components)
        for name, episodes in material.episodes.items():
            answers[name] = self._call(episodes.batch())
        for name, probe in self._probes().items():
            try:
                answers[name] = self._call(probe)
            except JailFailure as failure:
                if self._jail.ended:
                    raise
                if not any(finding.code == "overflow" for finding in findings):
                    findings += _failed(name, failure)
        findings += component_findings(self._source, answers)
        summary = {
            name: {
                "mean": float(block.mean()),
                "std": float(block.std()),
                "min": float(block.min()),
                "max": float(block.max()),
            }
            for name, block in answers["recorded"].components.items()
        }
        microseconds = 1e6 * seconds / data.starts.size
        return Trial(findings, self._source, material, answers, summary, microseconds)

    def _probes(self) -> dict[str, Batch]:
        schema, data = self._material.schema, self._material.transitions
        probes = {
            "imagined": imagined(schema, 8, 64),
            "ends": ranges(schema, 64, 1.0),
            "beyond": ranges(schema, 64, BEYOND),
            **efforts(data),
            SHUFFLED: self._material.shuffled.batch,
        }
        words = {word for part in self._source.components for word in part.name.split("_")}
        probes |= {
            f"{meaning.name}:{name}": batch
            for meaning, name, batch in moved(data, schema)
            if words & meaning.words
        }
        return probes

    def _call(self, batch: Batch) -> Answer:
        # A learner number of its own gives a reward with memory a fresh one for every block.
        self._calls += 1
        block = replace(batch, learner=self._calls, at_state=self._scores)
        return Answer(*self._jail.call(block))

    def _purity(self, values: Values) -> list[Finding]:
        data = self._material.transitions
        again = self._call(data.batch()).components
        order = np.random.default_rng(0).permutation(data.starts.shape[1])
        mixed = self._call(data.batch(order)).components
        alone = self._call(data.batch(order[:1])).components
        findings = []
        if gap := _gap(values, again):
            findings.append(
                Finding(
                    "impure",
                    "error",
                    "the same input gives different values in two calls",
                    gap,
                    "do not keep state outside `memory` and do not draw random numbers",
                )
            )
        expected = {name: block[:, order] for name, block in values.items()}
        first = {name: block[:, order[:1]] for name, block in values.items()}
        if gap := _gap(expected, mixed) or _gap(first, alone):
            findings.append(
                Finding(
                    "batch-mixing",
                    "error",
                    "a row's value depends on the other rows of the batch",
                    gap,
                    "reduce over the last dimension (dim=-1) only, never over the batch",
                )
            )
        return findings


_PLACES = {
    "imagined": "drawn from the usual ranges",
    "ends": "at the ends of the usual ranges",
    "beyond": f"up to {BEYOND:g} times beyond the usual ranges",
}


def _failed(probe: str, failure: JailFailure) -> list[Finding]:
    """Return what it means that the values of a probe are not finite."""
    if probe not in _PLACES:
        return []  # states that no simulation gives: nothing is concluded
    # Far states are rare, and a training ends at the first one: worth a word, not a repair.
    severity: Any = "note" if probe == "beyond" else "warning"
    text = f"{failure.message} for states {_PLACES[probe]}"
    return [Finding("overflow", severity, text, probe, "guard against extreme states, e.g. clamp")]


def _gap(expected: Values, found: Values) -> str:
    """Return which component differs and by how much, an empty string if none does."""
    for name, block in expected.items():
        gap = float(np.abs(block - found[name]).max())
        if gap > _TOLERANCE * (1.0 + float(np.abs(block).max())):
            return f"component {name!r} differs by {gap:.3g}"
    return ""
