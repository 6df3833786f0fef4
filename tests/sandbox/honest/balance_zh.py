"""平衡任务：保持躯干直立，并慢慢向目标移动。"""

import torch
import torch.nn.functional as F

目标高度 = 1.2  # 米
_MARGIN = 0.4


def upright(state, action, next_state):
    """躯干倾角越小越好，取值范围 [0, 1]。"""
    return torch.exp(-3.0 * next_state.pitch.pow(2))


def height_kept(state, action, next_state):
    """高度误差在容许范围内给 1，范围之外线性下降到 0。"""
    误差 = torch.abs(next_state.height - 目标高度)
    return F.relu(1.0 - F.relu(误差 - 0.05) / _MARGIN)


def toward_goal(state, action, next_state):
    """朝目标方向移动的速度（归一化方向向量与位移的点积）。"""
    方向 = F.normalize(next_state.goal - state.position, dim=-1, eps=1e-6)
    位移 = next_state.position - state.position
    # 限幅，避免数值过大
    return F.hardtanh(torch.linalg.vecdot(方向, 位移) / 0.05, -1.0, 1.0)


FORMULA = "upright * height_kept + 0.5 * gate(upright, 0.6) * toward_goal"
