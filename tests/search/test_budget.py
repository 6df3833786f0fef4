"""The limits of a run: what is reserved, what is counted, and that nothing is ever exceeded."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from autoreward.config import Settings, load_settings
from autoreward.errors import UsageError
from autoreward.search.budget import Budget
from autoreward.search.rungs import Rung, costs_of, rungs_of
from autoreward.store.journal import Journal

BASELINES = 2
ITERATION = 128
SIZES = [
    "training.envs=4", "training.rollout=32", "training.minibatches=2", "training.steps=1000",
    "search.finalists=2", "search.confirm_seeds=2", "search.population=6", "search.generations=4",
    "search.rungs=[0.1, 0.3, 1.0]", "search.seeds=2",
]  # fmt: skip
FINAL = 4 * 2 * 1024
"""Two finalists and two baselines on two seeds; 1000 steps are eight whole iterations."""


def settings(*more: str) -> Settings:
    return load_settings("quick", None, [*SIZES, *more], env="point_mass", description="go")


def journal_of(tmp_path: Path, chosen: Settings, name: str = "run") -> Journal:
    return Journal.create(tmp_path / name, chosen.to_dict(), {})


def accept(journal: Journal, number: int) -> str:
    """Let proposal `number` become a candidate."""
    name = f"c{number}"
    journal.open_proposal(number, generation=0, operator="sample")
    journal.add_candidate(name, proposal=number, text="", formula="a", skeleton="a")
    journal.close_proposal(number, "accepted", candidate=name)
    return name


def queue(journal: Journal, candidate: str, rung: int, chosen: Settings) -> str:
    """Queue a candidate's training to a rung and return its id."""
    whole_rung, steps = len(chosen.search.racing) - 1, rungs_of(chosen)[rung].steps
    seed = max(0, rung - whole_rung)
    job = f"{candidate}-search-s{seed}" + ("" if rung >= whole_rung else f"-r{rung + 1}")
    journal.queue_job(job, candidate=candidate, purpose="search", training_seed=seed, steps=steps)
    return job


