"""`manual`: prompts and answers as files, for people with a chat window and no key."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

from autoreward.config import LLMSettings
from autoreward.errors import LLMError
from autoreward.llm.request import Reply, Request

_NUMBER = re.compile(r"^(\d+)-")


class ManualProvider:
    """Writes `NNNN-KEY.request.md` and waits for `NNNN-KEY.answer.md` beside it.

    NNNN is for people, KEY (the request's, shortened) makes it stable: the same prompt asked again
    after a restart finds its file, and its answer if somebody has written it meanwhile.

    Args:
        directory: Folder of the files.
        stop: When set, waiting ends with an error.
        poll_s: Seconds between two looks; an answer counts once it has stayed the same for one.
    """

    local = True
    patient = True

    def __init__(self, directory: Path, stop: threading.Event, poll_s: float = 0.5) -> None:
        self._directory, self._stop, self._poll_s = directory, stop, poll_s
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        """Ask a person; waits as long as it takes."""
        answer = self._post(request)
        before = ""
        while not (text := _look(answer)).strip() or text != before:
            before = text
            if self._stop.wait(self._poll_s):
                raise LLMError(f"stopped while waiting for {answer}; resume asks the same again")
        return Reply(text=text, model="manual")

    def _post(self, request: Request) -> Path:
        """Write the prompt if it is not there yet; return where its answer is expected."""
        with self._lock:
            self._directory.mkdir(parents=True, exist_ok=True)
            tail = f"{request.key[:8]}.request.md"
            prompt = next(iter(sorted(self._directory.glob(f"*-{tail}"))), None)
            if prompt is None:
                prompt = self._directory / f"{self._next_number():04d}-{tail}"
                part = prompt.with_suffix(".part")
                part.write_text(_as_markdown(request), encoding="utf-8")
                part.replace(prompt)
        answer = prompt.with_name(prompt.name.replace(".request.", ".answer."))
        if not answer.exists():
            # stderr: stdout belongs to the command's own output
            print(f"prompt: {prompt}\nwrite the answer to: {answer}", file=sys.stderr, flush=True)
        return answer

    def _next_number(self) -> int:
        taken = (_NUMBER.match(path.name) for path in self._directory.iterdir())
        return max((int(match[1]) for match in taken if match), default=0) + 1


def _as_markdown(request: Request) -> str:
    """Return the prompt as one text that can be pasted into a chat window."""
    if len(request.messages) == 1:
        return request.messages[0].content + "\n"
    turns = [f"# {message.role}\n\n{message.content}" for message in request.messages]
    return "\n\n".join(turns) + "\n"


def _look(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError:
        return ""


def connect(settings: LLMSettings, directory: Path, stop: threading.Event) -> ManualProvider:
    """Return the provider for `manual`; see `registry`."""
    return ManualProvider(directory / "manual", stop)
