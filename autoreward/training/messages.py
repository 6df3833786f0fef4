"""What the host asks of the trainer process, one JSON object per line, and the files of a job.

The host starts the trainer with `Start`, then sends orders; the trainer answers with events:
`ready`, `progress`, `trained`, `measured`, `recorded`, `fault`. Every order is answered once.
This module is read by both sides and imports neither torch nor numpy.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

CHECKPOINT_FILE = "checkpoint.safetensors"
POLICY_FILE = "policy.safetensors"
EPISODES_FILE = "episodes.safetensors"
"""The first validation episodes of the trained policy; see `Episodes`."""
ZERO, RANDOM = "zero", "random"
"""Names of the policy that never acts, and of the one that acts at random."""
RESULT_FILE = "result.json"
"""Written last, by rename: a job with this file is finished, whatever happened after."""


@dataclass(frozen=True)
class Start:
    """First line to the trainer: what stays the same for all its jobs."""

    environment: str
    """Path of the environment folder."""
    task: str
    training: dict[str, Any]
    """`TrainingSettings` as a dict."""
    sandbox: dict[str, Any]
    """`SandboxSettings` as a dict."""
    owner: int
    """Process id of the host."""
    run: str = ""
    """The run's name, a label of its jails."""


@dataclass(frozen=True)
class Train:
    """Train one learner as soon as a slot is free, then validate its policy.

    Trainings to 10, 30 and 100 % of the steps, each with the one before as its `start`, end bit for
    bit like one training; only what a reward itself remembers (`memory`) begins anew with each.
    """

    job: str
    directory: str
    """Where checkpoint, policy and result stand. A checkpoint found there is continued."""
    code: str
    formula: str
    seed: tuple[int, int]
    """Run seed and index of its `TrainingSeed`."""
    steps: int
    """Environment steps in total, those of the training it starts from included."""
    validation: tuple[int, int]
    """Run seed and number of `ValidationSeed`s."""
    start: str = ""
    """Folder of a kept training to go on from; empty begins from scratch."""
    inherit: Literal["all", "policy"] = "all"
    """What is taken over from `start`: the exact state, or networks and observation statistics
    alone, by a new learner with its own seed and `steps` (DERL-pop, Cheng et al. 2025). If there is
    no checkpoint, `all` begins from scratch, to the same end; `policy` is a fault."""
    keep: bool = False
    """Whether the last checkpoint stays beside the result, to be a later training's `start`."""
    explore: bool = False
    """Whether the policy is validated with its exploration noise: early in training that says more
    than its mean actions."""


@dataclass(frozen=True)
class Measure:
    """Roll policies out on seeds of one split."""

    job: str
    """Names the order in its answer."""
    policies: tuple[str, ...]
    """Safetensors files, or one of `ZERO` and `RANDOM`."""
    split: str
    """`validation` or `test`."""
    seeds: tuple[int, int, int]
    """Run seed, index of the first seed, number of seeds."""
    record: tuple[str, ...] = ()
    """Files to write each policy's episodes to; empty to record none."""


@dataclass(frozen=True)
class Record:
    """Record transitions of random behaviour, for trials of a reward before training."""

    job: str
    path: str
    """Safetensors file to write; see `record_transitions`."""
    seed: tuple[int, int]
    """Run seed and index of a `TrainingSeed`."""
    steps: int
    """T."""
    rows: int
    """N."""


Order = Train | Measure | Record
_ORDERS: dict[str, type[Train | Measure | Record]] = {
    "train": Train,
    "measure": Measure,
    "record": Record,
}


def to_line(message: Start | Order) -> bytes:
    """Return a message as one line of JSON."""
    kind = type(message).__name__.lower()
    return json.dumps({"kind": kind, **asdict(message)}).encode() + b"\n"


def order_from(data: dict[str, Any]) -> Order:
    """Rebuild an order from its JSON object."""
    fields: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "kind"
    }
    return _ORDERS[data["kind"]](**fields)


def start_from(data: dict[str, Any]) -> Start:
    """Rebuild the first message from its JSON object."""
    return Start(**{k: v for k, v in data.items() if k != "kind"})
