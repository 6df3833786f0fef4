"""The journal: facts come back as they were written, and only what happened is there."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path

import pytest
import yaml

from autoreward.errors import RunError
from autoreward.findings import Finding
from autoreward.store.journal import Journal
from autoreward.store.records import Spent

CONFIG = {"env": "hopper", "search": {"population": 6}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    Journal.create(tmp_path / "r1", CONFIG, {"autoreward": "0.1.0"}).close()
    return tmp_path / "r1"


def add(journal: Journal, candidate_id: str) -> bool:
    return journal.add_candidate(
        candidate_id, proposal=0, text="# reward", formula="a", skeleton="s"
    )


def queue(journal: Journal, job_id: str = "j1") -> str:
    return journal.queue_job(
        job_id, candidate="c1", purpose="search", training_seed=2**62, steps=1000
    ).state


def test_create_keeps_config_and_versions(run: Path) -> None:
    """A new run has its settings in the journal and in config.yaml, and an id of its own."""
    with Journal.read(run) as journal:
        assert journal.meta("config") == CONFIG
        assert journal.meta("versions") == {"autoreward": "0.1.0"}
        assert len(journal.meta("run")) == 12
        assert journal.meta("nothing", 7) == 7
        assert [event.kind for event in journal.events()] == ["run-created"]
    assert yaml.safe_load((run / "config.yaml").read_text()) == CONFIG


def test_a_run_is_not_overwritten(run: Path) -> None:
    """Creating a run where one is refuses and leaves the old one alone."""
    with pytest.raises(RunError, match="already holds a run"):
        Journal.create(run, {}, {})
    with Journal.open(run) as journal:
        assert journal.meta("config") == CONFIG


def test_proposals(run: Path) -> None:
    """A proposal knows what it could see; opened again, it is the same one."""
    with Journal.open(run) as journal:
        first = journal.open_proposal(0, generation=0, operator="draft", model="openai/x")
        assert (first.state, first.seen, first.parents) == ("open", 1, ())
        journal.close_proposal(0, "accepted", candidate="c1")
        again = journal.open_proposal(0, generation=5, operator="cross")
        assert (again.state, again.candidate, again.operator) == ("accepted", "c1", "draft")
        child = journal.open_proposal(1, generation=1, operator="mutate", parents=["c1"])
        assert child.parents == ("c1",)
        assert child.seen == journal.events()[-2].seq
        assert journal.proposals(state="open") == [child]
        assert [p.number for p in journal.proposals(generation=0)] == [0]
        with pytest.raises(ValueError, match="proposal 9"):
            journal.close_proposal(9, "rejected")


def test_candidates(run: Path) -> None:
    """A reward is kept once, with its file; it is found by the start of its id."""
    with Journal.open(run) as journal:
        assert add(journal, "abc123")
        assert not add(journal, "abc123")
        assert add(journal, "abd456")
        (run / "candidates" / "abd456.py").unlink()
        assert not add(journal, "abd456")
        assert (run / "candidates" / "abd456.py").read_text() == "# reward"
        journal.set_candidate_state("abc123", "rejected", "constant")
        assert journal.candidate("abc").state == "rejected"
        assert [c.id for c in journal.candidates()] == ["abc123", "abd456"]
        event = journal.events()[-1]
        assert (event.kind, event.data["reason"]) == ("candidate-rejected", "constant")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ab", "several candidates of r1 begin with 'ab': abc123, abd456"),
        ("abc129", "did you mean 'abc123'"),
        ("%", "no candidate '%'"),
        ("", "no candidate"),
    ],
)
def test_unknown_candidates(run: Path, name: str, words: str) -> None:
    """A wrong or ambiguous id says which ones were meant."""
    with Journal.open(run) as journal:
        add(journal, "abc123")
        add(journal, "abd456")
        with pytest.raises(RunError) as caught:
            journal.candidate(name)
    assert words in str(caught.value)


def test_an_id_that_starts_another_is_found(run: Path) -> None:
    """The exact id wins over longer ones that begin with it."""
    with Journal.open(run) as journal:
        add(journal, "abc123")
        add(journal, "abc")
        assert journal.candidate("abc").id == "abc"


def test_a_job_with_its_scores_and_findings(run: Path) -> None:
    """The end of a training is one fact: state, result, scores, findings, steps, event."""
    finding = Finding("dead", "warning", "component `a` never moves", "std 0.0", "drop it")
    with Journal.open(run) as journal:
        assert queue(journal) == "queued"
        journal.start_job("j1")
        journal.finish_job(
            "j1",
            "done",
            result={"curve": [1, 2.5]},
            scores={"validation": {"speed": [1.0, math.nan], "energy": [3]}, "test": {}},
            findings=[finding],
            env_steps=1024,
        )
    with Journal.read(run) as journal:
        job = journal.job("j1")
        assert job is not None and job.result == {"curve": [1, 2.5]}
        assert (job.state, job.attempt, job.training_seed) == ("done", 1, 2**62)
        assert job.started is not None and job.finished is not None
        assert job.started <= job.finished
        scores = journal.scores("j1", "validation")
        assert list(scores) == ["speed", "energy"] and math.isnan(scores["speed"][1])
        assert journal.scores("j1", "test") == {}
        [recorded] = journal.findings("c1")
        assert recorded.finding == finding
        assert (recorded.job, recorded.source) == ("j1", "trainer")
        assert journal.env_steps() == 1024
        assert journal.events()[-1].data == {"job": "j1", "candidate": "c1"}


def test_a_job_that_breaks_a_rule_leaves_nothing(run: Path) -> None:
    """A refused fact is refused whole: no scores without the state."""
    with Journal.open(run) as journal:
        queue(journal)
        journal.start_job("j1")
        bad = {"validation": {"speed": [1.0], "energy": ["high"]}}
        with pytest.raises(ValueError, match="high"):
            journal.finish_job("j1", "done", scores=bad)  # type: ignore[dict-item]
        assert journal.scores("j1", "validation") == {}
        assert journal.jobs(state="running") == [journal.job("j1")]
        with pytest.raises(ValueError, match="no job j2"):
            journal.finish_job("j2", "done")


def test_queueing_again(run: Path) -> None:
    """Finished trainings stay finished; killed and unlucky ones are queued again."""
    with Journal.open(run) as journal:
        queue(journal)
        journal.start_job("j1")
        assert queue(journal) == "queued"
        journal.start_job("j1")
        journal.finish_job("j1", "infra")
        assert queue(journal) == "queued"
        journal.start_job("j1")
        journal.finish_job("j1", "failed")
        assert queue(journal) == "failed"
        job = journal.job("j1")
        assert job is not None and job.attempt == 3
        with pytest.raises(ValueError, match="queued job j1"):
            journal.start_job("j1")
        queue(journal, "j2")
        assert [job.id for job in journal.jobs(purpose="search")] == ["j1", "j2"]
        assert journal.jobs(candidate="c9") == [] == journal.jobs(purpose="confirm")


def test_spending(run: Path) -> None:
    """Reserved money counts until it is settled; lost money stays; asking again adds."""
    took = {"input_tokens": 70, "cached_tokens": 10, "output_tokens": 5, "seconds": 1.0}
    with Journal.open(run) as journal:

        def reserve(key: str) -> None:
            journal.reserve_call(key, proposal=1, role="designer", model="m", usd=1.0, tokens=100)

        reserve("a")
        assert journal.spent() == Spent(usd=1.0, tokens=100, calls=1)
        journal.settle_call("a", usd=0.25, **took)
        assert journal.spent() == Spent(usd=0.25, tokens=75, calls=1)
        reserve("a")
        assert journal.lose_calls() == 1
        assert journal.lose_calls() == 0
        assert journal.spent() == Spent(usd=1.25, tokens=175, calls=2)
        reserve("a")
        journal.settle_call("a", usd=0.25, **took)
        assert [c.state for c in journal.calls()] == ["done", "lost", "done"]
        reserve("b")
        journal.release_call("b")
        assert journal.spent() == Spent(usd=1.5, tokens=250, calls=3)
        with pytest.raises(ValueError, match="reserved call b"):
            journal.settle_call("b", usd=0.25, **took)
        reserve("b")
        journal.lose_call("b")
        assert journal.spent() == Spent(usd=2.5, tokens=350, calls=4)
        assert journal.call_counts() == {"answered": 2, "failed": 1, "lost": 2}


def test_a_kept_answer_settles_its_call(run: Path) -> None:
    """A kill between the answer's file and its row costs what the answer cost, and no more."""
    counts = {"input_tokens": 70, "cached_tokens": 0, "output_tokens": 5}
    with Journal.open(run) as journal:
        for key in ("kept", "torn", "none"):
            journal.reserve_call(key, proposal=1, role="", model="m", usd=1.0, tokens=100)
        file = journal.files.answer("kept")
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"reply": {**counts, "usd": 0.25, "seconds": 1.0}}))
        journal.files.answer("torn").write_text("{")
        assert journal.lose_calls() == 2
        assert [call.state for call in journal.calls()] == ["done", "lost", "lost"]
        assert journal.spent() == Spent(usd=2.25, tokens=275, calls=3)
        journal.reserve_call("kept", proposal=1, role="", model="m", usd=1.0, tokens=100)
        assert journal.lose_calls() == 1, "asked anew: the file is the old answer"


