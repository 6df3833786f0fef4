"""The measurements of `sandbox.py`: each returns series of rounds or rows of a table."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import torch
from measuring import (
    Series,
    cpu_seconds,
    engine_pids,
    jail_pids,
    memory,
    processes_with,
    rotated,
    row,
)

from autoreward.config import SandboxSettings, TrainingSettings
from autoreward.environments.environment import load_environment
from autoreward.environments.folder import open_environment
from autoreward.environments.vector import VectorEnvironment
from autoreward.errors import SandboxError
from autoreward.rewards.runtime import LoadedReward, load_reward
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.backends.docker import LABEL
from autoreward.sandbox.child import ENVIRONMENT
from autoreward.sandbox.contract import Batch, JailFailure, Labels, Limits
from autoreward.sandbox.engine import connect
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.registry import Sandbox, sandboxes, self_check
from autoreward.sandbox.reserve import Reserve
from autoreward.seeds import TrainingSeed
from autoreward.training.jails import JailPool
from autoreward.training.lane_process import start_lanes
from autoreward.training.learner import LearnerSpec
from autoreward.training.population import ComponentSource, Population, Values

OWN = "trainer's process"
PLAIN = {"import torch": "python, import torch", "import torch, mujoco": "python, + mujoco"}
FOLDER = open_environment("hopper")
TASK = next(iter(FOLDER.tasks.values()))
assert TASK.human is not None
EXPERT = FOLDER.read(TASK.human)


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    starts: int = 8
    learners: int = 8
    rounds: int = 24
    iterations: int = 1
    """Of the population, in one turn of one variant."""
    jails: tuple[int, ...] = (1, 2, 4, 8)
    calls: int = 60
    blocks: tuple[int, ...] = (2048, 16384)
    """Transitions in a call."""


QUICK = Size(starts=1, learners=2, rounds=1, iterations=1, jails=(1, 2), calls=3)


class OwnProcess:
    """Computes components where the trainer runs: what the product never does."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._rewards = {job: load_reward(text, FOLDER.schema) for job, text in texts.items()}
        self._fields = {
            job: frozenset[str]().union(*(c.state_fields for c in parse_reward(text).components))
            for job, text in texts.items()
        }
        self.seconds = 0.0

    def fields(self, job: str) -> frozenset[str]:
        return self._fields[job]

    def evaluate(self, batches: dict[str, Batch]) -> dict[str, Values | JailFailure]:
        started = time.perf_counter()
        results: dict[str, Values | JailFailure] = {}
        for job, batch in batches.items():
            results[job] = compute(self._rewards[job], batch), {}
        self.seconds += time.perf_counter() - started
        return results


@torch.no_grad()
def compute(reward: LoadedReward, batch: Batch) -> dict[str, Any]:
    """Do what a jail's server does with a block, for a reward without memory."""
    sides = [
        {name: torch.from_numpy(value).flatten(0, 1) for name, value in side.items()}
        for side in (batch.state, batch.next_state)
    ]
    values = reward.compute(sides[0], torch.from_numpy(batch.action).flatten(0, 1), sides[1], {})
    return {name: value.view(batch.starts.shape).numpy() for name, value in values.items()}


def limits() -> Limits:
    """Return the product's limits with a life time that marks the jails of one measurement."""
    return replace(Limits(), lifetime_s=40_000 + secrets.randbelow(10**9) / 10**6)


def working() -> tuple[dict[str, Sandbox], dict[str, str]]:
    """Return the backends that work here, and why the others do not."""
    found, reasons = {}, {}
    for name, sandbox in sandboxes(SandboxSettings()).items():
        try:
            self_check(sandbox, Limits())
            found[name] = sandbox
        except SandboxError as error:
            reasons[name] = str(error)
    return found, reasons


def measure_start(backends: dict[str, Sandbox], size: Size) -> dict[str, Series]:
    """Start and end one jail of each backend, and plain interpreters, in every round."""
    series = {name: Series() for name in (*PLAIN, *backends)}
    for turn in range(size.starts):
        for name in rotated(list(series), turn):
            if name in PLAIN:
                series[name].add(ready=plain_start(name))
                continue
            mark = limits()
            started = time.perf_counter()
            jail = backends[name].launch(mark, Labels(job="benchmark"))
            launched = time.perf_counter() - started
            jail.wait_ready()
            ready = time.perf_counter() - started
            pids = jail_pids(mark)
            assert len(pids) >= 2, "a jail cannot be seen from here"
            started = time.perf_counter()
            jail.close()
            while any(os.path.exists(f"/proc/{pid}") for pid in pids):
                time.sleep(0.0005)
            gone = time.perf_counter() - started
            series[name].add(launch=launched, ready=ready, gone=gone)
    for one in series.values():
        one.against(series["import torch"], "ready", "ratio")
    return series


