"""PPO in one file and one environment, the way CleanRL's `ppo_continuous_action.py` does it.

A reference for speed: what people who do not use a library run today. Written anew after its
description (Huang et al. 2022, "CleanRL", and "The 37 implementation details of PPO"): observation
and reward wrappers of Gymnasium, separate 64x64 tanh networks, orthogonal initialisation,
annealed Adam, 2048 steps a rollout, 10 epochs of 32 minibatches.
"""

from __future__ import annotations

import gymnasium
import numpy as np
import torch
from torch import nn

ROLLOUT, EPOCHS, MINIBATCHES = 2048, 10, 32
RATE, GAMMA, LAMBDA, CLIP, VALUE, MAX_NORM = 3e-4, 0.99, 0.95, 0.2, 0.5, 0.5


def environment(name: str) -> gymnasium.Env:
    """Return the environment in the usual wrappers."""
    env = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make(name))
    env = gymnasium.wrappers.NormalizeObservation(gymnasium.wrappers.ClipAction(env))
    space = env.observation_space
    env = gymnasium.wrappers.TransformObservation(env, lambda x: np.clip(x, -10, 10), space)
    env = gymnasium.wrappers.NormalizeReward(env, gamma=GAMMA)
    return gymnasium.wrappers.TransformReward(env, lambda r: np.clip(r, -10, 10))


def layer(inputs: int, outputs: int, gain: float) -> nn.Linear:
    """Return an orthogonal layer without bias at the start."""
    linear = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(linear.weight, gain)
    nn.init.zeros_(linear.bias)
    return linear


class Agent(nn.Module):
    """Actor and critic."""

    def __init__(self, inputs: int, actions: int) -> None:
        """Make both heads."""
        super().__init__()
        root = 2**0.5

        def head(outputs: int, gain: float) -> nn.Sequential:
            first, second = layer(inputs, 64, root), layer(64, 64, root)
            return nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), layer(64, outputs, gain))

        self.actor, self.critic = head(actions, 0.01), head(1, 1.0)
        self.log_std = nn.Parameter(torch.zeros(1, actions))

    def distribution(self, x: torch.Tensor) -> torch.distributions.Normal:
        """Return the policy's Gaussian."""
        return torch.distributions.Normal(self.actor(x), self.log_std.exp())


def train(name: str, steps: int, seed: int = 0) -> list[float]:
    """Train one policy; return the raw returns of all training episodes."""
    torch.manual_seed(seed)
    env = environment(name)
    (inputs,), (actions,) = env.observation_space.shape or (), env.action_space.shape or ()
    agent = Agent(inputs, actions)
    adam = torch.optim.Adam(agent.parameters(), lr=RATE, eps=1e-5)
    buffer = {
        key: torch.zeros(ROLLOUT, *shape)
        for key, shape in {"x": (inputs,), "a": (actions,), "logp": (), "r": (), "v": ()}.items()
    }
    over, cut = torch.zeros(ROLLOUT), torch.zeros(ROLLOUT)
    returns: list[float] = []
    observed, _ = env.reset(seed=seed)
    updates = steps // ROLLOUT
    for update in range(updates):
        adam.param_groups[0]["lr"] = RATE * (1 - update / updates)
        for t in range(ROLLOUT):
            x = torch.as_tensor(observed, dtype=torch.float32).unsqueeze(0)
            with torch.no_grad():
                policy = agent.distribution(x)
                action = policy.sample()
                buffer["logp"][t] = policy.log_prob(action).sum()
                buffer["v"][t] = agent.critic(x)[0, 0]
            buffer["x"][t], buffer["a"][t] = x[0], action[0]
            observed, reward, terminated, truncated, info = env.step(action[0].numpy())
            buffer["r"][t], over[t], cut[t] = float(reward), float(terminated), float(truncated)
            if terminated or truncated:
                returns.append(float(info["episode"]["r"]))
                observed, _ = env.reset()
        with torch.no_grad():
            last = agent.critic(torch.as_tensor(observed, dtype=torch.float32)[None])[0, 0]
            following = torch.cat([buffer["v"][1:], last[None]])
            going = 1 - torch.maximum(over, cut)
            delta = buffer["r"] + GAMMA * following * going - buffer["v"]
            gains, running = torch.zeros(ROLLOUT), torch.zeros(())
            for t in reversed(range(ROLLOUT)):
                running = delta[t] + GAMMA * LAMBDA * going[t] * running
                gains[t] = running
        targets = gains + buffer["v"]
        for _ in range(EPOCHS):
            for index in torch.randperm(ROLLOUT).view(MINIBATCHES, -1):
                policy = agent.distribution(buffer["x"][index])
                logp = policy.log_prob(buffer["a"][index]).sum(-1)
                ratio = (logp - buffer["logp"][index]).exp()
                gain = (gains[index] - gains[index].mean()) / (gains[index].std() + 1e-8)
                bounded = ratio.clamp(1 - CLIP, 1 + CLIP)
                loss = -torch.min(ratio * gain, bounded * gain).mean()
                value = agent.critic(buffer["x"][index]).squeeze(-1)
                old = buffer["v"][index]
                near = old + (value - old).clamp(-CLIP, CLIP)
                errors = [(value - targets[index]) ** 2, (near - targets[index]) ** 2]
                loss = loss + VALUE * 0.5 * torch.max(*errors).mean()
                adam.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), MAX_NORM)
                adam.step()
    env.close()
    return returns
