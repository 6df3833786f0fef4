"""Kills a run at random moments and holds that nothing is lost, repeated or paid twice.

    python benchmarks/kill_fuzz.py --kills 50

A quick run on point_mass is done once undisturbed and once under fire: SIGKILL to the whole host,
to its trainer, or to the first process of one jail (a container, where `--sandbox docker`), at
moments that follow from `--seed`; after each end the run is resumed through the command line. What
is checked is said in `Fuzz.check`. With `--plant` the run is damaged on purpose, to see the checks
fail.

The process inside a jail that runs the reward is left alone: a death of it is the reward's own, as
nobody can tell a kill from running out of memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from families import Family, containers

COMMAND = (sys.executable, "-c", "from autoreward.cli.main import main; main()")
SETTINGS = (
    "training.steps=4096", "training.envs=4", "training.rollout=32", "training.minibatches=2",
    "training.epochs=2", "training.checkpoint_every=4", "training.threads=1",
    "search.generations=2", "search.population=4", "search.elites=1", "search.finalists=1",
    "search.confirm_seeds=2", "validation.episodes=3", "validation.test_episodes=3",
)  # fmt: skip
"""A run of some ten seconds."""
ENV_STEPS = 45_056
"""Its limit: the final comparison and five whole trainings; eight candidates are planned."""
CLOCKS = ("seconds", "run", "clip", "clip_problem")
"""What of a summary depends on clock, name or place."""
VICTIMS = ("host", "trainer", "jail")
_POLL_S = 0.02
_PATIENCE_S = 300.0
_ORPHANS_S = 15.0


class Broken(AssertionError):
    """Something that was promised does not hold."""


@dataclass
class Fuzz:
    """One run under fire.

    Args:
        folder: Of all runs; made for this.
        options: Further options of `design`.
        env_steps: The limit that the run has.
        seed: All moments and victims follow from it.
        victims: Whom to kill.
        tell: Takes a line about what happens.
    """

    folder: Path
    options: Sequence[str]
    env_steps: int
    seed: int = 0
    victims: Sequence[str] = VICTIMS
    tell: Callable[[str], None] = print
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seen_done: dict[str, float] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What the host sees."""
        return {**os.environ, "AUTOREWARD_RUNS": str(self.folder.resolve())}

    def start(self, name: str) -> subprocess.Popen[str]:
        """Begin a run, or continue it."""
        begun = (self.folder / name / "run.db").exists()
        arguments = ["resume", name] if begun else [
            "design", "move to the goal", "--env", "point_mass", "--name", name,
            *(part for text in SETTINGS for part in ("--set", text)),
            "--set", f"budget.env_steps={self.env_steps}", *self.options,
        ]  # fmt: skip
        process = subprocess.Popen(
            [*COMMAND, *arguments, "--json"],
            stdout=subprocess.PIPE,
            stderr=(self.folder / f"{name}.log").open("a"),
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        self.family = Family(process.pid)
        return process

    def undisturbed(self, name: str = "unbroken") -> tuple[dict[str, Any], float]:
        """Return the summary of a run that nobody disturbs, and how long it took."""
        started = time.monotonic()
        process = self.start(name)
        summary = self.ended(process, name)
        if summary is None:
            raise Broken(f"the undisturbed run failed: {self.last_words(name)}")
        return summary, time.monotonic() - started

    def under_fire(
        self, kills: int, seconds: float, name: str = "killed", plant: str = ""
    ) -> dict[str, Any]:
        """Kill a run that often, resume it to its end, and return its summary.

        Args:
            kills: How often. The run is begun anew, under another name, if it ends before.
            seconds: How long it takes undisturbed: moments are drawn from this.
            name: Of the run.
            plant: Damage to do on purpose after the first kill, see `plant`.
        """
        for number in range(10 * kills + 10):
            process = self.start(name)
            if sum(self.killed.values()) < kills:
                victim = self.kill(process, name, seconds)
                if victim:
                    self.killed[victim] += 1
                    self.tell(f"kill {sum(self.killed.values())}: {victim}")
            summary = self.ended(process, name)
            self.check(name)
            if plant:
                plant = "" if damaged(self.folder / name, plant) else plant
            if summary is not None:
                if boxes := containers(name, all_of_them=True):
                    raise Broken(f"containers were left behind: {boxes}")
                return summary
            if number > 9 * kills + 9:
                raise Broken(f"the run does not end: {self.last_words(name)}")
        raise AssertionError("unreachable")

    def kill(self, host: subprocess.Popen[str], name: str, seconds: float) -> str:
        """Wait for a random moment, kill somebody, and return whom; '' if the run ended before."""
        victim = self.chance.choice(self.victims)
        moment = self.chance.uniform(0.0, 0.8 * seconds)
        end = time.monotonic() + moment
        while time.monotonic() < end:
            if host.poll() is not None:
                return ""
            time.sleep(_POLL_S)
        if victim == "host":
            host.kill()
            return victim
        boxes = containers(name) if victim == "jail" else []
        if boxes:
            command = ["docker", "kill", self.chance.choice(boxes)]
            return victim if not subprocess.run(command, capture_output=True).returncode else ""
        pids = self.family.trainer() if victim == "trainer" else self.family.jails()
        if not pids:
            return ""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.chance.choice(sorted(pids)), signal.SIGKILL)
        return victim

    def ended(self, process: subprocess.Popen[str], name: str) -> dict[str, Any] | None:
        """Wait for the end; return the summary, None where there is none.

        Raises:
            Broken: It hangs, or ends in a way that is no sentence.
        """
        try:
            out, _ = process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Broken(f"{name} hangs: {self.last_words(name)}") from None
        if process.returncode == -signal.SIGKILL:
            return None
        log = (self.folder / f"{name}.log").read_text()
        if "Traceback" in log:
            raise Broken(f"{name} ended in a traceback: {self.last_words(name)}")
        if process.returncode in (0, 3):
            summary: dict[str, Any] = json.loads(out.splitlines()[-1])
            return summary
        self.tell(f"  it ended with {process.returncode}: {self.last_words(name)}")
        return None

    def last_words(self, name: str) -> str:
        """Return the last line that a run printed for people."""
        lines = (self.folder / f"{name}.log").read_text().strip().splitlines()
        return lines[-1] if lines else "(nothing)"

    def check(self, name: str) -> None:
        """Hold what must be true whenever nobody works on the run.

        Raises:
            Broken: A process is left; a finished training was touched, finished twice or lost its
                files; an answer was paid twice; a limit is exceeded; the journal is damaged.
        """
        end = time.monotonic() + _ORPHANS_S
        while left := self.family.left():
            if time.monotonic() > end:
                raise Broken(f"processes were left behind: {left}")
            time.sleep(0.1)
        if not (self.folder / name / "run.db").exists():
            return
        with journal_of(self.folder / name) as db:
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise Broken("the journal is damaged")
            done = dict(db.execute("SELECT id, finished FROM jobs WHERE state = 'done'").fetchall())
            events = [
                json.loads(row[0])["job"]
                for row in db.execute("SELECT data FROM events WHERE kind = 'job-done'")
            ]
            steps = db.execute(
                "SELECT total(CASE WHEN state IN ('done', 'failed') THEN env_steps ELSE 0 END) "
                "FROM jobs"
            ).fetchone()[0]
            paid = db.execute(
                "SELECT key, count(*) FROM calls WHERE state = 'done' GROUP BY key "
                "HAVING count(*) > 1"
            ).fetchall()
        if touched := [job for job, at in self.seen_done.items() if done.get(job) != at]:
            raise Broken(f"finished trainings were done again: {touched}")
        if twice := [job for job, count in Counter(events).items() if count > 1]:
            raise Broken(f"trainings were finished twice: {twice}")
        folder = self.folder / name / "jobs"
        for job in done:
            missing = [
                f for f in ("result.json", "policy.safetensors") if not (folder / job / f).exists()
            ]
            if missing:
                raise Broken(f"the finished training {job} has no {', '.join(missing)}")
        if paid:
            raise Broken(f"answers were paid twice: {paid}")
        if steps > self.env_steps:
            raise Broken(f"{steps:g} environment steps, of {self.env_steps} allowed")
        self.seen_done = done


