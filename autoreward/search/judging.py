"""The language model as critic: tried on known bad rewards first, then asked about each draft."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from autoreward.config import Settings
from autoreward.findings import Finding
from autoreward.rewards.source import RewardSource
from autoreward.search.observer import Observer
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal

if TYPE_CHECKING:
    from autoreward.agents.llm_critic import LLMCritic

Judge = Callable[[RewardSource, Sequence[Finding]], list[Finding]]
"""What a critic says of a reward that the machine let pass, given the machine's findings."""
_AUDIT = "critic-audit"


def try_critic(journal: Journal, critic: LLMCritic, settings: Settings, observe: Observer) -> None:
    """See what the critic lets pass of known bad rewards; once a run and model.

    Raises:
        UsageError: It lets too many pass, or refuses all good ones: it is not used.
        LLMError: The model cannot be asked.
        BudgetExceeded: A limit on dollars or tokens is reached.
    """
    from autoreward.agents.battery import audit, refuse_weak_critic

    known: dict[str, Any] = journal.meta(_AUDIT, {})
    key = f"{critic.model} {journal.meta('prompts')}"
    if known.get("of") == key and known["rate"] <= settings.critic.false_passes:
        return
    observe("phase", text="trying the critic on known bad rewards")
    found = audit(critic)
    journal.set_meta(_AUDIT, {"of": key, "rate": found.rate, "said": str(found)})
    journal.event("critic-tried", said=str(found))
    observe("audited", said=str(found))
    refuse_weak_critic(found, settings.critic.false_passes)


def judging(critic: LLMCritic, setup: Setup) -> Judge:
    """Return the critic as a function of the reward and what the machine found."""
    from autoreward.agents.llm_critic import Case

    def judge(source: RewardSource, findings: Sequence[Finding]) -> list[Finding]:
        case = Case(source, setup.folder, setup.task, setup.settings.description, tuple(findings))
        return list(critic.judge(case).findings)

    return judge