def whole(steps: int) -> int:
    return -(-steps // ITERATION) * ITERATION


class World:
    """A search that proposes, trains, fails and dies at random, and asks before every step.

    Args:
        journal: Of the run.
        chosen: Its settings.
        chance: What happens.
        failing: Share of the trainings that fail.
    """

    def __init__(
        self, journal: Journal, chosen: Settings, chance: random.Random, failing: float = 0.15
    ) -> None:
        self.journal, self.chosen, self.chance, self.failing = journal, chosen, chance, failing
        self.rungs = rungs_of(chosen)
        self.costs = costs_of(self.rungs)
        self.whole, self.last = len(chosen.search.racing) - 1, len(self.rungs) - 1
        self.reached: dict[str, int] = {}
        self.asked: set[str] = set()
        self.proposals = 0
        self.restart()

    def restart(self) -> None:
        """Kill the host and start another one."""
        self.budget = Budget(self.chosen, self.journal, BASELINES)

    def propose(self) -> bool:
        if self.budget.may_propose():
            return False
        number = self.proposals
        self.proposals += 1
        if self.chance.random() < 0.2:
            self.journal.open_proposal(number, generation=0, operator="sample")
            self.journal.close_proposal(number, "rejected", reason="bad")
        else:
            self.reached[accept(self.journal, number)] = -1
        return True

    def train(self, name: str, to: int) -> bool:
        """Train a candidate on to a rung, if the budget lets it."""
        if self.budget.may_train(self.costs[to], rung=to):
            return False
        queue(self.journal, name, to, self.chosen)
        self.asked.add(name)
        return True

    def end(self, job: Any) -> None:
        """Let a training end, well or with a failure on the way."""
        name = job.candidate
        to = self.reached[name] + 1
        full = whole(self.costs[to])
        self.asked.discard(name)
        if self.chance.random() < self.failing:
            taken = self.chance.randrange(0, full + 1, ITERATION)
            self.journal.finish_job(job.id, "failed", env_steps=taken)
            self.reached.pop(name)
        else:
            self.journal.finish_job(job.id, "done", env_steps=full)
            self.reached[name] = to

    def step(self) -> None:
        """Do one thing at random."""
        free = [n for n in self.reached if n not in self.asked and self.reached[n] < self.last]
        running = self.journal.jobs(state="queued")
        what = self.chance.choice(["propose", "train", "train", "end", "end", "kill"])
        if what == "propose":
            self.propose()
        elif what == "train" and free:
            name = self.chance.choice(free)
            self.train(name, self.reached[name] + 1)
        elif what == "end" and running:
            self.end(self.chance.choice(running))
        elif what == "kill":
            self.restart()

    def finish(self) -> None:
        """End what runs, train as many as are to be finalists whole, and compare them."""
        while running := self.journal.jobs(state="queued"):
            self.end(running[0])
        while True:
            arrived = [n for n, rung in self.reached.items() if rung >= self.whole]
            rest = {n: rung for n, rung in self.reached.items() if 0 <= rung < self.whole}
            if len(arrived) >= self.chosen.search.finalists or not rest:
                break
            furthest = max(rest, key=lambda name: (rest[name], name))
            if not self.train(furthest, rest[furthest] + 1):
                break
            self.end(self.journal.jobs(state="queued")[0])
        self.arrived = len(arrived)
        for name in ("human", "sparse", *arrived[: self.chosen.search.finalists]):
            for seed in range(self.chosen.search.confirm_seeds):
                purpose = "baseline" if name in ("human", "sparse") else "confirm"
                job = f"{name}-{purpose}-s{seed}"
                self.journal.queue_job(
                    job, candidate=name, purpose=purpose, training_seed=seed, steps=1000
                )
                self.journal.finish_job(job, "done", env_steps=1024)


RACES = pytest.mark.parametrize(
    "race",
    [
        ("rungs=[0.1, 0.3, 1.0]",),
        ("rungs=[0.1, 0.3, 1.0]", "seeds=1"),
        ("rungs=[0.37, 1.0]", "seeds=3"),
        ("rungs=[1.0]",),
    ],
    ids="-".join,
)


@RACES
def test_random_searches_never_exceed_the_limit(tmp_path: Path, race: tuple[str, ...]) -> None:
    """Whatever is proposed, trained, failed or killed in any order, the end stays affordable."""
    compared = repeated = 0
    for seed in range(6):
        chance = random.Random(seed)
        limit = FINAL + 1024 + chance.randrange(12_000)
        chosen = settings(f"budget.env_steps={limit}", *(f"search.{entry}" for entry in race))
        with journal_of(tmp_path, chosen, str(seed)) as journal:
            world = World(journal, chosen, chance)
            for _ in range(50):
                world.step()
            world.finish()
            assert journal.env_steps() <= limit
            compared += world.arrived > 0
            repeated += any(job.training_seed for job in journal.jobs(purpose="search"))
    assert compared >= 4, "the budget is there to be used"
    assert bool(repeated) is (chosen.search.seeds > 1)


@RACES
def test_as_many_finalists_are_trained_whole_as_began(
    tmp_path: Path, race: tuple[str, ...]
) -> None:
    """Where none fails, whatever was spent on further seeds and on others."""
    repeated = 0
    for seed in range(6):
        chance = random.Random(seed)
        limit = FINAL + 1024 + chance.randrange(6_000)
        chosen = settings(f"budget.env_steps={limit}", *(f"search.{entry}" for entry in race))
        with journal_of(tmp_path, chosen, str(seed)) as journal:
            world = World(journal, chosen, chance, failing=0.0)
            for _ in range(50):
                world.step()
            world.finish()
            began = sum(rung >= 0 for rung in world.reached.values())
            assert began and world.arrived >= min(chosen.search.finalists, began)
            assert journal.env_steps() <= limit
            repeated += any(job.training_seed for job in journal.jobs(purpose="search"))
    assert bool(repeated) is (chosen.search.seeds > 1)


def test_only_what_fits_is_proposed_and_trained(tmp_path: Path) -> None:
    """Open proposals, queued trainings at full size, and the way to the end are all counted."""
    assert rungs_of(settings()) == (Rung(128), Rung(384), Rung(1000), Rung(1000, 2))
    chosen = settings(f"budget.env_steps={FINAL + 2 * 1024 + 128}")
    with journal_of(tmp_path, chosen) as journal:
        budget = Budget(chosen, journal, BASELINES)
        assert not budget.may_propose()
        first, second = accept(journal, 0), accept(journal, 1)
        assert not budget.may_propose(), "a third one could have a look at its first rung"
        third = accept(journal, 2)
        assert "budget.env_steps" in budget.may_propose(), "two of three could become finalists"
        for name in (first, second, third):
            assert not budget.may_train(128, rung=0)
            queue(journal, name, 0, chosen)
        for name in (first, second):
            assert not budget.may_train(256, rung=1), "that is what was set aside for it"
            queue(journal, name, 1, chosen)
        assert "budget.env_steps" in budget.may_train(256, rung=1), "no step to spare"
        assert not budget.may_train(1000 - 384, rung=2), "that, too"
        journal.finish_job(f"{first}-search-s0-r1", "done", env_steps=128)
        journal.finish_job(f"{first}-search-s0-r2", "failed", env_steps=0)
        assert not budget.may_train(256, rung=1), "another one takes its place"


def test_what_is_not_trained_after_all_takes_nothing(tmp_path: Path) -> None:
    """A candidate that was skipped is waited for no more: others have its steps."""
    chosen = settings(f"budget.env_steps={FINAL + 2 * 1024 + 128}")
    with journal_of(tmp_path, chosen) as journal:
        budget = Budget(chosen, journal, BASELINES)
        names = [accept(journal, number) for number in range(3)]
        assert budget.may_propose()
        journal.set_candidate_state(names[0], "rejected", "its predicted quality is low")
        assert not budget.may_propose()


def test_a_further_seed_takes_nothing_from_the_finalists(tmp_path: Path) -> None:
    """Their way to a whole training is reserved; a second one is for what is left."""
    room = FINAL + 1024 + 1024 + 1024
    for limit, fits in ((room - 1, False), (room, True)):
        chosen = settings(f"budget.env_steps={limit}")
        with journal_of(tmp_path, chosen, str(limit)) as journal:
            first, second = accept(journal, 0), accept(journal, 1)
            for rung, steps in enumerate((128, 256, 640)):
                journal.finish_job(queue(journal, first, rung, chosen), "done", env_steps=steps)
            journal.finish_job(queue(journal, second, 0, chosen), "done", env_steps=128)
            budget = Budget(chosen, journal, BASELINES)
            assert bool(budget.may_train(1000, rung=3)) is not fits
            assert not budget.may_train(256, rung=1), "the second finalist is never kept waiting"
            if fits:
                queue(journal, first, 3, chosen)
                assert not budget.may_train(256, rung=1), "nor when the seed is on its way"
                assert "budget.env_steps" in budget.may_propose()


def test_the_end_of_a_very_short_training_is_affordable(tmp_path: Path) -> None:
    """Two rungs of the same steps are one place: the candidate is not reserved for twice."""
    least = 8 * 384 + 384
    chosen = settings("training.steps=300", f"budget.env_steps={least}")
    assert rungs_of(chosen) == (Rung(128), Rung(128), Rung(300), Rung(300, 2))
    with journal_of(tmp_path, chosen) as journal:
        budget = Budget(chosen, journal, BASELINES)
        name = accept(journal, 0)
        for rung, (cost, taken) in enumerate(((128, 128), (0, 0), (172, 256))):
            assert not budget.may_train(cost, rung=rung)
            journal.finish_job(queue(journal, name, rung, chosen), "done", env_steps=taken)


def test_the_least_limit_pays_for_one_candidate(tmp_path: Path) -> None:
    """Whole iterations count: 1000 steps take 1024."""
    least = FINAL + 1024
    with journal_of(tmp_path, settings()) as journal:
        with pytest.raises(UsageError, match=f"take {least:,}"):
            Budget(settings(f"budget.env_steps={least - 1}"), journal, BASELINES)
        assert not Budget(settings(f"budget.env_steps={least}"), journal, BASELINES).may_propose()


def test_candidates_count_while_they_are_open(tmp_path: Path) -> None:
    """A proposal under way may become a candidate; a refused one is none."""
    chosen = settings("budget.candidates=2")
    with journal_of(tmp_path, chosen) as journal:
        budget = Budget(chosen, journal, BASELINES)
        accept(journal, 0)
        journal.open_proposal(1, generation=0, operator="sample")
        assert "2 candidates (budget.candidates)" in budget.may_propose()
        journal.close_proposal(1, "rejected")
        assert not budget.may_propose()


def test_spent_money_ends_what_costs_money(tmp_path: Path) -> None:
    """What needs no model goes on; a call on the wire counts as spent."""
    chosen = settings("budget.usd=1.5", "budget.tokens=1000")
    with journal_of(tmp_path, chosen) as journal:
        budget = Budget(chosen, journal, BASELINES)
        assert not budget.may_propose()
        journal.reserve_call("a", proposal=0, role="", model="m", usd=1.5, tokens=10)
        assert "budget.usd" in budget.may_propose()
        journal.release_call("a")
        journal.reserve_call("b", proposal=0, role="", model="m", usd=0.1, tokens=1000)
        assert "budget.tokens" in budget.may_propose()
        assert not budget.may_propose(asks_model=False)


def test_time_is_kept_for_the_end(tmp_path: Path) -> None:
    """The comparison takes as long as the trainings so far let expect; resumes add up."""
    chosen = settings("budget.hours=1")
    with journal_of(tmp_path, chosen) as journal:
        journal.set_meta("elapsed_s", 3000.0)
        assert not Budget(chosen, journal, BASELINES).may_propose()
        queue(journal, accept(journal, 0), 0, chosen)
        journal.start_job("c0-search-s0-r1")
        journal.finish_job("c0-search-s0-r1", "done", env_steps=1)  # a moment: seconds a step
        with journal._db.transaction() as db:
            db.execute("UPDATE jobs SET finished = started + 1")  # 1 step a second
        budget = Budget(chosen, journal, BASELINES)
        assert "more for the end of it (budget.hours)" in budget.may_propose()
        assert "budget.hours" in budget.may_train(256, rung=1)
        journal.set_meta("elapsed_s", 3600.0)
        assert "1.00 hours" in Budget(chosen, journal, BASELINES).may_propose()


def test_most_of_a_limit_is_said_once(tmp_path: Path) -> None:
    """At 80 %, once a limit, also over resumes; a raised limit is a new one."""
    told: list[str] = []

    def observe(kind: str, **data: Any) -> None:
        told.append(f"{kind}: {data['text']}")

    chosen = settings("budget.candidates=5")
    with journal_of(tmp_path, chosen) as journal:
        for number in range(4):
            Budget(chosen, journal, BASELINES, observe).keep_time(now=True)
            accept(journal, number)
        assert told == []
        for _ in range(2):
            budget = Budget(chosen, journal, BASELINES, observe)
            budget.keep_time(now=True)
            budget.keep_time(now=True)
        assert told == ["budget-warning: 80% of budget.candidates = 5 is used"]
        raised = settings("budget.candidates=6")
        accept(journal, 4)
        Budget(raised, journal, BASELINES, observe).keep_time(now=True)
        assert len(told) == 2
