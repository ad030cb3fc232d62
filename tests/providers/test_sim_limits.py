"""The server's own limits, on a clock that the tests turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.providers.sim.knobs import TokenBucket, go_duration
from pytest_benchmodels.providers.sim.reply import Tally
from pytest_benchmodels.providers.sim.service import Service

if TYPE_CHECKING:
    from pytest_benchmodels.providers.sim.reply import Reply

RPM = 600
BURST = 10


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Server:
    """A service whose replies are out as soon as they are made."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.service = Service(self.clock)

    def open(self, model: str = "steady", /, **knobs: object) -> Reply:
        """Ask, and leave the reply on its way."""
        document = {"model": model, "messages": [{"role": "user", "content": "12345678"}], "sim": knobs}
        return self.service.reply("POST", "/v1/chat/completions", json.dumps(document).encode())

    def ask(self, model: str = "steady", /, **knobs: object) -> Reply:
        reply = self.open(model, **knobs)
        if reply.tally is not None:
            reply.tally.ended(reply.outcome)
        return reply

    def stats(self) -> dict[str, dict[str, object]]:
        seen: dict[str, dict[str, object]] = json.loads(self.service.reply("GET", "/stats", b"").body)
        return seen


@pytest.fixture
def server() -> Server:
    return Server()


def message(reply: Reply) -> str:
    return str(json.loads(reply.body)["error"]["message"])


def test_a_burst_is_let_in_and_then_the_steady_rate(server: Server) -> None:
    assert [server.ask(limit_rpm=RPM).status for _ in range(BURST + 1)] == [200] * BURST + [429]

    for _ in range(50):
        server.clock.now_s += 60 / RPM
        assert [server.ask(limit_rpm=RPM).status for _ in range(2)] == [200, 429]


def test_what_is_refused_is_told_when_it_would_be_let_in(server: Server) -> None:
    server.ask(limit_rpm=12)
    reply = server.ask(limit_rpm=12)

    assert message(reply) == "simulated limit of 12 requests a minute reached"
    assert dict(reply.headers) == {"Retry-After": "4", "Retry-After-Ms": "4000"}
    server.clock.now_s += 4.0
    assert server.ask(limit_rpm=12).status == 200


def test_a_small_limit_lets_one_in_at_a_time(server: Server) -> None:
    assert [server.ask(limit_rpm=1).status for _ in range(2)] == [200, 429]
    server.clock.now_s += 59
    assert server.ask(limit_rpm=1).status == 429
    server.clock.now_s += 1
    assert server.ask(limit_rpm=1).status == 200


def test_retry_after_can_be_told_otherwise(server: Server) -> None:
    replies = [server.ask(limit_rpm=1, retry_after=0.5) for _ in range(2)]

    assert [dict(reply.headers).get("Retry-After-Ms") for reply in replies] == [None, "500"]


def test_tokens_are_counted_and_a_debt_is_paid_off(server: Server) -> None:
    # 3 for the prompt, 7 for the answer: more than the burst of 6, so let in whole and owed afterwards.
    knobs: dict[str, object] = {"limit_tpm": 60, "text": "x" * 28}

    assert [server.ask(**knobs).status for _ in range(2)] == [200, 429]
    server.clock.now_s += 9.9
    refused = server.ask(**knobs)
    assert message(refused) == "simulated limit of 60 tokens a minute reached"
    assert dict(refused.headers)["Retry-After-Ms"] == "100"
    server.clock.now_s += 0.1
    assert server.ask(**knobs).status == 200


def test_what_one_limit_refuses_is_not_taken_from_the_other(server: Server) -> None:
    server.ask(limit_rpm=RPM, limit_tpm=60)
    refused = server.ask(limit_rpm=RPM, limit_tpm=60, quota_headers=True)

    assert refused.status == 429
    assert dict(refused.headers)["x-ratelimit-remaining-requests"] == str(BURST - 1)


def test_so_many_at_once_are_let_in(server: Server) -> None:
    first, second, third = (server.open(limit_in_flight=2) for _ in range(3))

    assert (first.status, second.status, third.status) == (200, 200, 429)
    assert message(third) == "simulated limit of 2 requests at once reached"
    assert third.headers == ()
    assert first.tally is not None
    first.tally.ended("200")
    assert server.open(limit_in_flight=2).status == 200
    assert server.stats()["steady"]["max_in_flight"] == 2


