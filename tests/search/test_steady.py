"""The steady search: models answer while others train, and nothing is asked or trained twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from model_server import serving
from test_run import execute, settings

from autoreward.agents.designer import Operator
from autoreward.agents.llm_designer import LLMDesigner
from autoreward.agents.operators.choosing import choose
from autoreward.agents.prompts import PromptLibrary
from autoreward.errors import LLMError
from autoreward.evaluation.transitions import Transitions
from autoreward.search.briefing import brief_of
from autoreward.search.racing import score_of
from autoreward.search.rungs import rungs_of
from autoreward.search.setup import prepare
from autoreward.search.steady import OCCUPANCY
from autoreward.search.view import view_of
from autoreward.store.journal import Journal

REWARD = '''"""Get near, version {number}."""

def near(state, action, next_state):
    """1 at the goal, in [0, 1]."""
    return tolerance(next_state.distance, margin={margin:g})

def {name}(state, action, next_state):
    """Speed, in [0, 1]."""
    return next_state.speed.clamp(max={limit:g})

FORMULA = "near - {weight:g} * {name}"
'''


class Model:
    """Writes another reward for every prompt, after a while; breaks off after some answers."""

    def __init__(self, seconds: float = 0.0, answers: int = 1000) -> None:
        self.asked: list[str] = []
        self.seconds, self.answers = seconds, answers
        self._lock = threading.Lock()

    def __call__(self, system: str, user: str) -> str:
        """Return an answer."""
        with self._lock:
            self.asked.append(user)
            number = len(self.asked)
        if number > self.answers:
            raise ConnectionError
        time.sleep(self.seconds)
        numbers = {"margin": 1 + number / 3, "limit": 0.5 + number / 7, "weight": 0.01 * number}
        text = REWARD.format(number=number, name=f"speed_{number}", **numbers)
        return f"```python\n{text}```"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the SDK something to send."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


@contextmanager
def served(model: Model, *more: str) -> Iterator[Any]:
    """Yield the settings of a run that asks `model`."""
    with serving(model) as url:
        options = [
            "designer.kind=llm", "llm.model=openai/m", f"llm.api_base={url}", "llm.attempts=1",
            "search.skip_below=0", "search.generations=3", *more,
        ]  # fmt: skip
        yield settings(*options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model, Any]:
    """Return a finished run with a model that takes its time."""
    directory, model = tmp_path_factory.mktemp("steady") / "run", Model(1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-test")
        with served(model) as chosen:
            execute(directory, chosen)
    return directory, model, chosen


def test_idle_slots_are_filled_without_the_model(finished: tuple[Path, Model, Any]) -> None:
    """At most one for each proposal of the model; they work on what the model has written."""
    with Journal.read(finished[0]) as journal:
        proposals = journal.proposals()
        free = [p for p in proposals if p.model is None]
        assert len(proposals) - len(free) == 9 and all(p.state != "open" for p in proposals)
        assert 0 < len(free) <= 9
        assert all(p.operator in ("sample", "tune", "vary", "ablate", "graft") for p in free)
        assert all(p.parents for p in free if p.state == "accepted")
        slots = journal.meta(OCCUPANCY)
        assert 0 < slots["busy"] <= slots["all"] - slots["waiting"]


RUNGS = ("-s0-r1", "-s0-r2", "-s0", "-s1")
"""How trainings of the race are called; the last ones are those on the second seed."""


@pytest.mark.parametrize("rung", [1, 2, 3])
def test_the_best_half_of_each_rung_goes_on(finished: tuple[Path, Model, Any], rung: int) -> None:
    """Rank among those that had come by then decides, on further seeds up to the elites.

    In the end all that belong to the best have gone on; who was one of them once keeps a place.
    """
    directory, _, chosen = finished
    primary, elites = prepare(chosen).primary, chosen.search.elites
    with Journal.read(directory) as journal:
        jobs = {job.id: job for job in journal.jobs(purpose="search")}
        below, gone = (
            {job.candidate: job for job in jobs.values() if job.id.endswith(tag)}
            for tag in RUNGS[rung - 1 : rung + 1]
        )
        scores = {name: score_of(journal, [job.id], primary) for name, job in below.items()}

    def best(before: float) -> list[str]:
        known = [name for name, job in below.items() if cast(float, job.finished) < before]
        count = len(known) // 2 if rung < 3 else min(len(known) // 2, elites)
        return sorted(known, key=lambda name: (-scores[name], name))[:count]

    assert {job.state for job in jobs.values()} == {"done"}
    assert gone and all(name in best(cast(float, job.started)) for name, job in gone.items())
    assert set(best(float("inf"))) <= gone.keys()


def test_all_accepted_begin_and_few_are_repeated(finished: tuple[Path, Model, Any]) -> None:
    """A second seed is a whole training from nothing, of one that had its first."""
    lengths = [rung.steps for rung in rungs_of(finished[2])]
    with Journal.read(finished[0]) as journal:
        jobs = journal.jobs(purpose="search", state="done")
        accepted = journal.proposals(state="accepted")
    assert [job.steps for job in jobs].count(lengths[0]) == len(accepted)
    second = [job for job in jobs if job.training_seed]
    assert {(job.steps, job.env_steps) for job in second} == {(lengths[-1], lengths[-1])}
    whole = {job.candidate for job in jobs if job.id.endswith("-s0")}
    assert {job.candidate for job in second} < whole


def test_a_prompt_is_rendered_alike_whatever_came_since(finished: tuple[Path, Model, Any]) -> None:
    """What a proposal was asked follows from its view: a resumed run finds the answer again."""
    directory, model, chosen = finished
    setup = prepare(chosen)
    asked = set(model.asked)
    with Journal.read(directory) as journal:
        data = Transitions.load(journal.files.transitions)
        relevance = data.relevance(setup.folder.schema, setup.primary)
        prompts = PromptLibrary(journal.files.prompts)
        designer = LLMDesigner(cast(Any, None), chosen.llm, prompts)
        asking = [p for p in journal.proposals() if p.model is not None]
        seen = 0
        for proposal in asking:
            view = view_of(journal, proposal.number)
            assert view is not None
            brief = brief_of(journal, setup, proposal.number, view, relevance, None)
            brief = replace(brief, operator=cast(Operator, proposal.operator))
            operator = choose(brief)
            _, user = designer.messages(brief, operator, operator.parents(brief))
            assert user.content in asked
            seen += bool(brief.history)
    assert seen, "some of them were shown earlier rewards"


def test_a_model_that_is_gone_ends_proposals_but_not_trainings(tmp_path: Path) -> None:
    """What is in training ends, the error is raised, and a resumed run goes on from there."""
    directory, model = tmp_path / "run", Model(answers=3)
    with served(model, "llm.timeout_s=5") as chosen:
        with pytest.raises(LLMError):
            execute(directory, chosen)
        with Journal.read(directory) as journal:
            states = {job.state for job in journal.jobs()}
            answered = {c.key for c in journal.calls(state="done")}
            before = [job.id for job in journal.jobs(state="done")]
        assert states == {"done"} and len(answered) == 3
        model.answers = 1000
        summary = execute(directory, chosen)
    with Journal.read(directory) as journal:
        calls = [c.key for c in journal.calls(state="done")]
        ended = [e.data["job"] for e in journal.events() if e.kind == "job-done"]
    assert summary["candidates"] >= 6
    assert len(calls) == len(set(calls)) and answered <= set(calls)
    assert len(ended) == len(set(ended)) and set(before) <= set(ended)
