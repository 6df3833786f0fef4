"""The ways a reward and its training go wrong: a fixed list, so that findings can be counted."""

from __future__ import annotations

from typing import Literal

from autoreward.evaluation.analysis.measuring import measure
from autoreward.evaluation.analysis.record import Record
from autoreward.findings import Finding
from autoreward.pointers import Pointer

TAXONOMY = {
    "reward-hacking": "the reward is farmed while the task is not done",
    "over-optimisation": "the reward still rises after the fitness has passed its peak",
    "wrong-direction": "the policy is worse than one that never acts",
    "standing-still": "the policy hardly moves: it is paid for that, or stuck",
    "early-end": "ending the episode early pays",
    "falls": "most episodes are ended by the task's rule",
    "flooding": "the reward is nearly the same whatever is done",
    "weak-shaping": "a component is near zero all through training",
    "stall": "nothing is learnt in the second half of training",
    "jitter": "the actions swing from one extreme to the other at every step",
    "velocity-exploit": "a velocity is far beyond what is usual",
    "contact-exploit": "jumps of a velocity within one step are paid",
    "lucky-seed": "one episode makes the mean",
}
"""Code of a finding → what it means."""


def found(
    record: Record,
    code: str,
    message: str,
    pointers: list[Pointer],
    suggestion: str,
    severity: Literal["warning", "note"] = "warning",
) -> Finding:
    """Return a finding whose evidence is what stands at the pointers.

    Args:
        record: What the pointers point into.
        code: A key of `TAXONOMY`.
        message: One sentence: what is wrong.
        pointers: Where it shows; those at which nothing stands are left out.
        suggestion: What to do about it.
        severity: How bad it is.
    """
    assert code in TAXONOMY
    values = [(pointer, measure(pointer, record)) for pointer in pointers]
    evidence = "; ".join(str(p.claiming(value)) for p, value in values if value is not None)
    return Finding(code, severity, message, evidence, suggestion)
