"""Reference training: Stable-Baselines3 PPO on Gymnasium's own rewards, one environment, one core.

What is measured
    How far, and at what CPU cost, the PPO most people use gets on `Hopper-v5` and
    `HalfCheetah-v5` in a fixed number of environment steps. Both variants use every default of
    SB3's `PPO("MlpPolicy")` (a 64x64 tanh network; the values in effect are written to the result
    file):

    * `defaults`: the environment as it is;
    * `normalised`: the same inside `VecNormalize` (observations and rewards, its defaults).

How
    The trainings run one after another in this process with one torch thread. For each:

    * `cpu_seconds` and `wall_seconds` are `time.process_time` and `time.perf_counter` around
      `learn()`, so imports and the final evaluation do not count. CPU seconds are the figure to
      compare when other programs run on the machine.
    * `curve` holds, every 20,480 steps, the mean raw return of the last 100 finished training
      episodes (fewer where fewer have finished). These act with exploration noise.
    * `evaluation` plays episodes with the final policy's mean action, raw rewards, frozen
      normalisation statistics and environment seeds never used in training: return, length (steps)
      and distance (metres the body moved forward). `return_std` is the sample standard deviation
      over the episodes; spread over training seeds is what the printed table shows.

Each finished training is written at once; starting the script again skips what the file holds and
prints the table of all that was asked for. A file from other library versions or another processor
is refused, since its figures would not compare.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import inspect
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

ENVIRONMENTS = ("Hopper-v5", "HalfCheetah-v5")
VARIANTS = ("defaults", "normalised")
CURVE_INTERVAL = 20_480
EVALUATION_EPISODES = 20
# Training uses the seeds 0, 1, 2, …; evaluation episode i of training seed s starts from the
# environment seed FIRST_EVALUATION_SEED + 1000 s + i.
FIRST_EVALUATION_SEED = 1_000_000
HYPERPARAMETERS = (
    "learning_rate",
    "n_steps",
    "batch_size",
    "n_epochs",
    "gamma",
    "gae_lambda",
    "clip_range",
    "ent_coef",
    "vf_coef",
    "max_grad_norm",
)
RESULTS = Path(__file__).parent / "results" / "sb3_reference.json"


class LearningCurve(BaseCallback):
    """Notes the mean raw return of the last 100 training episodes at regular step counts."""

    def __init__(self) -> None:
        """Start with no points."""
        super().__init__()
        self.points: list[dict[str, float]] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        episodes = self.model.ep_info_buffer
        if self.num_timesteps % CURVE_INTERVAL or not episodes:
            return
        # make_vec_env puts Monitor under VecNormalize, so these returns are raw.
        mean = statistics.fmean(float(episode["r"]) for episode in episodes)
        self.points.append(
            {"steps": self.num_timesteps, "return_mean": round(mean, 3), "episodes": len(episodes)}
        )


def train(environment: str, variant: str, seed: int, steps: int) -> dict[str, Any]:
    """Train one policy, evaluate it and return its record for the result file."""
    venv: VecEnv = make_vec_env(environment, n_envs=1)
    normaliser = VecNormalize(venv) if variant == "normalised" else None
    model = PPO("MlpPolicy", normaliser or venv, seed=seed, device="cpu")
    curve = LearningCurve()
    wall, cpu = time.perf_counter(), time.process_time()
    model.learn(steps, callback=curve)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    record = {
        "env": environment,
        "variant": variant,
        "seed": seed,
        "steps": model.num_timesteps,
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
        "evaluation": evaluate(model, normaliser, environment, seed),
        "curve": curve.points,
    }
    venv.close()
    return record


def evaluate(
    model: PPO, normaliser: VecNormalize | None, environment: str, seed: int
) -> dict[str, Any]:
    """Play the evaluation episodes of one trained policy on the raw environment."""
    env = gymnasium.make(environment)
    returns, lengths, distances = [], [], []
    for episode in range(EVALUATION_EPISODES):
        observation, info = env.reset(seed=FIRST_EVALUATION_SEED + 1000 * seed + episode)
        start, total, length, ended = float(info["x_position"]), 0.0, 0, False
        while not ended:
            # normalize_obs reads the running statistics without updating them.
            seen = normaliser.normalize_obs(observation) if normaliser else observation
            action, _ = model.predict(seen, deterministic=True)
            observation, reward, terminated, truncated, info = env.step(action)
            total += float(reward)
            length += 1
            ended = terminated or truncated
        returns.append(total)
        lengths.append(length)
        distances.append(float(info["x_position"]) - start)
    env.close()
    return {
        "return_mean": round(statistics.fmean(returns), 3),
        "return_std": round(statistics.stdev(returns), 3),
        "length_mean": round(statistics.fmean(lengths), 3),
        "distance_mean": round(statistics.fmean(distances), 4),
        "returns": [round(value, 3) for value in returns],
    }


def conditions() -> dict[str, Any]:
    """Return what all figures depend on: library versions, processor and SB3's defaults."""
    libraries = ("stable-baselines3", "gymnasium", "mujoco", "torch", "numpy")
    versions = {name: importlib.metadata.version(name) for name in libraries}
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next(line.split(":", 1)[1].strip() for line in cpuinfo if "model name" in line)
    defaults = inspect.signature(PPO).parameters
    hyperparameters = {name: defaults[name].default for name in HYPERPARAMETERS}
    return {"versions": versions, "processor": processor, "hyperparameters": hyperparameters}


