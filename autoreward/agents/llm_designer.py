"""The designer that asks a language model: prompt in, reward file out."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence

from autoreward.agents.designer import Attempt, Brief, Draft, Operator
from autoreward.agents.library import Library
from autoreward.agents.operators.choosing import choose
from autoreward.agents.operators.contract import PromptOperator
from autoreward.agents.operators.repair import RepairOperator
from autoreward.agents.prompts import PromptLibrary
from autoreward.agents.tables import component_table, curve_table, short
from autoreward.config import LLMSettings
from autoreward.environments.card import render_card
from autoreward.errors import RewardFileError
from autoreward.findings import Finding
from autoreward.llm.fences import extract_code
from autoreward.llm.request import LLM, Message, Reply
from autoreward.llm.settings import request_for
from autoreward.rewards.functions import FUNCTIONS, describe_functions
from autoreward.rewards.source import parse_reward
from autoreward.rewards.vocabulary import describe_helpers
from autoreward.schema import REDUCED

ROLE = "designer"
_OVERVIEW = 8
"""Earlier attempts listed in a prompt by score and idea."""
_MEASURES = 3
"""Attempts of that list, parents aside, that are shown with formula and components in words."""
_MISTAKES = 6
"""Reasons of refusals listed in a prompt."""
_FEEDBACK = 12
"""Latest remarks of people listed in a prompt."""
_CHANGE_LOG = re.compile(r"^(added|changed|dropped|kept|removed|rescaled|rewritten)\b", re.I)


class LLMDesigner:
    """Renders a prompt, asks, takes the reward file out of the reply.

    How a proposal is made, and from which parents, is said in `autoreward.agents.operators`.

    Args:
        llm: Who is asked.
        settings: Model and sampling settings of every request.
        prompts: The templates, the worked examples and the proven rewards.
        examples: Proven rewards of other tasks that a prompt shows at most.
    """

    name = "llm"

    def __init__(
        self, llm: LLM, settings: LLMSettings, prompts: PromptLibrary, examples: int = 0
    ) -> None:
        self.model = settings.model
        self._llm, self._settings, self._prompts = llm, settings, prompts
        self._library = Library(prompts.library)
        self._examples = examples

    def propose(self, brief: Brief) -> Draft:
        """Return the model's reward; without a file in its reply the draft carries the finding.

        Raises:
            LLMError: The model cannot be asked.
            BudgetExceeded: A limit on dollars or tokens is reached.
            UsageError: A prompt template or a page of the library is broken.
        """
        operator = choose(brief)
        parents = operator.parents(brief)
        return self._ask(brief, operator, parents, tuple(parent.id for parent in parents))

    def repair(
        self, brief: Brief, draft: Draft, findings: Sequence[Finding], attempt: int
    ) -> Draft | None:
        """Return the model's correction of a refused draft; raises as `propose`."""
        return self._ask(brief, RepairOperator(draft, findings, attempt), (), draft.parents)

    def messages(
        self, brief: Brief, operator: PromptOperator, parents: Sequence[Attempt]
    ) -> tuple[Message, Message]:
        """Return what the model is asked; raises UsageError where a template or page is broken."""
        system = self._prompts.render(
            "system",
            helpers=describe_helpers(),
            functions=describe_functions(),
            function_names=", ".join(FUNCTIONS),
            example=self._prompts.example_for(brief.folder).text,
            proven=self._library.similar(
                brief.folder, brief.task, brief.description, self._examples
            ),
        )
        user = self._prompts.render(
            operator.name,
            **_context(brief, parents),
            **operator.variables(brief, parents),
        )
        return Message("system", system), Message("user", user)

    def _ask(
        self,
        brief: Brief,
        operator: PromptOperator,
        shown: Sequence[Attempt],
        parents: tuple[str, ...],
    ) -> Draft:
        # Every proposal is a draw of its own: equal prompts of two proposals ask twice.
        request = request_for(
            self._settings,
            *self.messages(brief, operator, shown),
            sample=brief.proposal,
            role=ROLE,
        )
        return _read_reply(self._llm(request), operator.name, parents)


def _context(brief: Brief, parents: Sequence[Attempt]) -> dict[str, object]:
    """Return the variables that every user prompt has."""
    primary = brief.folder.fitness_named(brief.task.fitness)
    direction = "higher" if primary.direction == "max" else "lower"
    return {
        "card": render_card(brief.folder, brief.task).strip(),
        "description": brief.description,
        "fitness": primary.name,
        "better": f"{direction} is better",
        "reduced": REDUCED[primary.reduce],
        "never_acts": "" if brief.never_acts is None else short(brief.never_acts),
        "judged_by": brief.judged_by,
        "people": _people(brief),
        "steps": f"{brief.steps:,}",
        "gamma": f"{brief.gamma:g}",
        "mistakes": _mistakes(brief),
        "overview": _overview(brief, parents),
        "parents": [_shown(brief, parent) for parent in parents],
        "generation": brief.generation,
        "index": brief.index,
        "retry": brief.retry,
    }


