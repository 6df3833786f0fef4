"""What operators that need no model ask about reward files and formulas."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from autoreward.agents.critic import component_reads
from autoreward.agents.designer import Attempt, Brief
from autoreward.agents.primitives import component_file, primitives
from autoreward.errors import RewardFileError, UsageError
from autoreward.findings import has_error
from autoreward.rewards.formula import Formula, check_formula
from autoreward.rewards.source import RewardSource, parse_reward, with_formula
from autoreward.rewards.terms import Summand, outside_gates, summands, weighted_sum


@lru_cache(maxsize=2048)  # every proposal reads the whole history
def read(text: str) -> RewardSource | None:
    """Return a reward file whose formula adds up something, None for any other."""
    try:
        source = parse_reward(text)
    except RewardFileError:  # a rule that came after the file was trained
        return None
    return source if source.formula is not None and summands(source.formula) else None


def terms_of(source: RewardSource) -> tuple[Summand, ...]:
    """Return what the formula of a file that `read` returned adds up."""
    assert source.formula is not None
    return summands(source.formula)


def accepted(text: str) -> RewardSource | None:
    """Return a file that was put together, None if it breaks a rule."""
    source = read(text)
    if source is None or source.formula is None:
        return None
    wrong = has_error(check_formula(source.formula, component_reads(source, source.formula)))
    return None if wrong else source


def with_terms(text: str, terms: tuple[Summand, ...]) -> RewardSource | None:
    """Return a file with another formula, None where that breaks a rule."""
    try:
        return accepted(with_formula(text, str(weighted_sum(terms))))
    except RewardFileError:  # too large
        return None


def is_shared(brief: Brief, source: RewardSource) -> bool:
    """Return whether a file is that of the environment's primitives, which many attempts share."""
    try:
        shared = component_file(brief.folder, primitives(brief.folder, brief.task))
    except UsageError:  # there are none
        return False
    return source.components_text == parse_reward(shared).components_text


def idea_of(brief: Brief, made: RewardSource, parent: Attempt) -> str:
    """Return the idea of a reward made from a parent: its formula in words, or the parent's idea.

    Files that somebody wrote have an idea of their own, which a change of the formula leaves.
    """
    return in_words(terms_of(made)) if is_shared(brief, made) else parent.idea


def in_words(terms: Sequence[Summand]) -> str:
    """Return what a formula asks for: `Reward a, b; avoid c.`."""
    said = []
    for verb, sign in (("reward", 1.0), ("avoid", -1.0)):
        bodies = (term.body for term in terms if term.body and term.weight * sign > 0)
        names = dict.fromkeys(name for body in bodies for name in sorted(outside_gates(body)))
        said += [f"{verb} {', '.join(names)}"] if names else []
    sentence = "; ".join(said)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def says_something(formula: Formula, attempt: Attempt) -> bool:
    """Return whether a formula asks for more than to live, or to be still."""
    roles = {part.name: part.role for part in attempt.parts}
    return any(roles.get(name, "measure") == "measure" for name in formula.components)


def rescaled(terms: tuple[Summand, ...], largest: float) -> tuple[Summand, ...]:
    """Return terms times one positive factor, with two digits, the largest weight as given."""
    factor = largest / max(abs(term.weight) for term in terms)
    return tuple(Summand(rounded(term.weight * factor), term.body) for term in terms)


def largest_weight(terms: tuple[Summand, ...]) -> float:
    """Return the largest |weight|."""
    return max(abs(term.weight) for term in terms)


def rounded(value: float) -> float:
    """Return `value` with two significant digits, as formulas are written."""
    return float(f"{value:.2g}")
