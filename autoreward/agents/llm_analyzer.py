"""The analyzer that asks a language model: it explains, and every claim it makes is measured.

As in Auto MC-Reward (Li et al. 2023, arXiv:2312.09238) the model reads the last frames of failed
episodes and statistics, and says causes and suggestions. As in GroundedPRM (Zhang et al. 2025,
arXiv:2510.14942) no claim counts that does not cite a measurement which code has repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from autoreward.agents.prompts import PromptLibrary
from autoreward.config import LLMSettings
from autoreward.findings import Finding
from autoreward.llm.request import LLM, Message
from autoreward.llm.structured import ask_structured
from autoreward.pointers import Pointer, find_pointers, tidied

ROLE = "analyzer"
Measure = Callable[[Pointer], float | None]
"""The number that stands at a pointer; None where the place or the quantity does not exist."""

_MOST_CLAIMS = 8
_RATE = re.compile(
    r"(?P<percent>\d+(?:\.\d+)?) ?(?:%|per ?cent)|(?P<part>\d+) (?:out )?of (?P<all>\d+)"
)
"""`90 %` or `9 of 10`: how often something happens, which no single pointer shows."""
_INVENTED = "a rate in it is measured nowhere"
_ROUNDING = 0.006
"""Half a percent and a little: rates are written without decimals."""


@dataclass(frozen=True)
class AnalysisCase:
    """All that is known about one trained policy, as text. How fitness is computed is not in it."""

    card: str
    """Environment and task, as designers see them."""
    description: str
    """What the agent shall do, in the user's words."""
    fitness: str
    """Name of the deciding measurement."""
    better: str
    """`higher is better` or `lower is better`."""
    reduced: str
    """How the values of the steps make that of an episode."""
    before: str
    """What the reward was made from and what that reached; empty for a first draft."""
    file: str
    """The reward file."""
    formula: str
    scores: tuple[str, ...]
    """A line for each fitness entry: `name: mean [low, high]`."""
    curve: str
    """Table: environment steps, fitness per step, episode length, reward."""
    components: str
    """Table of the components' statistics over the snapshots of training."""
    snapshots: int
    """Snapshots of training that pointers may name, from 1."""
    lengths: tuple[int, ...]
    """Steps lived by each validation episode, in the order that pointers count in."""
    terminated: tuple[bool, ...]
    """Whether each of them was ended early by the task's rule."""
    episode_scores: tuple[float, ...]
    """Deciding measurement of each of them."""
    findings: tuple[str, ...]
    """What the machine found."""
    paragraph: str
    """What the machine says about the policy."""
    failures: tuple[str, ...]
    """Tables of the last frames of failed episodes, each with a heading of its own."""
    taxonomy: Mapping[str, str]
    """Code that a claim may have → one sentence."""
    episode_quantities: tuple[str, ...]
    """What pointers into an episode may name."""
    training_quantities: tuple[str, ...]
    """What pointers into training may name."""
    notes: tuple[str, ...] = ()
    """What people said about this reward or its policy."""