def _people(brief: Brief) -> list[str]:
    """Return what people said, each remark once: in general, about the run, about attempts."""
    about = [
        f"about reward {attempt.id}: {note}" for attempt in brief.history for note in attempt.notes
    ]
    said = (*brief.feedback[-_FEEDBACK:], *about[:_FEEDBACK])
    return list(dict.fromkeys(" ".join(text.split()) for text in (*brief.notes, *said)))


def _mistakes(brief: Brief) -> list[str]:
    """Return why earlier drafts were refused, the latest first, each reason once."""
    errors = (
        f"{finding.message}: {finding.suggestion}" if finding.suggestion else finding.message
        for _, findings in reversed(brief.failures)
        for finding in findings
        if finding.severity == "error"
    )
    return list(dict.fromkeys(errors))[:_MISTAKES]


def _overview(brief: Brief, parents: Sequence[Attempt]) -> list[dict[str, object]]:
    """Return the best attempts; those near the top whose code is not shown with their measures."""
    shown = {parent.id for parent in parents}
    others = [attempt.id for attempt in brief.history if attempt.id not in shown][:_MEASURES]
    return [
        {
            "id": attempt.id,
            "value": _value(attempt, brief),
            "idea": attempt.idea,
            "found": _found(attempt),
            "pinned": attempt.pinned,
            "parent": attempt.id in shown,
            "formula": attempt.formula if attempt.id in others else "",
            "measures": _measures(attempt.text) if attempt.id in others else [],
        }
        for attempt in brief.history[:_OVERVIEW]
    ]


def _found(attempt: Attempt) -> str:
    """Return the kinds of warnings about an attempt: what became of its idea."""
    codes = (finding.code for finding in attempt.findings if finding.severity == "warning")
    return ", ".join(dict.fromkeys(codes))


def _value(attempt: Attempt, brief: Brief) -> str:
    mean, low, high = attempt.fitness[brief.task.fitness]
    value = f"{short(mean)} [{short(low)}, {short(high)}]"
    if attempt.seeds > 1:
        value += f" over {attempt.seeds} training seeds"
    if _stopped(attempt, brief):
        value += f", stopped at {attempt.steps / brief.steps:.0%} of the steps"
    return value if attempt.preference is None else f"{value}, Elo {attempt.preference:.0f}"


def _stopped(attempt: Attempt, brief: Brief) -> bool:
    """Return whether an attempt was trained to a rung before the last."""
    return 0 < attempt.steps < brief.steps


def _measures(text: str) -> list[str]:
    """Return the components of a file, each with what its docstring says."""
    try:
        components = parse_reward(text).components
    except RewardFileError:  # a rule that came after the file was trained
        return []
    return [f"`{c.name}`: {c.doc or '(not described)'}" for c in components]


def _shown(brief: Brief, parent: Attempt) -> dict[str, object]:
    """Return what the prompt tells of a parent."""
    ranks = {attempt.id: rank for rank, attempt in enumerate(brief.history, 1)}
    return {
        "id": parent.id,
        "rank": ranks[parent.id],
        "of": len(brief.history),
        "pinned": parent.pinned,
        "preference": "" if parent.preference is None else f"{parent.preference:.0f}",
        "file": parent.text.strip(),
        "fitness": [
            f"{name}: {short(mean)} [{short(low)}, {short(high)}]"
            for name, (mean, low, high) in parent.fitness.items()
        ],
        "episodes": parent.episodes,
        "steps": f"{parent.steps:,}",
        "stopped": _stopped(parent, brief),
        "seeds": parent.seeds,
        "paragraph": " ".join(parent.paragraph.split()),
        "components": component_table(parent.components),
        "curve": curve_table(parent.curve),
        "findings": [str(finding) for finding in parent.findings],
    }


def _read_reply(reply: Reply, operator: Operator, parents: tuple[str, ...]) -> Draft:
    code = extract_code(reply.text)
    finding = None
    if reply.finish == "length":
        finding = Finding(
            "cut-off",
            "error",
            "the answer was cut off before its end",
            f"after {reply.output_tokens} tokens",
            "write a shorter file: fewer components, less comment, nothing outside the block",
        )
    elif code is None:
        refused = reply.finish == "content_filter"
        finding = Finding(
            "no-code",
            "error",
            "the model refused to answer" if refused else "the answer holds no reward file",
            suggestion="answer with the whole file in one block that starts with ```python",
        )
    text = reply.text if code is None else code
    idea, changes = _explanation(code or "")
    return Draft(text, idea, changes, operator, parents, (finding,) if finding else ())


def _explanation(code: str) -> tuple[str, str]:
    """Return the idea and the change log in a file's docstring; both '' if it does not parse."""
    try:
        docstring = inspect.cleandoc(ast.get_docstring(ast.parse(code)) or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "", ""
    lines = docstring.splitlines()
    log = next((i for i, line in enumerate(lines) if _CHANGE_LOG.match(line.strip(" *-"))), None)
    idea = "\n".join(lines[:log]).split("\n\n")[0]
    changes = "" if log is None else "\n".join(lines[log:])
    return " ".join(idea.split()), changes.strip()
