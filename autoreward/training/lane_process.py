"""A lane in a process of its own, forked from the trainer: no lock, no copy of the libraries."""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from autoreward.config import TrainingSettings
from autoreward.environments.environment import Environment
from autoreward.training.lane import Lane
from autoreward.training.learner import LearnerSpec

_PR_SET_PDEATHSIG = 1
_STANDARD_STREAMS = 3


def start_lanes(
    environment: Environment, horizon: int, settings: TrainingSettings, threads: int
) -> list[Lane | LaneProcess]:
    """Return a lane for each thread, but no more than there are learners.

    Where that is more than one they are forked from this process: do it before it has threads.
    MuJoCo Warp has one lane, in this process: it takes all learners in one batch.

    Args:
        environment: What the learners train in.
        horizon: Steps after which an episode is cut off.
        settings: Slots, and sizes and step sizes of PPO.
        threads: Threads to use in all.

    Raises:
        UsageError: The device or the simulator cannot be used here.
    """
    if settings.simulator == "warp":
        return [Lane(environment, horizon, settings, threads)]
    count = max(1, min(threads, settings.slots))
    # A lane steps its rows on its own thread; a pool of one would only hand them over.
    each = threads // count if threads >= 2 * count else 0
    make = functools.partial(Lane, environment, horizon, settings, each)
    return [make()] if count == 1 else [LaneProcess(make) for _ in range(count)]


class LaneProcess:
    """Calls the methods of a `Lane` in another process.

    Only our own code runs there, so what passes between the two is pickled.

    Args:
        make: Makes the lane, in the new process and when it is first called.
    """

    def __init__(self, make: Callable[[], Lane]) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        self.pid = os.fork()
        if not self.pid:
            _serve(make, theirs)
        theirs.close()

    def admit(self, spec: LearnerSpec) -> None:
        """See `Lane.admit`."""
        self._call("admit", spec)

    def evict(self, index: int) -> None:
        """See `Lane.evict`."""
        self._call("evict", index)

    def policy(self, index: int) -> dict[str, Tensor]:
        """See `Lane.policy`."""
        policy: dict[str, Tensor] = self._call("policy", index)
        return policy

    def checkpoint(self, index: int) -> dict[str, Tensor]:
        """See `Lane.checkpoint`."""
        state: dict[str, Tensor] = self._call("checkpoint", index)
        return state

    def restore(self, index: int, state: dict[str, Tensor]) -> None:
        """See `Lane.restore`."""
        self._call("restore", index, state)

    def inherit(self, index: int, state: dict[str, Tensor]) -> None:
        """See `Lane.inherit`."""
        self._call("inherit", index, state)

    def send(self, method: str, arguments: tuple[Any, ...]) -> None:
        """Begin a call of any method; `receive` ends it."""
        self._connection.send_bytes(pickle.dumps((method, arguments), pickle.HIGHEST_PROTOCOL))

    def receive(self) -> Any:
        """Return what the method that was called returned.

        Raises:
            ChildProcessError: It raised, or its process ended.
        """
        try:
            whole, answer = pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            raise ChildProcessError("a process that trains learners was ended") from None
        if not whole:
            raise ChildProcessError(f"a process that trains learners failed:\n{answer}")
        return answer

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _call(self, method: str, *arguments: Any) -> Any:
        self.send(method, arguments)
        return self.receive()


def _serve(make: Callable[[], Lane], connection: Connection) -> None:
    """Answer calls until the other side is gone; never returns to the caller's code."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # One thread a lane; and a pool that the parent may have had did not survive the fork.
        torch.set_num_threads(1)
        # An end of somebody else's pipe kept open here would hide that its owner is gone.
        os.closerange(_STANDARD_STREAMS, connection.fileno())
        os.closerange(connection.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        lane: Lane | None = None
        while True:
            call = connection.recv_bytes()
            try:
                lane = lane or make()  # what goes wrong there is told as an answer, too
                method, arguments = pickle.loads(call)
                answer = (True, getattr(lane, method)(*arguments))
            except Exception:
                answer = (False, traceback.format_exc())
            connection.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
    except (EOFError, BrokenPipeError):
        pass  # the trainer is gone
    finally:
        os._exit(0)
