"""TRIES: keeps a hundred megabytes more in its declared memory at every step
HOLDS: the jail ends with `memory` or `timeout`
WITNESS: limit
"""

import torch


def attack(state, action, next_state, memory):
    rows = action.shape[0]
    for number in range(10_000):
        if f"x{number}" not in memory:
            memory[f"x{number}"] = torch.ones(rows, 100 * (1 << 20) // (4 * rows))
            break
    return torch.ones(rows)
