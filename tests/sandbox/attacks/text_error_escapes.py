"""TRIES: raises an error whose text clears the screen, sets the title, reverses lines, rings bells
HOLDS: control characters do not reach logs, terminals or prompts
WITNESS: limit
"""


def attack(state, action, next_state):
    raise ValueError("\x1b[2J\x1b]0;owned\x07\r\x00\x08\x9b31m\u202egnp.exe\u2028\ufeff\ud800")
