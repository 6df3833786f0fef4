"""`review`, `feedback`, `prefer`: what people say ends up in the journal, however they say it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autoreward.search.archive import search_job
from autoreward.store.journal import Journal
from autoreward.store.rundir import find_run

if TYPE_CHECKING:
    from conftest import Cli, Done


@pytest.fixture
def held(finished: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return the ids of two candidates that wait for review in `held`, a run at work right now."""
    with Journal.read(find_run("tiny")) as source:
        config = source.meta("config")
        config["search"]["review"] = True
        config["designer"]["kind"], config["llm"]["model"] = "llm", "openai/x"
        candidates = source.candidates()[:2]
        monkeypatch.setenv("AUTOREWARD_RUNS", str(tmp_path))
        with Journal.create(tmp_path / "held", config, {}) as journal:
            for key in ("kind", "env_paths", "facts"):
                journal.set_meta(key, source.meta(key))
            for number, known in enumerate(candidates):
                parents = [candidates[0].id] if number else []
                journal.open_proposal(number, generation=0, operator="draft", parents=parents)
                journal.add_candidate(
                    known.id,
                    proposal=number,
                    text=known.text,
                    formula=known.formula,
                    skeleton=known.skeleton,
                    idea="be\x1b quick",
                )
                journal.set_candidate_state(known.id, "checked")
                journal.close_proposal(number, "accepted", candidate=known.id)
            yield [known.id for known in candidates]


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch, cli_again: Cli) -> Callable[..., Done]:
    """Return a function that runs a command with a person's answers, one a line."""

    def run(*command: str, answers: tuple[str, ...]) -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{a}\n" for a in answers)))
        return cli_again(*command)

    return run


def decisions(run: str, names: list[str]) -> list[str | None]:
    with Journal.read(find_run(run)) as journal:
        return [journal.decision(name) for name in names]


def test_the_queue_as_json(held: list[str], cli_again: Cli) -> None:
    """A script sees what waits, with code, findings and the difference to the parent."""
    data = cli_again("review", "held", "--json").json
    assert data["waiting"] == held
    first, second = data["candidates"]
    assert first["diff"] is None and "FORMULA" in first["code"]
    assert second["diff"]["parent"] == held[0]
    assert "+FORMULA" in second["diff"]["diff"]


def test_decisions_from_a_script(held: list[str], cli_again: Cli) -> None:
    """Each option does one thing, while the run is held; the start of an id will do."""
    first, second = held
    assert cli_again("review", "held", first[:5], "--comment", " why\nso big? ").code == 0
    assert cli_again("review", "held", first, "--pin").out == f"{first}: pinned\n"
    assert decisions("held", held) == [None, None]
    assert cli_again("review", "held", first, "--approve").code == 0
    done = cli_again("review", "held", second, "--reject", "it pays for falling", "--json")
    assert done.json == {
        "run": "held", "candidate": second, "action": "reject", "text": "it pays for falling",
    }  # fmt: skip
    assert decisions("held", held) == ["approved", "rejected"]
    assert cli_again("review", "held", "--json").json["waiting"] == []
    with Journal.read(find_run("held")) as journal:
        assert journal.reviews(first)[0].text == "why so big?"
        assert journal.pinned() == {first}


def test_approve_all(held: list[str], cli_again: Cli) -> None:
    """All that wait are approved; a second time there is nothing to approve."""
    assert cli_again("review", "held", "--approve-all", "--json").json["approved"] == held
    assert decisions("held", held) == ["approved", "approved"]
    assert cli_again("review", "held", "--approve-all").out == "no candidate waits for review\n"


