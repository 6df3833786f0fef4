"""Runs under fire, in short; benchmarks/kill_fuzz.py does the same for as long as one likes."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from faulty_server import BAD, LOST, FaultyServer, misbehaving
from test_faulty_provider import design

from autoreward.store.journal import Journal

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
from kill_fuzz import Broken, Fuzz, damaged, journal_of, report, same_table

SMALL = (
    "training.steps=1024", "search.generations=1", "search.population=3", "validation.episodes=2",
    "validation.test_episodes=2", "search.confirm_seeds=1",
)  # fmt: skip
OPTIONS = ["--sandbox", "process", *(part for text in SMALL for part in ("--set", text))]
ENV_STEPS = 6 * 1024
"""Final comparison and three whole trainings."""
Unbroken = tuple[Fuzz, dict[str, Any], float]


def fuzz(folder: Path, seed: int = 0) -> Fuzz:
    return Fuzz(folder, OPTIONS, ENV_STEPS, seed=seed, tell=lambda text: None)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """Return a run that nobody disturbed, its summary, and how long it took."""
    reference = fuzz(tmp_path_factory.mktemp("reference"))
    summary, seconds = reference.undisturbed()
    reference.check("unbroken")
    return reference, summary, seconds


def trained(run: Path) -> int:
    """Return how many trainings a run has finished."""
    if not (run / "run.db").exists():
        return 0
    with journal_of(run) as db:
        return int(db.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone()[0])


def test_kills_change_nothing(unbroken: Unbroken, tmp_path: Path) -> None:
    """Host, trainer and jails are killed; the table is the unbroken run's, nothing is left."""
    shot = fuzz(tmp_path, seed=3)
    summary = shot.under_fire(3, unbroken[2])
    same_table(unbroken[1], summary)


def test_a_moved_run_goes_on(unbroken: Unbroken, tmp_path: Path) -> None:
    """Killed half-way, copied, and the original deleted: the copy ends with the same table."""
    first = fuzz(tmp_path / "here")
    host = first.start("run")
    end = time.monotonic() + 100
    while not trained(tmp_path / "here" / "run"):
        assert time.monotonic() < end and host.poll() is None
        time.sleep(0.02)
    host.kill()
    assert first.ended(host, "run") is None
    first.check("run")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    shutil.rmtree(tmp_path / "here")
    second = fuzz(tmp_path / "there")
    second.seen_done = first.seen_done
    summary = second.ended(second.start("run"), "run")
    assert summary is not None, second.last_words("run")
    second.check("run")
    same_table(unbroken[1], summary)
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize(
    ("how", "words"), [("lost-result", "done again"), ("paid-twice", "paid twice")]
)
def test_a_planted_defect_is_seen(unbroken: Unbroken, tmp_path: Path, how: str, words: str) -> None:
    """The checks can fail: a lost result and an answer that is booked again."""
    shutil.copytree(unbroken[0].folder, tmp_path / "copy")
    broken = fuzz(tmp_path / "copy")
    broken.family = unbroken[0].family
    broken.check("unbroken")
    assert damaged(tmp_path / "copy" / "unbroken", how)
    with pytest.raises(Broken, match=words):
        broken.check("unbroken")


def test_other_numbers_are_seen(unbroken: Unbroken) -> None:
    """A table that differs in one score is another table; another folder and clock are not."""
    summary = unbroken[1]
    same_table(summary, summary | {"seconds": 1.0, "run": "other"})
    baselines = summary["baselines"] | {"zero": {}}
    with pytest.raises(Broken, match="baselines"):
        same_table(summary, summary | {"baselines": baselines})


def test_answers_are_paid_once_under_fire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is killed among its calls asks again only for what was on the wire."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    kills, concurrency = 3, 2
    with misbehaving(FaultyServer(design, rate=0.2)) as server:
        shot = fuzz(tmp_path, seed=1)
        shot.victims = ("host",)
        shot.options = [
            *OPTIONS, "--model", "openai/m", "--api-base", f"{server.url}/v1",
            "--set", f"llm.concurrency={concurrency}", "--set", "llm.price.input=1",
            "--set", "llm.price.output=1", "--set", "search.skip_below=0",
        ]  # fmt: skip
        summary = shot.under_fire(kills, seconds=25.0)
    with Journal.read(tmp_path / "killed") as journal:
        done, counts = journal.calls(state="done"), journal.call_counts()
    assert len({call.key for call in done}) == len(done) == counts["answered"] > 0
    delivered = server.count("good", *BAD)
    assert counts["answered"] <= delivered <= counts["answered"] + shot.killed.total() * concurrency
    assert counts["lost"] >= server.count(*LOST) + delivered - counts["answered"]
    assert summary["calls"] == counts


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills(tmp_path: Path) -> None:
    """The long form."""
    assert report(tmp_path, 50, 0, ["--sandbox", "process"]) == 0