def same_table(unbroken: dict[str, Any], other: dict[str, Any]) -> None:
    """Hold that two summaries are the same but for clocks and places.

    Raises:
        Broken: They differ; says where.
    """
    first, second = facts(unbroken), facts(other)
    if differ := [key for key in first | second if first.get(key) != second.get(key)]:
        raise Broken(
            "the table differs from the unbroken run's: "
            + "; ".join(f"{key}: {first.get(key)} became {second.get(key)}" for key in differ)
        )


def facts(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what of a summary does not depend on clock, name or place."""
    kept = {key: value for key, value in summary.items() if key not in CLOCKS}
    return kept | {"winner": {k: v for k, v in summary["winner"].items() if k != "file"}}


@contextlib.contextmanager
def journal_of(run: Path) -> Iterator[sqlite3.Connection]:
    """Open a run's journal as any program could."""
    connection = sqlite3.connect(run / "run.db")
    try:
        yield connection
    finally:
        connection.close()


def damaged(run: Path, how: str) -> bool:
    """Damage a run as a defect would; return False where there is nothing to damage yet.

    `lost-result`: a finished training loses its result and is forgotten. `paid-twice`: an
    answer is booked again.
    """
    if not (run / "run.db").exists():
        return False
    with journal_of(run) as db, db:
        row = db.execute(
            "SELECT id FROM jobs WHERE state = 'done' ORDER BY rowid LIMIT 1"
        ).fetchone()
        if row is None:
            return False
        if how == "lost-result":
            (run / "jobs" / row[0] / "result.json").unlink()
            db.execute("UPDATE jobs SET state = 'running' WHERE id = ?", row)
        else:
            made = (
                "INSERT INTO calls VALUES ('k', {}, 0, 'designer', 'm', 'done', 1, 0, 1, 1.0, 1.0)"
            )
            for attempt in (1, 2):
                db.execute(made.format(attempt))
    return True


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--folder", type=Path, default=Path("runs/kill-fuzz"))
    parser.add_argument("--plant", default="", choices=["", "lost-result", "paid-twice"])
    parser.add_argument("options", nargs="*", help="further options of `design`, after --")
    given = parser.parse_args()
    options = ["--sandbox", given.sandbox, *given.options]
    return report(given.folder, given.kills, given.seed, options, given.plant)


def report(folder: Path, kills: int, seed: int, options: Sequence[str], plant: str = "") -> int:
    """Kill runs until there were enough kills; say what was found."""
    total: Counter[str] = Counter()
    reference = Fuzz(folder / "reference", options, ENV_STEPS)
    unbroken, seconds = reference.undisturbed()
    print(f"undisturbed: {seconds:.1f} s, winner {unbroken['winner']['id']}", flush=True)
    number = 0
    while total.total() < kills:
        fuzz = Fuzz(folder / f"{number}", options, ENV_STEPS, seed=1000 * seed + number)
        started = time.monotonic()
        summary = fuzz.under_fire(min(kills - total.total(), 8), seconds, plant=plant)
        same_table(unbroken, summary)
        if not fuzz.killed:  # all moments came too late: the machine is faster now
            seconds = min(seconds, time.monotonic() - started)
        total += fuzz.killed
        number += 1
        print(f"run {number}: the same table after {dict(fuzz.killed)}", flush=True)
    print(f"{total.total()} kills in {number} runs ({dict(total)}): nothing lost, repeated or left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
