"""The formula policy: a small network that learns from validation which formulas train well.

Differentiable evolutionary reinforcement learning (DERL, Cheng et al. 2025) with a policy over a
grammar in the place of a language model. It sees components by their features (range, role,
correlation with fitness), so it serves any reward file; a table by name learns fast within a run.
Its state follows from the file it began with and the outcomes alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from random import Random

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from autoreward.agents.formulas.choices import (
    Choice,
    decode,
    encode,
    says_nothing,
)
from autoreward.agents.formulas.grammar import KINDS, MAX_TERMS, Terms
from autoreward.agents.formulas.learning import Knowledge, taught
from autoreward.agents.formulas.network import (
    Batch,
    Odds,
    fresh_parameters,
    logits_of,
    odds_of,
    term_odds,
)
from autoreward.agents.formulas.outcomes import Outcome
from autoreward.agents.formulas.parts import Part
from autoreward.agents.formulas.scene import FLOOR, Head, float_tensor, scene_of
from autoreward.errors import UsageError
from autoreward.store.rundir import write_atomic

_VERSION = "1"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch do without threads: on tensors of a few numbers they wait more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class FormulaPolicy:
    """Draws formulas over any components. It never changes: learning returns a new one."""

    def __init__(self, knowledge: Knowledge | None = None, *, uniform: bool = False) -> None:
        """Begin with the prior or, if `uniform`, with no preference for anything."""
        self._knowledge = knowledge or Knowledge.begin(fresh_parameters(), ())
        self._uniform = uniform
        self._odds: dict[tuple[Part, ...], Odds] = {}
        self._next: tuple[tuple[Outcome, ...], FormulaPolicy] | None = None

    @_one_thread()
    def learn(self, groups: Iterable[Sequence[Outcome]]) -> FormulaPolicy:
        """Return the policy that has learned from these groups, one after the other."""
        policy = self
        for group in groups:
            policy = policy._taught(tuple(group))
        return policy

    def _taught(self, group: tuple[Outcome, ...]) -> FormulaPolicy:
        """Return what a group makes of it; the proposals of a generation share the answer."""
        known = self._next
        if known is None or known[0] != group:
            known = self._next = (group, FormulaPolicy(taught(self._knowledge, group)))
        return known[1]

    @_one_thread()
    def log_prob(self, terms: Terms, parts: Sequence[Part]) -> float:
        """Return the log-probability of a formula, its numbers taken as the nearest options.

        Raises:
            ValueError: A component is unknown or has two terms, or there are more than four terms.
        """
        choices = encode(terms, parts)
        if choices is None:
            raise ValueError("no formula of the grammar over these components")
        known = self._knowledge
        with torch.no_grad():
            batch = Batch(scene_of(tuple(parts), self._uniform), [choices])
            return float(batch.log_probs(known.parameters, known.names)[0].sum())

    @_one_thread()
    def sample(self, parts: Sequence[Part], random: Random) -> Terms:
        """Draw a formula; all chance comes from `random`."""
        with torch.no_grad():
            odds = self._of(parts)
            chosen: list[Choice] = []
            for row in self._draw_parts(odds, random):
                chosen.append(self._draw_term(odds, row, chosen, random))
        return decode(tuple(chosen), parts, random)

    @_one_thread()
    def mode(self, parts: Sequence[Part]) -> Terms:
        """Return the most probable formula: likely components, each with its likeliest choices."""
        with torch.no_grad():
            odds = self._of(parts)
            chosen: list[Choice] = []
            for row in _likely_parts(odds):
                chosen.append(self._draw_term(odds, row, chosen, None))
        return decode(tuple(chosen), parts)

    def save(self, path: Path) -> None:
        """Write one safetensors file, whole or not at all."""
        about = {"formula_policy": _VERSION, "names": json.dumps(list(self._knowledge.names))}
        tensors = {key: value.contiguous() for key, value in self._knowledge.parameters.items()}
        write_atomic(path, save(tensors, metadata=about))

    @classmethod
    def load(cls, path: Path) -> FormulaPolicy:
        """Read a policy.

        Raises:
            UsageError: There is none, the file is something else, or of another version.
        """
        expected = fresh_parameters()
        try:
            with safe_open(path, "pt") as file:
                about = file.metadata() or {}
                version = about["formula_policy"]
                names = [str(name) for name in json.loads(about["names"])]
                tensors = {key: file.get_tensor(key) for key in expected}
        except FileNotFoundError:
            raise UsageError(f"there is no formula policy {path}") from None
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            raise UsageError(f"{path} is no formula policy, or it is damaged") from None
        expected["names"] = expected["names"].new_zeros(len(names), expected["b2"].shape[0])
        if version != _VERSION or any(
            tensors[key].shape != value.shape or not tensors[key].isfinite().all()
            for key, value in expected.items()
        ):
            raise UsageError(
                f"the formula policy {path} is of another version, or damaged: train a new one"
            )
        return cls(Knowledge.begin({k: v.double() for k, v in tensors.items()}, names))

    def _of(self, parts: Sequence[Part]) -> Odds:
        key = tuple(parts)
        if key not in self._odds:
            scene, known = scene_of(key, self._uniform), self._knowledge
            self._odds[key] = odds_of(scene, known.parameters, known.names)
        return self._odds[key]

    def _draw_parts(self, odds: Odds, random: Random) -> list[int]:
        rows: list[int] = []
        seen, end = 0, len(odds.scene.parts)
        while True:
            start = rows[-1] + 1 if rows else 0
            row = _draw(odds.pointer(start, seen, MAX_TERMS - len(rows)), random)
            if row == end:
                return rows
            rows.append(row)
            seen = odds.scene.after[row][seen]

    def _draw_term(
        self, odds: Odds, part: int, before: Sequence[Choice], random: Random | None
    ) -> Choice:
        scene, row = odds.scene, torch.tensor([part])
        context = float_tensor([scene.context([choice.part for choice in before])])
        known = self._knowledge
        logits = logits_of(scene, known.parameters, known.names, row, context)
        terms = term_odds(scene, logits, row)[0].tolist()
        kind = KINDS[_draw(terms[Head.KIND], random)]
        gate, threshold = None, 0
        if _draw(terms[Head.GATED], random):
            gate = _draw(odds.gates[part].tolist(), random)
            threshold = _draw(odds.terms[gate, Head.THRESHOLD].tolist(), random)
        return Choice(
            part=part,
            sign=-1 if _draw(terms[Head.SIGN], random) else 1,
            weight=_draw(terms[Head.WEIGHT], random),
            kind=KINDS.index(kind),
            center=_draw(terms[Head.CENTER], random) if kind == "bell" else 0,
            width=_draw(terms[Head.WIDTH], random) if kind == "bell" else 0,
            slope=_draw(terms[Head.SLOPE], random) if kind == "tanh" else 0,
            gate=gate,
            threshold=threshold,
        )


def _likely_parts(odds: Odds) -> list[int]:
    """Return the most probable components that say something together."""
    logits = odds.include.tolist()
    ranked = sorted(range(len(logits)), key=lambda row: -logits[row])
    parts = odds.scene.parts
    rows = [row for row in ranked if logits[row] > 0][:MAX_TERMS]
    if says_nothing(parts[row].role for row in rows):
        measures = [row for row in ranked if parts[row].role == "measure"]
        rows = (rows + measures[:1])[-MAX_TERMS:] or ranked[:1]
    return sorted(rows)


def _draw(log_probs: Sequence[float], random: Random | None) -> int:
    """Draw an option that may be chosen, or take the likeliest one."""
    if random is None:
        return max(range(len(log_probs)), key=log_probs.__getitem__)
    weights = [math.exp(value) if value > FLOOR / 2 else 0.0 for value in log_probs]
    return random.choices(range(len(weights)), weights)[0]


def learned(warm_start: Path | None, groups: Sequence[Sequence[Outcome]]) -> FormulaPolicy:
    """Return the policy that began with a file, or with the prior, and learned from these groups.

    Raises:
        UsageError: The file is no formula policy.
    """
    return _begin(warm_start).learn(groups)


@lru_cache(maxsize=4)
def _begin(warm_start: Path | None) -> FormulaPolicy:
    return FormulaPolicy() if warm_start is None else FormulaPolicy.load(warm_start)
