"""Trainings on their way: journal, trainer and job folders kept in step."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from autoreward.config import Settings
from autoreward.evaluation.statistics import Estimate, estimate
from autoreward.evaluation.trainer import Trainer
from autoreward.findings import Finding
from autoreward.schema import Fitness
from autoreward.search.observer import Observer
from autoreward.search.rungs import Rung, trainings_by_rung
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.store.records import Purpose
from autoreward.training.messages import POLICY_FILE, RESULT_FILE, Train

SNAPSHOTS = 10
"""Points of a learning curve that are kept in the journal; the whole curve stays in the folder."""
CONFIRM_SEEDS_FROM = 1000
"""Index of the first training seed of confirmation and baselines; search uses lower ones."""


class Jobs:
    """Queues trainings and takes in their results. A finished training is never repeated.

    Args:
        journal: The run's journal.
        trainer: Carries trainings out.
        settings: The run's settings.
        primary: The fitness that decides, for messages.
        observer: Told of everything.
    """

    def __init__(
        self,
        journal: Journal,
        trainer: Trainer,
        settings: Settings,
        primary: Fitness,
        observer: Observer,
    ) -> None:
        self._journal, self._trainer, self._settings = journal, trainer, settings
        self._primary, self._observe = primary, observer
        self._waiting: set[str] = set()

    def request(
        self,
        candidate: str,
        purpose: Purpose,
        text: str,
        formula: str,
        seed_index: int,
        *,
        job_id: str = "",
        steps: int | None = None,
        own_steps: int | None = None,
        start: Path | None = None,
        inherit: Literal["all", "policy"] = "all",
        keep: bool = False,
        early: bool = False,
    ) -> str:
        """Ask for one training and return its job id; once it is asked for, nothing happens.

        Args:
            candidate: A candidate's id, or a baseline's name.
            purpose: What it is for.
            text: The reward file.
            formula: Its formula.
            seed_index: Of the training seed.
            job_id: Its name; '' makes one from candidate, purpose and seed.
            steps: Environment steps that its policy will have had; None for a whole training.
            own_steps: Environment steps of the learner; None: the same as `steps`.
            start: Folder of the training that it goes on from.
            inherit: `all` continues that training, `policy` takes its policy over.
            keep: Whether another training will go on from this one.
            early: Whether it ends at a rung before the last: then fewer episodes are measured, and
                with exploration noise.
        """
        job_id = job_id or f"{candidate}-{purpose}-s{seed_index}"
        if job_id in self._waiting:
            return job_id
        steps = self._settings.training.steps if steps is None else steps
        job = self._journal.queue_job(
            job_id, candidate=candidate, purpose=purpose, training_seed=seed_index, steps=steps
        )
        if job.state in ("done", "failed"):
            return job_id
        directory = self._journal.files.job(job_id)
        directory.mkdir(parents=True, exist_ok=True)
        self._journal.start_job(job_id)
        if (directory / RESULT_FILE).exists():  # finished, but the host was killed before it knew
            self._take_in(job_id)
            return job_id
        seed, measured = self._settings.seed, self._settings.validation
        episodes = measured.rung_episodes if early else measured.episodes
        self._waiting.add(job_id)
        self._trainer.send(
            Train(
                job=job_id,
                directory=str(directory.resolve()),
                code=text,
                formula=formula,
                seed=(seed, seed_index),
                steps=steps if own_steps is None else own_steps,
                validation=(seed, episodes),
                start="" if start is None else str(start.resolve()),
                inherit=inherit,
                keep=keep,
                explore=early,
            )
        )
        return job_id

    def pump(self, timeout: float) -> None:
        """Take in what the trainer reports within `timeout` seconds."""
        for event in self._trainer.events(timeout):
            if event["event"] == "trained":
                self._waiting.discard(event["job"])
                self._take_in(event["job"])
            elif event["event"] == "restarted":
                self._journal.event("trainer-restarted", deaths=event["deaths"])
                self._observe("restarted", **event)
            elif event["event"] == "progress":
                self._observe("progress", **event)

    def unfinished(self, jobs: Iterable[str]) -> set[str]:
        """Return those of `jobs` that are still on their way."""
        return self._waiting & set(jobs)

    def _take_in(self, job_id: str) -> None:
        """Read a finished job's result, as untrusted as any file, into the journal."""
        path = self._journal.files.job(job_id) / RESULT_FILE
        result = json.loads(path.read_text())
        finding = Finding.from_dict(result["finding"]) if result["finding"] else None
        self._journal.finish_job(
            job_id,
            "done" if result["ok"] else "failed",
            result={"seconds": result["seconds"], "snapshots": snapshots(result["curve"])},
            scores=result["scores"],
            findings=[finding] if finding else [],
            source="trainer",
            env_steps=int(result["steps"]),
        )
        job = self._journal.job(job_id)
        assert job is not None
        facts: dict[str, Any] = {"job": job_id, "candidate": job.candidate, "purpose": job.purpose}
        if finding:
            self._observe("failed", finding=finding, **facts)
            return
        together = [job_id]
        if job.purpose == "search":  # its candidate's score is the mean over seeds
            done = self._journal.jobs(candidate=job.candidate, purpose="search", state="done")
            together = [*trainings_by_rung(done)[Rung(job.steps, job.training_seed + 1)]]
        score = fitness_of(self._journal, together, "validation")[self._primary.name]
        self._observe("trained", score=score, seconds=result["seconds"], **facts)


def snapshots(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return up to ten evenly spaced points of a learning curve, the last one included."""
    if len(curve) <= SNAPSHOTS:
        return curve
    step = (len(curve) - 1) / (SNAPSHOTS - 1)
    return [curve[round(i * step)] for i in range(SNAPSHOTS)]


def component_changes(
    journal: Journal, jobs: Iterable[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return what each component did at the start and at the end of training, mean over trainings.

    Component → `first` and `last` → mean, std, min, max, share.
    """
    ends = []
    for job_id in jobs:
        job = journal.job(job_id)
        points = job.result.get("snapshots", []) if job else []
        if points:
            ends.append({"first": points[0]["components"], "last": points[-1]["components"]})
    if not ends:
        return {}
    return {
        name: {
            when: {
                key: sum(end[when][name][key] for end in ends) / len(ends)
                for key in ends[0][when][name]
            }
            for when in ("first", "last")
        }
        for name in ends[0]["last"]
    }


def fitness_of(journal: Queries, jobs: Iterable[str], split: str) -> dict[str, Estimate]:
    """Return the fitness vector over several trainings; empty if none was measured."""
    groups: dict[str, list[list[float]]] = {}
    for job in jobs:
        for name, values in journal.scores(job, split).items():
            groups.setdefault(name, []).append(values)
    return {name: _estimated(tuple(map(tuple, values))) for name, values in groups.items()}


@lru_cache(maxsize=4096)  # what is measured stays, and every decision asks for it again
def _estimated(values: tuple[tuple[float, ...], ...]) -> Estimate:
    return estimate(values)


def policy_path(journal: Journal, job_id: str) -> Path:
    """Return the file of a trained policy."""
    return journal.files.job(job_id) / POLICY_FILE


def as_json(fitness: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return a fitness vector in the form of the commands' JSON."""
    return {name: value.to_dict() for name, value in fitness.items()}
