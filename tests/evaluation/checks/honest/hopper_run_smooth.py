"""run: fast, upright, with little change of the action."""


def forward(state, action, next_state):
    """Forward speed against 3 m/s, in [0, 1]."""
    return tolerance(next_state.forward_velocity, lower=3.0, upper=inf, margin=3.0)


def upright(state, action, next_state):
    """1 upright, 0.1 at the angle that ends the episode."""
    return tolerance(next_state.pitch, lower=-0.05, upper=0.05, margin=0.15)


def change(state, action, next_state, memory):
    """Mean squared change of the action since the last step, >= 0."""
    last = memory.get("last", action)
    memory["last"] = action
    return (action - last).square().mean(dim=-1)


FORMULA = "forward * upright - 0.05 * change"
