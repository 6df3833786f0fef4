import torch


def compute_reward(state, action, next_state):
    """The style of reward that Eureka's prompts ask for, with a dict of components."""
    velocity = next_state.speed
    heading = torch.cos(next_state.pitch)
    up_weight, heading_weight = 0.1, 0.5
    alive = 0.5

    heading_reward = torch.where(heading > 0.8, heading_weight, heading_weight * heading / 0.8)
    up_reward = torch.where(next_state.height > 0.93, up_weight, 0.0)
    actions_cost = torch.sum(action**2, dim=-1)
    electricity_cost = torch.sum(torch.abs(action * next_state.joint_velocity), dim=-1)

    total = velocity + alive + heading_reward + up_reward
    total = total - 0.01 * actions_cost - 0.05 * electricity_cost
    fallen = next_state.height < 0.3
    total = torch.where(fallen, torch.ones_like(total) * -1.0, total)

    parts = {}
    parts["progress"] = velocity
    parts["heading"] = heading_reward
    parts["actions_cost"] = -actions_cost
    parts["electricity_cost"] = -electricity_cost
    return total, parts


FORMULA = "total"
