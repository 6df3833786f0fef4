"""The agents of a run: a designer and, where asked for, models as critic and analyzer.

All models of a run share one ledger, so that a budget holds for them together.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoreward.agents.builtin import BuiltinDesigner
from autoreward.agents.designer import Brief, Designer
from autoreward.config import LLMSettings, Settings
from autoreward.search.calls import JournaledCalls
from autoreward.store.journal import Journal

if TYPE_CHECKING:
    from autoreward.agents.llm_analyzer import LLMAnalyzer
    from autoreward.agents.llm_critic import LLMCritic


@dataclass(frozen=True)
class Team:
    """Who works on a run."""

    builtin: BuiltinDesigner
    """Carries out what needs no model."""
    models: Mapping[str, Designer] = field(default_factory=dict)
    """Language model → the designer that asks it; empty where none designs."""
    critic: LLMCritic | None = None
    """None: the machine's checks alone."""
    analyzer: LLMAnalyzer | None = None
    """None: the machine's analysis alone."""

    @property
    def name(self) -> str:
        """Who designs: `builtin` or `llm`."""
        return next(iter(self.models.values()), self.builtin).name

    def designer_for(self, brief: Brief) -> Designer:
        """Return who makes a proposal."""
        return self.builtin if brief.model is None else self.models[brief.model]


def assemble(settings: Settings, journal: Journal, stop: threading.Event) -> Team:
    """Return the agents that the settings ask for.

    Args:
        settings: The run's settings.
        journal: Takes note of every model call and of the prompts in use.
        stop: Setting it ends waits of the models.

    Raises:
        LLMError: No key, missing SDK, unknown price.
        UsageError: A prompt template is broken.
    """
    kinds = (settings.designer.kind, settings.critic.kind, settings.analyzer.kind)
    if "llm" not in kinds:
        return Team(BuiltinDesigner())
    from autoreward.agents.llm_analyzer import LLMAnalyzer
    from autoreward.agents.llm_critic import LLMCritic
    from autoreward.agents.llm_designer import LLMDesigner
    from autoreward.agents.prompts import PromptLibrary
    from autoreward.llm.factory import make_llm
    from autoreward.llm.ledger import Ledger, Spent
    from autoreward.llm.request import LLM

    files, limits = journal.files, settings.budget
    if not files.prompts.exists():
        PromptLibrary().snapshot(files.prompts)
    prompts = PromptLibrary(files.prompts)
    if journal.meta("prompts") != prompts.digest:
        journal.set_meta("prompts", prompts.digest)
    totals = journal.spent()
    spent = Spent(totals.usd, totals.tokens, totals.calls)
    calls = JournaledCalls(journal)
    ledger = Ledger(limits.usd, limits.tokens, spent, calls, max_calls=limits.calls)
    models: dict[str, LLM] = {}

    def connect(chosen: LLMSettings) -> LLM:
        name = chosen.model or ""
        if name not in models:
            models[name] = make_llm(chosen, files.llm, ledger, stop=stop)
        return models[name]

    designers: dict[str, Designer] = {}
    if settings.designer.kind == "llm":
        for model in dict.fromkeys((settings.llm.model or "", *settings.designer.models)):
            chosen = _with_model(settings.llm, model)
            examples = settings.designer.examples
            designers[model] = LLMDesigner(connect(chosen), chosen, prompts, examples)
    critic = analyzer = None
    if settings.critic.kind == "llm":
        chosen = _with_model(settings.llm, settings.critic.model)
        critic = LLMCritic(connect(chosen), chosen, prompts)
    if settings.analyzer.kind == "llm":
        chosen = _with_model(settings.llm, settings.analyzer.model)
        analyzer = LLMAnalyzer(connect(chosen), chosen, prompts)
    return Team(BuiltinDesigner(), designers, critic, analyzer)


def _with_model(settings: LLMSettings, model: str | None) -> LLMSettings:
    return settings if model is None else settings.model_copy(update={"model": model})