def load(path: Path) -> dict[str, Any]:
    """Return the result file's content, or an empty one; exit where it was made elsewhere."""
    now = conditions()
    if not path.exists():
        return {"conditions": now, "trainings": []}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if content["conditions"] != now:
        raise SystemExit(f"{path} was made under {content['conditions']}, now it is {now}")
    return content


def save(path: Path, content: dict[str, Any]) -> None:
    """Replace the result file in one step, so that an interruption leaves the old one whole."""
    trainings = ",\n".join(json.dumps(record) for record in content["trainings"])
    head = json.dumps(content["conditions"])
    text = f'{{"conditions": {head},\n"trainings": [\n{trainings}\n]}}\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def find(content: dict[str, Any], key: tuple[str, str, int, int]) -> dict[str, Any] | None:
    """Return the training of this environment, variant, seed and number of steps, if present."""
    for record in content["trainings"]:
        if (record["env"], record["variant"], record["seed"], record["steps"]) == key:
            return dict(record)
    return None


def mean_and_error(values: Sequence[float], digits: int) -> str:
    """Render the mean over training seeds and its standard error."""
    mean = f"{statistics.fmean(values):,.{digits}f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(values) / np.sqrt(len(values)):,.{digits}f}"


def table(groups: dict[tuple[str, str], list[dict[str, Any]]]) -> str:
    """Render one Markdown line per environment and variant: mean ± standard error over seeds."""
    lines = [
        "| env | variant | seeds | return | length | distance m | training return at the end "
        "| steps per CPU-s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (environment, variant), records in groups.items():
        evaluations = [record["evaluation"] for record in records]
        last = [record["curve"][-1]["return_mean"] for record in records if record["curve"]]
        cells = [
            environment,
            variant,
            str(len(records)),
            mean_and_error([item["return_mean"] for item in evaluations], 0),
            mean_and_error([item["length_mean"] for item in evaluations], 0),
            mean_and_error([item["distance_mean"] for item in evaluations], 2),
            mean_and_error(last, 0) if last else "",
            mean_and_error([record["steps"] / record["cpu_seconds"] for record in records], 0),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the trainings asked for that the result file lacks, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", choices=ENVIRONMENTS, help="default: all")
    parser.add_argument("--variant", choices=VARIANTS, help="default: all")
    parser.add_argument("--seeds", type=int, default=8, help="training seeds 0 … SEEDS-1")
    parser.add_argument("--steps", type=int, default=204_800, help="a multiple of 2048")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds must be at least 1")
    if arguments.steps < 2048 or arguments.steps % 2048:
        parser.error("--steps must be a positive multiple of 2048, the length of a rollout")

    torch.set_num_threads(1)
    content = load(arguments.out)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for environment in (arguments.env,) if arguments.env else ENVIRONMENTS:
        for variant in (arguments.variant,) if arguments.variant else VARIANTS:
            for seed in range(arguments.seeds):
                record = find(content, (environment, variant, seed, arguments.steps))
                if record is None:
                    record = train(environment, variant, seed, arguments.steps)
                    content["trainings"].append(record)
                    save(arguments.out, content)
                    print(
                        f"{environment} {variant} seed {seed}: "
                        f"return {record['evaluation']['return_mean']:.0f}, "
                        f"{record['cpu_seconds']:.0f} CPU-s",
                        flush=True,
                    )
                groups.setdefault((environment, variant), []).append(record)
    print(table(groups))


if __name__ == "__main__":
    main()
