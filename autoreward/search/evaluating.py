"""Trains and measures, or only checks, a reward file that somebody wrote: `evaluate`, `check`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoreward.agents.critic import review
from autoreward.config import Settings
from autoreward.environments.folder import EnvironmentFolder, Task, open_environment
from autoreward.errors import AutorewardError, RewardFileError, UsageError
from autoreward.evaluation.bank import Bank
from autoreward.evaluation.trainer import Trainer
from autoreward.findings import Finding, has_error
from autoreward.sandbox.registry import require_sandbox
from autoreward.search.analyzing import Analyst, behaviour_of
from autoreward.search.banking import update_bank
from autoreward.search.budget import ELAPSED
from autoreward.search.checking import (
    Checked,
    Checker,
    recorded_behaviour,
    recorded_transitions,
)
from autoreward.search.jobs import (
    CONFIRM_SEEDS_FROM,
    Jobs,
    as_json,
    component_changes,
    fitness_of,
    policy_path,
)
from autoreward.search.observer import Observer
from autoreward.search.opening import create_run
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal
from autoreward.store.rundir import RunFiles
from autoreward.training.messages import Measure

_POLL_SECONDS = 0.5


def prepare_file(settings: Settings, reward: Path, env_paths: Sequence[Path] = ()) -> Setup:
    """Read environment and task for one reward file; nothing is started.

    Where no task is named, it is the one that the file belongs to, or the environment's first.

    Raises:
        UsageError: Unknown environment, task or sandbox.
    """
    folder = open_environment(settings.env, env_paths)
    task, reason = _task_of(folder, settings.task, reward)
    described = settings.model_copy(update={"description": f"evaluate {reward}", "task": task.name})
    require_sandbox(settings.sandbox)
    return Setup(described, folder, task, reason)


def read_reward(path: Path) -> str:
    """Return the text of a reward file.

    Raises:
        UsageError: There is no such file, or it is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"there is no reward file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}") from None


def check_text(setup: Setup, text: str, bank: Bank | None = None) -> Checked:
    """Review a reward and, where the review finds no error, try it in a jail.

    Args:
        setup: Environment, task and sandbox.
        text: The reward file.
        bank: Episodes to try it on, too; None for random behaviour alone.

    Raises:
        AutorewardError: The trainer or no jail could be started.
    """
    reviewed = review(text, setup.folder.schema, setup.task.instruction)
    if reviewed.source is None or has_error(list(reviewed.findings)):
        return Checked(reviewed.source, reviewed.findings, None)
    with tempfile.TemporaryDirectory(prefix="autoreward-") as folder:
        files = RunFiles(Path(folder))
        with (
            setup.trainer("check", files.trainer_log) as trainer,
            _checker(setup, trainer, files, "check") as checker,
        ):
            if bank is not None:
                checker.use(bank)
            return checker.check(text)


def create_evaluation(
    setup: Setup, file: Path, text: str, seeds: int, env_paths: Sequence[Path] = ()
) -> Journal:
    """Make the run of an evaluation; `Evaluation` carries it out.

    Raises:
        RewardFileError: The file breaks a rule that can be seen without running it.
    """
    _refuse(review(text, setup.folder.schema).findings)
    notes = {"evaluation": {"file": str(file), "text": text, "seeds": seeds}}
    slug = f"evaluate {setup.folder.name} {file.stem}"
    return create_run(setup, "evaluate", env_paths, slug=slug, notes=notes)


