"""`review`: a person looks at rewards and decides; every word is in the journal at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from autoreward.cli import options
from autoreward.cli.output import Output

if TYPE_CHECKING:
    from autoreward.findings import Finding
    from autoreward.search.setup import Setup
    from autoreward.store.journal import Journal
    from autoreward.store.people import Edit

Action = Literal["approve", "reject", "comment", "pin", "unpin"]
_DONE = {
    "approve": "approved",
    "reject": "rejected",
    "comment": "comment kept",
    "pin": "pinned",
    "unpin": "no longer pinned",
}
_KEYS = "[a]pprove  [r]eject  [e]dit  [c]omment  [p]in  [n]ext  [b]ack  [q]uit > "


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(review)


def review(
    run: options.Run,
    candidate: Annotated[
        str | None,
        typer.Argument(metavar="CANDIDATE", help="Its id, the start of it, or `winner`."),
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="It may be trained.")] = False,
    approve_all: Annotated[
        bool, typer.Option("--approve-all", help="All that wait may be trained.")
    ] = False,
    reject: Annotated[
        str | None, typer.Option("--reject", metavar="REASON", help="It is not trained.")
    ] = None,
    edit: Annotated[
        Path | None, typer.Option("--edit", metavar="FILE", help="FILE takes its place.")
    ] = None,
    comment: Annotated[
        str | None,
        typer.Option("--comment", metavar="TEXT", help="Note it for the designer."),
    ] = None,
    pin: Annotated[bool, typer.Option("--pin", help="Keep it in sight.")] = False,
    unpin: Annotated[bool, typer.Option("--unpin", help="Take the pin away.")] = False,
    as_json: options.Json = False,
) -> None:
    """Review rewards: approve, reject, edit, comment.

    Without options it shows the candidates that wait for you, one by one, and asks; where none
    waits, those that are trained. With one of the options it does that and asks nothing.
    """
    from autoreward.errors import UsageError
    from autoreward.report.facts import find_candidate
    from autoreward.report.review_page import waiting
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run

    output = Output(as_json)
    words = {"reject": reject, "comment": comment}
    flags = {"approve": approve, "pin": pin, "unpin": unpin}
    chosen = [name for name, value in words.items() if value is not None]
    chosen += [name for name, given in flags.items() if given]
    chosen += ["edit"] if edit else []
    if len(chosen) + approve_all > 1:
        raise UsageError("one act at a time: give only one of the options that decide")
    with Journal.read(find_run(run)) as journal:
        desk = _Desk(journal, output)
        if approve_all:
            if candidate is not None:
                raise UsageError("--approve-all is about all that wait: leave CANDIDATE out")
            names = waiting(journal)
            for name in names:
                desk.write(name, "approve")
            nothing = "no candidate waits for review"
            told = f"approved {', '.join(names)}" if names else nothing
            output.result({"run": journal.directory.name, "approved": names}, told)
            return
        if not chosen:
            _look(desk, None if candidate is None else find_candidate(journal, candidate).id)
            return
        if candidate is None:
            raise UsageError(f"--{chosen[0]} needs a CANDIDATE: see autoreward review {run} --json")
        name, act = find_candidate(journal, candidate).id, chosen[0]
        result: dict[str, Any] = {"run": journal.directory.name, "candidate": name, "action": act}
        if edit is not None:
            result["edited"] = _edit_by_file(desk, name, edit)
            output.result(result, f"{name}: edited into {result['edited']}")
            return
        text = words.get(act)
        if text is not None and not (text := one_text(text)):
            raise UsageError(f"--{act} needs words: the designer reads them")
        desk.write(name, cast(Action, act), text or "")
        output.result(result | {"text": text or ""}, f"{name}: {_DONE[act]}")


def one_text(text: str) -> str:
    """Return a person's words without what cannot be kept or shown: control characters."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(kept.encode(errors="replace").decode().split())


def ask(question: str) -> str | None:
    """Ask on the terminal; None at the end of the input."""
    try:
        return input(question)
    except EOFError:
        print()
        return None


def recheck(journal: Journal, setup: Setup, text: str) -> list[Finding]:
    """Return what is found about a reward that a person has edited."""
    from autoreward.search.checking import check_again

    return list(check_again(journal.files, setup, text).findings)


