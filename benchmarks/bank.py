"""How well the trajectory bank tells good rewards from bad ones before they are trained.

    python benchmarks/bank.py RUN... [--out benchmarks/results/bank]

Takes finished runs. Every candidate that was trained is judged by a bank that holds no episode of
its own policy; a candidate counts as good if its fitness is among the best third of its task's.
Beside the bank stand the check of CARD (Sun et al. 2025: share of the good episodes whose mean
reward per step beats every bad one) and "it runs", which tells nothing: AUC 0.5. The text of the
results' page above its tables stays as it is.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from autoreward.config import SandboxSettings
from autoreward.environments.folder import EnvironmentFolder, Task, open_environment
from autoreward.evaluation.bank import (
    CAPACITY,
    Bank,
    build,
    concordance,
    discounted_returns,
)
from autoreward.rewards.evaluate import Signals, evaluate, needs_state_values
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.contract import JailFailure, Limits
from autoreward.sandbox.registry import choose_sandbox
from autoreward.sandbox.reserve import Reserve
from autoreward.store.journal import Journal
from autoreward.store.rundir import RunFiles, find_run
from autoreward.training.episodes import Episodes
from autoreward.training.messages import EPISODES_FILE

GOOD_SHARE = 1 / 3
TABLES = "## Tables"
THRESHOLDS = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)


@dataclass
class Trained:
    """One trained candidate."""

    id: str
    generation: int
    text: str
    formula: str
    fitness: float
    """Mean primary fitness on validation episodes, higher is better."""
    episodes: Episodes


@dataclass
class Judged:
    """What the checks said of it before."""

    task: str
    fitness: float
    good: bool
    bank: float
    card: float
    first: float
    """The bank of the first generation alone; NaN for that generation itself."""


def trained_of(run: Path) -> tuple[EnvironmentFolder, Task, float, list[Trained], dict]:
    """Return environment, task, discount, trained candidates, zero and random episodes of a run."""
    with Journal.read(run) as journal:
        config, facts = journal.meta("config"), journal.meta("facts")
        folder = open_environment(facts["environment"])
        task = folder.task_named(facts["task"])
        primary = folder.fitness_named(task.fitness)
        sign = 1.0 if primary.direction == "max" else -1.0
        generations = {p.candidate: p.generation for p in journal.proposals(state="accepted")}
        found = []
        for job in journal.jobs(purpose="search", state="done"):
            path = journal.files.job(job.id) / EPISODES_FILE
            if not path.exists():
                continue
            candidate = journal.candidate(job.candidate)
            values = journal.scores(job.id, "validation")[primary.name]
            found.append(
                Trained(
                    candidate.id,
                    generations.get(candidate.id, 0),
                    candidate.text,
                    candidate.formula,
                    sign * float(np.mean(values)),
                    Episodes.load(path),
                )
            )
        files = RunFiles(run)
        plain = {
            name: Episodes.load(files.directory / f"{name}.safetensors")
            for name in ("zero", "random")
            if (files.directory / f"{name}.safetensors").exists()
        }
    return folder, task, float(config["training"]["gamma"]), found, plain


class Judge:
    """Computes rewards on a bank's episodes, in jails."""

    def __init__(self) -> None:
        sandbox = choose_sandbox(SandboxSettings()).sandbox
        self.reserve = Reserve(sandbox, Limits(), 1, "benchmark")
        self._values: dict[tuple[str, int], tuple] = {}

    def reward(self, folder: EnvironmentFolder, one: Trained, bank: Bank, gamma: float):
        """Return the reward of a candidate on the bank's episodes, [T, E]; None if it fails."""
        source, formula = parse_reward(one.text), parse_formula(one.formula)
        key = (source.components_text, id(bank))
        if key not in self._values:
            self._values = {k: v for k, v in self._values.items() if k[1] == id(bank)}
            with self.reserve.take(["x"])["x"] as jail:
                try:
                    names = jail.load(one.text, folder.schema)
                    scored = [p.name for p in source.components if p.reads <= {"next_state"}]
                    at_state = tuple(name for name in names if name in scored)
                    batch = bank.episodes.batch(at_state=at_state)
                    self._values[key] = jail.call(batch)
                except JailFailure as failure:
                    print(f"  {one.id}: {failure}")
                    self._values[key] = (None, None)
        components, at_state = self._values[key]
        if components is None or needs_state_values(formula) - set(at_state):
            return None
        ends = np.arange(bank.episodes.steps)[:, None] == bank.episodes.length - 1
        signals = Signals(
            {k: torch.from_numpy(v.copy()) for k, v in components.items()},
            {k: torch.from_numpy(v.copy()) for k, v in at_state.items()},
            torch.from_numpy(ends & bank.episodes.terminated),
            gamma,
        )
        return evaluate(formula, signals).numpy()


