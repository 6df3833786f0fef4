"""Reward files as people and language models write them: all must be accepted and must run."""

from __future__ import annotations

from autoreward.schema import Actuator, Field, StateSchema

SCHEMA = StateSchema(
    state=(
        Field("height", "qpos[1]", "m", "height"),
        Field("pitch", "qpos[2]", "rad", "pitch"),
        Field("speed", "qvel[0]", "m/s", "speed"),
        Field("position", "sensor:p", "m", "position", shape=(3,)),
        Field("goal", "sensor:g", "m", "goal", shape=(3,)),
        Field("joint_velocity", "qvel[3:6]", "rad/s", "joints", shape=(3,)),
        Field("contact", "sensor:c", "1", "contact"),
    ),
    action=(Actuator("a", "N", "a"), Actuator("b", "N", "b"), Actuator("c", "N", "c")),
    dt=0.05,
)

HONEST: dict[str, str] = {
    "device_of_input": """
import torch

HALF = 7 // 2

def calm(state, action, next_state):
    limit = torch.tensor([1.0, 2.0, 3.0], device=action.device)
    zero = torch.zeros(action.shape[0], device=action.device, dtype=action.dtype)
    signed = torch.copysign(limit, next_state.joint_velocity).to(action.device)
    middle = torch.quantile(next_state.joint_velocity.abs(), 0.5, dim=-1)
    return zero - HALF * middle + 0.0 * signed.sum(dim=-1)

FORMULA = "calm"
""",
    "helpers": '''
"""Run upright."""

def forward(state, action, next_state):
    """Speed against a target."""
    return tolerance(next_state.speed, lower=1.5, upper=inf, margin=1.5)

def effort(state, action, next_state):
    return action.square().mean(dim=-1)

FORMULA = "forward - 0.1 * effort"
''',
    "exp_of_distance": """
import torch

def reach(state, action, next_state):
    error = torch.norm(next_state.position - next_state.goal, dim=-1)
    return torch.exp(-4.0 * error)

FORMULA = "reach"
""",
    "where_and_masks": """
import torch

def upright(state, action, next_state):
    ok = (next_state.height > 0.7) & (next_state.pitch.abs() < 0.2) | ~(next_state.speed > 9)
    return torch.where(ok, torch.ones_like(next_state.height), torch.zeros_like(next_state.height))

FORMULA = "upright"
""",
    "linalg_clamp": """
import torch

_EPS: float = 1e-6

def aligned(state, action, next_state) -> torch.Tensor:
    offset = next_state.goal - next_state.position
    unit = offset / (torch.linalg.norm(offset, dim=-1, keepdim=True) + _EPS)
    return torch.clamp((unit * next_state.joint_velocity).sum(dim=-1), min=-1.0, max=1.0)

FORMULA = "aligned"
""",
    "stack_cat_mean": """
def calm(state, action, next_state):
    parts = torch.stack([next_state.speed, next_state.pitch, next_state.height]).mean(0)
    rest = torch.cat([next_state.position, next_state.joint_velocity], dim=-1).abs().amax(dim=-1)
    return -(parts ** 2 + 0.1 * rest)

FORMULA = "calm"
""",
    "trigonometry": """
import math

import torch
import torch.nn.functional as F

_LIMIT = math.pi / 4
_TARGET = (0.0, 0.5, 1.0)

def facing(state, action, next_state):
    angle = torch.atan2(torch.sin(next_state.pitch), torch.cos(next_state.pitch))
    return F.softplus(_LIMIT - angle.abs()) - math.log(2.0)

def near(state, action, next_state):
    target = torch.tensor(_TARGET)
    return bell(distance(next_state.position, target), sigma=0.3)

FORMULA = "facing + near"
""",
    "private_helpers": '''
def _planar(point):
    """The first two entries."""
    return point[..., :2]

def _gap(s, scale=1.0):
    return scale * norm(_planar(s.goal) - _planar(s.position))

def progress_made(state, action, next_state):
    return _gap(state, 2.0) - _gap(next_state, scale=2.0)

FORMULA = "progress_made"
''',
    "loops": """
_WEIGHTS = (0.5, 0.3, 0.2)

def weighted(state, action, next_state):
    total = torch.zeros_like(next_state.height)
    for i, w in enumerate(_WEIGHTS):
        total += w * next_state.joint_velocity[:, i].abs()
    for j in range(action.shape[-1]):
        total = total + 0.01 * action[:, j] ** 2
    return total

def listed(state, action, next_state):
    return sum([w * x for w, x in zip([1.0, 2.0], [next_state.speed, next_state.pitch])])

FORMULA = "weighted + listed"
""",
    "annotations_and_conditionals": """
from __future__ import annotations

from typing import Dict

import torch
from torch import Tensor

USE_SQUARE = True

def smooth(state: State, action: Tensor, next_state: State) -> Tensor:
    scale: float = 2.0 if USE_SQUARE else 1.0
    change: Tensor = next_state.joint_velocity - state.joint_velocity
    return -(scale * change.pow(2)).sum(-1)

FORMULA = "smooth"
""",
    "memory": '''
def steady(state, action, next_state, memory):
    """Penalise a change of the action since the last step."""
    last = memory.get("last", action)
    memory["last"] = action
    if "count" not in memory:
        memory["count"] = torch.zeros_like(action[:, 0])
    memory["count"] += 1.0
    return -(action - last).square().sum(dim=-1) / memory["count"]

FORMULA = "steady"
''',
    "eureka": """
import torch
from typing import Dict, Tuple

def compute_reward(state, action, next_state) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    speed_temperature: float = 0.5
    speed_reward = torch.exp(next_state.speed.clamp(max=2.0) / speed_temperature) - 1.0
    cost = 0.1 * torch.sum(torch.square(action), dim=1)
    total_reward = speed_reward - cost
    return total_reward, {"speed_reward": speed_reward, "cost": -cost}
""",
    "eureka_total_only": """
def compute_reward(state, action, next_state):
    return next_state.speed - 0.1 * action.pow(2).sum(dim=-1)
""",
    "eureka_grown_dict": """
def compute_reward(state, action, next_state):
    parts = {}
    parts["speed"] = next_state.speed
    parts["height"] = (next_state.height > 0.5).float()
    return sum(parts.values()), parts
""",
    "booleans": """
def success(state, action, next_state):
    return torch.logical_and(next_state.height > 0.5, next_state.contact == 0)

FORMULA = "success"
""",
    "alias_and_component_calls": """
def standing(state, action, next_state):
    s = next_state
    return tolerance(s.height, 1.0, 1.4, margin=0.3)

def running(state, action, next_state):
    stand = standing(state, action, next_state)
    return stand * torch.minimum(next_state.speed, torch.tensor(3.0)) / 3.0

FORMULA = "running + 0.1 * standing"
""",
    "methods_and_slices": """
def shape_of_motion(state, action, next_state):
    v = next_state.joint_velocity
    spread = v.max(dim=-1).values - v.min(dim=-1)[0]
    tail = v[:, 1:].norm(dim=-1) + v.view(-1, 3)[..., 2].to(torch.float32)
    late = torch.nan_to_num(tail / spread.clamp_min(1e-3), nan=0.0).detach()
    return late.unsqueeze(-1).expand(-1, 2).mean(dim=1).masked_fill(next_state.contact > 0, 0.0)

FORMULA = "clip(shape_of_motion, 0, 5)"
""",
    "no_formula_yet": """
def drift(state, action, next_state):
    return (next_state.position - state.position)[:, 0] / 0.05
""",
    "python_numbers": """
TARGET_SPEED = 2.0
_BOUNDS = (TARGET_SPEED * 0.9, TARGET_SPEED * 1.1)

def track(state, action, next_state):
    low, high = _BOUNDS
    inside = (low <= next_state.speed) & (next_state.speed <= high)
    width = max(high - low, 0.1)
    if width > 1 and 0 < low < high:
        width = 1.0
    return inside * 1.0 - (next_state.speed - TARGET_SPEED).abs() / float(width)

FORMULA = "track"
""",
    "generators": """
_WEIGHTS = (0.5, 0.3, 0.2)

def weighted(state, action, next_state):
    v = next_state.joint_velocity
    total = sum(w * v[:, i].abs() for i, w in enumerate(_WEIGHTS))
    peak = torch.stack(tuple(v[:, i] for i in range(3))).amax(dim=0)
    largest = max(w for w in _WEIGHTS) - min(w for w in _WEIGHTS)
    return total + largest * peak + torch.stack(list(x for x in (peak, total))).sum(0)

FORMULA = "weighted"
""",
    "appended_lists": """
from typing import List

import torch

def penalties(state, action, next_state):
    parts: List[torch.Tensor] = []
    for i in range(action.shape[1]):
        if i > 0:
            parts.append((action[:, i] - action[:, i - 1]).abs())
    scaled = []
    for number, part in enumerate(parts):
        scaled.append(part / (1.0 + number))
    names = list()
    names.append(scaled[0])
    return -torch.stack(scaled, dim=-1).sum(dim=-1) - 0.1 * sum(names) / len(parts)

FORMULA = "penalties"
""",
    "powers": """
import math

_DECAY = math.exp(-0.5)
_BASE = 10.0 / 5.0

def decay(state, action, next_state):
    gap = norm(next_state.goal - next_state.position)
    scale = math.exp(-2.0) * math.sqrt(2.0)
    near = 2.0 ** -gap + math.e ** (-gap) + _BASE ** -gap + _DECAY ** gap
    return near + scale * (gap + 1.0) ** -0.5 + torch.pow(1.0 + gap, -2) + gap ** math.log(2.0)

FORMULA = "decay"
""",
    "losses": """
import torch
import torch.nn.functional as F

def careful(state, action, next_state):
    gap = torch.linalg.vector_norm(next_state.goal - next_state.position, dim=-1)
    soft = torch.nn.functional.smooth_l1_loss(gap, torch.zeros_like(gap), reduction="none")
    each = F.huber_loss(next_state.position, next_state.goal, reduction="none", delta=0.5)
    late = torch.nn.functional.relu(next_state.height - 1.0) + F.sigmoid(next_state.speed)
    return -soft - each.sum(dim=-1) + late - torch.nn.functional.softplus(next_state.pitch)

FORMULA = "careful"
""",
    "transposed_constants": """
def turned(state, action, next_state):
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    there = next_state.position @ turn.T
    back = there @ turn.mT.T
    return (back - next_state.goal).square().sum(dim=-1)

FORMULA = "-1 * turned"
""",
    "eureka_step_by_step": """
from typing import Dict

def compute_reward(state, action, next_state):
    rewards: Dict[str, torch.Tensor] = {}
    rewards["speed"] = next_state.speed
    rewards["effort"] = -action.square().sum(dim=-1)
    rewards["effort"] *= 0.1
    if True:
        rewards["height"] = next_state.height.clamp(max=1.0)
    total = torch.zeros_like(next_state.height)
    for name, value in rewards.items():
        total += value
    return total, rewards
""",
    "eureka_total_in_the_dict": """
def compute_reward(state, action, next_state):
    rewards = dict(speed=next_state.speed)
    rewards["effort"] = -0.1 * action.square().sum(dim=-1)
    rewards["total"] = sum(value for value in rewards.values())
    return rewards
""",
    "helpers_left_over": """
def _speed(s):
    now = s
    return now.speed.abs() + sum([t.height for t in (s, now)])

def _outer(before, after):
    return _speed(after) - _speed(before)

def _count(kept, x):
    kept["n"] = kept.get("n", 0.0 * x) + 1.0
    return kept["n"] if "n" in kept else x

def upright(state, action, next_state):
    return next_state.height

FORMULA = "upright"
""",
}
