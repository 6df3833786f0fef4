"""Checks of what whole behaviours earn: standing still, ending early, being paid for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autoreward.evaluation.checks.case import Case
from autoreward.findings import Finding

FLOOD = 0.1
"""Spread of the reward, relative to its mean, below which the payment counts as constant."""
MOSTLY = 0.95
"""Share of the steps that makes a statement about all of them."""
CLEARLY = 0.1
"""Difference of returns, relative to their size, that counts as clear."""


class Flooding:
    """A constant positive payment drowns what the behaviour changes.

    A task of staying alive is paid so on purpose: its fitness is as constant as the payment.
    """

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        # Wild actions end in states that no policy seeks: what is paid there is not looked at.
        rewards = {name: r for name, r in case.lived().items() if name in ("recorded", "best")}
        if self._is_survival(case):
            return
        worst = max(float(r.std() / max(r.mean(), 1e-12)) for r in rewards.values())
        if 0 < worst < FLOOD and min(float(np.quantile(r, 0.01)) for r in rewards.values()) > 0:
            mean = float(rewards["recorded"].mean())
            yield Finding(
                "flooding",
                "warning",
                "nearly all of the reward is a constant that ordinary behaviour is paid anyway",
                f"mean {mean:.3g} a step, spread at most {worst:.1%} of it",
                "shrink the constant part until what the task asks for makes most of the reward",
            )

    def _is_survival(self, case: Case) -> bool:
        random, primary = case.material.random, case.material.primary
        if random is None or primary is None or not random.terminated.any():
            return False
        # But for the last step of an episode, which is worth nothing where it ends in a fall.
        low, high = np.quantile(case.steps("random", random.fitness[primary.name]), [0.2, 0.8])
        return bool(primary.direction == "max" and low > 0 and high - low <= 1e-3 * high)


class StandingStill:
    """Doing nothing earns as much as anything that is known."""

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        if not {"zero", "random"} <= set(case.answers):
            return
        idle, tried = case.returns("zero"), float(case.returns("random").mean())
        still = float(idle.mean())
        figures = f"return {still:.4g} without acting, {tried:.4g} at random"
        if "best" in case.answers and self._best_is_better(case):
            best = float(case.returns("best").mean())
            worth, figures = still >= best, f"{figures}, {best:.4g} for the best known policy"
            than = "as much as the best policy known"
        else:
            worth, than = self._tops_everything(case, still, tried), "more than anything tried"
        if worth:
            yield Finding(
                "standing-still",
                "warning",
                f"the policy that never acts earns {than}",
                figures,
                "pay what the robot does (motion, progress) and not the state it starts in; shrink "
                "costs of effort",
            )

    def _best_is_better(self, case: Case) -> bool:
        best, idle, tried = (case.fitness(name) for name in ("best", "zero", "random"))
        if best is None or idle is None or tried is None:
            return True
        spread = float(np.ptp(np.concatenate([best, idle, tried])))
        return bool(best.mean() - idle.mean() > CLEARLY * spread > 0)

    def _tops_everything(self, case: Case, still: float, tried: float) -> bool:
        """Return whether nothing recorded pays more per step, nor an episode at random."""
        zero = case.material.zero
        assert zero is not None
        if zero.terminated.any():  # it cannot stand: being paid for it is worth learning
            return False
        size = max(abs(still), abs(tried))
        if still - tried <= CLEARLY * size:
            return False
        rewards = case.lived()
        idle = rewards["zero"][len(rewards["zero"]) // 4 :]  # once it has come to rest
        rest = np.concatenate([r for name, r in rewards.items() if name != "zero"])
        low, high = np.quantile(rest, [1 - MOSTLY, MOSTLY])
        return bool(idle.mean() >= high - (1 - MOSTLY) * (high - low))


class EarlyEnd:
    """Every step costs, so that the shortest episode is the best."""

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        episodes = [e for name, e in case.material.episodes.items() if name in case.answers]
        if not any(part.terminated.any() for part in episodes):
            return
        shares = {name: float((reward < 0).mean()) for name, reward in case.lived().items()}
        if min(shares.values()) > MOSTLY:
            mean = float(case.lived()["recorded"].mean())
            yield Finding(
                "early-end",
                "warning",
                "nearly every step costs, and an episode can end early: falling at once is best",
                f"{min(shares.values()):.0%} of the steps are negative in every recorded "
                f"behaviour, mean {mean:.3g}",
                "pay each step lived enough to outweigh the costs",
            )
