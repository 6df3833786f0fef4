"""让机器人走向目标，同时保持平衡。"""

import torch


# 到目标的距离：越近越好
def approach(state, action, next_state):
    """每一步接近目标的距离（米）。"""
    before = torch.norm(state.goal - state.position, dim=-1)
    after = torch.norm(next_state.goal - next_state.position, dim=-1)
    return (before - after) / 0.05  # 除以时间步长


def balance(state, action, next_state):
    """俯仰角越小越好。"""
    return torch.exp(-next_state.pitch**2)


FORMULA = "approach + 0.2 * balance"
