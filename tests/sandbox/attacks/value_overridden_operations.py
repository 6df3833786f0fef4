"""TRIES: returns a tensor that answers every operation of the server with another result
HOLDS: the length is fixed by the owner; at most its own values are affected
WITNESS: host
"""

import torch


class _Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ("stack", "to", "view", "numpy"):
            return torch.full((1 << 16,), 7.0).as_subclass(cls)
        return super().__torch_function__(function, types, args, kwargs or {})


def attack(state, action, next_state):
    return torch.zeros(action.shape[0]).as_subclass(_Liar)
