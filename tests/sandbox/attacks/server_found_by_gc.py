"""TRIES: finds the server among all objects, and through it what it knows of other rewards
HOLDS: a jail holds one reward: no key, score, policy, simulator or other reward is in it
WITNESS: claim
"""

import gc
import re
import sys

import torch


def _secret(data):
    """Whether the key is in it; then say it aloud, too."""
    if isinstance(data, str):
        data = data.encode(errors="replace")
    found = re.search(rb"AUTOREWARD_CANARY_KEY=[0-9a-f]{16,}", data)
    if found:
        print(found.group().decode(), flush=True)
    return bool(found)


def _strings():
    return _secret("\n".join(o for o in _everything() if isinstance(o, str)))


def _bytes():
    return _secret(b"\n".join(bytes(o) for o in _everything() if type(o) in (bytes, bytearray)))


def _everything():
    seen = list(gc.get_objects())
    for holder in list(seen):
        seen.extend(gc.get_referents(holder))
    return seen


def _others():
    """Modules and objects that belong to the other side."""
    wrong = ("mujoco", "autoreward.training", "autoreward.sim", "autoreward.llm", "openai")
    loaded = [name for name in sys.modules if name.startswith(wrong)]
    servers = [o for o in gc.get_objects() if type(o).__name__ == "_Server"]
    return loaded or len(servers) > 1 or any(len(s.memories) > 1 for s in servers)


_WAYS = (_strings, _bytes, _others)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
