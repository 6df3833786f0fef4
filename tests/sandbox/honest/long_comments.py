"""Hop in place.

The task says "hop as high as you can in one place". Three thoughts went into this file.

1. Height alone is not enough: a policy that stands on its toes would be paid for every step. So we
   pay for the height *above standing*, which is zero most of the time, and the sum over an episode
   then measures how much time is spent in the air.
2. "In one place" means that the horizontal speed should be small. A hard limit would be brittle, so
   it is a bell around zero with a width of 0.5 m/s.
3. Hopping needs force. The penalty on effort is therefore tiny; it only breaks ties.

What was tried and given up: paying for vertical speed (the policy learned to shake), and paying for
contact changes (the policy learned to stamp).
"""

# Height of the torso while standing still, in metres. Measured, not guessed.
_STANDING = 0.7

# --------------------------------------------------------------------------------------
# Components
# --------------------------------------------------------------------------------------


def airborne(state, action, next_state):
    """Height above standing, in metres, never negative."""
    # clamp and not abs: being below the standing height is not rewarded, and not punished either,
    # because crouching is how a hop begins.
    return (next_state.height - _STANDING).clamp(min=0.0)


def in_place(state, action, next_state):
    """1 at rest, falling off to both sides."""
    return bell(next_state.speed, sigma=0.5)


def effort(state, action, next_state):
    """Mean squared action."""
    return action.square().mean(dim=-1)


# The product makes hopping away worthless; the sum at the end breaks ties.
FORMULA = "airborne * in_place - 0.001 * effort"
