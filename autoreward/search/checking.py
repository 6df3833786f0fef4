"""Everything a reward must pass before it is trained: static review, then a trial in a jail."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoreward.agents.critic import review
from autoreward.agents.formulas.parts import Part, parts_of_values
from autoreward.errors import SandboxError
from autoreward.evaluation.bank import Bank, Prediction
from autoreward.evaluation.checks.formula import formula_findings
from autoreward.evaluation.checks.material import Material
from autoreward.evaluation.checks.predicting import predicted
from autoreward.evaluation.checks.trial import Trial, try_reward
from autoreward.evaluation.novelty import reward_distance
from autoreward.evaluation.trainer import Trainer
from autoreward.evaluation.transitions import Transitions
from autoreward.findings import Finding, has_error
from autoreward.rewards.distance import Distance
from autoreward.rewards.source import RewardSource, parse_reward
from autoreward.sandbox.reserve import Reserve
from autoreward.search.setup import Setup
from autoreward.store.rundir import RunFiles
from autoreward.training.episodes import Episodes
from autoreward.training.messages import RANDOM, ZERO, Measure, Record

_STEPS, _ROWS = 200, 16
_EPISODES = 8
"""Episodes of the policy that never acts, and of the one that acts at random."""
_RECORDING_SEED_INDEX = 0
_JOB = "trial"
_TRIES = 2


@dataclass(frozen=True)
class Checked:
    """A reward and what was found about it."""

    source: RewardSource | None
    """None if it does not parse."""
    findings: Sequence[Finding]
    trial: Trial | None
    """None if it was refused before the trial."""
    prediction: Prediction | None = None
    """What the trajectory bank says of it; None where it cannot tell."""

    @property
    def ok(self) -> bool:
        """Whether it may be trained."""
        return not has_error(list(self.findings))

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        formula = self.source.formula if self.source else None
        return {
            "ok": self.ok,
            "formula": str(formula) if formula else None,
            "findings": [finding.to_dict() for finding in self.findings],
            "predicted_quality": self.prediction.quality if self.prediction else None,
            **(self.trial.to_dict() if self.trial else {}),
        }


class Checker:
    """Checks rewards of one run; formulas over the same components share a trial.

    Use as a context manager.

    Args:
        setup: The run's fixed parts.
        transitions: Recorded random behaviour.
        behaviour: Whole episodes of the policies that nobody trained.
        reserve: Starts the jails; closed with the checker.
        asked: What the agent shall do, in a person's words.
    """

    def __init__(
        self,
        setup: Setup,
        transitions: Transitions,
        behaviour: Mapping[str, Episodes],
        reserve: Reserve,
        asked: str,
    ) -> None:
        self._setup, self._reserve, self._asked = setup, reserve, asked
        self._material = Material(
            setup.folder.schema,
            transitions,
            zero=behaviour.get(ZERO),
            random=behaviour.get(RANDOM),
            task=setup.task,
            primary=setup.primary,
            gamma=setup.settings.training.gamma,
        )
        self._trials: dict[str, Trial] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Checker:
        """Return the checker itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the jails that were not used."""
        self._reserve.close()

    def use(self, bank: Bank) -> None:
        """Try rewards on the episodes of `bank`, too, from now on."""
        with self._lock:
            best = bank.best() if bank.policies else None
            self._material = replace(self._material, bank=bank, best=best)
            self._trials.clear()

    def check(self, text: str) -> Checked:
        """Review a reward file, then try it in a jail if the review found no error.

        Raises:
            SandboxError: No jail could be started.
        """
        reviewed = review(text, self._setup.folder.schema, self._asked)
        source, findings = reviewed.source, list(reviewed.findings)
        if source is None or has_error(findings):
            return Checked(source, findings, None)
        trial = self._trial(source)
        findings += trial.findings
        prediction = None
        if source.formula is not None and not has_error(trial.findings):
            findings += formula_findings(trial, source.formula)
            if not has_error(findings):
                prediction = predicted(trial, source.formula)
        return Checked(source, findings, trial, prediction)

    def distance(self, checked: Checked, other: str) -> Distance | None:
        """Return how far a checked reward is from another one of the run, None if nothing can tell.

        Args:
            checked: It has passed.
            other: The other's file, which has passed, too.
        """
        source = parse_reward(other)
        mine = checked.source.formula if checked.source is not None else None
        if checked.trial is None or mine is None or source.formula is None:
            return None
        return reward_distance(checked.trial, mine, self._trial(source), source.formula)

    def parts(self, checked: Checked) -> tuple[Part, ...]:
        """Return what recorded transitions say of a reward's components; empty without a trial."""
        if checked.trial is None or "recorded" not in checked.trial.answers:
            return ()
        data, primary = self._material.transitions, self._setup.primary
        sign = 1.0 if primary.direction == "max" else -1.0
        blocks = checked.trial.answers["recorded"].components
        return parts_of_values(
            {name: block.ravel() for name, block in blocks.items()},
            sign * data.fitness[primary.name].ravel(),
            data.action.reshape(-1, data.action.shape[-1]),
        )

    def _trial(self, source: RewardSource) -> Trial:
        with self._lock:  # jails one at a time: the trainer has the cores
            known = self._trials.get(source.components_text)
            if known is None:
                known = self._run(source)
                self._trials[source.components_text] = known
            return known

    def _run(self, source: RewardSource) -> Trial:
        for attempt in range(_TRIES):
            with self._reserve.take([_JOB])[_JOB] as jail:
                try:
                    return try_reward(source, self._material, jail)
                except SandboxError:  # the jail was lost through no fault of the reward
                    if attempt == _TRIES - 1:
                        raise
        raise AssertionError("unreachable")


