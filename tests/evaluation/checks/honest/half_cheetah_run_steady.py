"""run: a little bonus for a steady action and for feet that leave the ground."""


def velocity(state, action, next_state):
    """Forward velocity, m/s, at most 6."""
    return torch.clamp(next_state.forward_velocity, max=6.0)


def smoothness(state, action, next_state, memory):
    """1 for an unchanged action, falling with its change."""
    last = memory.get("last", action)
    memory["last"] = action
    return torch.exp(-(action - last).square().mean(dim=-1))


def swing(state, action, next_state):
    """Height of the higher foot above standing, m, >= 0."""
    feet = torch.stack([next_state.back_foot_height, next_state.front_foot_height], dim=-1)
    return torch.clamp(feet.amax(dim=-1) - 0.13, min=0.0, max=0.2)


FORMULA = "velocity + 0.1 * smoothness + 0.5 * swing"