def plain_start(code: str) -> float:
    """Return the seconds until an interpreter without walls has run a line."""
    command = [sys.executable, "-I", "-B", "-c", f"{code}; print(flush=True)"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as child:
        assert child.stdout is not None
        child.stdout.readline()
        return time.perf_counter() - started


@dataclass
class Variant:
    """One training that takes turns with the others."""

    population: Population
    source: Any
    pids: list[int]
    series: Series = field(default_factory=Series)

    def turn(self, iterations: int, engine: Sequence[int]) -> None:
        waited, used = self.source.seconds, cpu_seconds(self.pids)
        served, own = cpu_seconds(engine), time.process_time()
        started = time.perf_counter()
        for _ in range(iterations):
            ended = self.population.iterate()
            assert not ended, ended
        wall = time.perf_counter() - started
        own = time.process_time() - own
        waited, jails = self.source.seconds - waited, cpu_seconds(self.pids) - used
        self.series.add(
            wall=wall / iterations,
            cpu=(own + jails) / iterations,
            jails=jails / iterations,
            engine=(cpu_seconds(engine) - served) / iterations,
            waiting=waited / wall,
        )


def measure_training(
    backends: dict[str, Sandbox], size: Size
) -> tuple[dict[str, Series], dict[str, bool]]:
    """Train the same eight learners with jails of each backend and without; also: same result?"""
    # A constant that nothing reads makes each file a reward of its own.
    texts = {f"learner-{k}": f"{EXPERT}\n_COPY = {k}\n" for k in range(size.learners)}
    formula = parse_reward(EXPERT).formula
    assert formula is not None
    variants: dict[str, Variant] = {}

    def add(name: str, source: ComponentSource, pids: list[int]) -> None:
        settings, threads = TrainingSettings(), len(os.sched_getaffinity(0))
        lanes = start_lanes(load_environment(FOLDER, TASK), TASK.horizon, settings, threads)
        population = Population(lanes, settings, source)
        for k, (job, code) in enumerate(texts.items()):
            population.admit(LearnerSpec(job, code, formula, TrainingSeed(0, k), 10**9))
        variants[name] = Variant(population, source, pids)

    with contextlib.ExitStack() as stack:
        add(OWN, OwnProcess(texts), [])
        for name, sandbox in backends.items():
            mark = limits()
            pool = JailPool(Reserve(sandbox, mark, spare=0), FOLDER.schema, job_timeout_s=3600)
            stack.callback(pool.close)
            failures = pool.admit(texts)
            assert not failures, failures
            add(name, pool, jail_pids(mark))
        engine = engine_pids()
        for variant in variants.values():  # one that does not count: caches fill
            variant.turn(1, engine)
            variant.series = Series()
        for turn in range(size.rounds):
            for name in rotated(list(variants), turn):
                variants[name].turn(size.iterations, engine)
    series = {name: variant.series for name, variant in variants.items()}
    for one in series.values():
        one.against(series[OWN], "wall", "wall_ratio")
        one.against(series[OWN], "cpu", "cpu_ratio")
    last = [variants[OWN].population.policy(k) for k in range(size.learners)]
    same = {
        name: all(
            torch.equal(value, last[k][part])
            for k in range(size.learners)
            for part, value in variant.population.policy(k).items()
        )
        for name, variant in variants.items()
    }
    return series, same


def block(transitions: int) -> Batch:
    """Return Hopper transitions of random actions, with all fields."""
    rows, generator = 16, torch.Generator().manual_seed(0)
    environment = load_environment(FOLDER, TASK)
    vector = VectorEnvironment(environment, TASK.horizon)
    vector.add_group(rows, generator)
    parts: dict[str, list[torch.Tensor]] = {}
    for _ in range(transitions // rows):
        parts.setdefault("starts", []).append((vector.episode_step == 0).float())
        action = torch.rand(rows, environment.action_dim, generator=generator) * 2 - 1
        step = vector.step(action)
        parts.setdefault("action", []).append(action)
        for prefix, physics in (("state", step.before), ("next", step.after)):
            for name, value in environment.state(physics).items():
                parts.setdefault(f"{prefix} {name}", []).append(value)
    vector.close()
    arrays = {name: torch.stack(values).numpy() for name, values in parts.items()}
    sides = {
        prefix: {
            name.removeprefix(f"{prefix} "): value
            for name, value in arrays.items()
            if name.startswith(f"{prefix} ")
        }
        for prefix in ("state", "next")
    }
    return Batch(sides["state"], arrays["action"], sides["next"], arrays["starts"])


@contextlib.contextmanager
def loaded(sandbox: Sandbox, mark: Limits, count: int, run: str = "") -> Iterator[list[Jail]]:
    """Start jails side by side and load the human-written reward in each."""
    with contextlib.ExitStack() as stack:
        labels = Labels(run=run)
        jails = [stack.enter_context(sandbox.launch(mark, labels)) for _ in range(count)]
        for jail in jails:
            jail.wait_ready()
            jail.load(EXPERT, FOLDER.schema)
        yield jails


def measure_memory(backends: dict[str, Sandbox], size: Size) -> list[str]:
    """Return table rows: MB of so many jails that have answered a call."""
    batch, rows = block(2048), []
    few, many = size.jails[0], size.jails[-1]
    for name, sandbox in backends.items():
        try:
            found = {count: jails_memory(sandbox, count, batch) for count in size.jails}
        except PermissionError:
            rows.append(row(name, "not measured: only root may look into these processes"))
            continue
        further = {k: (v - found[few][k]) / (many - few) for k, v in found[many].items()}
        cells = [f"{found[count]['Pss']:.0f}" for count in size.jails]
        cells += [f"**{further['Pss']:.0f}**", f"{further['Rss']:.0f}"]
        inside = "shim" in further
        cells += [f"{further[key]:.0f}" if inside else "-" for key in ("shim", "group")]
        rows.append(row(name, *cells))
    return rows


def jails_memory(sandbox: Sandbox, count: int, batch: Batch) -> dict[str, float]:
    """Return the MB of jails, and of what Docker has around each of them."""
    own = memory([os.getpid()])["Pss"]
    mark, run = limits(), f"benchmark-{secrets.token_hex(4)}"
    with loaded(sandbox, mark, count, run) as jails:
        for jail in jails:
            jail.call(batch)
        total = memory(jail_pids(mark))
        # What the jails share with this very process has left its share: count both.
        total["Pss"] += memory([os.getpid()])["Pss"] - own
        if sandbox.name == "docker":
            client = connect(None)
            found = client.containers(filters={"label": f"{LABEL}.run={run}"})
            ids = [container["Id"] for container in found]
            stats = [client.stats(one, stream=False, one_shot=True)["memory_stats"] for one in ids]
            shims = [pid for one in ids for pid in processes_with("containerd-shim", one)]
            total["group"] = sum(part["usage"] for part in stats) / (1 << 20)
            total["shim"] = memory(shims)["Pss"]
    return total


def measure_calls(backends: dict[str, Sandbox], size: Size) -> dict[int, dict[str, Series]]:
    """Call one jail of each backend, and the same reward here, in turns."""
    reward = load_reward(EXPERT, FOLDER.schema)
    results = {}
    with contextlib.ExitStack() as stack:
        calls: dict[str, Callable[[Batch], object]] = {OWN: lambda batch: compute(reward, batch)}
        for name, sandbox in backends.items():
            calls[name] = stack.enter_context(loaded(sandbox, limits(), 1))[0].call
        for transitions in size.blocks:
            batch, series = block(transitions), {name: Series() for name in calls}
            for turn in range(-3, size.calls):
                for name in rotated(list(calls), turn):
                    started = time.perf_counter()
                    calls[name](batch)
                    if turn >= 0:
                        series[name].add(call=time.perf_counter() - started)
            for one in series.values():
                one.against(series[OWN], "call", "ratio")
            results[transitions] = series
    return results


def measure_gpu(calls: dict[int, dict[str, Series]], size: Size) -> list[str]:
    """Return table rows: seconds of `.cpu()` for the blocks above, if there is a GPU."""
    rows = []
    for transitions in size.blocks if torch.cuda.is_available() else ():
        batch, series = block(transitions), Series()
        arrays = [*batch.state.values(), batch.action, *batch.next_state.values(), batch.starts]
        tensors = [torch.from_numpy(array).cuda() for array in arrays]
        for turn in range(-3, size.calls):
            torch.cuda.synchronize()
            started = time.perf_counter()
            for tensor in tensors:
                tensor.cpu().numpy()
            if turn >= 0:
                series.add(copy=time.perf_counter() - started)
        copy = median(series.values["copy"])
        shares = [
            f"{name} {copy / (copy + median(one.values['call'])):.0%}"
            for name, one in calls[transitions].items()
        ]
        rows.append(row(transitions, series.text("copy", ".2f", 1e3), ", ".join(shares)))
    return rows


def bytes_each() -> int:
    """Return what one transition with all fields takes on its way to a jail."""
    batch = block(16)
    arrays = [*batch.state.values(), batch.action, *batch.next_state.values(), batch.starts]
    return sum(array.nbytes for array in arrays) // batch.starts.size


def torch_alone() -> float:
    """Return the MB of anonymous memory of an interpreter that has imported torch."""
    program = "import torch; print(open('/proc/self/smaps_rollup').read())"
    command = [sys.executable, "-I", "-B", "-c", program]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("Anonymous:"))
    return int(line.split()[1]) / 1024
