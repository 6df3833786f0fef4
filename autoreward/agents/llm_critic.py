"""The critic that asks a language model what a reward pays for, and believes what it can check."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from autoreward.agents.neutral import Neutral, neutralise
from autoreward.agents.prompts import PromptLibrary
from autoreward.agents.tables import Snapshot, component_table
from autoreward.config import LLMSettings
from autoreward.environments.card import render_card
from autoreward.environments.folder import EnvironmentFolder, Task
from autoreward.findings import Finding
from autoreward.llm.request import LLM, Message
from autoreward.llm.structured import ask_structured
from autoreward.rewards.functions import describe_functions
from autoreward.rewards.source import RewardSource
from autoreward.rewards.vocabulary import describe_helpers

ROLE = "critic"
SHORTEST_QUOTE = 5
"""Characters without spaces; fewer occur in any code."""
LONGEST_TEXT = 300
"""Characters of a model's sentence that are kept."""
_LONGEST_CHECK = 400
"""Characters of a finding that the model sees."""
_MOST_CHECKS = 12
_ABOUT_WORDING = frozenset({"long-file"})
"""Findings about what the model does not see."""
_LINE = re.compile(r"\blines? \d+(?:-\d+)?")

Verdict = Literal["accept", "revise"]
Severity = Literal["error", "warning"]
_Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class Case:
    """What is judged: one reward for one task."""

    source: RewardSource
    folder: EnvironmentFolder
    task: Task
    description: str
    """What the user asked for."""
    findings: tuple[Finding, ...] = ()
    """What the machine's checks said."""
    snapshots: tuple[Snapshot, ...] = ()
    """Component statistics of a short training, by the author's names; none before the first."""


@dataclass(frozen=True)
class Judgement:
    """What is left of a model's answer after its evidence was checked."""

    verdict: Verdict | None
    """None: the answer gives no verdict that counts, which is no acceptance."""
    findings: tuple[Finding, ...]
    """By the author's names. `judged`: a problem with a quote from the code, an error only under
    the verdict `revise`. `critic-silent`: an error that says why there is no verdict."""
    reason: str = ""
    """Why there is no verdict."""
    standing_still: str = ""
    """What a robot earns that does nothing, as the model sees it."""
    exploit: str = ""
    """The cheapest way to be paid without the task, as the model sees it."""

    @property
    def accepted(self) -> bool:
        """Whether the reward may be trained."""
        return self.verdict == "accept"


class Critic(Protocol):
    """Whoever can judge a case; what the attack battery tries out."""

    @property
    def model(self) -> str | None:
        """Name of the model, for messages."""

    def judge(self, case: Case) -> Judgement:
        """Judge one reward."""
        ...


class _Form(BaseModel):
    model_config = ConfigDict(strict=True)


class _Entry(_Form):
    component: _Text
    measures: _Text
    quote: _Text
    can_be_collected_without_the_task: bool
    how: str


class _Problem(_Form):
    component: _Text
    quote: _Text
    problem: _Text
    suggestion: str
    severity: Severity


class Answer(_Form):
    """What the model fills in."""

    components: list[_Entry]
    standing_still_earns: _Text
    cheapest_exploit: _Text
    problems: list[_Problem]
    verdict: Verdict


class LLMCritic:
    """Asks a language model about rewards whose words have been taken out.

    Args:
        llm: Who is asked.
        settings: Model and sampling settings of every request.
        prompts: The templates `critic_system` and `critic`.
    """

    def __init__(self, llm: LLM, settings: LLMSettings, prompts: PromptLibrary) -> None:
        self.model = settings.model
        self._llm, self._settings, self._prompts = llm, settings, prompts

    def judge(self, case: Case) -> Judgement:
        """Return the model's verdict, as far as its evidence holds.

        Raises:
            LLMError: The model cannot be asked.
            BudgetExceeded: A limit on dollars or tokens is reached.
            UsageError: A prompt template is broken.
        """
        neutral = neutralise(case.source)
        messages = self.messages(case, neutral)
        answer = ask_structured(self._llm, self._settings, messages, Answer, role=ROLE)
        return weigh(answer, neutral)

    def messages(self, case: Case, neutral: Neutral) -> tuple[Message, ...]:
        """Return the prompt: the same to the byte for files that differ in their words alone.

        Raises:
            UsageError: A prompt template is broken.
        """
        primary = case.folder.fitness_named(case.task.fitness)
        data = {
            "code": neutral.text.strip(),
            "findings": _checks(case.findings, neutral),
            "statistics": _statistics(case.snapshots, neutral),
        }
        system = self._prompts.render(
            "critic_system", helpers=describe_helpers(), functions=describe_functions()
        )
        user = self._prompts.render(
            "critic",
            card=render_card(case.folder, case.task).strip(),
            description=case.description,
            fitness=primary.name,
            better="higher is better" if primary.direction == "max" else "lower is better",
            components=neutral.components,
            # Its own hash: data cannot hold the line that ends it.
            nonce=hashlib.sha256(repr(data).encode()).hexdigest()[:12],
            **data,
        )
        return Message("system", system), Message("user", user)


