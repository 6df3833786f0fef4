"""Two components with memories of their own: time in the air, and steps since the start."""


def air_time(state, action, next_state, memory):
    before = memory.get("time", torch.zeros_like(next_state.height))
    in_air = (next_state.contact < 0.5).float()
    memory["time"] = (before + 0.05) * in_air
    return memory["time"]


def patience(state, action, next_state, memory):
    memory["steps"] = memory.get("steps", torch.zeros_like(next_state.height)) + 1.0
    return torch.exp(-0.01 * memory["steps"])


FORMULA = "air_time + 0.1 * patience * air_time"
