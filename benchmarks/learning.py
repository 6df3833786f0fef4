"""Does the engine learn Gymnasium's Hopper reward as Stable-Baselines3's PPO does?

What is measured
    `envs/hopper/expert.py` (Gymnasium's own reward in our contract) is trained with eight training
    seeds for as many environment steps as the SB3 reference (`sb3_reference.py`), same network
    size. Each final policy then plays 20 episodes in Gymnasium's own `Hopper-v5` with Gymnasium's
    own reward, acting with its mean action, exactly as the reference was measured.

    python benchmarks/learning.py          # about 6 minutes on two cores
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

from autoreward.config import load_settings
from autoreward.evaluation.statistics import estimate

RESULTS = Path(__file__).parent / "results"
ENVIRONMENT, GYMNASIUM_ID = "hopper", "Hopper-v5"
LEARNERS, STEPS = 8, 204_800
PRESETS_TRIED = ("quick", "standard")


def play(policy: dict[str, torch.Tensor], seed: int) -> list[float]:
    """Return the returns of evaluation episodes in Gymnasium's own environment."""
    weights = {name: value.double().numpy() for name, value in policy.items()}
    layers = sum(name.startswith("actor") for name in weights) // 2
    environment = gymnasium.make(GYMNASIUM_ID)
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


def main() -> None:
    """Train, evaluate, write the table."""
    torch.set_num_threads(1)
    groups: dict[str, list[list[float]]] = {}
    settings = {name: load_settings(name).training for name in PRESETS_TRIED}
    for name, chosen in settings.items():
        trained = train_expert(ENVIRONMENT, LEARNERS, STEPS, chosen)
        groups[f"autoreward, {name} preset's PPO"] = [
            play(end.policy, end.learner.spec.seed.index) for end in trained.ended
        ]
    reference = json.loads((RESULTS / "sb3_reference.json").read_text())["trainings"]
    for variant in ("defaults", "normalised"):
        groups[f"SB3 PPO, {variant}"] = [
            t["evaluation"]["returns"]
            for t in reference
            if t["env"] == GYMNASIUM_ID and t["variant"] == variant and t["steps"] == STEPS
        ]
    rows: list[dict[str, Any]] = []
    lines = [
        f"# Return on {GYMNASIUM_ID} after {STEPS:,} environment steps, Gymnasium's own reward",
        "",
        "`python benchmarks/learning.py`; 64×64 networks, deterministic policy, "
        f"{EVALUATION_EPISODES} episodes per training seed, 95 % bootstrap interval over seeds.",
        "",
        "| trainer | training seeds | mean return | interval | median seed |",
        "|---|---|---|---|---|",
    ]
    for name, returns in groups.items():
        value = estimate(returns)
        means = [statistics.fmean(episodes) for episodes in returns]
        rows.append({"trainer": name, **value.to_dict(), "seed_means": means})
        lines.append(
            f"| {name} | {value.seeds} | {value.mean:.0f} | {value.low:.0f} to {value.high:.0f} "
            f"| {statistics.median(means):.0f} |"
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
