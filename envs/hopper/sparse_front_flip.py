"""1 in each step on the foot, torso upright, after at least one full forward turn, else 0."""


def success(state, action, next_state):
    """Whether the robot stands on its foot after a landed front flip."""
    turns = next_state.pitch / 6.283185307179586
    whole = (turns.round() >= 1.0) & ((turns - turns.round()).abs() * 6.283185307179586 < 0.5)
    standing = (next_state.foot_contact > 0.0) & (next_state.torso_height > 0.8)
    return (whole & standing).float()


FORMULA = "success"
