"""Concurrency limit, retries and budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from autoreward.config import LLMSettings
from autoreward.errors import BudgetExceeded, LLMError
from autoreward.llm.factory import make_llm
from autoreward.llm.layers import Budgeted, Limited, Retrying, token_bound
from autoreward.llm.ledger import Ledger, Spent
from autoreward.llm.request import LLM, Message, Reply, Request
from autoreward.llm.settings import Price, request_for

ASK = Message("user", "Reward forward speed.")
REQUEST = Request("openai/x", (ASK,), max_tokens=100)
PROMPT = token_bound(ASK.content)


class Journal:
    """Notes every call it is told of."""

    def __init__(self) -> None:
        self.notes: list[tuple[Any, ...]] = []

    def reserve(self, key: str, role: str, model: str, usd: float, tokens: int) -> None:
        self.notes.append(("reserve", key, role, model, usd, tokens))

    def settle(self, key: str, reply: Reply) -> None:
        self.notes.append(("settle", key, reply.usd))

    def release(self, key: str) -> None:
        self.notes.append(("release", key))

    def lose(self, key: str) -> None:
        self.notes.append(("lose", key))


def answering(reply: Reply) -> LLM:
    return lambda request: reply


def failing(*errors: Exception) -> tuple[LLM, list[Request]]:
    """Raise each error in turn, then answer; and note the requests."""
    left, seen = list(errors), list[Request]()

    def ask(request: Request) -> Reply:
        seen.append(request)
        if left:
            raise left.pop(0)
        return Reply("hello", "x")

    return ask, seen


def in_threads(count: int, call: Callable[[int], Any]) -> list[Any]:
    """Run `call(i)` in `count` threads at once; return results, errors as they are."""

    def guarded(index: int) -> Any:
        try:
            return call(index)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(guarded, range(count)))


def test_limit_holds_across_threads(server: Any, tmp_path: Path) -> None:
    """Ten askers with two slots never have more than two requests on the wire, and use both."""
    server.delay_s = 0.05
    settings = LLMSettings(model="openai/x", api_base=f"{server.url}/v1", concurrency=2)
    llm = make_llm(settings, tmp_path, Ledger())
    replies = in_threads(10, lambda i: llm(request_for(settings, ASK, sample=i)).text)
    assert replies == ["hello"] * 10
    assert server.busiest == 2


def test_waiting_for_a_retry_holds_no_slot() -> None:
    """While one call waits to be repeated, another gets through the single slot."""
    ask, _ = failing(LLMError("busy", transient=True))
    limited = Limited(ask, 1)
    through = list[str]()
    llm = Retrying(limited, 2, sleep=lambda _: through.append(limited(REQUEST).text))
    assert llm(REQUEST).text == "hello"
    assert through == ["hello"]


def test_waits_grow_without_advice() -> None:
    """Without retry-after the waits double, each with up to a second on top."""
    busy = [LLMError("busy", transient=True) for _ in range(4)]
    ask, seen = failing(*busy)
    waits = list[float]()
    assert Retrying(ask, 5, sleep=waits.append)(REQUEST).text == "hello"
    assert len(seen) == 5
    for wait, low in zip(waits, (1, 2, 4, 8), strict=True):
        assert low <= wait <= low + 1


def test_only_our_transient_errors_are_retried() -> None:
    """A fatal error, a spent budget or a bug is raised at once, as it is."""
    for error in (LLMError("no"), BudgetExceeded("spent"), KeyError("bug")):
        ask, seen = failing(error)
        with pytest.raises(type(error)) as caught:
            Retrying(ask, 5, sleep=lambda _: None)(REQUEST)
        assert caught.value is error
        assert len(seen) == 1


def test_stop_ends_the_wait_and_the_retries() -> None:
    """Setting the event wakes a waiting call, which gives up instead of asking again."""
    stop = threading.Event()
    ask, seen = failing(*[LLMError("busy", transient=True, retry_after=50) for _ in range(9)])
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(LLMError, match="busy"):
        Retrying(ask, 9, stop=stop)(REQUEST)
    assert time.monotonic() - started < 5
    assert len(seen) <= 2


def test_answer_is_paid_by_its_counts() -> None:
    """10 plain, 60 cached, 30 written and 20 output tokens cost what the price list says."""
    reply = Reply(
        "hi", "x", input_tokens=100, cached_tokens=60, written_tokens=30, output_tokens=20
    )
    price = Price(input=2.0, output=10.0, cached=0.2)
    journal, ledger = Journal(), Ledger()
    ledger = Ledger(journal=journal)
    paid = Budgeted(answering(reply), "openai/x", price, ledger)(REQUEST)
    usd = (10 * 2.0 + 60 * 0.2 + 30 * 1.25 * 2.0 + 20 * 10.0) / 1e6
    assert paid.usd == pytest.approx(usd, rel=1e-12)
    assert ledger.spent == Spent(paid.usd, 120, 1)
    worst = (PROMPT * 2.5 + 100 * 10.0) / 1e6
    assert journal.notes == [
        ("reserve", REQUEST.key, "", "openai/x", pytest.approx(worst, rel=1e-12), PROMPT + 100),
        ("settle", REQUEST.key, paid.usd),
    ]


def test_failed_call_gives_its_reservation_back() -> None:
    """After a failure the whole budget is there again, and the journal knows."""
    ask, _ = failing(LLMError("no"))
    journal = Journal()
    ledger = Ledger(max_tokens=PROMPT + 100, journal=journal)
    llm = Budgeted(ask, "openai/x", Price(input=1, output=1), ledger)
    with pytest.raises(LLMError, match="no"):
        llm(REQUEST)
    assert [note[0] for note in journal.notes] == ["reserve", "release"]
    assert ledger.spent == Spent()
    assert llm(REQUEST).text == "hello"


def test_every_attempt_is_booked_by_what_it_may_have_cost() -> None:
    """A refused attempt is free, a lost one stays booked, and the answer is paid once."""
    ask, seen = failing(
        LLMError("busy", transient=True), LLMError("cut off", transient=True, billed=True)
    )
    journal, price = Journal(), Price(input=0, output=1e6)
    ledger = Ledger(journal=journal)
    llm = Retrying(Budgeted(ask, "openai/x", price, ledger), 3, sleep=lambda _: None)
    reply = llm(REQUEST)
    assert len(seen) == 3
    assert [note[0] for note in journal.notes] == [
        *("reserve", "release"), *("reserve", "lose"), *("reserve", "settle"),
    ]  # fmt: skip
    assert ledger.spent == Spent(100 + reply.usd, 2 * PROMPT + 100 + reply.output_tokens, 2)


def test_an_interrupted_call_stays_booked() -> None:
    """Ctrl-C while the call is on the wire: nobody knows, so it counts."""

    def interrupted(request: Request) -> Reply:
        raise KeyboardInterrupt

    ledger = Ledger()
    with pytest.raises(KeyboardInterrupt):
        Budgeted(interrupted, "openai/x", Price(input=0, output=1e6), ledger)(REQUEST)
    assert ledger.spent.usd == 100


def test_an_answer_is_kept_before_it_is_settled() -> None:
    """A kill in between finds the answer; one that cannot be kept is paid all the same."""
    order: list[str] = []

    def keep(request: Request, reply: Reply) -> Reply:
        order.append(f"kept at {reply.usd:g}")
        raise LLMError("no space left")

    class Told(Journal):
        def settle(self, key: str, reply: Reply) -> None:
            order.append(f"settled at {reply.usd:g}")

    ledger = Ledger(journal=Told())
    price = Price(input=0, output=1e6)
    llm = Budgeted(answering(Reply("hi", "x", output_tokens=7)), "openai/x", price, ledger, keep)
    with pytest.raises(LLMError, match="no space left"):
        llm(REQUEST)
    assert order == ["kept at 7", "settled at 7"]


def test_a_dribbling_server_is_given_up(server: Any, tmp_path: Path) -> None:
    """One that sends a byte now and then outlives the SDK's time-out, but not ours."""
    server.answer = "!dribble"
    settings = LLMSettings(model="openai/x", api_base=f"{server.url}/v1", timeout_s=0.5, attempts=1)
    started = time.monotonic()
    with pytest.raises(LLMError, match=r"no whole answer for 0\.5 s"):
        make_llm(settings, tmp_path, Ledger())(request_for(settings, ASK))
    assert time.monotonic() - started < 3


