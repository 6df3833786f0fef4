"""The layers around a provider, each an `LLM` around an `LLM`.

From the outside in: `Cached` (cache.py: what was answered is free), `Retrying`, `Budgeted` (every
attempt is reserved before and settled after: an attempt that fails can cost money, too), `Limited`
(waiting for a retry holds no slot), `Interruptible`, provider.
"""

from __future__ import annotations

import concurrent.futures
import logging
import string
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import tenacity

from autoreward.errors import LLMError
from autoreward.llm.ledger import Ledger
from autoreward.llm.request import LLM, Reply, Request
from autoreward.llm.settings import Price

log = logging.getLogger("autoreward.llm")

_PLAIN = "".join(map(chr, range(128))).translate(str.maketrans("", "", string.digits))

LONGEST_WAIT_S = 60.0
"""Cap on every wait between attempts, also on what a server asks for."""
_POLL_S = 0.1
_GRACE_S = 1.0
"""Time for a call to end by itself once a stop is asked for."""


class Interruptible:
    """Waits for an answer no longer than is wanted.

    An SDK's own time-out starts anew with every byte, and nothing ends a call that is on the wire.
    Here the call is left behind, in a thread that keeps nobody from ending.

    Args:
        inner: Whom to ask.
        timeout_s: Wall-clock seconds for one answer; None waits as long as it takes.
        stop: When set, nobody waits any more.
    """

    def __init__(self, inner: LLM, timeout_s: float | None, stop: threading.Event) -> None:
        self._inner, self._timeout_s, self._stop = inner, timeout_s, stop

    def __call__(self, request: Request) -> Reply:
        """Answer `request`, or raise in time."""
        if self._stop.is_set():
            raise LLMError(f"{request.model} was not asked: the run is being ended")
        answer: Future[Reply] = Future()
        threading.Thread(target=self._ask, args=(request, answer), daemon=True).start()
        deadline = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while not self._ended(answer, _POLL_S):
            if self._stop.is_set() and not self._ended(answer, _GRACE_S):
                raise LLMError(
                    f"{request.model} was asked, but the run was ended before it answered",
                    billed=True,
                )
            if deadline is not None and time.monotonic() > deadline:
                raise LLMError(
                    f"{request.model}: no whole answer for {self._timeout_s:g} s; raise "
                    "llm.timeout_s if the model is slow",
                    transient=True,
                    billed=True,
                )
        return answer.result()

    def _ask(self, request: Request, answer: Future[Reply]) -> None:
        try:
            answer.set_result(self._inner(request))
        except BaseException as error:  # raised again where the answer is waited for
            answer.set_exception(error)

    @staticmethod
    def _ended(answer: Future[Reply], seconds: float) -> bool:
        return bool(concurrent.futures.wait([answer], seconds).done)


class Limited:
    """Lets at most `concurrency` calls be on the wire at once."""

    def __init__(self, inner: LLM, concurrency: int) -> None:
        self._inner, self._slots = inner, threading.BoundedSemaphore(concurrency)

    def __call__(self, request: Request) -> Reply:
        """Answer `request` as soon as a slot is free."""
        with self._slots:
            return self._inner(request)


class Retrying:
    """Asks again after a failure that can pass, and after no other.

    Waits as long as the server asks for (capped), else 1, 2, 4, … seconds and up to one more.

    Args:
        inner: Whom to ask.
        attempts: Most attempts in all.
        stop: When set, waiting ends and nothing is asked again.
        sleep: How to wait; by default on `stop`.
    """

    def __init__(
        self,
        inner: LLM,
        attempts: int,
        *,
        stop: threading.Event | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._inner, self._attempts = inner, attempts
        self._stop = stop or threading.Event()
        self._sleep = sleep or tenacity.sleep_using_event(self._stop)
        self._backoff = tenacity.wait_exponential_jitter(initial=1, max=LONGEST_WAIT_S, jitter=1)

    def __call__(self, request: Request) -> Reply:
        """Answer `request`; the last failure is raised if no attempt succeeds."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_can_pass),
            stop=tenacity.stop_after_attempt(self._attempts)
            | tenacity.stop_when_event_set(self._stop),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            return retrying(self._inner, request)
        except LLMError as error:
            tried = retrying.statistics["attempt_number"]
            if tried == 1:
                raise
            raise LLMError(
                f"{error} (attempt {tried} of {self._attempts})",
                transient=error.transient,
                retry_after=error.retry_after,
                billed=error.billed,
            ) from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, LLMError) else None
        return min(LONGEST_WAIT_S, self._backoff(state) if asked is None else asked)

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning(
            "%s; attempt %d of %d, asking again in %.1f s",
            *(error, state.attempt_number, self._attempts, state.upcoming_sleep),
        )


def _can_pass(error: BaseException) -> bool:
    return isinstance(error, LLMError) and error.transient


class Budgeted:
    """Reserves the worst case of a call before it goes out and settles the truth after.

    Fills in `Reply.usd` and `Reply.seconds`. What a server does not count is charged by
    `token_bound` of the texts. An error of the server is free, as providers do not bill those; an
    answer that was lost on the way may be billed and is charged at its worst case.

    Args:
        inner: Whom to ask, once.
        model: The one model this price is for.
        price: Its price.
        ledger: Shared by all models of a run.
        keep: Puts an answer where it survives, before its reservation is settled, and returns what
            was kept: a kill in between must not lose what is paid.
    """

    def __init__(
        self,
        inner: LLM,
        model: str,
        price: Price,
        ledger: Ledger,
        keep: Callable[[Request, Reply], Reply] = lambda request, reply: reply,
    ) -> None:
        self._inner, self._model, self._price, self._ledger = inner, model, price, ledger
        self._keep = keep

    def __call__(self, request: Request) -> Reply:
        """Answer `request` and pay for it; raises BudgetExceeded before anything is asked.

        Raises:
            ValueError: The request is for another model.
        """
        if request.model != self._model:
            raise ValueError(f"a request for {request.model} reached {self._model}")
        prompt = sum(token_bound(message.content) for message in request.messages)
        usd = self._price.worst(prompt, request.max_tokens)
        tokens = prompt + request.max_tokens
        self._ledger.reserve(request, usd, tokens)
        started = time.monotonic()
        try:
            reply = self._inner(request)
        except BaseException as error:
            if isinstance(error, LLMError) and not error.billed:
                self._ledger.release(request, usd, tokens)
            else:  # nobody knows whether it was answered
                self._ledger.lose(request, usd, tokens)
            raise
        if not reply.input_tokens:
            reply = replace(reply, input_tokens=prompt)
        if not reply.output_tokens and reply.text:
            out = min(token_bound(reply.text), request.max_tokens)
            reply = replace(reply, output_tokens=out)
        took = time.monotonic() - started
        reply = replace(reply, usd=self._price.of(reply), seconds=took)
        try:
            return self._keep(request, reply)
        finally:
            self._ledger.settle(request, usd, tokens, reply)


def token_bound(text: str) -> int:
    """Return more tokens than common tokenizers make of `text` and of its place in a message.

    Prose and code have 3-5 characters a token; counted as 2. A digit can be a token of its own, and
    so can a byte outside ASCII.
    """
    size = len(text.encode("utf-8", "replace"))
    plain = sum(map(text.count, _PLAIN))
    return size - plain + plain // 2 + 16