def test_findings_of_a_proposal_that_became_no_candidate(run: Path) -> None:
    """A refused file has findings though there is no candidate to hang them on."""
    with Journal.open(run) as journal:
        finding = Finding("syntax", "error", "line 3: invalid syntax")
        journal.add_findings([finding], source="critic", proposal=4)
        assert [f.finding for f in journal.findings(proposal=4)] == [finding]
        assert journal.findings("c1") == []


def test_events_follow(run: Path) -> None:
    """A follower asks for what came after the last event it has."""
    with Journal.open(run) as journal:
        last = journal.events()[-1].seq
        journal.event("note", text="hält", values=[1, None])
        [event] = journal.events(after=last)
        assert (event.kind, event.data) == ("note", {"text": "hält", "values": [1, None]})
        assert event.to_dict()["seq"] == last + 1


def test_meta_is_replaced(run: Path) -> None:
    """A value under a name takes the place of the old one."""
    with Journal.open(run) as journal:
        journal.set_meta("winner", {"id": "a"})
        journal.set_meta("winner", {"id": "b"})
        assert journal.meta("winner") == {"id": "b"}


def test_threads_share_a_journal(run: Path) -> None:
    """Facts written from several threads at once are all there, each with its event."""
    with Journal.open(run) as journal:
        threads = [
            threading.Thread(target=lambda n=n: [add(journal, f"{n}-{i}") for i in range(5)])
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(journal.candidates()) == 20
        assert len(journal.events()) == 21


def test_a_reader_cannot_write(run: Path) -> None:
    """A journal opened for reading refuses facts."""
    with Journal.read(run) as journal, pytest.raises(RuntimeError, match="reading only"):
        journal.event("note")
