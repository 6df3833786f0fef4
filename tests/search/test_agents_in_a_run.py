"""Runs in which a language model designs, criticises and explains, over HTTP, on point_mass."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from model_server import serving
from test_run import execute, settings

from autoreward.errors import UsageError
from autoreward.pointers import find_pointers
from autoreward.store.journal import Journal

sys.path.append(str(Path(__file__).resolve().parents[1] / "agents"))
from critic_readers import answer, data, thorough

FILES = (
    '''"""Get near."""

def near(state, action, next_state):
    """1 at the goal, in [0, 1]."""
    return tolerance(next_state.distance, margin=2.0)

FORMULA = "near"
''',
    '''"""Get near, slowly."""

def near(state, action, next_state):
    """1 at the goal, in [0, 1]."""
    return 1.0 - (next_state.distance / 4.0).clamp(max=1.0)

def effort(state, action, next_state):
    """Mean squared action, in [0, 1]."""
    return action.square().mean(dim=-1)

FORMULA = "near - 0.01 * effort"
''',
    '''"""Live."""

def moving(state, action, next_state):
    """Speed, in [0, 1]."""
    return next_state.speed.clamp(max=1.0)

FORMULA = "moving"
''',
)


class Model:
    """Answers by role and remembers what it was asked."""

    def __init__(self, **claims: str) -> None:
        self.asked: list[tuple[str, str]] = []
        self.drafts = 0
        self.claims = claims

    def __call__(self, system: str, user: str) -> str:
        """Return an answer."""
        role = "designer"
        if system.startswith("You check reward functions"):
            role = "critic"
        elif system.startswith("You analyse policies"):
            role = "analyzer"
        self.asked.append((role, user))
        if role == "critic":
            return self.judge(user)
        if role == "analyzer":
            return self.explain(user)
        self.drafts += 1
        return f"```python\n{FILES[(self.drafts - 1) % len(FILES)]}```"

    def judge(self, user: str) -> str:
        """Refuse the speed reward; work the others out."""
        if "`point_mass`" not in user:
            return thorough(user)
        code = data(user)["code"]
        return answer(code, "revise" if "speed" in code else "accept")

    def explain(self, user: str) -> str:
        """Make one claim that holds and one that does not."""
        row = re.search(r"^\| 0 \| \d+ \((\d+)\) \|", user, re.M)
        assert row
        last = int(row[1])
        head = re.search(r"\| environment steps \| (\d+)", user)
        assert head
        claims = [
            {
                "code": "stall",
                "claim": "It hardly learns.",
                "pointers": [f"episode 0, steps 0-{last}, max action[0] = 9.5"],
                "suggestion": "measure progress",
            },
            {
                "code": "standing-still",
                "claim": "The reward is what the table says.",
                "pointers": [self.claims["pointer"].format(last=last)],
                "suggestion": "pay for progress",
            },
        ]
        said = {"claims": claims, "summary": "It waits.", "keep": "nearness"}
        return json.dumps(said)

    def prompts(self, role: str) -> list[str]:
        """Return what was asked in a role."""
        return [user for asked, user in self.asked if asked == role]


def options(url: str, *more: str) -> list[str]:
    """Return the settings that point a run at the server."""
    return [
        "designer.kind=llm", "llm.model=openai/m", f"llm.api_base={url}", "llm.concurrency=1",
        "search.population=2", "search.skip_below=0", "training.steps=2048", *more,
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the SDK something to send."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


def test_critic_and_analyzer_take_part(tmp_path: Path) -> None:
    """What the critic refuses is redesigned; what the analyzer proves reaches the next prompt."""
    model = Model(pointer="training, snapshot 1, mean length = 100")
    model.claims["pointer"] = "episode 0, steps 0-{last}, std action[0] = 0.0"
    with serving(model) as url:
        extra = ("critic.kind=llm", "analyzer.kind=llm", "search.ordered=true")
        chosen = settings(*options(url, *extra, "search.operator_policy=false"))
        summary = execute(tmp_path / "run", chosen)
    assert summary["candidates"] >= 2
    with Journal.read(tmp_path / "run") as journal:
        texts = [candidate.text for candidate in journal.candidates()]
        roles = {call.role for call in journal.calls(state="done")}
        kinds = [event.kind for event in journal.events()]
        analyses = [journal.analysis(job.id) for job in journal.jobs(purpose="search")]
    assert roles == {"designer", "critic", "analyzer"}
    assert not any("Live." in text for text in texts), "the critic's word counted"
    assert kinds.index("critic-tried") < kinds.index("job-queued")
    explained = [a["explanation"] for a in analyses if a and "explanation" in a]
    assert explained
    for said in explained:
        assert any("It hardly learns" in what for what, _ in said["dropped"]), (
            "9.5 was not measured"
        )
    later = [p for p in model.prompts("designer") if "# Parent" in p]
    assert later and all("validation episodes" in prompt for prompt in later)
    assert not any("It hardly learns" in prompt for prompt in later)


def test_a_claim_is_kept_with_its_measurement(tmp_path: Path) -> None:
    """A true pointer makes a finding; its evidence is what code measured."""
    model = Model(pointer="episode 0, step {last}, mean fitness:goal_distance = 99")
    with serving(model) as url:
        chosen = settings(*options(url, "analyzer.kind=llm", "search.generations=1"))
        execute(tmp_path / "run", chosen)
    with Journal.read(tmp_path / "run") as journal:
        jobs = journal.jobs(purpose="search", state="done")
        known = [journal.analysis(job.id) or {} for job in jobs]
    (said,) = [a["explanation"] for a in known if "explanation" in a][:1]
    assert not said["findings"], "99 is not measured"
    measured = [why for _, why in said["dropped"] if "is measured there" in why]
    assert measured and find_pointers(measured[0])


def test_a_gullible_critic_is_refused_before_anything_is_designed(tmp_path: Path) -> None:
    """One sentence with the model, how many passed and what to do."""

    def gullible(system: str, user: str) -> str:
        return answer(data(user)["code"], "accept")

    with serving(gullible) as url, pytest.raises(UsageError, match="cannot be the critic"):
        execute(tmp_path / "run", settings(*options(url, "critic.kind=llm")))
    with Journal.read(tmp_path / "run") as journal:
        assert not journal.candidates()


def test_a_draft_that_cannot_be_mended_is_followed_by_a_fresh_one(tmp_path: Path) -> None:
    """After the bounded repairs the designer drafts anew and hears of the mistakes."""
    asked: list[str] = []
    bad = 'def near(state, action, next_state):\n    return next_state.distanze\nFORMULA = "near"\n'

    def stubborn(system: str, user: str) -> str:
        asked.append(user)
        text = FILES[0] if "# Mistakes not to repeat" in user else bad
        return f"```python\n{text}```"

    with serving(stubborn) as url:
        more = ("search.generations=1", "search.population=2", "search.elites=1")
        summary = execute(tmp_path / "run", settings(*options(url, *more)))
    assert summary["candidates"] == 1
    repairs = [p for p in asked if "This is correction" in p]
    assert len(repairs) >= 2 and "did you mean 'distance'" in repairs[0]
