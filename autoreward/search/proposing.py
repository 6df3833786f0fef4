"""One proposal: ask the designer, check, repair, keep; journaled before and after every step."""

from __future__ import annotations

import contextvars
from dataclasses import replace

from autoreward.agents.designer import Brief, Designer, Draft
from autoreward.config import Settings
from autoreward.llm.request import Reply
from autoreward.search.checking import Checked, Checker
from autoreward.search.judging import Judge
from autoreward.search.observer import Observer
from autoreward.store.journal import Journal
from autoreward.store.records import Proposal

_DUPLICATE_RETRIES = 5

current_proposal: contextvars.ContextVar[int | None] = contextvars.ContextVar(
    "current_proposal", default=None
)
"""The proposal that a language model call is made for."""


class Proposer:
    """Turns briefs into candidates that may be trained.

    Args:
        journal: The run's journal.
        designer: Writes rewards.
        checker: Refuses bad ones.
        judge: A language model that looks at what the checker let pass; None for none.
        settings: The run's settings.
        observer: Told of everything.
    """

    def __init__(
        self,
        journal: Journal,
        designer: Designer,
        checker: Checker,
        judge: Judge | None,
        settings: Settings,
        observer: Observer,
    ) -> None:
        self._journal, self._designer, self._checker = journal, designer, checker
        self._judge, self._observe = judge, observer
        self._repairs = settings.search.repairs

    def open(self, brief: Brief) -> Proposal:
        """Note that a proposal begins, before anything is spent on it; return it as it stands."""
        return self._journal.open_proposal(
            brief.proposal,
            generation=brief.generation,
            operator=self._designer.name,
            model=self._designer.model,
        )

    def propose(self, brief: Brief) -> str | None:
        """Carry one proposal out and return the accepted candidate's id, None if there is none.

        A proposal that was carried out before the run was interrupted is not repeated.

        Raises:
            LLMError: The language model cannot be asked; the proposal stays open.
            BudgetExceeded: A limit on dollars or tokens is reached; the proposal stays open.
        """
        known = self.open(brief)
        if known.state != "open":
            return known.candidate if known.state == "accepted" else None
        token = current_proposal.set(brief.proposal)
        try:
            return self._carry_out(brief)
        finally:
            current_proposal.reset(token)

    def _carry_out(self, brief: Brief) -> str | None:
        for retry in range(_DUPLICATE_RETRIES + 1):
            asked = replace(brief, retry=retry)
            draft, checked = self._acceptable(asked)
            if checked is None or checked.source is None:
                return None
            source = checked.source
            new = self._journal.add_candidate(
                source.identity,
                proposal=brief.proposal,
                text=draft.text,
                formula=str(source.formula),
                skeleton=source.skeleton,
                idea=draft.idea,
                changes=draft.changes,
            )
            mine = self._journal.candidate(source.identity).proposal == brief.proposal
            if new or mine:  # `mine`: the run was interrupted right here
                if not self._journal.findings(candidate=source.identity):
                    self._journal.add_findings(
                        checked.findings, source="critic", candidate=source.identity
                    )
                if checked.prediction is not None:
                    quality = checked.prediction.quality
                    self._journal.set_meta(f"predicted/{source.identity}", quality)
                self._journal.set_candidate_state(source.identity, "checked")
                self._journal.close_proposal(
                    brief.proposal,
                    "accepted",
                    candidate=source.identity,
                    operator=draft.operator,
                    parents=draft.parents,
                )
                self._observe("accepted", candidate=source.identity, formula=str(source.formula))
                return source.identity
        reason = f"the same reward as {source.identity}"
        self._journal.close_proposal(
            brief.proposal, "duplicate", candidate=source.identity, reason=reason
        )
        return None

    def _acceptable(self, brief: Brief) -> tuple[Draft, Checked | None]:
        """Return a draft that passes the checks, or None beside the last that did not.

        A draft that no repair could mend is followed by one fresh draft.
        """
        draft, checked = self._repaired(brief)
        if not checked.ok and self._designer.model is not None:
            refused = (*brief.failures, (draft.text, tuple(checked.findings)))
            draft, checked = self._repaired(replace(brief, fresh=True, failures=refused))
        if checked.ok:
            return draft, checked
        findings = checked.findings
        self._journal.add_findings(findings, source="critic", proposal=brief.proposal)
        first = next(f for f in findings if f.severity == "error")
        self._journal.set_meta(f"rejected/{brief.proposal}", draft.text)
        self._journal.close_proposal(brief.proposal, "rejected", reason=str(first))
        self._observe("rejected", proposal=brief.proposal, findings=findings)
        return draft, None

    def _repaired(self, brief: Brief) -> tuple[Draft, Checked]:
        """Return a draft and what the checks said, after as many repairs as are allowed."""
        draft = self._designer.propose(brief)
        checked = self._check(draft)
        for attempt in range(1, self._repairs + 1):
            if checked.ok:
                break
            mended = self._designer.repair(brief, draft, list(checked.findings), attempt)
            if mended is None:
                break
            draft, checked = mended, self._check(mended)
        return draft, checked

    def _check(self, draft: Draft) -> Checked:
        if draft.findings:  # there is no file to check
            return Checked(None, draft.findings, None)
        checked = self._checker.check(draft.text)
        if checked.ok and checked.source is not None and self._judge is not None:
            said = self._judge(checked.source, checked.findings)
            checked = replace(checked, findings=[*checked.findings, *said])
        return checked


class JournaledCalls:
    """Writes language model calls into the run's journal, under the proposal they are made for."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def reserve(self, key: str, role: str, model: str, usd: float, tokens: int) -> None:
        """Book the worst case of a call."""
        proposal = current_proposal.get()
        self._journal.reserve_call(
            key, proposal=proposal, role=role, model=model, usd=usd, tokens=tokens
        )

    def settle(self, key: str, reply: Reply) -> None:
        """Replace it by what the call took."""
        self._journal.settle_call(
            key,
            input_tokens=reply.input_tokens,
            cached_tokens=reply.cached_tokens,
            output_tokens=reply.output_tokens,
            usd=reply.usd,
            seconds=reply.seconds,
        )

    def release(self, key: str) -> None:
        """The call failed and cost nothing."""
        self._journal.release_call(key)
