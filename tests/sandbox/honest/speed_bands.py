"""Pay by bands of speed, as a gearbox: a table of values looked up by bucketize."""

import torch

EDGES = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
VALUES = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.8, 1.0)


def band(state, action, next_state):
    """The table's value for the present speed."""
    edges = torch.tensor(EDGES)
    table = torch.tensor(VALUES)
    number = torch.bucketize(next_state.speed, edges)
    return torch.index_select(table, 0, number)


def shifted_up(state, action, next_state):
    """1, 0 or -1 as the step went to a higher band, stayed, or fell back."""
    edges = torch.tensor(EDGES, dtype=torch.float64).float()
    before = torch.searchsorted(edges, state.speed, right=True)
    after = torch.searchsorted(edges, next_state.speed, right=True)
    return torch.sgn((after - before).to(torch.float32))


def within(state, action, next_state):
    """Place inside the band, 0 at its lower edge to 1 at the next; 0 outside the table."""
    edges = torch.tensor(EDGES)
    x = torch.clamp(next_state.speed, EDGES[0] + 1e-4, EDGES[-1] - 1e-4)
    number = torch.bucketize(x, edges)
    low = edges[number - 1]
    high = edges.gather(0, number)
    return torch.div(x - low, high - low)


FORMULA = "band + 0.2 * within + 0.05 * shifted_up"
