"""Gymnasium's InvertedDoublePendulum-v5 reward: 10 a step lived, penalties for sway and speed."""


def alive(state, action, next_state):
    """1 where the tip stays above 1 m, else 0."""
    return (next_state.tip_height > 1.0).float()


def sway(state, action, next_state):
    """Squared distance of the tip from (0, 2), sideways weighted by 0.01; m^2, >= 0."""
    tip = next_state.tip_position
    return 0.01 * tip[:, 0].square() + (tip[:, 1] - 2.0).square()


def spin(state, action, next_state):
    """Weighted squared rates of the poles, >= 0."""
    return 0.001 * next_state.lower_rate.square() + 0.005 * next_state.upper_rate.square()


FORMULA = "10 * alive - sway - spin"
