"""The operators that ask nobody: they work on any reward file, whoever wrote it."""

from __future__ import annotations

from autoreward.agents.designer import Operator
from autoreward.agents.operators.ablate import AblateOperator
from autoreward.agents.operators.contract import FreeOperator
from autoreward.agents.operators.graft import GraftOperator
from autoreward.agents.operators.tune import TuneOperator
from autoreward.agents.operators.vary import VaryOperator

FREE: dict[Operator, FreeOperator] = {
    operator.name: operator
    for operator in (TuneOperator(), VaryOperator(), AblateOperator(), GraftOperator())
}
