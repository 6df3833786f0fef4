"""Does racing pay? Environment steps against training all to the end, and how busy the slots are.

    python benchmarks/racing.py steps [--env half_cheetah] [--seeds 3] [--set a.b=c ...]
    python benchmarks/racing.py slots [--env half_cheetah] [--seconds 30] [--set a.b=c ...]

`steps`: for each run seed one search with rungs and one that trains all to the end, both
of as many candidates; the winners are trained on fresh seeds and measured on test seeds.
`slots`: one search in which a stub takes so many seconds for every answer of the language model.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from autoreward.config import load_settings
from autoreward.evaluation.statistics import Estimate, estimate
from autoreward.search.jobs import CONFIRM_SEEDS_FROM
from autoreward.search.observer import silent
from autoreward.search.opening import create_run
from autoreward.search.run import Run
from autoreward.search.setup import prepare
from autoreward.search.steady import OCCUPANCY
from autoreward.search.summary import final_jobs
from autoreward.store.journal import Journal

DESCRIPTIONS = {"half_cheetah": "run forward", "hopper": "run forward", "reacher": "reach"}
_MEASURES = (
    ("forward", "next_state.forward_velocity", 2.0),
    ("quick", "next_state.forward_velocity", 5.0),
    ("level", "next_state.pitch.cos()", 0.5),
    ("calm", "-action.square().mean(dim=-1)", 1.0),
    ("advance", "next_state.forward_velocity - state.forward_velocity", 0.5),
)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["steps", "slots"])
    parser.add_argument("--env", default="half_cheetah")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autoreward-racing-") as folder:
        os.environ["AUTOREWARD_RUNS"] = folder
        result = _steps(given) if given.what == "steps" else _slots(given)
    print(json.dumps(result, indent=1))


def _steps(given: argparse.Namespace) -> dict[str, Any]:
    rows: dict[str, list[tuple[int, list[list[float]]]]] = {"raced": [], "whole": []}
    variants = {"raced": [], "whole": ["search.rungs=[1.0]"]}
    for seed, (name, extra) in itertools.product(range(given.seeds), variants.items()):
        started = time.monotonic()
        journal = _run(given, [*extra, f"seed={seed}", *given.overrides], f"{name}-{seed}")
        with journal:
            searched = sum(j.env_steps for j in journal.jobs(purpose="search"))
            primary = prepare_primary(journal)
            winner = journal.meta("winner")
            groups = [journal.scores(j, "test")[primary] for j in final_jobs(journal, winner)]
        rows[name].append((searched, groups))
        seconds = time.monotonic() - started
        score = _text(estimate(groups))
        print(f"{name} seed {seed}: {searched:,} steps, {score}, {seconds:.0f} s", flush=True)
    steps = {name: sum(s for s, _ in found) for name, found in rows.items()}
    scores = {name: estimate([g for _, groups in r for g in groups]) for name, r in rows.items()}
    return {
        "env": given.env,
        "overrides": given.overrides,
        "run_seeds": given.seeds,
        "confirm_seeds_from": CONFIRM_SEEDS_FROM,
        "search_env_steps": steps,
        "ratio": steps["raced"] / steps["whole"],
        "winner_on_test_seeds": {name: value.to_dict() for name, value in scores.items()},
    }


def _slots(given: argparse.Namespace) -> dict[str, Any]:
    os.environ["OPENAI_API_KEY"] = "x"
    with _stub(given.seconds) as (address, asked):
        options = [
            "llm.model=openai/stub",
            f"llm.api_base={address}",
            "llm.concurrency=32",
            *given.overrides,
        ]
        with _run(given, options, "slots") as journal:
            kept = journal.meta(OCCUPANCY)
            made = [p.model is None for p in journal.proposals()]
            jobs = journal.jobs(purpose="search")
    return {
        "env": given.env,
        "overrides": given.overrides,
        "seconds_an_answer": given.seconds,
        "answers": asked(),
        "proposals": {"with a model": made.count(False), "without": made.count(True)},
        "trainings": len(jobs),
        "slots_busy_with_anything_to_train": kept["busy"] / (kept["all"] - kept["waiting"]),
        "waiting_for_the_model": kept["waiting"] / kept["all"],
        "slot_seconds": kept["all"],
    }


def _run(given: argparse.Namespace, overrides: list[str], name: str) -> Journal:
    settings = load_settings(
        "quick", None, overrides, env=given.env, description=DESCRIPTIONS[given.env]
    )
    setup = prepare(settings)
    journal = create_run(setup, "design", name=name)
    Run(journal, setup, silent).execute()
    return journal


def prepare_primary(journal: Journal) -> str:
    """Return the name of the fitness that decides."""
    return str(journal.meta("facts")["primary"])


def _text(value: Estimate) -> str:
    return f"{value.mean:.3g} [{value.low:.3g}, {value.high:.3g}]"


@contextmanager
def _stub(seconds: float) -> Iterator[tuple[str, Any]]:
    """Serve OpenAI's format on loopback; every answer is another reward and takes its time."""
    numbers, lock = itertools.count(), threading.Lock()
    answered: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                number = next(numbers)
            time.sleep(seconds)
            answered.append(number)
            choice = {"role": "assistant", "content": f"```python\n{_reward(number)}```"}
            body = json.dumps(
                {
                    "id": "x",
                    "object": "chat.completion",
                    "created": 0,
                    "model": "stub",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": choice}],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
                }
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", lambda: len(answered)
    finally:
        server.shutdown()


def _reward(number: int) -> str:
    """Return a reward file of half_cheetah, another one for every number."""
    draw = random.Random(number)
    chosen = [_MEASURES[0], *draw.sample(_MEASURES[1:], draw.randint(1, 3))]
    shapes = ("{}", "tanh({})", "sigmoid({})", "clip({}, -1, 1)")
    bodies = "\n\n".join(
        f'def {name}(state, action, next_state):\n    """{name}, about -1 to 1."""\n'
        f"    return ({value}) / {scale * draw.choice((0.5, 1.0, 2.0)):g}"
        for name, value, scale in chosen
    )
    terms = [draw.choice(shapes).format(name) for name, _, _ in chosen]
    weights = [1.0, *(round(draw.uniform(0.02, 0.5), 2) for _ in chosen[1:])]
    formula = " + ".join(f"{w:g} * {term}" for w, term in zip(weights, terms, strict=True))
    return f'"""Run forward, version {number}."""\n\n{bodies}\n\nFORMULA = "{formula}"\n'


if __name__ == "__main__":
    main()
