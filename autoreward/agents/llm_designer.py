"""The designer that asks a language model: prompt in, reward file out."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from random import Random

from autoreward.agents.designer import Attempt, Brief, Draft, Operator
from autoreward.agents.prompts import PromptLibrary
from autoreward.agents.tables import component_table, curve_table, short
from autoreward.config import LLMSettings
from autoreward.environments.card import render_card
from autoreward.findings import Finding
from autoreward.llm.fences import extract_code
from autoreward.llm.request import LLM, Message, Reply
from autoreward.llm.settings import request_for
from autoreward.rewards.functions import FUNCTIONS, describe_functions
from autoreward.rewards.vocabulary import describe_helpers
from autoreward.seeds import rng

ROLE = "designer"
_OVERVIEW = 8
"""Earlier attempts listed in a prompt by formula and score."""
_MISTAKES = 6
"""Reasons of refusals listed in a prompt."""
_REPLY_SHOWN = 2000
"""Characters of an answer without a file that its repair shows."""
_CHANGE_LOG = re.compile(r"^(added|changed|dropped|kept|removed|rescaled|rewritten)\b", re.I)


class LLMDesigner:
    """Renders a prompt, asks, takes the reward file out of the reply.

    The first generation drafts from scratch, each draft with an emphasis of its own. Later ones
    change a parent at even places and cross two at odd ones.

    Args:
        llm: Who is asked.
        settings: Model and sampling settings of every request.
        prompts: The templates.
    """

    name = "llm"

    def __init__(self, llm: LLM, settings: LLMSettings, prompts: PromptLibrary) -> None:
        self.model = settings.model
        self._llm, self._settings, self._prompts = llm, settings, prompts

    def propose(self, brief: Brief) -> Draft:
        """Return the model's reward; without a file in its reply the draft carries the finding.

        Raises:
            LLMError: The model cannot be asked.
            BudgetExceeded: A limit on dollars or tokens is reached.
            UsageError: A prompt template is broken.
        """
        operator, parents = _operator(brief)
        user = self._prompts.render(operator, **_context(brief), parents=_shown(brief, parents))
        return self._ask(brief, user, operator, tuple(parent.id for parent in parents))

    def repair(
        self, brief: Brief, draft: Draft, findings: Sequence[Finding], attempt: int
    ) -> Draft | None:
        """Return the model's correction of a refused draft; raises as `propose`."""
        complete = not draft.findings
        user = self._prompts.render(
            "repair",
            **_context(brief),
            file=draft.text.strip() if complete else draft.text.strip()[:_REPLY_SHOWN],
            complete=complete,
            findings=[_with_line(finding, draft.text) for finding in findings],
            attempt=attempt,
        )
        return self._ask(brief, user, "repair", draft.parents)

    def _ask(self, brief: Brief, user: str, operator: Operator, parents: tuple[str, ...]) -> Draft:
        example = self._prompts.example_for(brief.folder)
        system = self._prompts.render(
            "system",
            helpers=describe_helpers(),
            functions=describe_functions(),
            function_names=", ".join(FUNCTIONS),
            example=example.text,
        )
        # Every proposal is a draw of its own: equal prompts of two proposals ask twice.
        request = request_for(
            self._settings,
            Message("system", system),
            Message("user", user),
            sample=brief.proposal,
            role=ROLE,
        )
        return _read_reply(self._llm(request), operator, parents)


def _operator(brief: Brief) -> tuple[Operator, tuple[Attempt, ...]]:
    """Return how to make this proposal, and from which attempts."""
    if brief.generation == 0 or not brief.history:
        return "draft", ()
    elites = brief.history[: max(brief.elites, 1)]
    first = elites[brief.index // 2 % len(elites)]
    if brief.index % 2 == 0:
        return "mutate", (first,)
    others = [attempt for attempt in brief.history if attempt is not first]
    if not others:
        return "draft", ()
    random = rng(brief.run_seed, "llm", brief.proposal, brief.retry)
    return "cross", (first, _by_rank(others, random))


def _by_rank(ranked: Sequence[Attempt], random: Random) -> Attempt:
    """Draw one; the one at rank r (from 1) with weight 1 / r."""
    return random.choices(ranked, [1.0 / rank for rank in range(1, len(ranked) + 1)])[0]


def _context(brief: Brief) -> dict[str, object]:
    """Return the variables that every user prompt has."""
    primary = brief.folder.fitness_named(brief.task.fitness)
    direction = "higher" if primary.direction == "max" else "lower"
    return {
        "card": render_card(brief.folder, brief.task).strip(),
        "description": brief.description,
        "fitness": primary.name,
        "better": f"{direction} is better",
        "notes": brief.notes,
        "steps": f"{brief.steps:,}",
        "gamma": f"{brief.gamma:g}",
        "mistakes": _mistakes(brief),
        "overview": [_summary(attempt, brief) for attempt in brief.history[:_OVERVIEW]],
        "generation": brief.generation,
        "index": brief.index,
        "retry": brief.retry,
    }


def _mistakes(brief: Brief) -> list[str]:
    """Return why earlier drafts were refused, the latest first, each reason once."""
    errors = (
        f"{finding.message}: {finding.suggestion}" if finding.suggestion else finding.message
        for _, findings in reversed(brief.failures)
        for finding in findings
        if finding.severity == "error"
    )
    return list(dict.fromkeys(errors))[:_MISTAKES]


def _summary(attempt: Attempt, brief: Brief) -> dict[str, str]:
    mean, low, high = attempt.fitness[brief.task.fitness]
    return {
        "id": attempt.id,
        "value": f"{short(mean)} [{short(low)}, {short(high)}]",
        "formula": attempt.formula,
        "idea": attempt.idea,
    }


def _shown(brief: Brief, parents: Sequence[Attempt]) -> list[dict[str, object]]:
    """Return what the prompt tells of each parent."""
    ranks = {attempt.id: rank for rank, attempt in enumerate(brief.history, 1)}
    return [
        {
            "id": parent.id,
            "rank": ranks[parent.id],
            "of": len(brief.history),
            "file": parent.text.strip(),
            "fitness": [
                f"{name}: {short(mean)} [{short(low)}, {short(high)}]"
                for name, (mean, low, high) in parent.fitness.items()
            ],
            "episodes": parent.episodes,
            "seeds": parent.seeds,
            "components": component_table(parent.components),
            "curve": curve_table(parent.curve),
            "findings": [str(finding) for finding in parent.findings],
        }
        for parent in parents
    ]


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


def _with_line(finding: Finding, text: str) -> str:
    """Return a finding as one item, with the line of the file that it points at."""
    match = re.search(r"\bline (\d+)\b", f"{finding.evidence} {finding.message}")
    lines = text.splitlines()
    if match is None or not 0 < int(match[1]) <= len(lines):
        return str(finding)
    return f"{finding}\n    {match[1]}: {lines[int(match[1]) - 1].strip()}"