def _look(desk: _Desk, candidate: str | None) -> None:
    """Show one candidate or all that are to be reviewed, and ask; with --json print them."""
    from autoreward.report.review_page import queue, review_facts, waiting

    journal, output = desk.journal, desk.output
    if output.as_json:
        names = [candidate] if candidate else queue(journal)
        output.result(
            {
                "run": journal.directory.name,
                "waiting": waiting(journal),
                "candidates": [review_facts(journal, name) for name in names],
            }
        )
        return
    desk.walk([candidate] if candidate else None)


def _edit_by_file(desk: _Desk, candidate: str, path: Path) -> str:
    from autoreward.errors import UsageError
    from autoreward.search.evaluating import read_reward

    text = read_reward(path)
    edit, findings = desk.examine(candidate, text)
    if edit is None:
        first = next((f for f in findings if f.severity == "error"), None)
        why = f"is refused: {first}" if first else f"is the same reward as {candidate}"
        raise UsageError(f"{path} {why}")
    desk.keep_edit(candidate, edit)
    return edit.id


class _Desk:
    """Shows candidates, asks, and writes down the answers."""

    def __init__(self, journal: Journal, output: Output) -> None:
        self.journal, self.output = journal, output
        self._counts = dict.fromkeys(("approved", "rejected", "edited"), 0)

    def write(self, candidate: str, action: Action, text: str = "") -> None:
        """Put a decision into the journal."""
        from autoreward.store.journal import Journal

        with Journal.beside(self.journal.directory) as people:
            people.review(candidate, action, text, reviewer=_user())
        self._count(_DONE[action])

    def keep_edit(self, candidate: str, edit: Edit) -> None:
        """Put an edit into the journal."""
        from autoreward.store.journal import Journal

        with Journal.beside(self.journal.directory) as people:
            people.edit(candidate, edit, reviewer=_user())
        self._count("edited")

    def _count(self, what: str) -> None:
        if what in self._counts:
            self._counts[what] += 1

    def examine(self, candidate: str, text: str) -> tuple[Edit | None, list[Finding]]:
        """Return an edited text as a candidate, None if refused or no change, and findings."""
        from autoreward.findings import has_error
        from autoreward.rewards.source import parse_reward
        from autoreward.search.opening import reopen
        from autoreward.store.people import Edit

        findings = recheck(self.journal, reopen(self.journal), text)
        if has_error(findings):
            return None, findings
        source = parse_reward(text)
        if source.identity == candidate:
            return None, findings
        return Edit(source.identity, text, str(source.formula), source.skeleton), findings

    def walk(self, names: list[str] | None) -> None:
        """Show candidates one by one and do what the person says.

        Args:
            names: Which; None takes those that wait, again and again while the run goes on.
        """
        from autoreward.report.review_page import queue, waiting

        wait = waiting(self.journal)
        here = queue(self.journal) if names is None else names
        if not here:
            self.output.show("there is nothing to review yet")
        elif names is None and not wait:
            self.output.show("no candidate waits for you; these are the trained ones, newest first")
        while self._through(here) and names is None and self._goes_on():
            self.output.show("", "nothing more is waiting now; the run goes on")
            if ask("[Enter] look again  [q]uit > ") != "":
                break
            here = waiting(self.journal)
        self._farewell()

    def _through(self, names: list[str]) -> bool:
        """Go through candidates; return whether the end was reached."""
        place = 0
        while place < len(names):
            self._page(names[place], place, len(names))
            step = self._decide(names[place])
            if step is None:
                return False
            if place + step < 0:
                self.output.show("this is the first one")
            place = max(0, place + step)
        return True

    def _goes_on(self) -> bool:
        """Return whether a process is at work that will ask for more reviews."""
        from autoreward.report.review_page import reviews_first, waiting
        from autoreward.store.database import lock_owner

        working = lock_owner(self.journal.files.lock) is not None
        return reviews_first(self.journal) and working and not waiting(self.journal)

    def _page(self, candidate: str, place: int, total: int) -> None:
        from rich.rule import Rule

        from autoreward.report.review_page import review_facts, review_page
        from autoreward.rewards.formula import parse_formula

        facts = review_facts(self.journal, candidate)
        used = list(parse_formula(facts["formula"]).components)
        title = f"{place + 1} of {total}"
        page = review_page(facts, used, self.output.console.width)
        self.output.show("", Rule(title, style="dim"), page, "")

    def _decide(self, candidate: str) -> int | None:
        """Ask until the person moves on; return by how many candidates, None to end."""
        acts: dict[str, Callable[[str], bool]] = {
            "a": lambda name: self._say(name, "approve"),
            "r": self._reject,
            "e": self._edit,
        }
        while True:
            answer = ask(_KEYS)
            key = answer.strip().lower()[:1] if answer is not None else "q"
            if key in acts:
                if acts[key](candidate):
                    return 1
            elif key in ("n", "b"):
                return 1 if key == "n" else -1
            elif key == "q":
                return None
            elif key == "c":
                self._comment(candidate)
            elif key == "p":
                pinned = candidate in self.journal.pinned()
                self._say(candidate, "unpin" if pinned else "pin")

    def _say(self, candidate: str, action: Action, text: str = "") -> bool:
        self.write(candidate, action, text)
        self.output.show(f"{candidate}: {_DONE[action]}")
        return True

    def _reject(self, candidate: str) -> bool:
        reason = one_text(ask("reason (the designer reads it) > ") or "")
        if not reason:
            self.output.show("not rejected: it needs a reason")
            return False
        return self._say(candidate, "reject", reason)

    def _comment(self, candidate: str) -> None:
        if text := one_text(ask("comment (the designer reads it) > ") or ""):
            self._say(candidate, "comment", text)

    def _edit(self, candidate: str) -> bool:
        """Let the person edit until the text is accepted; return whether it was."""
        import tempfile

        from autoreward.errors import UsageError
        from autoreward.report.diff import code_diff, coloured
        from autoreward.report.pages import findings_list
        from autoreward.search.evaluating import read_reward

        command = editor()
        if command is None:
            self.output.show("no editor found: set EDITOR to yours, e.g. export EDITOR=nano")
            return False
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{candidate}.py"
            path.write_text(self.journal.candidate(candidate).text, encoding="utf-8")
            while True:
                if problem := _open(command, path):
                    self.output.show(f"{problem}; nothing was changed")
                    return False
                try:
                    edit, findings = self.examine(candidate, read_reward(path))
                except UsageError as error:
                    self.output.show(f"{error}; nothing was changed")
                    return False
                if findings:
                    self.output.show(findings_list([finding.to_dict() for finding in findings]))
                if edit is not None:
                    self.keep_edit(candidate, edit)
                    old = self.journal.candidate(candidate).text
                    self.output.show(coloured(code_diff(old, edit.text, candidate, edit.id)))
                    self.output.show(f"{candidate}: edited into {edit.id}, which takes its place")
                    return True
                if not any(finding.severity == "error" for finding in findings):
                    self.output.show("the same reward as before; nothing was changed")
                    return False
                again = ask("it would be refused.  [e]dit again  [d]iscard > ")
                if again is None or again.strip().lower()[:1] != "e":
                    self.output.show("discarded; nothing was changed")
                    return False

    def _farewell(self) -> None:
        from autoreward.report.review_page import waiting

        done = [f"{amount} {what}" for what, amount in self._counts.items() if amount]
        left = len(waiting(self.journal))
        if left:
            done.append(f"{left} still waiting")
        if done:
            self.output.show(", ".join(done))


def editor() -> list[str] | None:
    """Return the person's editor as a command, None if there is none."""
    import os
    import shlex
    import shutil

    for name in ("VISUAL", "EDITOR"):
        if os.environ.get(name, "").strip():
            return shlex.split(os.environ[name])
    found = next((name for name in ("nano", "vi") if shutil.which(name)), None)
    return [found] if found else None


def _open(command: list[str], path: Path) -> str | None:
    """Run the editor on a file; return what went wrong."""
    import subprocess

    try:
        done = subprocess.run([*command, str(path)])
    except OSError as error:
        return f"the editor {command[0]!r} does not start: {error.strerror}"
    return f"the editor {command[0]!r} ended with {done.returncode}" if done.returncode else None


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "somebody"