def test_stop_leaves_a_call_on_the_wire_behind(server: Any, tmp_path: Path) -> None:
    """Whoever waits for a silent server is free within seconds, and the call stays booked."""
    server.answer = "!hang"
    settings = LLMSettings(
        model="openai/x", api_base=f"{server.url}/v1", price=Price(input=0, output=1e6)
    )
    ledger, stop = Ledger(), threading.Event()
    llm = make_llm(settings, tmp_path, ledger, stop=stop)
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    with pytest.raises(LLMError, match="the run was ended before it answered"):
        llm(request_for(settings, ASK))
    assert time.monotonic() - started < 5
    assert ledger.spent == Spent(8192.0, PROMPT + 8192, 1)
    with pytest.raises(LLMError, match="was not asked"):
        llm(request_for(settings, ASK))
    assert len(server.asked) == 1 and ledger.spent.calls == 1


@pytest.mark.parametrize("unit", ["usd", "tokens"])
def test_spent_budget_refuses_before_asking(unit: str) -> None:
    """What does not fit in the worst case is not asked, and what was spent before counts."""
    ask, seen = failing()
    before = Spent(usd=0.5, tokens=500)
    limits: dict[str, Any] = {"usd": {"max_usd": 0.5001}, "tokens": {"max_tokens": 599}}
    llm = Budgeted(ask, "openai/x", Price(input=1, output=10), Ledger(**limits[unit], spent=before))
    with pytest.raises(BudgetExceeded, match=r"limit of .* is reached: (0\.5|500) spent") as caught:
        llm(REQUEST)
    assert caught.value.exit_code == 3
    assert seen == []


