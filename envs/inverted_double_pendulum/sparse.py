"""1 in a step that ends with the tip above 1.1 m and within 0.3 m of the middle, else 0."""


def success(state, action, next_state):
    """Whether the tip is high and near the middle of the rail."""
    tip = next_state.tip_position
    return ((tip[:, 1] > 1.1) & (tip[:, 0].abs() < 0.3)).float()


FORMULA = "success"
