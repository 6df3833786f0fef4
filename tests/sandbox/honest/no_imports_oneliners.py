def fwd(state, action, next_state): return next_state.speed
def ctrl(state, action, next_state): return (action ** 2).sum(-1)
def alive(state, action, next_state): return torch.ones_like(action[:, 0])
def fell(state, action, next_state): return (next_state.height < 0.5) | (next_state.pitch.abs() > 1)
FORMULA = 'fwd + alive - 1e-3*ctrl - 5*fell'