def test_an_edit_from_a_file(held: list[str], cli_again: Cli, tmp_path: Path) -> None:
    """A good file takes the candidate's place; a broken or unchanged one is one sentence."""
    with Journal.read(find_run("held")) as journal:
        text = journal.candidate(held[0]).text
    file = tmp_path / "mine.py"
    file.write_text(text.replace("next_state.", "next_state.bad_"))
    broken = cli_again("review", "held", held[0], "--edit", file)
    assert broken.code == 2 and "unknown-name" in broken.sentence
    file.write_text(text)
    assert "the same reward" in cli_again("review", "held", held[0], "--edit", file).sentence
    assert decisions("held", held) == [None, None]
    file.write_text(text + '\n\nFORMULA = "effort"\n')
    assert "FORMULA" in cli_again("review", "held", held[0], "--edit", file).sentence
    file.write_text(text.partition("FORMULA")[0] + 'FORMULA = "-effort"\n')
    edited = cli_again("review", "held", held[0], "--edit", file, "--json").json["edited"]
    with Journal.read(find_run("held")) as journal:
        assert journal.edited_into(held[0]) == edited
        assert journal.candidate(edited).formula == "-effort"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--approve", "--pin"], "one act at a time"),
        (["--approve"], "--approve needs a CANDIDATE"),
        (["FIRST", "--reject", "  "], "--reject needs words"),
        (["FIRST", "--approve-all"], "leave CANDIDATE out"),
        (["zzz", "--approve"], "no candidate 'zzz'"),
    ],
)
def test_mistakes(held: list[str], cli_again: Cli, arguments: list[str], words: str) -> None:
    """Every mistake is one sentence, and decides nothing."""
    given = [held[0] if a == "FIRST" else a for a in arguments]
    done = cli_again("review", "held", *given)
    assert done.code in (1, 2) and words in done.sentence
    with Journal.read(find_run("held")) as journal:
        assert journal.reviews() == []


def test_a_sitting(held: list[str], typing: Callable[..., Done]) -> None:
    """A person comments, forgets a reason, rejects with one, goes back, and approves."""
    answers = ("?", "c", "mind the effort", "r", "", "r", "too greedy", "b", "n", "a", "q")
    done = typing("review", "held", answers=answers)
    assert done.code == 0
    assert "not rejected: it needs a reason" in done.out
    assert "1 of 2" in done.out and "2 of 2" in done.out
    assert "waits for your decision" in done.out and "be  quick" in done.out
    assert "nothing more is waiting now; the run goes on" in done.out
    assert done.out.endswith("1 approved, 1 rejected\n")
    assert decisions("held", held) == ["rejected", "approved"]


def test_looking_again(held: list[str], typing: Callable[..., Done]) -> None:
    """After the last decision a person can wait for the run's next candidates, and give up."""
    done = typing("review", "held", answers=("a", "a", "", "", "q"))
    assert done.out.count("nothing more is waiting now; the run goes on") == 3
    assert done.out.endswith("2 approved\n")


def test_the_end_of_the_input_decides_nothing(held: list[str], typing: Callable[..., Done]) -> None:
    """A closed terminal leaves everything waiting."""
    done = typing("review", "held", answers=())
    assert (done.code, done.out.splitlines()[-1]) == (0, "2 still waiting")
    assert decisions("held", held) == [None, None]


