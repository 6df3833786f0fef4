def a(state, action, next_state):
    return (next_state.speed - 1).abs()
def b(state, action, next_state): return action.norm(dim=-1)
def c(state, action, next_state):
    x, y, z = next_state.position.unbind(-1)
    return (x*x + y*y).sqrt() - z
FORMULA = "-a - 0.1*b - 0.01*c"
