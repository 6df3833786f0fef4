"""run: tiers of speed over a smooth slope."""


def forward_speed(state, action, next_state):
    """Velocity along x, m/s."""
    return next_state.forward_velocity


def power_cost(state, action, next_state):
    """Mean of |torque times joint velocity|, >= 0."""
    return (action * next_state.joint_velocity).abs().mean(dim=-1)


FORMULA = "tanh(forward_speed / 4) + 0.2 * tiers(forward_speed, 1, 3, 5) - 0.01 * power_cost"
