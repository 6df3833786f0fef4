"""Does the engine learn Gymnasium's rewards as Stable-Baselines3's PPO does?

What is measured
    Gymnasium's own reward in our contract (`envs/*/expert.py`) is trained with eight training
    seeds for as many environment steps as the SB3 references (`sb3_reference.py`), same network
    size. Each final policy then plays 20 episodes in Gymnasium's own environment with Gymnasium's
    own reward, acting with its mean action, exactly as the references were measured.

    python benchmarks/sb3_reference.py --env HalfCheetah-v5 --variant defaults \
        --out benchmarks/results/sb3_reference_half_cheetah.json
    python benchmarks/learning.py          # about 12 minutes on two cores
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from engine import train_expert
from sb3_reference import EVALUATION_EPISODES, FIRST_EVALUATION_SEED

from autoreward.config import TrainingSettings, load_settings
from autoreward.evaluation.statistics import estimate

RESULTS = Path(__file__).parent / "results"
ENVIRONMENTS = {"hopper": "Hopper-v5", "half_cheetah": "HalfCheetah-v5"}
LEARNERS, STEPS = 8, 204_800
PRESETS_TRIED = ("quick", "standard")
FAST = {
    "envs": 16,
    "rollout": 64,
    "epochs": 3,
    "minibatches": 4,
    "learning_rate": 1e-3,
    "target_kl": 0.04,
}
"""Fewer and larger updates: nearer to the speed of physics (see results/scaling_fast.md)."""


def play(gymnasium_id: str, policy: dict[str, torch.Tensor], seed: int) -> list[float]:
    """Return the returns of evaluation episodes in Gymnasium's own environment."""
    weights = {name: value.double().numpy() for name, value in policy.items()}
    layers = sum(name.startswith("actor") for name in weights) // 2
    environment = gymnasium.make(gymnasium_id)
    returns = []
    for episode in range(EVALUATION_EPISODES):
        observation, _ = environment.reset(seed=FIRST_EVALUATION_SEED + 1000 * seed + episode)
        total, over = 0.0, False
        while not over:
            centred = (observation - weights["observation.mean"]) * weights["observation.scale"]
            x = np.clip(centred, -10, 10)
            for i in range(layers):
                x = x @ weights[f"actor.{i}.weight"] + weights[f"actor.{i}.bias"][0]
                x = np.tanh(x) if i < layers - 1 else x
            action = np.clip(x, -1, 1).astype(np.float32)
            observation, reward, terminated, truncated, _ = environment.step(action)
            total += float(reward)
            over = terminated or truncated
        returns.append(total)
    environment.close()
    return returns


def groups_of(name: str, settings: dict[str, TrainingSettings]) -> dict[str, list[list[float]]]:
    """Return the returns of each trainer's policies."""
    groups: dict[str, list[list[float]]] = {}
    for preset, chosen in settings.items():
        trained = train_expert(name, LEARNERS, STEPS, chosen)
        groups[f"autoreward, {preset} PPO"] = [
            play(ENVIRONMENTS[name], end.policy, end.learner.spec.seed.index)
            for end in trained.ended
        ]
    records = [
        record
        for path in sorted(RESULTS.glob("sb3_reference*.json"))
        for record in json.loads(path.read_text())["trainings"]
    ]
    for variant in ("defaults", "normalised"):
        returns = [
            t["evaluation"]["returns"]
            for t in records
            if t["env"] == ENVIRONMENTS[name] and t["variant"] == variant and t["steps"] == STEPS
        ]
        if returns:
            groups[f"SB3 PPO, {variant}"] = returns
    return groups


def main() -> None:
    """Train, evaluate, write the tables."""
    torch.set_num_threads(1)
    settings = {f"{name} preset's": load_settings(name).training for name in PRESETS_TRIED}
    settings["fast"] = TrainingSettings.model_validate(FAST)
    rows: list[dict[str, Any]] = []
    lines = [
        f"# Returns after {STEPS:,} environment steps, Gymnasium's own rewards",
        "",
        "`python benchmarks/learning.py`; 64×64 networks, deterministic policy, "
        f"{EVALUATION_EPISODES} episodes per training seed, 95 % bootstrap interval over seeds.",
    ]
    for name, gymnasium_id in ENVIRONMENTS.items():
        lines += ["", f"## {gymnasium_id}", ""]
        lines += ["| trainer | training seeds | mean return | interval | median seed |"]
        lines += ["|---|---|---|---|---|"]
        for trainer, returns in groups_of(name, settings).items():
            value = estimate(returns)
            means = [statistics.fmean(episodes) for episodes in returns]
            entry = {"environment": name, "trainer": trainer, **value.to_dict()}
            rows.append(entry | {"seed_means": means})
            lines.append(
                f"| {trainer} | {value.seeds} | {value.mean:.0f} | {value.low:.0f} to "
                f"{value.high:.0f} | {statistics.median(means):.0f} |"
            )
    dumped = {name: chosen.model_dump(mode="json") for name, chosen in settings.items()}
    table = "\n".join(lines) + "\n"
    (RESULTS / "learning.md").write_text(table)
    (RESULTS / "learning.json").write_text(
        json.dumps({"settings": dumped, "rows": rows}, indent=1) + "\n"
    )
    print(table)


if __name__ == "__main__":
    main()
