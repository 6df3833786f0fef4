"""As results come in: language models answer while others train, and no slot waits for anybody.

Proposals in flight (asked for, or in training) are two more than there are slots, so that an answer
is there when a slot falls free. A slot that falls idle all the same gets a candidate that needs no
model: a formula or numbers over the components that models have written so far.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from autoreward.agents.designer import Brief
from autoreward.errors import LLMError
from autoreward.search.banking import worth_training
from autoreward.search.generations import UseBank
from autoreward.search.operator_policy import Arm
from autoreward.search.planning import idle_arm, plan
from autoreward.search.racing import going_on
from autoreward.search.stage import Stage
from autoreward.search.summary import OCCUPANCY
from autoreward.search.view import view_now

_AHEAD = 2
_POLL_SECONDS = 0.1


def search_steadily(stage: Stage, use_bank: UseBank) -> None:
    """Search until all proposals are made, or a limit is reached, and everything is trained.

    Raises:
        LLMError: The language model cannot be asked any more; raised when all that was in training
            has ended, so that nothing is lost.
    """
    slots = min(stage.setup.settings.training.slots, stage.setup.settings.search.population)
    with ThreadPoolExecutor(slots + _AHEAD + 1) as pool:
        desk = _Desk(stage, use_bank, slots, pool)
        try:
            desk.work()
        except BaseException:
            stage.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _Desk:
    """What is in flight, and the loop that keeps it so."""

    def __init__(self, stage: Stage, use_bank: UseBank, slots: int, pool: ThreadPoolExecutor):
        self._stage, self._use_bank, self._slots, self._pool = stage, use_bank, slots, pool
        self._asked: dict[int, Future[str | None]] = {}
        self._free: set[int] = set()
        self._training: set[str] = set()
        self._explaining: Future[None] | None = None
        self._problem: LLMError | None = None
        self._banked = -1
        self._clock = time.monotonic()
        kept = stage.journal.meta(OCCUPANCY, {"busy": 0.0, "waiting": 0.0, "all": 0.0})
        self._busy, self._all = float(kept["busy"]), float(kept["all"])
        self._waiting = float(kept["waiting"])

    def work(self) -> None:
        """Keep slots and models busy until there is nothing left to do."""
        stage = self._stage
        for proposal in stage.journal.proposals(state="open"):
            self._take_up(proposal.number)
        self._requeue()
        while True:
            stage.jobs.pump(_POLL_SECONDS if self._training else 0.0)
            if not self._training:
                time.sleep(_POLL_SECONDS)
            self._count()
            self._hear()
            self._settle()
            self._promote()
            self._admit()
            self._ask()
            stage.budget.keep_time()
            if not self._asked and not self._training and not self._more():
                break
        self._hear_explanation()
        seconds = {"busy": self._busy, "waiting": self._waiting, "all": self._all}
        stage.journal.set_meta(OCCUPANCY, seconds)
        if self._problem is not None:
            raise self._problem

    def _more(self) -> bool:
        """Return whether a model may be asked for another reward.

        Proposals that ask nobody come on top of the planned ones, so that they take no turn from
        those that learn from what was trained.
        """
        stage = self._stage
        asked, _ = self._made()
        return not stage.stopped_by and self._problem is None and asked < stage.proposals

    def _made(self) -> tuple[int, int]:
        """Return how many proposals have asked a model, and how many have not."""
        proposals = self._stage.journal.proposals()
        free = sum(proposal.model is None for proposal in proposals)
        return len(proposals) - free, free

    def _next(self) -> int:
        return max((p.number + 1 for p in self._stage.journal.proposals()), default=0)

    def _count(self) -> None:
        """Count the slots' seconds while there is anything left to propose.

        A slot is busy, or it waits for the model (there is nothing that could be trained in it), or
        it stands idle although something could.
        """
        now = time.monotonic()
        seconds, self._clock = now - self._clock, now
        begun = bool(self._training) or self._all > 0
        if begun and (self._more() or self._asked):
            busy = min(len(self._training), self._slots)
            self._busy += seconds * busy
            self._all += seconds * self._slots
            if not self._free and not (self._more() and self._may_fill()):
                self._waiting += seconds * (self._slots - busy)

    def _take_up(self, number: int, free: bool = False) -> bool:
        """Open a proposal, or go on with an open one, and have it carried out."""
        stage = self._stage
        view = view_now(stage.journal)
        alone = self._may_fill()

        def planned(brief: Brief) -> Arm:
            return plan(stage.journal, stage.setup, brief, view, stage.models, free=alone)

        brief = stage.open(number, view, idle_arm if free else planned)
        if brief is None:
            return False
        if brief.model is None:
            self._free.add(number)
        self._asked[number] = self._pool.submit(copy_context().run, stage.carry_out, brief)
        return True

    def _hear(self) -> None:
        """Take in what became of the proposals."""
        for number in [n for n, future in self._asked.items() if future.done()]:
            future = self._asked.pop(number)
            self._free.discard(number)
            try:
                future.result()
            except LLMError as error:  # what is in training is not lost for it
                if self._problem is None:
                    self._problem = error
                    self._stage.observe("phase", text=f"no more proposals: {error}")

    def _hear_explanation(self) -> None:
        """Wait for the analyzer's model; a search is not lost for its silence."""
        try:
            if self._explaining is not None:
                self._explaining.result()
        except LLMError as error:
            self._stage.observe("phase", text=f"nothing is explained: {error}")

    def _settle(self) -> None:
        """Look at the trainings that have ended."""
        stage = self._stage
        ended = self._training - stage.jobs.unfinished(self._training)
        if not ended:
            return
        self._training -= ended
        stage.settle(sorted(ended))
        done = len(stage.journal.jobs(purpose="search", state="done"))
        if done - self._banked >= stage.setup.settings.search.population:
            self._banked = done
            self._use_bank(view_now(stage.journal))
            if self._explaining is None or self._explaining.done():
                self._hear_explanation()
                everyone = stage.race.entered(0)
                self._explaining = self._pool.submit(stage.explain, everyone)

    def _promote(self) -> None:
        """Let the best of each rung go on, the highest rung first."""
        race = self._stage.race
        for rung in range(race.last, 0, -1):
            scores = race.scores(rung - 1)
            count = race.places(rung, len(scores), at_least_one=False)
            for name in going_on(scores, race.entered(rung), count):
                self._enter(name, rung)

    def _admit(self) -> None:
        """Begin with the candidates that were accepted since."""
        stage = self._stage
        entered = set(stage.race.entered(0))
        new = [
            c.id
            for c in stage.journal.candidates()
            if c.state == "checked" and c.id not in entered and c.proposal not in self._asked
        ]
        for name in new:
            alone = not entered
            chosen = worth_training(
                stage.journal, [name], stage.setup.settings, stage.observe, keep_best=alone
            )
            if chosen and self._enter(name, 0):
                entered.add(name)

    def _enter(self, name: str, rung: int) -> bool:
        """Train a candidate to a rung, if the budget reaches that far."""
        stage = self._stage
        if reason := stage.budget.may_train(stage.race.cost(rung), rung=rung):
            if rung <= stage.race.whole:  # another seed is for what is left
                stage.end_search(reason)
            return False
        job = stage.race.enter(name, rung)
        stage.observe("training", jobs=[job])
        self._training.add(job)
        return True

    def _requeue(self) -> None:
        """Go on with what was in training when the run was interrupted."""
        race = self._stage.race
        for rung in range(race.last + 1):
            for name in race.entered(rung):
                self._training.add(race.enter(name, rung))

    def _ask(self) -> None:
        """Ask for as many proposals as may be in flight, and fill slots that stand idle."""
        while self._more() and len(self._asked) + len(self._training) < self._slots + _AHEAD:
            if not self._take_up(self._next()):
                return
        idle = self._slots - len(self._training) - len(self._free)
        while idle > 0 and self._more() and self._may_fill():
            if not self._take_up(self._next(), free=True):
                return
            idle -= 1

    def _may_fill(self) -> bool:
        """Return whether a proposal without a model is due: at most one for each with one."""
        asked, free = self._made()
        return free < asked and bool(self._stage.race.scores(0))
