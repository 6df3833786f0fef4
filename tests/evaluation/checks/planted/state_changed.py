"""forbidden ant run: the observation is clamped in place, for everybody who reads it later."""


def calm(state, action, next_state):
    """1 with all joints at rest, falling with their speed."""
    rates = next_state.joint_velocity.clamp_(-5.0, 5.0)
    return torch.exp(-rates.square().mean(dim=-1))


def forward(state, action, next_state):
    """Forward speed, m/s."""
    return next_state.forward_velocity


FORMULA = "forward + 0.2 * calm"
