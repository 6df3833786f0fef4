"""After a training: what the policy does and why, kept before the next reward is asked for.

The machine analyses every finished training. A language model, where the settings ask for one,
explains the best of each generation; what it claims is measured before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from autoreward.agents.operators.faults import HACKS
from autoreward.agents.tables import component_table, curve_table, short
from autoreward.environments.card import render_card
from autoreward.evaluation.analysis.analyzer import analyze
from autoreward.evaluation.analysis.measuring import measure, scalar_fields
from autoreward.evaluation.analysis.record import Record
from autoreward.evaluation.analysis.taxonomy import TAXONOMY
from autoreward.pointers import Pointer
from autoreward.schema import REDUCED
from autoreward.search.archive import (
    Ratings,
    attempts,
    curve_of,
    rungs_reached,
    said_about,
    search_job,
)
from autoreward.search.jobs import fitness_of
from autoreward.search.observer import Observer
from autoreward.search.setup import Setup, formula_of
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.training.episodes import Episodes
from autoreward.training.messages import EPISODES_FILE, RANDOM, ZERO

if TYPE_CHECKING:
    from autoreward.agents.llm_analyzer import AnalysisCase, Explanation, LLMAnalyzer


class Analyst:
    """Analyses the finished trainings of a run, each once.

    Args:
        journal: Open for writing.
        setup: The run's fixed parts.
        model: Explains the best candidates; None for the machine alone.
        observer: Told what was found.
    """

    def __init__(
        self, journal: Journal, setup: Setup, model: LLMAnalyzer | None, observer: Observer
    ) -> None:
        self._journal, self._setup, self._model = journal, setup, model
        self._observe = observer

    def by_machine(self, jobs: Iterable[str], *, early: bool = False) -> None:
        """Analyse finished trainings; what is analysed already is passed over.

        Args:
            jobs: The trainings.
            early: Whether they ended at a rung before the last: what a beginner does badly is worth
                a note, and no reason to throw its reward away.
        """
        for job_id in jobs:
            if self._journal.analysis(job_id) is not None:
                continue
            record = self._record(job_id)
            if record is None:
                continue
            found = analyze(record)
            if early:
                notes = tuple(replace(finding, severity="note") for finding in found.findings)
                found = replace(found, findings=notes)
            self._journal.add_analysis(job_id, found.to_dict(), found.findings)
            self._observe("analyzed", job=job_id, findings=found.findings)

    def by_model(self, candidates: Sequence[str], ratings: Ratings = None) -> None:
        """Have the best of `candidates` explained, as many as there are elites.

        Args:
            candidates: Of one generation.
            ratings: What they are ranked by, where it is not the task's own measurement.

        Raises:
            LLMError: The language model cannot be asked.
            BudgetExceeded: A limit on dollars or tokens is reached.
        """
        if self._model is None:
            return
        known = attempts(self._journal, self._setup.primary, ratings)
        ranked = [attempt.id for attempt in known if attempt.id in candidates]
        for candidate in ranked[: max(1, self._setup.settings.search.elites)]:
            job_id = search_job(self._journal, candidate)
            analysis = self._journal.analysis(job_id) if job_id else None
            if job_id is None or analysis is None or "explanation" in analysis:
                continue
            record = self._record(job_id)
            if record is None:
                continue
            case = _case(self._journal, self._setup, candidate, job_id, record)
            said = _doubted(self._model.explain(case, partial(_measured, record)), analysis)
            data = analysis | {"explanation": said.to_dict()}
            self._journal.add_analysis(job_id, data, said.findings)
            self._observe(
                "explained", candidate=candidate, findings=said.findings, problem=said.problem
            )

    def _record(self, job_id: str) -> Record | None:
        return record_of(self._journal, self._setup, job_id, self._behaviour)

    @cached_property
    def _behaviour(self) -> dict[str, Episodes]:
        return behaviour_of(self._journal)


def behaviour_of(journal: Queries) -> dict[str, Episodes]:
    """Return the recorded episodes of the policies that nobody trained, as far as there are any."""
    paths = {name: journal.files.behaviour(name) for name in (ZERO, RANDOM)}
    return {name: Episodes.load(path) for name, path in paths.items() if path.exists()}


def record_of(
    journal: Queries, setup: Setup, job_id: str, behaviour: dict[str, Episodes]
) -> Record | None:
    """Return what there is to analyse of a training; None where it was not trained to its end."""
    job, path = journal.job(job_id), journal.files.job(job_id) / EPISODES_FILE
    if job is None or job.state != "done" or not path.exists():
        return None
    baseline = setup.baselines.get(job.candidate)
    formula = formula_of(baseline) if baseline else journal.candidate(job.candidate).formula
    return Record(
        task=setup.task,
        folder=setup.folder,
        primary=setup.primary,
        gamma=setup.settings.training.gamma,
        formula=formula,
        snapshots=job.result.get("snapshots", []),
        episodes=Episodes.load(path),
        scores=journal.scores(job_id, "validation"),
        zero=behaviour.get(ZERO),
        random=behaviour.get(RANDOM),
    )


def _doubted(said: Explanation, analysis: dict[str, Any]) -> Explanation:
    """Make notes of a model's words of cheating where the machine, which measures that, saw none.

    A true number under the wrong name would have the reward thrown away.
    """
    seen = {finding["code"] for finding in analysis.get("findings", ())}
    return replace(
        said,
        findings=tuple(
            replace(finding, severity="note")
            if finding.code in HACKS and finding.code not in seen
            else finding
            for finding in said.findings
        ),
    )


def _before(journal: Queries, setup: Setup, candidate: str) -> str:
    """Return what the parents of a reward reached."""
    number = journal.candidate(candidate).proposal
    parents = next((p.parents for p in journal.proposals() if p.number == number), ())
    name, parts = setup.primary.name, []
    for parent in parents:
        if reached := rungs_reached(journal, parent):
            value = fitness_of(journal, reached[max(reached)], "validation")[name]
            interval = f"{short(value.mean)} [{short(value.low)}, {short(value.high)}]"
            parts.append(f"{parent}, which reached {name} {interval}")
    return f"The reward was made from {' and '.join(parts)}." if parts else ""


def _measured(record: Record, pointer: Pointer) -> float | None:
    return measure(pointer, record)


def _case(
    journal: Queries, setup: Setup, candidate: str, job_id: str, record: Record
) -> AnalysisCase:
    """Return what the language model is shown of a training."""
    from autoreward.agents.llm_analyzer import AnalysisCase

    known = journal.analysis(job_id) or {}
    reward, primary = journal.candidate(candidate), setup.primary
    tables = known.get("tables", [])
    names = [f"component:{name}" for name in record.components]
    fitness = [f"fitness:{spec.name}" for spec in setup.folder.fitness]
    seen = names if record.episodes.components else []
    return AnalysisCase(
        card=render_card(setup.folder, setup.task),
        description=setup.settings.description,
        fitness=primary.name,
        better="higher is better" if primary.direction == "max" else "lower is better",
        reduced=REDUCED[primary.reduce],
        before=_before(journal, setup, candidate),
        file=reward.text,
        formula=reward.formula,
        scores=tuple(
            f"{name}: {short(value.mean)} [{short(value.low)}, {short(value.high)}]"
            for name, value in fitness_of(journal, [job_id], "validation").items()
        ),
        curve=curve_table(curve_of(record.snapshots, primary)),
        components=component_table([point["components"] for point in record.snapshots]),
        snapshots=len(record.snapshots),
        lengths=tuple(int(length) for length in record.episodes.length),
        terminated=tuple(bool(ended) for ended in record.episodes.terminated),
        episode_scores=tuple(
            float(value) for value in record.scores[primary.name][: record.episodes.count]
        ),
        findings=tuple(str(finding["message"]) for finding in known.get("findings", [])),
        paragraph=known.get("paragraph", ""),
        failures=tuple(tables[2:]),
        taxonomy=TAXONOMY,
        episode_quantities=(*scalar_fields(record), *seen, *fitness, "reward"),
        training_quantities=(*names, *fitness, "reward", "length"),
        notes=said_about(journal, candidate),
    )
