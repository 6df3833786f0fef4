"""The journal's rows as typed records."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from autoreward.findings import Finding

ProposalState = Literal["open", "accepted", "duplicate", "rejected"]
CandidateState = Literal["proposed", "checked", "rejected", "trained", "failed"]
JobState = Literal["queued", "running", "done", "failed", "infra"]
CallState = Literal["reserved", "done", "failed", "lost"]
Purpose = Literal["search", "confirm", "baseline"]
ReviewAction = Literal["approve", "reject", "edit", "comment", "pin", "unpin"]
Decision = Literal["approved", "rejected", "edited"]
Outcome = Literal["a", "b", "tie"]


@dataclass(frozen=True)
class Proposal:
    """The n-th time a reward was asked for; identity of the decision, not of the reward."""

    number: int
    generation: int
    operator: str
    parents: tuple[str, ...]
    """Candidate ids."""
    model: str | None
    """Language model; None for the built-in designer."""
    seen: int
    """The last event that the decision could know of."""
    state: ProposalState
    candidate: str | None
    reason: str


@dataclass(frozen=True)
class Candidate:
    """A reward under consideration."""

    id: str
    proposal: int | None
    """The proposal that made it first."""
    text: str
    """The reward file."""
    formula: str
    skeleton: str
    idea: str
    changes: str
    state: CandidateState
    created: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Job:
    """One training of one reward with one training seed."""

    id: str
    candidate: str
    """A candidate's id, or a baseline's name."""
    purpose: Purpose
    training_seed: int
    steps: int
    """Environment steps to train for."""
    state: JobState
    """`failed` is the candidate's fault and final; `infra` is ours and can be queued again."""
    attempt: int
    """How often it was started."""
    env_steps: int
    """Environment steps really taken."""
    result: dict[str, Any]
    started: float | None
    finished: float | None


@dataclass(frozen=True)
class Call:
    """One language model call."""

    key: str
    attempt: int
    proposal: int | None
    role: str
    model: str
    state: CallState
    """`reserved` is on the wire; `lost` got no answer that came through, as in a kill, and may have
    been billed; `failed` costs nothing."""
    input_tokens: int
    """Cached ones included; an estimate until the call is done."""
    cached_tokens: int
    output_tokens: int
    usd: float
    seconds: float


@dataclass(frozen=True)
class RecordedFinding:
    """A finding and what it is about."""

    id: int
    candidate: str | None
    proposal: int | None
    job: str | None
    source: str
    """Who found it: critic, jail, trainer, analyzer, person."""
    finding: Finding


@dataclass(frozen=True)
class Review:
    """What a person decided or said about a candidate."""

    id: int
    """The `seq` of its event: a proposal with `seen` of that size or more could know of it."""
    at: float
    """Seconds since 1970."""
    candidate: str
    action: ReviewAction
    text: str
    """Reason of a rejection, or comment."""
    edited: str | None
    """The candidate that an edit made."""
    reviewer: str

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


@dataclass(frozen=True)
class Feedback:
    """What a person says to the designer."""

    id: int
    """The `seq` of its event: a proposal with `seen` of that size or more could know of it."""
    at: float
    """Seconds since 1970."""
    candidate: str | None
    """None: about the whole run."""
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


@dataclass(frozen=True)
class Preference:
    """Which of two trained policies a person likes better."""

    id: int
    """The `seq` of its event."""
    at: float
    """Seconds since 1970."""
    job_a: str
    job_b: str
    candidate_a: str
    candidate_b: str
    outcome: Outcome
    episode_a: int | None
    """Validation episode whose clip was named; None where there was no clip."""
    episode_b: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


@dataclass(frozen=True)
class Event:
    """Something that happened, in order."""

    seq: int
    at: float
    """Seconds since 1970."""
    kind: str
    data: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


@dataclass(frozen=True)
class Spent:
    """What the language models cost; calls on the wire count at their reservation."""

    usd: float
    tokens: int
    """Sent and received."""
    calls: int
