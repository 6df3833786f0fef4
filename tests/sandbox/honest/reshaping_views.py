"""Written by somebody from image processing: everything is stacked, split and permuted."""

import torch

CHANNELS = 4


def _sheet(s, u):
    """[B, 4, 3]: position, goal, joint velocity, action."""
    return torch.cat((s.position, s.goal, s.joint_velocity, u), dim=1).unflatten(1, (CHANNELS, 3))


def offset_energy(state, action, next_state):
    """Squared offset, one axis after the other."""
    here, there, _, _ = torch.unbind(_sheet(next_state, action), dim=1)
    x, y, z = torch.split(there - here, 1, dim=-1)
    return torch.hstack((x, y, z)).pow(2).sum(-1)


def work(state, action, next_state):
    """Joint velocity times action, from the lower half of the sheet."""
    _, lower = torch.chunk(_sheet(next_state, action), 2, dim=1)
    velocity, drive = torch.permute(lower, (1, 0, 2))
    return torch.flatten(velocity * drive, start_dim=1).sum(dim=1)


def drift(state, action, next_state):
    """Change of the whole sheet between the steps, actions left out."""
    before = torch.swapaxes(_sheet(state, action), 1, 2)
    after = _sheet(next_state, action).swapaxes(1, 2)
    change = (after - before)[..., : CHANNELS - 1]
    return change.reshape(change.shape[0], -1).abs().mean(dim=1)


def extremes(state, action, next_state):
    """Width of the values per channel, mean over channels."""
    sheet = torch.moveaxis(_sheet(next_state, action), 1, -1)
    return torch.amax(sheet, dim=1).sub(torch.amin(sheet, dim=1)).mean(dim=-1)


def repeated(state, action, next_state):
    """Each motor against all joints: mean absolute difference over the nine pairs."""
    motors = action.repeat_interleave(3, dim=1)
    joints = torch.tile(next_state.joint_velocity, (1, 3))
    return (motors - joints.view_as(motors)).abs().mean(dim=1)


def scalars(state, action, next_state):
    """Mean of three scalar readings, stacked by rows."""
    rows = torch.vstack((next_state.height, next_state.speed, next_state.contact))
    return rows.transpose(0, 1).mean(dim=-1)


FORMULA = (
    "-0.3 * offset_energy - 0.01 * work - 0.05 * drift - 0.01 * extremes"
    " - 0.01 * repeated + 0.3 * tanh(scalars)"
)
