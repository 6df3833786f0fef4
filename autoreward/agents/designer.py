"""What a designer is asked and what it answers: the one protocol that proposes rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from autoreward.agents.formulas.outcomes import Outcome
from autoreward.agents.formulas.parts import Part
from autoreward.environments.folder import EnvironmentFolder, Task
from autoreward.findings import Finding

Operator = Literal[
    "draft", "mutate", "rewrite", "cross", "simplify", "repair",
    "sample", "tune", "vary", "ablate", "graft", "edit",
]  # fmt: skip
"""How a reward came about. A language model writes: anew, one parent changed, one parent's idea
measured anew, two parents combined, one parent without what does not help, a refused one corrected.
No model is needed for: a formula drawn from the formula policy, one parent's numbers moved, one of
its terms drawn anew, one parent without a component, a component of one parent put into another.
People: edited."""


@dataclass(frozen=True)
class Attempt:
    """An earlier candidate that was trained, as far as a designer may know it."""

    id: str
    text: str
    """The reward file."""
    formula: str
    idea: str
    score: float
    """Mean of the primary fitness, its sign turned where lower is better: higher is better."""
    fitness: Mapping[str, tuple[float, float, float]]
    """Mean and bounds of the confidence interval of each entry of the fitness vector."""
    components: tuple[Mapping[str, Mapping[str, float]], ...] = ()
    """Up to 10 snapshots over training: component → mean, std, min, max, share."""
    curve: tuple[tuple[int, float, float, float], ...] = ()
    """(environment steps, primary fitness per step, episode length, reward) at the same snapshots;
    a length of 0 means that no episode had ended yet."""
    findings: tuple[Finding, ...] = ()
    """What critic, trainer and analyzer found."""
    paragraph: str = ""
    """What its policy does and why, from the analyzer."""
    notes: tuple[str, ...] = ()
    """What people said about this very reward, oldest first."""
    pinned: bool = False
    """Whether a person wants it to stay a parent, whatever its rank."""
    preference: float | None = None
    """Elo rating from people's preferences between policies; 1000 is where everyone starts."""
    parents: tuple[str, ...] = ()
    """Ids of the candidates that it was made from."""
    operator: str = ""
    """How it was made."""
    skeleton: str = ""
    """Equal for rewards that differ in numbers alone."""
    parts: tuple[Part, ...] = ()
    """What the formula policy may know of its components."""
    steps: int = 0
    """Environment steps of each of its trainings. The history holds those of the longest trainings
    first: scores of different budgets are not compared."""
    front: bool = False
    """Whether no other attempt of the same steps is at least as good in every entry of the fitness
    vector and better in one."""
    children: int = 0
    """Attempts that were made from it."""
    seeds: int = 1
    """Training seeds behind the fitness."""
    episodes: int = 0
    """Validation episodes behind the fitness."""


@dataclass(frozen=True)
class Brief:
    """Everything one proposal depends on: equal briefs get equal answers from the same designer."""

    description: str
    """What the agent shall do, in the user's words."""
    task: Task
    folder: EnvironmentFolder
    run_seed: int
    proposal: int
    """Number of the proposal within the run."""
    generation: int
    index: int
    """Place within the generation, from 0."""
    population: int
    """Proposals of a generation."""
    steps: int
    """Environment steps that every candidate is trained for."""
    gamma: float
    """Discount per step."""
    retry: int = 0
    """How often this proposal's answer was a reward that the run already had."""
    fresh: bool = False
    """Whether an earlier answer to this proposal could not be mended: start from scratch."""
    operator: Operator | None = None
    """How to make it; None leaves it to the designer."""
    model: str | None = None
    """The language model to ask, where there are several."""
    elites: int = 2
    """How many of the best attempts are parents."""
    history: tuple[Attempt, ...] = ()
    """Trained candidates, best first."""
    pool: tuple[Attempt, ...] = ()
    """Those of the history that are parents, in the order in which they take turns."""
    outcomes: tuple[tuple[Outcome, ...], ...] = ()
    """What became of earlier formulas, group by group: what the formula policy learns from."""
    never_acts: float | None = None
    """Mean primary fitness of a policy that never acts; None where it was not measured."""
    uniform: bool = False
    """Whether formulas are drawn evenly from the grammar: a control."""
    warm_start: Path | None = None
    """File of a formula policy to begin with."""
    failures: tuple[tuple[str, tuple[Finding, ...]], ...] = ()
    """Refused drafts of this run: file and findings."""
    notes: tuple[str, ...] = ()
    """What people want a designer to know beside the description."""
    feedback: tuple[str, ...] = ()
    """What people said about this run's rewards, oldest first; a text may name a candidate."""
    judged_by: Literal["task", "preference"] = "task"
    """What the history is ranked by: the task's measurement, or people's preferences."""
    relevance: Mapping[str, float] = field(default_factory=dict)
    """Scalar state field → correlation in [-1, 1] with the primary fitness of the step under random
    behaviour, positive where more of the field goes with better fitness."""


@dataclass(frozen=True)
class Draft:
    """A proposed reward, not yet checked."""

    text: str
    """The reward file, its FORMULA included."""
    idea: str
    changes: str
    """What is different from the parents."""
    operator: Operator
    parents: tuple[str, ...] = ()
    """Candidate ids."""
    findings: tuple[Finding, ...] = ()
    """Why there is no file (`no-code`, `cut-off`): then `text` is what came instead, and the draft
    goes to `repair` without being checked."""
    parts: tuple[Part, ...] = ()
    """What is known of its components; empty where that is still to be measured."""


class Designer(Protocol):
    """Proposes rewards. Stateless and thread-safe: the answer follows from the brief."""

    name: str
    model: str | None
    """The language model behind it, if any."""

    def propose(self, brief: Brief) -> Draft:
        """Return a new reward; raises LLMError or BudgetExceeded where a model is asked."""
        ...

    def repair(
        self, brief: Brief, draft: Draft, findings: Sequence[Finding], attempt: int
    ) -> Draft | None:
        """Return a corrected draft, None if this designer cannot correct.

        Args:
            brief: As given to `propose`.
            draft: The refused draft.
            findings: Why it was refused.
            attempt: From 1, counts the repairs of this proposal.
        """
        ...