def recorded_transitions(trainer: Trainer, files: RunFiles, run_seed: int) -> Transitions:
    """Return the run's recorded transitions; the trainer records them once."""
    path: Path = files.transitions
    if not path.exists():
        order = Record(
            job="transitions",
            path=str(path.resolve()),
            seed=(run_seed, _RECORDING_SEED_INDEX),
            steps=_STEPS,
            rows=_ROWS,
        )
        trainer.ask(order)
    return Transitions.load(path)


def recorded_behaviour(trainer: Trainer, files: RunFiles, run_seed: int) -> dict[str, Episodes]:
    """Return episodes of the policies that nobody trained; the trainer records them once."""
    names = (ZERO, RANDOM)
    paths = {name: files.behaviour(name) for name in names}
    if not all(path.exists() for path in paths.values()):
        record = tuple(str(path.resolve()) for path in paths.values())
        seeds = (run_seed, 0, _EPISODES)
        trainer.ask(Measure("behaviour", names, "validation", seeds, record))
    return {name: Episodes.load(path) for name, path in paths.items()}


def check_again(files: RunFiles, setup: Setup, text: str) -> Checked:
    """Check a reward that a person wrote for a run, on what the run has recorded.

    Before the run has recorded anything the review of its text has to do.

    Raises:
        SandboxError: No jail could be started.
    """
    checker = recorded_checker(files, setup)
    if checker is None:
        reviewed = review(text, setup.folder.schema, setup.task.instruction)
        return Checked(reviewed.source, reviewed.findings, None)
    with checker:
        return checker.check(text)


def recorded_checker(files: RunFiles, setup: Setup) -> Checker | None:
    """Return a checker that tries rewards on what a run has recorded; None if that is nothing yet.

    Raises:
        SandboxError: The sandbox does not work here.
    """
    paths = {name: files.behaviour(name) for name in (ZERO, RANDOM)}
    if not all(path.exists() for path in (files.transitions, *paths.values())):
        return None
    behaviour = {name: Episodes.load(path) for name, path in paths.items()}
    reserve = setup.reserve(files.directory.name, spare=0)
    data = Transitions.load(files.transitions)
    return Checker(setup, data, behaviour, reserve, setup.task.instruction)
