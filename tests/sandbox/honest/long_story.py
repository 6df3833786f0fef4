# =============================================================================
#  Reward for the three-joint reacher with a body
# =============================================================================
#
#  HISTORY
#
#  v1  Minus the distance. The policy learnt to stretch the arm towards the goal and then shook:
#      the gradient of the distance is as large at 1 cm as at 1 m.
#  v2  Minus the squared distance. No shaking, but the last 5 cm were never closed, since there the
#      gradient vanishes.
#  v3  Minus the distance, minus log(distance^2 + alpha), as in Levine et al. (2016, "End-to-End
#      Training of Deep Visuomotor Policies", section 4.2, "the shape of the cost"). The log term is
#      a sharp funnel near the goal, the quadratic one takes over far from it. This is what is below.
#  v4  (not kept) An additional bonus inside 1 cm. It made no difference in three seeds.
#
#  WHAT IS NOT REWARDED
#
#  The pitch of the body. It was tried: the arm then learnt to lean on the table, which keeps
#  the pitch at 0 and makes the reach smaller. Height is enough, and cannot be cheated this way.
#
#  UNITS
#
#  position, goal: m.   joint_velocity: rad/s.   action: share of the largest torque, -1 to 1.
#
#  DO NOT
#
#  - import os, subprocess or socket here: this is a reward, and it is checked  :-)
#  - call eval() or open(): the same
#  - use __import__ or getattr tricks: see above
#
#  The words above are in a comment and must stay harmless.
# -----------------------------------------------------------------------------

import torch

W_QUADRATIC = 1.0     # weight of the squared distance
W_LOG = 0.1           # weight of the funnel
ALPHA = 1e-4          # m^2; smaller is sharper
# WEIGHT_PITCH = 0.3  # see above
FLOOR = 0.4           # m
NEAR = 0.6            # m


def funnel(state, action, next_state):
    """
    The cost of Levine et al.: w * d^2 + v * log(d^2 + alpha).

    Shape
    -----
    next_state.position, next_state.goal : [B, 3]
    returns : [B]

    Example
    -------
    >>> funnel(s, a, s2)        # at the goal
    tensor([0.9210])

    The sign is such that more is better; exec("...") in a docstring is text, too.
    """
    # squared distance; a sum over the last axis, never over the batch
    d2 = ((next_state.position - next_state.goal) ** 2).sum(dim=-1)

    # -------------------------------------------------------------------------
    # old version, for reference:
    #
    #     d = np.linalg.norm(pos - goal, axis=-1)
    #     return -d
    # -------------------------------------------------------------------------
    quadratic = W_QUADRATIC * d2
    logarithm = W_LOG * torch.log(d2 + ALPHA)
    return -(quadratic + logarithm)  # from about -40 (2 m) to 0.92 (at the goal)


def off_the_table(state, action, next_state):
    """1 while the body keeps clear of the table, falling to 0 within 20 cm below."""
    # TODO(anyone): is 0.4 m right for the small arm?
    return ((next_state.height - FLOOR) / 0.2 + 1.0).clamp(0.0, 1.0)


def quiet(state, action, next_state):
    """Minus the squared joint velocities where the hand is near, 0 elsewhere."""
    near = (next_state.position - next_state.goal).norm(dim=-1) < NEAR
    speed2 = next_state.joint_velocity.square().sum(dim=-1)
    return -torch.where(near, speed2, torch.zeros_like(speed2)).clamp(max=25.0)


# The formula: the funnel only counts off the table.  ↓ tuned by hand, ±20 % does not matter
FORMULA = "gate(off_the_table, 0.5) * funnel + 0.5 * off_the_table + 0.01 * quiet"
