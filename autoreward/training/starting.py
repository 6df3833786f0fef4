"""Where a training begins: at its own last checkpoint, at another one's end, or from scratch."""

from __future__ import annotations

from pathlib import Path

from autoreward.errors import TrainerError
from autoreward.training.files import read_checkpoint
from autoreward.training.messages import Train
from autoreward.training.population import Population


def begin(population: Population, index: int, order: Train) -> None:
    """Put a learner that was just admitted where its training is to begin.

    Args:
        population: Holds the learner.
        index: The learner's number.
        order: Names its own folder, and the one to start from.

    Raises:
        TrainerError: It is to begin with the policy of a training that left no checkpoint.
    """
    learner = population.learners[index]
    own = read_checkpoint(Path(order.directory))
    if own is not None:
        population.restore(index, own[0])
        learner.load_metadata(own[1])
        return
    if not order.start:
        return
    before = read_checkpoint(Path(order.start))
    if order.inherit == "all" and before is not None:
        population.restore(index, before[0])
        learner.load_metadata(before[1])
        learner.began = learner.steps
    elif order.inherit == "policy":
        if before is None:
            raise TrainerError(
                f"the training {order.job} cannot begin with the policy of {order.start}: there is "
                f"no checkpoint that can be read; let that training be repeated"
            )
        population.inherit(index, before[0])