def test_editing_until_it_is_accepted(
    held: list[str], typing: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken edit is shown with its error and opened again; the mended one is kept."""
    script = tmp_path / "editor"
    script.write_text(
        "#!/bin/sh\n"
        "grep -q broken $1 && sed -i 's/^FORMULA.*/FORMULA = \"-effort\"/' $1 && exit\n"
        "sed -i 's/^FORMULA.*/FORMULA = \"broken\"/' $1\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    done = typing("review", "held", answers=("e", "e", "q"))
    assert "'broken'" in done.out and "it would be refused" in done.out
    assert '+FORMULA = "-effort"' in done.out
    with Journal.read(find_run("held")) as journal:
        edited = journal.edited_into(held[0])
        assert journal.candidate(edited).formula == "-effort"
        assert edited in done.out


@pytest.mark.parametrize(
    ("editor", "words"),
    [
        ("/no/such/editor", "does not start"),
        ("false", "ended with 1"),
        ("true", "the same reward as before"),
        ("rm", "nothing was changed"),
    ],
)
def test_an_editor_that_does_nothing(
    held: list[str],
    typing: Callable[..., Done],
    monkeypatch: pytest.MonkeyPatch,
    editor: str,
    words: str,
) -> None:
    """No editor, a failing one, and one that leaves or deletes the file change nothing."""
    monkeypatch.setenv("VISUAL", editor)
    done = typing("review", "held", answers=("e", "q"))
    assert done.code == 0 and words in done.out
    assert decisions("held", held) == [None, None]


def test_no_editor_at_all(
    held: list[str], typing: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no editor is to be had, one sentence says how to name one."""
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "set EDITOR" in typing("review", "held", answers=("e", "q")).out


def test_trained_candidates_are_shown_with_their_curves(
    finished: Done, typing: Callable[..., Done]
) -> None:
    """In a finished run the trained ones come, newest first, with fitness, curves and findings."""
    done = typing("review", "tiny", answers=("q",))
    assert "no candidate waits for you" in done.out
    with Journal.read(find_run("tiny")) as journal:
        newest = [c.id for c in journal.candidates() if c.state == "trained"][-1]
    assert f"candidate   {newest}" in done.out
    done = typing("review", "tiny", "winner", answers=("q",))
    for words in ("mean of each component", "goal_distance", "validation episodes", "┤", "⠤"):
        assert words in done.out


def test_feedback(held: list[str], cli_again: Cli) -> None:
    """It is kept, with what it is about, and says when the designer hears of it."""
    done = cli_again("feedback", "held", "it  circles\nthe goal", "--candidate", held[0][:6])
    assert done.out == "kept; rewards that are proposed from now on will see it\n"
    cli_again("feedback", "held", "be quicker")
    said = cli_again("feedback", "held", "--json").json["feedback"]
    assert [(s["candidate"], s["text"]) for s in said] == [
        (held[0], "it circles the goal"),
        (None, "be quicker"),
    ]
    assert "empty" in cli_again("feedback", "held", " \n ").sentence


def test_feedback_on_a_finished_run(finished: Done, cli_again: Cli) -> None:
    """It names the command that searches on, and that the built-in designer reads no text."""
    done = cli_again("feedback", "tiny", "slower, please")
    assert "autoreward resume tiny --generations 1" in done.out
    assert "built-in designer reads no text" in done.out


def test_preferences_from_a_script(finished: Done, cli_again: Cli) -> None:
    """A beats B moves both ratings; mistakes are sentences."""
    with Journal.read(find_run("tiny")) as journal:
        first, second = [job.candidate for job in journal.jobs(purpose="search")][:2]
        before = len(journal.preferences())
    done = cli_again("prefer", "tiny", first, second, "--json").json
    assert (done["a"], done["b"], done["outcome"]) == (first, second, "a")
    elo = {rating["candidate"]: rating["elo"] for rating in done["ratings"]}
    assert elo[first] > elo[second]
    cli_again("prefer", "tiny", first, second, "--tie")
    with Journal.read(find_run("tiny")) as journal:
        made = [p.outcome for p in journal.preferences()[before:]]
    assert made == ["a", "tie"]
    assert "same candidate" in cli_again("prefer", "tiny", first, first).sentence
    assert "two candidates" in cli_again("prefer", "tiny", first).sentence
    assert "--tie needs" in cli_again("prefer", "tiny", "--tie").sentence


def test_being_asked_for_preferences(
    finished: Done, cli_again: Cli, typing: Callable[..., Done]
) -> None:
    """Clips are named or how to make them; answers are kept, a skipped pair is not."""
    first, second = (
        entry["candidate"] for entry in cli_again("prefer", "tiny", "--json").json["next"]
    )
    with Journal.read(find_run("tiny")) as journal:
        job = search_job(journal, first)
        before = len(journal.preferences())
        clip = journal.files.clips / f"{job}-e3.gif"
        clip.parent.mkdir(exist_ok=True)
        clip.write_bytes(b"GIF89a")
    done = typing("prefer", "tiny", answers=("x", "2", "s", "="))
    assert "ratings from preferences" in done.out
    assert f"autoreward clip tiny {second}-search" in done.out and str(clip) in done.out
    with Journal.read(find_run("tiny")) as journal:
        made = journal.preferences()[before:]
        assert [p.outcome for p in made] == ["b", "tie"]
        assert (made[0].candidate_a, made[0].candidate_b) == (first, second)
        assert (made[0].episode_a, made[0].episode_b) == (3, None)


def test_nothing_to_prefer(held: list[str], cli_again: Cli) -> None:
    """Without trained policies there is nothing to compare, in one sentence."""
    assert "0 trained candidates" in cli_again("prefer", "held").sentence
    assert "no trained policy" in cli_again("prefer", "held", *held).sentence
    assert json.loads(cli_again("feedback", "held", "--json").out)["feedback"] == []
