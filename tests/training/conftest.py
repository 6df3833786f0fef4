"""Fixtures: a population whose rewards are computed in this very process, without jails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from autoreward.sandbox.contract import Batch, JailFailure
from autoreward.training.learner import Values

Reward = Callable[[Batch], dict[str, NDArray[np.float32]]]


class FunctionSource:
    """Component values from plain functions of the batch; stands in for jails."""

    def __init__(self, rewards: dict[str, Reward], fields: tuple[str, ...]) -> None:
        self.rewards, self.names = rewards, frozenset(fields)

    def fields(self, job: str) -> frozenset[str]:
        """Return the fields every reward reads."""
        return self.names

    def evaluate(self, batches: dict[str, Batch]) -> dict[str, Values | JailFailure]:
        """Call each job's function; a JailFailure it raises is its answer."""
        results: dict[str, Values | JailFailure] = {}
        for job, batch in batches.items():
            try:
                values = self.rewards[job](batch)
                results[job] = (values, {name: values[name] for name in batch.at_state})
            except JailFailure as failure:
                results[job] = failure
        return results


@pytest.fixture
def function_source() -> type[FunctionSource]:
    """Return the class, to be given the test's own rewards."""
    return FunctionSource
