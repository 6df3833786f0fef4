"""What the trajectory bank says of a reward, from the values of a trial."""

from __future__ import annotations

from autoreward.evaluation.bank import Prediction, predict
from autoreward.evaluation.checks.case import Case
from autoreward.evaluation.checks.trial import Trial
from autoreward.rewards.formula import Formula


def predicted(trial: Trial, formula: Formula) -> Prediction | None:
    """Return the predicted quality of a formula; None where the bank cannot tell."""
    bank = trial.material.bank
    if bank is None or "bank" not in trial.answers:
        return None
    return predict(bank, Case(trial, formula).reward("bank"), trial.material.gamma)