def card(bank: Bank, reward: np.ndarray, rows: np.ndarray) -> float:
    """Return the share of good episodes whose mean reward per step beats all bad ones."""
    mean = np.where(bank.episodes.alive, reward, 0.0).sum(axis=0) / bank.episodes.length
    fitness = bank.fitness[rows]
    good = fitness >= np.quantile(fitness, 1 - GOOD_SHARE)
    if good.all():
        return 0.5
    return float((mean[rows][good] > mean[rows][~good].max()).mean())


def judge_task(
    judge: Judge, folder: EnvironmentFolder, task: Task, gamma: float, found: list[Trained], plain
) -> list[Judged]:
    """Judge all candidates of one task, each by the others' episodes."""
    primary = folder.fitness_named(task.fitness)
    recordings = plain | {one.id: one.episodes for one in found}
    whole = build(folder.name, task, primary, recordings, capacity=10 * CAPACITY)
    bar = np.quantile([one.fitness for one in found], 1 - GOOD_SHARE)
    sources = np.array([entry.source for entry in whole.entries])
    early = {one.id for one in found if one.generation == 0} | {"zero", "random"}
    result = []
    for one in found:
        reward = judge.reward(folder, one, whole, gamma)
        if reward is None:
            continue
        returns = discounted_returns(whole.episodes, reward, gamma)

        def quality(rows: np.ndarray, returns: np.ndarray = returns) -> float:
            kept = thinned(whole, rows)
            return concordance(returns[kept], whole.fitness[kept])[0]

        others = np.flatnonzero(sources != one.id)
        first = np.flatnonzero([s in early and s != one.id for s in sources])
        result.append(
            Judged(
                f"{folder.name} {task.name}",
                one.fitness,
                bool(one.fitness >= bar),
                quality(others),
                card(whole, reward, thinned(whole, others)),
                quality(first) if one.generation > 0 else float("nan"),
            )
        )
    return result


def thinned(bank: Bank, rows: np.ndarray) -> np.ndarray:
    """Return those of `rows` that a bank of the usual capacity would keep."""
    kept = sorted(rows, key=lambda i: (bank.entries[i].fitness, i))
    while len(kept) > CAPACITY:
        values = [bank.entries[i].fitness for i in kept]
        gaps = [values[i + 1] - values[i - 1] for i in range(1, len(kept) - 1)]
        del kept[1 + int(np.argmin(gaps))]
    return np.array(kept)


