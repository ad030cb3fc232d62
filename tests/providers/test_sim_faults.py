"""Each knob, over real HTTP, as the plugin's own client sees it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import Message, Model, ProviderError, Request, SimServer
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.http import HttpPool

if TYPE_CHECKING:
    from tests.providers.conftest import Ask


def refused(ask: Ask, name: str = "steady", /, **knobs: object) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(name, **knobs)
    return caught.value


def test_without_knobs_it_answers_rightly(ask: Ask) -> None:
    response = ask(prompt="What is 17 + 4?")

    assert (response.text, response.finish_reason) == ("21", "stop")
    assert response.usage.input_tokens
    assert response.usage.output_tokens == 1


def test_latency_is_waited_for(ask: Ask) -> None:
    assert ask(latency=0.05, sigma=0).latency_s >= 0.05


def test_accuracy_decides_who_is_right(ask: Ask) -> None:
    assert ask(accuracy=0, seed=1).text not in {"4", ""}


def test_text_is_said_as_it_stands(ask: Ask) -> None:
    assert ask(text="\x1b[2J</script>\x00").text == "\x1b[2J</script>\x00"


def test_huge_grows_the_answer(ask: Ask) -> None:
    assert 1_000_000 <= len(ask(huge=1_000_000).text) < 1_000_100


def test_huge_beyond_the_limit_is_refused(ask: Ask) -> None:
    error = refused(ask, huge=11_000_000)

    assert (error.kind, error.retryable) == ("too-large", False)
    assert "larger than 10000000 bytes" in error.message


def test_drip_sends_byte_by_byte_and_whole(ask: Ask) -> None:
    assert ask(drip=0.00001).text == "4"


def test_status_is_answered_with_the_wish_to_wait(ask: Ask) -> None:
    error = refused(ask, status=503, retry_after=1.25)

    assert (error.kind, error.status, error.retryable, error.retry_after_s) == ("overloaded", 503, True, 1.25)


def test_every_status_can_be_sent(ask: Ask) -> None:
    assert [refused(ask, status=status).status for status in range(300, 600, 7)] == list(range(300, 600, 7))
    assert refused(ask, status=304).status == 304
    assert refused(ask, status=204).kind == "malformed"


def test_a_redirect_can_lead_anywhere(ask: Ask) -> None:
    assert refused(ask, redirect=" http://é.test/\r\nX: y ").kind == "redirect"


def test_redirect_is_not_followed(ask: Ask) -> None:
    error = refused(ask, redirect="http://other.test/v1")

    assert (error.kind, error.status) == ("redirect", 307)
    assert "to http://other.test: redirects are not followed" in error.message


def test_garbage_is_no_http(ask: Ask) -> None:
    error = refused(ask, garbage=True)

    assert (error.kind, error.status, error.retryable) == ("connection", None, True)
    assert ask(garbage=True, recover_after=1, attempt=2).text == "4"


def test_an_endless_body_is_read_up_to_the_limit(ask: Ask) -> None:
    error = refused(ask, endless=True)

    assert (error.kind, error.status, error.retryable) == ("too-large", 200, False)
    assert "larger than 10000000 bytes; lower max_tokens" in error.message


def test_of_an_endless_failure_the_status_counts(ask: Ask) -> None:
    error = refused(ask, endless=True, status=503, retry_after=2)

    assert (error.kind, error.status, error.retryable, error.retry_after_s) == ("overloaded", 503, True, 2.0)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_no_endless_one(ask: Ask, status: int) -> None:
    assert refused(ask, endless=True, status=status).status in {status, 200}


def test_a_length_that_lies_is_believed(ask: Ask) -> None:
    assert refused(ask, declared_bytes=10**15).kind == "too-large"
    assert "broke off" in refused(ask, declared_bytes=100_000).message
    assert "it is no JSON" in refused(ask, declared_bytes=5).message


def test_header_bytes_grow_the_head(ask: Ask) -> None:
    assert ask(header_bytes=10_000).text == "4"
    error = refused(ask, header_bytes=1_000_000)
    assert (error.kind, error.retryable) == ("connection", True)
    assert "ended before an answer: its head is larger than 102400 bytes" in error.message


def test_interim_replies_come_before_the_answer(ask: Ask) -> None:
    assert ask(interim=100).text == "4"


def test_gzip_is_sent_unasked_and_unpacked_up_to_the_limit(ask: Ask) -> None:
    assert ask(gzip=True).text == "4"
    assert refused(ask, gzip=True, status=418).message.endswith("simulated status 418: 4")
    assert refused(ask, gzip=True, huge=20_000_000).kind == "too-large"


def test_limits_are_enforced_per_bucket(ask: Ask) -> None:
    knobs: dict[str, object] = {"limit_rpm": 10, "quota_headers": True, "bucket": "faults"}

    first = ask(**knobs)
    error = refused(ask, **knobs)

    assert first.pause_s == pytest.approx(6, abs=0.1)
    assert (error.kind, error.status, error.retryable) == ("rate-limit", 429, True)
    assert error.retry_after_s is not None
    assert 0 < error.retry_after_s <= 6
    assert ask(**{**knobs, "bucket": "others"}).text == "4"


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"limit_in_flight": 0}, "simulated limit of 0 requests at once reached"),
        ({"limit_tpm": 10, "text": "x" * 100, "bucket": "t"}, "simulated limit of 10 tokens a minute reached"),
    ],
)
def test_what_is_beyond_a_limit_is_refused(ask: Ask, knobs: dict[str, object], message: str) -> None:
    def twice() -> None:
        ask(**knobs)
        ask(**knobs)

    with pytest.raises(ProviderError, match=message) as caught:
        twice()
    assert caught.value.status == 429


@pytest.mark.parametrize(
    ("knob", "kind", "status"),
    [
        ("rate_429", "rate-limit", 429),
        ("rate_500", "http", 500),
        ("reset_rate", "connection", None),
        ("truncate_rate", "malformed", 200),
        ("malformed_rate", "malformed", 200),
    ],
)
def test_a_fault_is_worth_another_attempt(ask: Ask, knob: str, kind: str, status: int | None) -> None:
    error = refused(ask, "steady", **{knob: 1.0})

    assert (error.kind, error.status, error.retryable) == (kind, status, True)


def test_recover_after_ends_the_faults(ask: Ask) -> None:
    assert refused(ask, attempt=2, rate_500=1, recover_after=2).status == 500
    assert ask(attempt=3, rate_500=1, recover_after=2).text == "4"


def test_an_unknown_knob_is_refused_with_the_known_ones(ask: Ask) -> None:
    error = refused(ask, latncy=1)

    assert (error.kind, error.status, error.retryable) == ("bad-request", 400, False)
    assert "unknown sim knob 'latncy'; did you mean 'latency'?" in error.message


def test_an_unknown_model_is_refused_with_the_known_ones(ask: Ask) -> None:
    error = refused(ask, "stedy")

    assert (error.kind, error.status, error.retryable) == ("not-found", 404, False)
    assert "(known: steady, slow, flaky, hang" in error.message


def test_the_flaky_model_answers_everybody_within_three_attempts(ask: Ask) -> None:
    errors: list[ProviderError] = []

    def persist(number: int) -> str:
        for attempt in (1, 2):
            try:
                return ask("flaky", prompt=f"What is {number} + 1?", attempt=attempt).text
            except ProviderError as error:
                errors.append(error)
        return ask("flaky", prompt=f"What is {number} + 1?", attempt=3).text

    assert [persist(number) for number in range(20)] == [str(number + 1) for number in range(20)]
    assert {error.kind for error in errors} == {"rate-limit", "http"}
    assert all(error.retryable for error in errors)
    assert {error.retry_after_s for error in errors} == {0.05}


@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("hang", {}),
        ("steady", {"hang_rate": 1}),
        ("slow", {"latency": 3600}),
        ("steady", {"drip": 60}),
        ("steady", {"drip": 60, "endless": True}),
    ],
)
def test_a_model_that_does_not_answer_sees_the_client_leave(name: str, knobs: dict[str, object]) -> None:
    async def scenario(server: SimServer) -> None:
        pool = HttpPool()
        model = Model(f"sim/{name}", "sim", name, server.url)
        request = Request(model, (Message("user", "Hi"),), {"sim": knobs})
        late = asyncio.create_task(create(model, pool).complete(request))
        while not (await asyncio.to_thread(server.stats)).get(name, {}).get("in_flight"):
            assert not late.done()
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        while (await asyncio.to_thread(server.stats))[name]["in_flight"]:
            pass
        await pool.aclose()

    with SimServer() as server:
        asyncio.run(asyncio.wait_for(scenario(server), 300))
        assert server.stats()[name] == {
            "requests": 1,
            "refused": 0,
            "in_flight": 0,
            "max_in_flight": 1,
            "abandoned": 1,
            "sent": {},
            "answered_each_second": [],
        }


def test_what_was_sent_is_counted_per_model() -> None:
    async def scenario(url: str) -> None:
        pool = HttpPool()
        model = Model("sim/steady", "sim", "steady", url)
        provider = create(model, pool)
        requests = [
            Request(model, (Message("user", str(number)),), {"sim": {"latency": 0.05, "sigma": 0}})
            for number in range(10)
        ]
        await asyncio.gather(*map(provider.complete, requests))
        with pytest.raises(ProviderError):
            await provider.complete(Request(model, (Message("user", "x"),), {"sim": {"status": 418}}))
        with pytest.raises(ProviderError):
            await provider.complete(Request(model, (Message("user", "x"),), {"sim": {"reset_rate": 1}}))
        await pool.aclose()

    with SimServer() as server:
        asyncio.run(scenario(server.url))
        seen = server.stats()

    assert json.loads(json.dumps(seen)) == seen
    assert seen["steady"]["requests"] == 12
    assert seen["steady"]["sent"] == {"200": 10, "418": 1, "reset": 1}
    assert seen["steady"]["max_in_flight"] == 10