def weigh(answer: Answer | None, neutral: Neutral) -> Judgement:
    """Check an answer's evidence against the code, and return what counts.

    A problem counts only with a quote that stands in the code; an accept or revise only where every
    component is covered by an entry with such a quote; a revise only with an error that counts; an
    accept not where the answer itself says that everything can be had without the task.

    Args:
        answer: As the model filled it in; None if it could not be read.
        neutral: The code that the model saw.
    """
    if answer is None:
        return _silent("its answer cannot be read", ())
    code = _squeezed(neutral.text)
    problems = [
        problem
        for problem in answer.problems
        if _stands_in(problem.quote, code) and _is_part(problem.component, neutral)
    ]
    errors = [problem for problem in problems if problem.severity == "error"]
    covered = {
        entry.component.strip("` ") for entry in answer.components if _stands_in(entry.quote, code)
    }
    missing = [name for name in neutral.components if name not in covered]
    free = all(entry.can_be_collected_without_the_task for entry in answer.components)
    reason = ""
    if missing:
        reason = f"it quotes no code of {', '.join(missing)}"
    elif answer.verdict == "revise" and not errors:
        reason = "it asks for a revision but shows no error in the code"
    elif answer.verdict == "accept" and free:
        reason = "it accepts although all is paid without the task, as it says"
    revise = answer.verdict == "revise" and not reason
    findings = tuple(_finding(problem, neutral, revise) for problem in problems)
    if reason:
        return _silent(neutral.reveal(reason), findings)
    return Judgement(
        answer.verdict,
        findings,
        standing_still=_short(neutral.reveal(answer.standing_still_earns)),
        exploit=_short(neutral.reveal(answer.cheapest_exploit)),
    )


def _silent(reason: str, findings: tuple[Finding, ...]) -> Judgement:
    said = Finding(
        "critic-silent",
        "error",
        f"the critic's model gives no verdict that counts: {reason}",
        suggestion="ask again, or take a stronger critic.model",
    )
    return Judgement(None, (said, *findings), reason)


def _finding(problem: _Problem, neutral: Neutral, revise: bool) -> Finding:
    return Finding(
        "judged",
        "error" if revise and problem.severity == "error" else "warning",
        _short(neutral.reveal(problem.problem)),
        _short(neutral.reveal(f"{problem.component.strip('` ')}: {problem.quote.strip()}")),
        _short(neutral.reveal(problem.suggestion)),
    )


def _squeezed(text: str) -> str:
    """Return a text without spaces, line ends and the choice of quotation marks."""
    return re.sub(r"\s+", "", text).replace('"', "'")


def _stands_in(quote: str, code: str) -> bool:
    piece = _squeezed(quote.strip("` \n"))
    return len(piece) >= SHORTEST_QUOTE and piece in code


def _is_part(name: str, neutral: Neutral) -> bool:
    return name.strip("` ") in ("FORMULA", *neutral.components, *neutral.names)


def _short(text: str) -> str:
    """Return a model's words on one line, cut where they go on for too long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else line[:LONGEST_TEXT] + "…"


def _checks(findings: Sequence[Finding], neutral: Neutral) -> list[str]:
    """Return findings as lines without the author's words, and without what comments change."""
    lines = []
    for finding in findings:
        if finding.code not in _ABOUT_WORDING:
            seen = _LINE.sub("", finding.evidence).strip(" ,;:")
            text = str(replace(finding, evidence=seen))
            lines.append(" ".join(neutral.conceal(text).split())[:_LONGEST_CHECK])
    return list(dict.fromkeys(lines))[:_MOST_CHECKS]


def _statistics(snapshots: Sequence[Snapshot], neutral: Neutral) -> str:
    """Return the table of component statistics by neutral names; empty without any."""
    if not snapshots:
        return ""
    given = {old: new for new, old in neutral.names.items() if new in neutral.components}
    return component_table(
        [
            {given[name]: entry for name, entry in snapshot.items() if name in given}
            for snapshot in snapshots
        ]
    )
