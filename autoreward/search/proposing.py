"""One proposal: ask the designer, check, repair, keep; journaled before and after every step."""

from __future__ import annotations

import contextvars
from dataclasses import replace

from autoreward.agents.designer import Brief, Designer, Draft
from autoreward.llm.request import Reply
from autoreward.search.checking import Checked, Checker
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
        repairs: Times a refused reward goes back to the designer.
        observer: Told of everything.
    """

    def __init__(
        self,
        journal: Journal,
        designer: Designer,
        checker: Checker,
        repairs: int,
        observer: Observer,
    ) -> None:
        self._journal, self._designer, self._checker = journal, designer, checker
        self._repairs, self._observe = repairs, observer

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
                self._journal.add_findings(
                    checked.findings, source="critic", candidate=source.identity
                )
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
        """Return a draft that passes the checks, or None beside the last that did not."""
        draft: Draft | None = self._designer.propose(brief)
        for attempt in range(1, self._repairs + 2):
            assert draft is not None
            checked = self._check(draft)
            if checked.ok:
                return draft, checked
            last, findings = draft, list(checked.findings)
            draft = (
                self._designer.repair(brief, last, findings, attempt)
                if attempt <= self._repairs
                else None
            )
            if draft is None:
                break
        self._journal.add_findings(findings, source="critic", proposal=brief.proposal)
        first = next(f for f in findings if f.severity == "error")
        self._journal.set_meta(f"rejected/{brief.proposal}", last.text)
        self._journal.close_proposal(brief.proposal, "rejected", reason=str(first))
        self._observe("rejected", proposal=brief.proposal, findings=findings)
        return last, None

    def _check(self, draft: Draft) -> Checked:
        if draft.findings:  # there is no file to check
            return Checked(None, draft.findings, None)
        return self._checker.check(draft.text)


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