@dataclass(frozen=True)
class Explanation:
    """What a model says about a policy, as far as measurement confirms it."""

    findings: tuple[Finding, ...] = ()
    """Confirmed claims; `evidence` holds their pointers with the measured values."""
    dropped: tuple[tuple[str, str], ...] = ()
    """Claims, or sentences of the summary, that are not used, each with the reason."""
    summary: str = ""
    """A paragraph for the next designer; empty where no claim is confirmed."""
    keep: str = ""
    """What the next reward must not lose; empty as `summary` is."""
    problem: str = ""
    """Why there is no explanation: then the machine's own paragraph is all there is."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


def _joined(value: object) -> object:
    """Accept a list of sentences where one text is asked for."""
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _listed(value: object) -> object:
    """Accept one text where a list is asked for."""
    return [value] if isinstance(value, str) else value


_Text = Annotated[str, BeforeValidator(_joined)]
_Texts = Annotated[list[str], BeforeValidator(_listed)]


class _Claim(BaseModel):
    code: str
    claim: _Text
    pointers: _Texts = []
    suggestion: _Text = ""


class _Answer(BaseModel):
    claims: list[_Claim]
    summary: _Text
    keep: _Text = ""


class LLMAnalyzer:
    """Asks why a policy does what it does, and keeps what measurement confirms.

    Args:
        llm: Who is asked.
        settings: Model and sampling settings of every request.
        prompts: The templates; `analyzer_system` and `analyzer` are used.
    """

    def __init__(self, llm: LLM, settings: LLMSettings, prompts: PromptLibrary) -> None:
        self._llm, self._settings, self._prompts = llm, settings, prompts

    def explain(self, case: AnalysisCase, measure: Measure) -> Explanation:
        """Return the model's claims about a policy that measurement confirms.

        A claim is confirmed by one pointer whose value is what `measure` finds there; pointers with
        another value are struck. A claim with a code outside the taxonomy, or that names a rate
        which stands neither in the case nor at its pointers, is dropped.

        Args:
            case: What the model is shown.
            measure: Measures a pointer in the recorded episodes or in the training statistics.

        Raises:
            LLMError: The model cannot be asked.
            BudgetExceeded: A limit on dollars or tokens is reached.
            UsageError: A prompt template is broken.
        """
        messages = self.messages(case)
        answer = ask_structured(self._llm, self._settings, messages, _Answer, role=ROLE)
        if answer is None:
            return Explanation(
                problem="the analyzer's answer could not be read, twice: "
                "the machine's analysis stands alone"
            )
        return _confirmed(answer, case, measure, _known_rates(case))

    def messages(self, case: AnalysisCase) -> tuple[Message, ...]:
        """Return what the model is asked; raises UsageError where a template is broken."""
        shown = asdict(case) | {
            "file": _as_data(case.file),
            "description": _as_data(case.description),
            "notes": [_as_data(_one_line(note)) for note in case.notes],
        }
        return (
            Message("system", self._prompts.render("analyzer_system", taxonomy=case.taxonomy)),
            Message("user", self._prompts.render("analyzer", **shown)),
        )


def _as_data(text: str) -> str:
    """Return a text that cannot close the marks which it stands between."""
    return text.strip().replace("<<<", "< < <").replace(">>>", "> > >")


def _confirmed(
    answer: _Answer, case: AnalysisCase, measure: Measure, known: frozenset[float]
) -> Explanation:
    findings: list[Finding] = []
    dropped: list[tuple[str, str]] = []
    unconfirmed: list[str] = []
    measured: set[float] = set()
    for number, entry in enumerate(answer.claims):
        code = re.sub(r"[\s_]+", "-", entry.code.strip(" `\"'*").lower())
        said = f"{code}: {_one_line(entry.claim)}"
        pointers, struck = _measured(entry.pointers, measure)
        here = frozenset(pointer.value for pointer in pointers if pointer.value is not None)
        if number >= _MOST_CLAIMS:
            reason = f"only the first {_MOST_CLAIMS} claims count"
        elif code not in case.taxonomy:
            reason = "its code is not in the taxonomy"
        elif not pointers:
            reason = "; ".join(struck) or "it points at no measurement"
        elif _founded(entry.claim, known | here)[1]:
            reason = _INVENTED
        else:
            reason = ""
        if reason:
            dropped.append((said, reason))
            unconfirmed.append(code)
            continue
        measured |= here
        dropped += [(said, f"one of its pointers: {why}") for why in struck]
        evidence = "; ".join(map(str, pointers))
        suggestion = _one_line(entry.suggestion)
        findings.append(Finding(code, "warning", _one_line(entry.claim), evidence, suggestion))
    if not findings and answer.claims:
        return Explanation(dropped=tuple(dropped))
    summary, left_out = _founded(_one_line(answer.summary), known | measured)
    dropped += [(sentence, _INVENTED) for sentence in left_out]
    if unconfirmed:
        names = ", ".join(dict.fromkeys(unconfirmed))
        summary = f"{summary} (not confirmed by measurement: {names})".strip()
    return Explanation(tuple(findings), tuple(dropped), summary, _one_line(answer.keep))


def _measured(texts: Iterable[str], measure: Measure) -> tuple[list[Pointer], list[str]]:
    """Return the right pointers, with measured values, and what is wrong with the rest."""
    right: dict[str, Pointer] = {}
    struck = []
    for text in texts:
        pointers = find_pointers(tidied(text))
        if not pointers:
            struck.append(f"`{_one_line(text)}` is no pointer")
        for pointer in pointers:
            value = measure(pointer)
            if value is None:
                struck.append(f"`{pointer}` points at nothing")
            elif pointer.value is None:
                struck.append(f"`{pointer}` states no value")
            elif not pointer.agrees(value):
                struck.append(f"`{pointer}`, but {value:.4g} is measured there")
            else:
                true = pointer.claiming(value)
                right[str(true)] = true
    return list(right.values()), struck


def _founded(text: str, known: frozenset[float]) -> tuple[str, list[str]]:
    """Return a text without the sentences whose rates are not known, and those sentences."""
    kept: list[str] = []
    left_out: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        rates = _rates(sentence)
        fine = all(any(abs(rate - value) <= _ROUNDING for value in known) for rate in rates)
        (kept if fine else left_out).append(sentence)
    return " ".join(kept), left_out


def _rates(text: str) -> frozenset[float]:
    """Return the rates in a text, as fractions."""
    found = set()
    for match in _RATE.finditer(text):
        if match["percent"]:
            found.add(float(match["percent"]) / 100.0)
        elif int(match["all"]):
            found.add(int(match["part"]) / int(match["all"]))
    return frozenset(found)


def _known_rates(case: AnalysisCase) -> frozenset[float]:
    """Return the rates that are measured: no others may be spoken of."""
    rates = _rates(" ".join((*case.findings, case.paragraph, *case.failures)))
    count = max(len(case.terminated), 1)
    early = sum(case.terminated) / count
    shares = set()
    # How many do it at all, and how many do half as much as the one that does most.
    for bar in (0.0, max(case.episode_scores, key=abs, default=0.0) / 2):
        share = sum(abs(value) > abs(bar) for value in case.episode_scores) / count
        shares |= {share, 1.0 - share}
    return rates | shares | {early}


def _one_line(text: str) -> str:
    return " ".join(text.split())
