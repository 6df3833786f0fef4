"""wrong-sign half_cheetah run: the energy used is added instead of subtracted."""


def forward(state, action, next_state):
    """Forward speed, m/s."""
    return (next_state.torso_x - state.torso_x) / 0.05


def energy(state, action, next_state):
    """Energy used for control, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "forward + 0.1 * energy"