def auc(scores: Sequence[float], good: Sequence[bool]) -> float:
    """Return the chance that a good candidate scores above a bad one, ties half."""
    values, labels = np.array(scores), np.array(good)
    up, down = values[labels], values[~labels]
    if not len(up) or not len(down):
        return float("nan")
    gap = up[:, None] - down[None, :]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def auc_interval(items: list[Judged], key: str) -> tuple[float, float, float]:
    """Return the AUC and its 95 % bootstrap interval; tasks are compared within themselves."""

    def pooled(chosen: list[Judged]) -> float:
        wins = weight = 0.0
        for task in {item.task for item in chosen}:
            mine = [item for item in chosen if item.task == task]
            ups = sum(item.good for item in mine)
            pairs = ups * (len(mine) - ups)
            if pairs:
                wins += pairs * auc([getattr(i, key) for i in mine], [i.good for i in mine])
                weight += pairs
        return wins / weight if weight else float("nan")

    generator = np.random.default_rng(0)
    draws = [
        pooled([items[i] for i in generator.integers(len(items), size=len(items))])
        for _ in range(500)
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return pooled(items), float(low), float(high)


def operating_points(items: list[Judged], key: str) -> list[dict[str, float]]:
    """Return what each threshold would have skipped."""
    known = [item for item in items if not np.isnan(getattr(item, key))]
    good = [item for item in known if item.good]
    bad = [item for item in known if not item.good]
    best = defaultdict(lambda: -np.inf)
    kept_best = defaultdict(lambda: -np.inf)
    points = []
    for threshold in THRESHOLDS:
        for item in known:
            best[item.task] = max(best[item.task], item.fitness)
            if getattr(item, key) >= threshold:
                kept_best[item.task] = max(kept_best[item.task], item.fitness)
        points.append(
            {
                "threshold": threshold,
                "skipped": float(np.mean([getattr(i, key) < threshold for i in known])),
                "bad_skipped": float(np.mean([getattr(i, key) < threshold for i in bad])),
                "good_skipped": float(np.mean([getattr(i, key) < threshold for i in good])),
                "tasks_that_lost_their_best": float(
                    sum(kept_best[task] < best[task] for task in best)
                ),
            }
        )
        kept_best.clear()
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    tasks: dict[tuple[str, str], list] = {}
    for name in arguments.runs:
        folder, task, gamma, found, plain = trained_of(find_run(name))
        entry = tasks.setdefault((folder.name, task.name), [folder, task, gamma, [], {}])
        entry[3] += [one for one in found if one.id not in {old.id for old in entry[3]}]
        entry[4] |= plain
    judge, items = Judge(), []
    try:
        for folder, task, gamma, found, plain in tasks.values():
            judged = judge_task(judge, folder, task, gamma, found, plain)
            print(f"{folder.name} {task.name}: {len(judged)} candidates", flush=True)
            items += judged
    finally:
        judge.reserve.close()
    report(items, arguments.out)


def report(items: list[Judged], out: Path | None) -> None:
    """Print the tables and write them beside the raw values."""
    later = [item for item in items if not np.isnan(item.first)]
    lines = [
        "| candidates of | number | good | bank | bank, gen. 1 | CARD, per step | it runs |",
        "|---|---|---|---|---|---|---|",
    ]
    for task in [*dict.fromkeys(item.task for item in items), "all"]:
        mine = [item for item in items if task in ("all", item.task)]
        cells = []
        for key, chosen in (
            ("bank", mine),
            ("first", [i for i in mine if i in later]),
            ("card", mine),
        ):
            if not chosen or len({i.good for i in chosen}) < 2:
                cells.append("-")
                continue
            mean, low, high = auc_interval(chosen, key)
            cells.append(f"{mean:.2f} [{low:.2f}, {high:.2f}]")
        good = sum(item.good for item in mine)
        lines.append(f"| {task} | {len(mine)} | {good} | {' | '.join(cells)} | 0.50 |")
    for title, key in (("every other policy's episodes", "bank"), ("generation 1 alone", "first")):
        lines += ["", f"Skipping below a threshold, with the bank of {title}:", ""]
        lines += ["| below | of all | of the bad | of the good | tasks without their best |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| {p['threshold']} | {p['skipped']:.0%} | {p['bad_skipped']:.0%} | "
            f"{p['good_skipped']:.0%} | {p['tasks_that_lost_their_best']:.0f} |"
            for p in operating_points(items, key)
        ]
    text = "\n".join(lines)
    print(text)
    if out:
        values = json.dumps([vars(item) for item in items], indent=0).replace("NaN", "null")
        out.with_suffix(".json").write_text(values + "\n")
        page = out.with_suffix(".md")
        head = page.read_text().split(TABLES)[0] if page.exists() else "# The trajectory bank\n\n"
        page.write_text(f"{head}{TABLES}\n\n{text}\n")


if __name__ == "__main__":
    main()
