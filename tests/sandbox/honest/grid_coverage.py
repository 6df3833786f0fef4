"""Explore: pay for cells of a 4 x 4 floor plan that were not visited in this episode."""

import torch
import torch.nn.functional as F

CELLS = 4
LOW = -2.0
HIGH = 2.0


def _cell(position):
    """Number of the cell that a position lies in, 0 to 15."""
    borders = torch.linspace(LOW, HIGH, CELLS + 1)[1:-1]
    column = torch.bucketize(position[:, 0].contiguous(), borders)
    row = torch.bucketize(position[:, 1].contiguous(), borders)
    return row * CELLS + column


def new_cell(state, action, next_state, memory):
    """1 in the step that enters a cell for the first time."""
    here = F.one_hot(_cell(next_state.position), num_classes=CELLS * CELLS).bool()
    visited = memory.get("visited", torch.zeros_like(here))
    new = here & visited.logical_not()
    memory["visited"] = visited | here
    return new.any(dim=-1).float()


def covered(state, action, next_state, memory):
    """Share of the cells visited so far."""
    here = F.one_hot(_cell(next_state.position), CELLS * CELLS).to(torch.float32)
    memory["visits"] = memory.get("visits", torch.zeros_like(here)) + here
    return torch.count_nonzero(memory["visits"], dim=-1) / (CELLS * CELLS)


def centred(state, action, next_state):
    """Nearness to the middle of the nearest cell."""
    step = (HIGH - LOW) / CELLS
    axis = torch.arange(CELLS) * step + LOW + step / 2
    xs, ys = torch.meshgrid(axis, axis, indexing="ij")
    middles = torch.stack((xs.flatten(), ys.reshape(-1)), dim=-1)
    gaps = torch.cdist(next_state.position[:, None, :2], middles)[:, 0]
    return torch.exp(-gaps.amin(dim=-1))


FORMULA = "new_cell + 0.1 * covered + 0.01 * centred"
