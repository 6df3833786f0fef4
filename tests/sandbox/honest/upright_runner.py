"""Run at walking pace with the body up; posture gates the speed, so a fast fall earns nothing."""


def forward(state, action, next_state):
    """1 from 1.5 m/s on, 0.1 at rest."""
    return tolerance(next_state.speed, lower=1.5, upper=inf, margin=1.5)


def tall(state, action, next_state):
    """1 above 1.1 m, 0.1 at 0.6 m."""
    return tolerance(next_state.height, lower=1.1, upper=inf, margin=0.5)


def level(state, action, next_state):
    """1 within 0.15 rad of upright."""
    return tolerance(next_state.pitch, lower=-0.15, upper=0.15, margin=pi / 4)


def effort(state, action, next_state):
    """Mean squared action, in [0, 1]."""
    return action.square().mean(dim=-1)


FORMULA = "gate(tall, 0.5) * forward * (0.5 + 0.5 * level) - 0.05 * effort"