def test_quota_headers_say_what_is_left_in_openais_words(server: Server) -> None:
    first = server.ask(limit_rpm=RPM, limit_tpm=600_000, quota_headers=True)

    assert dict(first.headers) == {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "100ms",
        "x-ratelimit-limit-tokens": "600000",
        "x-ratelimit-remaining-tokens": "59991",
        "x-ratelimit-reset-tokens": "1ms",
    }
    last = [server.ask(limit_rpm=RPM, quota_headers=True) for _ in range(BURST)][-1]
    assert dict(last.headers)["x-ratelimit-remaining-requests"] == "0"
    assert dict(last.headers)["x-ratelimit-reset-requests"] == "1s"


def test_models_and_buckets_do_not_disturb_each_other(server: Server) -> None:
    for model, bucket in (("steady", "a"), ("steady", "b"), ("flaky", "a"), ("steady", None)):
        knobs: dict[str, object] = {"limit_rpm": 1, "rate_429": 0, "rate_500": 0}
        replies = [server.ask(model, **knobs, **({"bucket": bucket} if bucket else {})) for _ in range(2)]
        assert [reply.status for reply in replies] == [200, 429]

    assert {name: seen["refused"] for name, seen in server.stats().items()} == {
        "steady/a": 1,
        "steady/b": 1,
        "flaky/a": 1,
        "steady": 1,
    }


def test_a_changed_limit_holds_from_then_on(server: Server) -> None:
    assert [server.ask(limit_rpm=1).status for _ in range(2)] == [200, 429]
    assert [server.ask(limit_rpm=RPM).status for _ in range(BURST + 1)] == [200] * BURST + [429]
    assert server.ask().status == 200


def test_the_statistics_tell_goodput_by_the_second(server: Server) -> None:
    for second, number in enumerate((3, 0, 2)):
        server.clock.now_s = 100.0 + second
        for _ in range(number):
            server.ask()
    server.ask(status=500)
    server.ask(limit_in_flight=0)

    assert server.stats()["steady"] == {
        "requests": 7,
        "refused": 1,
        "in_flight": 0,
        "max_in_flight": 1,
        "abandoned": 0,
        "sent": {"200": 5, "500": 1, "429": 1},
        "answered_each_second": [3, 0, 2],
    }


def test_the_statistics_of_a_server_that_nobody_stops_stay_small() -> None:
    clock = Clock()
    tally = Tally(clock)
    for now_s in (0.0, 86_399.0, 86_400.0, 1e12):
        clock.now_s = now_s
        tally.began()
        tally.ended("200")

    assert len(tally.answered_each_second) == 86_400
    assert sum(tally.answered_each_second) == 2


@given(st.integers(1, 10_000), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5)), max_size=60))
def test_no_window_lets_more_in_than_burst_and_rate(per_minute: int, steps: list[tuple[float, int]]) -> None:
    """Each window of any length: at most what refills in it, and the burst; a request over that is owed."""
    burst = max(1.0, min(per_minute / 10, 10.0))
    bucket = TokenBucket(per_minute, burst, 0.0)
    now_s, taken = 0.0, [(0.0, 0.0)]
    for gap_s, amount in steps:
        now_s += gap_s
        if not bucket.wait_s(amount, now_s):
            bucket.take(amount, now_s)
            taken.append((now_s, amount))

    for first, (start_s, _) in enumerate(taken):
        for last in range(first, len(taken)):
            within = sum(amount for _, amount in taken[first : last + 1])
            most = burst + (taken[last][0] - start_s) * per_minute / 60
            assert within <= most + taken[last][1] + 1e-3


@given(st.integers(1, 10_000), st.integers(1, 30), st.integers(0, 30))
def test_who_waits_as_long_as_told_is_let_in(per_minute: int, amount: int, taken: int) -> None:
    bucket = TokenBucket(per_minute, 10.0, 0.0)
    bucket.take(taken, 0.0)

    assert bucket.wait_s(amount, bucket.wait_s(amount, 0.0)) == 0
    assert bucket.level(bucket.full_in_s(0.0)) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0ms"), (0.02, "20ms"), (1, "1s"), (1.5, "1.5s"), (360, "6m0s"), (3723.5, "1h2m3.5s"), (3600, "1h0m0s")],
)
def test_a_duration_is_written_as_go_does(seconds: float, shown: str) -> None:
    assert go_duration(seconds) == shown
