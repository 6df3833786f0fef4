"""The program inside a jail: loads one reward, answers blocks of states with component values.

It holds nothing else: no simulator, no policy, no fitness, no keys, no files to write. Its standard
input and output carry frames; whatever the reward prints goes to standard error, as a log.
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
from typing import Any, NoReturn

import torch

from autoreward.rewards.results import ContractViolation
from autoreward.rewards.runtime import LoadedReward, load_reward, load_unchecked
from autoreward.sandbox import lockdown
from autoreward.sandbox.frames import (
    HEAD,
    Buffer,
    Kind,
    pack,
    pack_json,
    parse_call,
    parse_head,
    to_bytes,
)
from autoreward.sandbox.supervisor import fork_supervised
from autoreward.sandbox.warm_up import warm_up
from autoreward.schema import StateSchema


class _Wire:
    """Frames over private descriptors, so that prints cannot be mistaken for results."""

    def __init__(self) -> None:
        self.reader, self.writer = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)

    def receive(self) -> tuple[Kind, bytearray]:
        kind, length = parse_head(bytes(self._read(HEAD.size)))
        return kind, self._read(length)

    def _read(self, count: int) -> bytearray:
        data = bytearray(count)
        view, done = memoryview(data), 0
        while done < count:
            got = os.readv(self.reader, [view[done:]])
            if not got:
                os._exit(0)  # the owner closed the pipe or is gone
            done += got
        return data

    def send(self, parts: list[Buffer]) -> None:
        for part in parts:
            view = memoryview(part).cast("B")
            while view:
                view = view[os.write(self.writer, view) :]


class _Server:
    """Answers LOAD and CALL frames."""

    def __init__(self, wire: _Wire) -> None:
        self.wire = wire
        self.reward: LoadedReward | None = None
        self.names: tuple[str, ...] = ()
        self.memories: dict[int, dict[str, dict[str, torch.Tensor]]] = {}

    def run(self) -> NoReturn:
        while True:
            kind, payload = self.wire.receive()
            # Nothing that is drawn may tell of an earlier call.
            torch.default_generator.manual_seed(0)
            random.seed(0)
            try:
                reply = self.load(payload) if kind is Kind.LOAD else self.call(payload)
            except ContractViolation as error:
                reply = _fail(error.code, str(error))
            except MemoryError:
                reply = _fail("memory", "out of memory")
            except Exception as error:
                reply = _fail(*_describe(error))
            self.wire.send(reply)

    def load(self, payload: bytearray) -> list[Buffer]:
        data = json.loads(payload)
        schema = StateSchema.from_dict(data["schema"])
        load = load_reward if data["checked"] else load_unchecked
        self.reward = load(data["code"], schema)
        # A trial on zeros finds run-time errors early, and the names of a compute_reward file.
        zeros = {field.name: torch.zeros(2, *field.shape) for field in schema.state}
        action = torch.zeros(2, len(schema.action))
        values = self.reward.compute(zeros, action, dict(zeros), {})
        self.names = tuple(values)
        return pack_json(Kind.LOADED, {"components": list(self.names)})

    def call(self, payload: bytearray) -> list[Buffer]:
        assert self.reward is not None
        header, arrays = parse_call(payload)
        tensors = [torch.from_numpy(array) for array in arrays]
        action, starts = tensors[0], tensors[1]
        split = 2 + len(header["state"])
        state = dict(zip(header["state"], tensors[2:split], strict=True))
        following = dict(zip(header["next_state"], tensors[split:], strict=True))
        before = [tensor.clone() for tensor in tensors] if header["check_inputs"] else []
        values = self.evaluate(state, action, following, starts, header["learner"])
        rows = [values[name] for name in self.names]
        if header["at_state"]:
            # phi(s): the same component with s in the place of s'
            at_state = self.evaluate(state, action, state, starts, None)
            rows += [at_state[name] for name in header["at_state"]]
        for old, new in zip(before, tensors, strict=bool(before)):
            if not torch.equal(old, new):
                raise ContractViolation("mutated-inputs", "the reward changed its inputs in place")
        return pack(Kind.VALUES, to_bytes(torch.stack(rows).numpy()))

    def evaluate(
        self,
        state: dict[str, torch.Tensor],
        action: torch.Tensor,
        following: dict[str, torch.Tensor],
        starts: torch.Tensor,
        learner: int | None,
    ) -> dict[str, torch.Tensor]:
        """Return the components' values, each [T, N]; a reward with memory is scanned over T."""
        assert self.reward is not None
        steps, count = starts.shape
        if not self.reward.uses_memory:
            flat = self.reward.compute(_flat(state), action.flatten(0, 1), _flat(following), {})
            self.same_names(flat)
            return {name: value.view(steps, count) for name, value in flat.items()}
        memory = {} if learner is None else self.memories.setdefault(learner, {})
        rows: list[dict[str, torch.Tensor]] = []
        for t in range(steps):
            _clear(memory, starts[t] > 0)
            now = {name: value[t] for name, value in state.items()}
            then = {name: value[t] for name, value in following.items()}
            rows.append(self.reward.compute(now, action[t], then, memory))
            self.same_names(rows[-1])
        return {name: torch.stack([row[name] for row in rows]) for name in self.names}

    def same_names(self, values: dict[str, torch.Tensor]) -> None:
        if tuple(values) != self.names:
            raise ContractViolation("components", "the set of components changed between calls")


def _flat(fields: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.flatten(0, 1) for name, value in fields.items()}


def _clear(memory: dict[str, Any], rows: torch.Tensor) -> None:
    """Zero a reward's memory in the environments whose episode starts."""
    for key, value in memory.items():
        if isinstance(value, dict):
            _clear(value, rows)
        elif isinstance(value, torch.Tensor) and value.shape[:1] == rows.shape:
            shape = (-1, *(1 for _ in value.shape[1:]))
            memory[key] = torch.where(rows.view(shape), torch.zeros_like(value), value)


def _describe(error: Exception) -> tuple[str, str]:
    """Return the finding code and a capped text, with the reward's own line, for an exception."""
    if isinstance(error, RuntimeError) and "alloc" in str(error):
        return "memory", str(error)[:200]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == "<reward>"]
    where = f"line {frames[-1].lineno}: `{frames[-1].line}`: " if frames else ""
    return "error", f"{where}{type(error).__name__}: {error}"[:2000]


def _fail(code: str, text: str) -> list[Buffer]:
    return pack_json(Kind.FAIL, {"code": code[:40], "text": text[:4000]})


def main(options: str) -> NoReturn:
    """Serve one reward in a process of its own; see `serve`."""
    load_libraries()
    serve(options)


def load_libraries() -> None:
    """Do what takes long and is the same for every reward."""
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    warm_up()


def serve(options: str) -> NoReturn:
    """Serve one reward until the owner closes the pipe.

    Args:
        options: JSON: `memory_mb`, `lifetime_s` and `inner`, as in `Limits`.
    """
    given = json.loads(options)
    wire = _Wire()
    walls = lockdown.outer_walls()
    fork_supervised((wire.reader, wire.writer), given["lifetime_s"])
    lockdown.limit(given["memory_mb"], given["lifetime_s"])
    lockdown.lock_down(tuple(given["inner"]))
    walls += lockdown.standing_walls()
    sys.setrecursionlimit(500)
    wire.send(pack_json(Kind.HELLO, {"torch": torch.__version__, "walls": walls}))
    _Server(wire).run()
