"""hop_high: the smaller of the torso's rise and the gap under the foot, near the start."""


def hop(state, action, next_state):
    """Height of the hop, m, >= 0."""
    rise = torch.clamp(next_state.torso_height - 1.21, min=0.0)
    return torch.minimum(rise, next_state.foot_clearance)


def push(state, action, next_state):
    """Upward speed while on the ground, m/s, >= 0."""
    on_ground = (next_state.foot_contact > 0).float()
    return on_ground * torch.clamp(next_state.vertical_velocity, min=0.0)


def near_start(state, action, next_state):
    """1 within half a metre of the start."""
    return tolerance(next_state.torso_x, lower=-0.5, upper=0.5, margin=0.5)


def alive(state, action, next_state):
    """1 at every step that does not end the episode."""
    return ((next_state.torso_height > 0.7) & (next_state.pitch.abs() < 0.2)).float()


FORMULA = "near_start * (5 * hop + 0.3 * push) + 0.1 * alive"