class Evaluation:
    """One reward file, checked, trained on several fresh seeds, and measured on test seeds.

    Everything is journaled: doing it again after an interruption repeats no finished training.

    Args:
        journal: Of `create_evaluation`, open for writing.
        setup: The run's fixed parts.
        observer: Told of everything that happens.
    """

    def __init__(self, journal: Journal, setup: Setup, observer: Observer) -> None:
        self._journal, self._setup, self._observe = journal, setup, observer
        notes = journal.meta("evaluation")
        self._file, self._text, self._seeds = notes["file"], notes["text"], int(notes["seeds"])

    def execute(self) -> dict[str, Any]:
        """Do what is left to do and return the result in the form that `evaluate --json` prints.

        Raises:
            RewardFileError: The file is refused; the message is its first error.
            AutorewardError: A part that is needed failed; the run can be resumed.
        """
        done = self._journal.meta("summary")
        if done is None:
            started, before = time.monotonic(), float(self._journal.meta(ELAPSED, 0.0))
            try:
                done = self._work()
            finally:
                self._journal.set_meta(ELAPSED, before + time.monotonic() - started)
            done["seconds"] = round(self._journal.meta(ELAPSED), 1)
            self._journal.set_meta("summary", done)
            self._journal.event("run-finished")
        self._observe("finished", summary=done)
        return dict(done)

    def _work(self) -> dict[str, Any]:
        setup, journal = self._setup, self._journal
        with setup.trainer(journal.directory.name, journal.files.trainer_log) as trainer:
            self._observe(
                "started", device=trainer.ready["device"], threads=trainer.ready["threads"]
            )
            candidate = self._accepted(trainer)
            formula = journal.candidate(candidate).formula
            jobs = Jobs(journal, trainer, setup.settings, setup.primary, self._observe)
            names = [
                jobs.request(candidate, "confirm", self._text, formula, CONFIRM_SEEDS_FROM + index)
                for index in range(self._seeds)
            ]
            self._observe("training", jobs=names)
            while jobs.unfinished(names):
                jobs.pump(_POLL_SECONDS)
            trained = [job.id for job in journal.jobs(candidate=candidate, state="done")]
            journal.set_candidate_state(candidate, "trained" if trained else "failed")
            Analyst(journal, setup, None, self._observe).by_machine(trained)
            update_bank(journal, setup, behaviour_of(journal), None)
            self._measure(trainer, trained)
        return self._result(candidate, trained)

    def _accepted(self, trainer: Trainer) -> str:
        """Check the reward and return its candidate's id."""
        run = self._journal.directory.name
        with _checker(self._setup, trainer, self._journal.files, run) as checker:
            checked = checker.check(self._text)
        self._observe("checked", findings=list(checked.findings))
        _refuse(checked.findings)
        source = checked.source
        assert source is not None
        new = self._journal.add_candidate(
            source.identity,
            proposal=None,
            text=self._text,
            formula=str(source.formula),
            skeleton=source.skeleton,
            idea=source.docstring.split("\n\n")[0],
        )
        if new:
            findings = checked.findings
            self._journal.add_findings(findings, source="critic", candidate=source.identity)
        return source.identity

    def _measure(self, trainer: Trainer, trained: list[str]) -> None:
        """Measure the trained policies on test seeds, once."""
        missing = [job for job in trained if not self._journal.scores(job, "test")]
        if not missing:
            return
        self._observe("phase", text="measuring on test seeds")
        settings = self._setup.settings
        paths = tuple(str(policy_path(self._journal, job)) for job in missing)
        seeds = (settings.seed, 0, settings.validation.test_episodes)
        scores = trainer.ask(Measure("test", paths, "test", seeds))["scores"]
        for job, vector in zip(missing, scores, strict=True):
            self._journal.add_scores(job, {"test": vector})

    def _result(self, candidate: str, trained: list[str]) -> dict[str, Any]:
        setup, journal = self._setup, self._journal
        record = journal.candidate(candidate)
        failures = [
            str(f.finding)
            for f in journal.findings(candidate)
            if f.job and f.finding.severity == "error"
        ]
        if not trained:
            raise AutorewardError(f"no training came to its end: {failures[0]}")
        source = review(self._text, setup.folder.schema).source
        used = source.formula.components if source and source.formula else ()
        return {
            "run": journal.directory.name,
            "environment": setup.folder.name,
            "task": setup.task.name,
            "primary": setup.primary.name,
            "measures": setup.measures,
            "sandbox": setup.sandbox.name,
            "sandbox_summary": setup.sandbox.summary,
            "seed": setup.settings.seed,
            "file": self._file,
            "id": candidate,
            "formula": record.formula,
            "formula_components": list(used),
            "fitness": as_json(fitness_of(journal, trained, "test")),
            "components": component_changes(journal, trained),
            "findings": [
                {"job": f.job, **f.finding.to_dict()}
                for f in journal.findings(candidate)
                if f.source == "analyzer"
            ],
            "failures": failures,
            "seeds": len(trained),
            "training_steps": setup.settings.training.steps,
            "env_steps": journal.env_steps(),
            "usd": 0.0,
        }


def _checker(setup: Setup, trainer: Trainer, files: RunFiles, run: str) -> Checker:
    seed = setup.settings.seed
    data = recorded_transitions(trainer, files, seed)
    behaviour = recorded_behaviour(trainer, files, seed)
    reserve = setup.reserve(run, spare=0)
    return Checker(setup, data, behaviour, reserve, setup.task.instruction)


def _refuse(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.severity == "error":
            raise RewardFileError(_sentence(finding), code=finding.code)


def _sentence(finding: Finding) -> str:
    where = f" ({finding.evidence})" if finding.evidence else ""
    return f"{finding.message}{where}" + (f": {finding.suggestion}" if finding.suggestion else "")


def _task_of(folder: EnvironmentFolder, name: str | None, reward: Path) -> tuple[Task, str]:
    if name is not None:
        return folder.task_named(name), "named by --task"
    for task in folder.tasks.values():
        files = (folder.path / file for file in (task.human, task.sparse) if file)
        if reward.resolve() in files:
            return task, "the file belongs to it"
    return next(iter(folder.tasks.values())), "the environment's first"
