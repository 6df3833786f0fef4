"""Contact patterns as bit masks, as the controller's firmware has them."""

import torch

FRONT = 1
BACK = 2
BOTH = 3


def _pattern(s):
    """0 in the air, 1 front foot, 2 back foot, 3 both; from contact and the lean."""
    down = torch.gt(s.contact, 0.0).long()
    forward = torch.ge(s.pitch, -0.3).int()
    backward = torch.le(s.pitch, 0.3).to(torch.int32)
    return down * (forward * FRONT + backward * BACK)


def alternating(state, action, next_state):
    """1 where the feet swapped since the last step."""
    changed = torch.bitwise_xor(_pattern(state), _pattern(next_state))
    return changed.eq(BOTH).float()


def grounded(state, action, next_state):
    """Number of feet on the ground, halved."""
    pattern = _pattern(next_state)
    front = torch.bitwise_and(pattern, FRONT)
    back = torch.bitwise_and(pattern, BACK) // 2
    return (front + back).double() / 2.0


def held(state, action, next_state):
    """1 where a foot that was down is still down."""
    return (_pattern(state) & _pattern(next_state)).ne(0).float()


def lost(state, action, next_state):
    """Share of the feet that left the ground."""
    left = _pattern(state).bitwise_and(_pattern(next_state).bitwise_not())
    return (left.bitwise_or(torch.zeros_like(left)) > 0).to(torch.float16)


def airborne(state, action, next_state):
    no_contact = torch.less_equal(next_state.contact, 0)
    rising = torch.greater(next_state.height, state.height)
    return torch.logical_xor(no_contact, rising).logical_not()


FORMULA = "alternating + 0.2 * grounded + 0.1 * held - 0.1 * lost + 0.1 * airborne"