@pytest.mark.parametrize("used", [30, 100])
def test_budget_never_overshoots_in_parallel(server: Any, tmp_path: Path, used: int) -> None:
    """Twenty threads against room for about five worst cases: never above the limit, no deadlock.

    Cheap answers let more calls through than worst cases would fit; dear ones exactly as many.
    """
    server.usage = {"in": PROMPT, "out": used}
    server.delay_s = 0.01
    price = Price(input=0, output=1e6)  # a dollar a token
    settings = LLMSettings(
        model="openai/x",
        api_base=f"{server.url}/v1",
        max_tokens=100,
        concurrency=20,
        price=price,
    )
    journal = Journal()
    ledger = Ledger(max_usd=550, journal=journal)
    llm = make_llm(settings, tmp_path, ledger)
    results = in_threads(20, lambda i: llm(request_for(settings, ASK, sample=i)))
    done = [r for r in results if isinstance(r, Reply)]
    assert all(isinstance(r, Reply | BudgetExceeded) for r in results)
    # the last call that fits is the one whose worst case still fits after all others are settled
    assert len(done) == (550 - 100) // used + 1
    assert ledger.spent.usd == used * len(done) == len(server.asked) * used <= 550
    held = peak = 0.0
    for note in journal.notes:
        held += {"reserve": 100, "settle": used - 100, "release": -100}[note[0]]
        peak = max(peak, held)
    assert peak <= 550
    assert server.busiest > 1


def test_two_models_share_one_ledger() -> None:
    """A call of one model waits for a reservation of the other instead of failing."""
    release, entered = threading.Event(), threading.Event()

    def slow(request: Request) -> Reply:
        entered.set()
        release.wait(5)
        return Reply("hello", "a", input_tokens=1, output_tokens=1)

    ledger = Ledger(max_tokens=PROMPT + 150)
    price = Price(input=0, output=0)
    one = Budgeted(slow, "openai/x", price, ledger)
    two = Budgeted(answering(Reply("hi", "b", output_tokens=1)), "openai/y", price, ledger)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(one, REQUEST)
        assert entered.wait(5)
        second = pool.submit(two, Request("openai/y", (ASK,), max_tokens=100))
        time.sleep(0.05)
        assert not second.done()
        release.set()
        assert (first.result(5).text, second.result(5).text) == ("hello", "hi")


def test_server_without_counts_is_charged_a_bound(server: Any, tmp_path: Path) -> None:
    """An answer without usage is not free."""
    server.usage = None
    settings = LLMSettings(
        model="openai/x", api_base=f"{server.url}/v1", price=Price(input=1e6, output=1e6)
    )
    reply = make_llm(settings, tmp_path, Ledger())(request_for(settings, ASK))
    assert reply.input_tokens == PROMPT
    assert reply.output_tokens == token_bound("hello")
    assert reply.usd == PROMPT + token_bound("hello")


@pytest.mark.parametrize("missing", ["in", "out"])
def test_half_a_count_is_completed(missing: str) -> None:
    """Where only one of the counts came, the other is bounded."""
    counts = {"in": {"output_tokens": 3}, "out": {"input_tokens": 5}}[missing]
    reply = Reply("hello", "x", **counts)
    paid = Budgeted(answering(reply), "openai/x", Price(input=1e6, output=1e6), Ledger())(REQUEST)
    expected = PROMPT + 3 if missing == "in" else 5 + token_bound("hello")
    assert paid.usd == expected


def test_request_for_another_model_is_refused() -> None:
    """A price belongs to one model; a mix-up is a bug that must not pass."""
    llm = Budgeted(answering(Reply("hi", "x")), "openai/y", Price(input=0, output=0), Ledger())
    with pytest.raises(ValueError, match="openai/x reached openai/y"):
        llm(REQUEST)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 16), ("a" * 100, 66), ("1" * 100, 116), ("é" * 100, 216), ("文" * 100, 316)],
)
def test_token_bound_counts_by_kind(text: str, tokens: int) -> None:
    """Letters count half a token, digits one, and bytes outside ASCII one each."""
    assert token_bound(text) == tokens
