"""One proposal: ask the designer, check, repair, keep; journaled before and after every step."""

from __future__ import annotations

from dataclasses import replace

from autoreward.agents.designer import Brief, Draft
from autoreward.agents.formulas.parts import Part
from autoreward.config import Settings
from autoreward.rewards.source import RewardSource
from autoreward.search.briefing import keep_parts
from autoreward.search.calls import current_proposal
from autoreward.search.checking import Checked, Checker
from autoreward.search.judging import Judge
from autoreward.search.novelty import Novelty
from autoreward.search.observer import Observer
from autoreward.search.team import Team
from autoreward.search.view import View, view_of
from autoreward.store.journal import Journal

_DUPLICATE_RETRIES = 5
_TWINS = frozenset({"duplicate", "only-numbers"})
"""Findings that there is such a reward already."""


class Proposer:
    """Turns briefs into candidates that may be trained.

    Args:
        journal: The run's journal.
        team: Has the designers.
        checker: Refuses bad ones.
        judge: A language model that looks at what the checker let pass; None for none.
        novelty: Knows what was tried already.
        settings: The run's settings.
        observer: Told of everything.
    """

    def __init__(
        self,
        journal: Journal,
        team: Team,
        checker: Checker,
        judge: Judge | None,
        novelty: Novelty,
        settings: Settings,
        observer: Observer,
    ) -> None:
        self._journal, self._team, self._checker = journal, team, checker
        self._judge, self._novelty, self._observe = judge, novelty, observer
        self._repairs = settings.search.repairs

    def propose(self, brief: Brief) -> str | None:
        """Carry one open proposal out; return the accepted candidate's id, None if there is none.

        Raises:
            LLMError: The language model cannot be asked; the proposal stays open.
            BudgetExceeded: A limit on dollars or tokens is reached; the proposal stays open.
        """
        token = current_proposal.set(brief.proposal)
        try:
            return self._carry_out(brief)
        finally:
            current_proposal.reset(token)

    def _carry_out(self, brief: Brief) -> str | None:
        source: RewardSource | None = None
        for retry in range(_DUPLICATE_RETRIES + 1):
            asked = replace(brief, retry=retry)
            last = retry == _DUPLICATE_RETRIES
            draft, checked = self._acceptable(asked, last)
            if checked is None:
                continue  # nobody was asked: another draw costs nothing
            if not checked.ok or checked.source is None:
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
                keep_parts(self._journal, source.identity, self._parts(draft, checked))
                self._novelty.keep(source, checked)
                self._keep_distances(source, checked, draft)
                self._journal.set_candidate_state(source.identity, "checked")
                self._journal.close_proposal(
                    brief.proposal,
                    "accepted",
                    candidate=source.identity,
                    operator=draft.operator,
                    parents=draft.parents,
                )
                self._observe(
                    "accepted",
                    proposal=brief.proposal,
                    candidate=source.identity,
                    formula=str(source.formula),
                )
                return source.identity
        assert source is not None
        reason = f"the same reward as {source.identity}"
        self._journal.close_proposal(
            brief.proposal, "duplicate", candidate=source.identity, reason=reason
        )
        self._observe("duplicate", proposal=brief.proposal, candidate=source.identity)
        return None

    def _acceptable(self, brief: Brief, last: bool) -> tuple[Draft, Checked | None]:
        """Return a draft and what the checks said; None for a twin that is to be drawn anew.

        A model's draft that no repair could mend is followed by one fresh draft. One that is
        refused for good closes the proposal.

        Args:
            brief: What is asked for.
            last: Whether this is the last try.
        """
        draft, checked = self._repaired(brief)
        if not checked.ok and brief.model is not None:
            refused = (*brief.failures, (draft.text, tuple(checked.findings)))
            draft, checked = self._repaired(replace(brief, fresh=True, failures=refused))
        if checked.ok:
            return draft, checked
        errors = {finding.code for finding in checked.findings if finding.severity == "error"}
        findings = checked.findings
        if brief.model is None and errors <= _TWINS:
            if last:
                reason = next(str(f) for f in findings if f.code in _TWINS)
                self._journal.close_proposal(brief.proposal, "duplicate", reason=reason)
            return draft, checked if last else None
        self._journal.add_findings(findings, source="critic", proposal=brief.proposal)
        first = next(f for f in findings if f.severity == "error")
        self._journal.set_meta(f"rejected/{brief.proposal}", draft.text)
        if draft.parts:
            keep_parts(self._journal, f"proposal-{brief.proposal}", draft.parts)
        self._journal.close_proposal(brief.proposal, "rejected", reason=str(first))
        self._observe("rejected", proposal=brief.proposal, findings=findings)
        return draft, checked

    def _repaired(self, brief: Brief) -> tuple[Draft, Checked]:
        """Return a draft and what the checks said, after as many repairs as are allowed."""
        designer = self._team.designer_for(brief)
        view = view_of(self._journal, brief.proposal)
        assert view is not None, "the proposal is open"
        draft = designer.propose(brief)
        checked = self._check(draft, view)
        for attempt in range(1, self._repairs + 1):
            if checked.ok:
                break
            mended = designer.repair(brief, draft, list(checked.findings), attempt)
            if mended is None:
                break
            draft, checked = mended, self._check(mended, view)
        return draft, checked

    def _check(self, draft: Draft, view: View) -> Checked:
        if draft.findings:  # there is no file to check
            return Checked(None, draft.findings, None)
        checked = self._checker.check(draft.text)
        if checked.ok and checked.source is not None:
            twin = self._novelty.twin(checked.source, checked, draft.operator, view)
            checked = replace(checked, findings=[*checked.findings, *twin])
        if checked.ok and checked.source is not None and self._judge is not None:
            said = self._judge(checked.source, checked.findings)
            checked = replace(checked, findings=[*checked.findings, *said])
        return checked

    def _keep_distances(self, source: RewardSource, checked: Checked, draft: Draft) -> None:
        """Write down how far a reward is from its parents as an aim, before it is trained."""
        found = {
            parent: self._checker.distance(checked, self._journal.candidate(parent).text)
            for parent in draft.parents
        }
        known = {parent: value.to_dict() for parent, value in found.items() if value is not None}
        if known:
            self._journal.set_meta(f"distance/{source.identity}", known)

    def _parts(self, draft: Draft, checked: Checked) -> tuple[Part, ...]:
        """Return what the formula policy may know of a reward's components."""
        return draft.parts or self._checker.parts(checked)
