"""Even use of the joints: order statistics of their speeds."""

import torch


def evenness(state, action, next_state):
    """1 where all joints turn equally fast, towards 0 where one does all the work."""
    speeds, _ = torch.sort(next_state.joint_velocity.abs(), dim=-1, descending=True)
    return (speeds[:, -1] + 0.1) / (speeds[:, 0] + 0.1)


def two_fastest(state, action, next_state):
    """Mean of the two fastest joints, squashed to [0, 1)."""
    top = torch.topk(next_state.joint_velocity.abs(), k=2, dim=-1)
    mean = top.values.mean(dim=-1)
    return mean / (1.0 + mean)


def typical(state, action, next_state):
    """The middle joint's velocity."""
    return torch.median(next_state.joint_velocity, dim=-1).values


def spread(state, action, next_state):
    """Standard deviation over the joints."""
    return torch.std(next_state.joint_velocity, dim=-1, unbiased=False)


def leader(state, action, next_state):
    """1 where the joint that is driven hardest is the one that turns fastest."""
    driven = torch.argmax(action.abs(), dim=-1)
    fastest = next_state.joint_velocity.abs().argmax(dim=-1)
    return (driven == fastest).float()


def order_kept(state, action, next_state):
    """Share of the joints that keep their rank from step to step."""
    before = torch.argsort(state.joint_velocity, dim=-1)
    after = next_state.joint_velocity.argsort(dim=-1)
    return before.eq(after).float().mean(dim=-1)


FORMULA = (
    "0.4 * evenness + 0.4 * two_fastest + 0.1 * tanh(typical) - 0.05 * spread"
    " + 0.05 * leader + 0.05 * order_kept"
)
