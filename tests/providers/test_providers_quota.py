from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import Usage
from pytest_benchmodels.providers.quota import LONGEST_PAUSE_S, pause_s, retry_after_s, seconds_until
from pytest_benchmodels.providers.sim.knobs import go_duration

NOW_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
OPENAI = ("x-ratelimit-remaining-{}", "x-ratelimit-reset-{}")
ANTHROPIC = ("anthropic-ratelimit-{}-remaining", "anthropic-ratelimit-{}-reset")


def quota(what: str, remaining: str | None, reset: str, names: tuple[str, str] = OPENAI) -> dict[str, str]:
    told = {names[1].format(what): reset}
    return told if remaining is None else {names[0].format(what): remaining, **told}


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "18000"}, 18_000.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 -0000"}, 0.0),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after-ms": "120"}, 0.12),
        ({"retry-after-ms": "120", "retry-after": "1"}, 0.12),
        ({"retry-after-ms": "x", "retry-after": "1"}, 1.0),
    ],
)
def test_the_servers_own_wish_holds_for_any_status(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds
    assert retry_after_s({**headers, **quota("requests", "7", "9s")}, 503) == seconds


@pytest.mark.parametrize("zone", [UTC, None])
def test_a_date_to_wait_for_becomes_seconds_and_is_taken_for_utc(zone: object) -> None:
    then = datetime.now(UTC) + timedelta(hours=1)
    date = format_datetime(then, usegmt=True) if zone else format_datetime(then.replace(tzinfo=None))

    seconds = retry_after_s({"retry-after": date})

    assert seconds is not None
    assert 3000 < seconds <= 3600


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (quota("requests", "0", "6m0s"), 360.0),
        (quota("tokens", "0", "20ms"), 0.02),
        ({**quota("requests", "0", "2s"), **quota("tokens", "50", "1s")}, 2.0),
        ({**quota("requests", "9", "2s"), **quota("tokens", "0", "40s")}, 40.0),
        ({**quota("requests", "0", "2s"), **quota("tokens", "0", "40s")}, 40.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"}, 7.0),
        ({"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "3s"}, 3.0),
        (quota("requests", "0", "whenever"), None),
        (quota("requests", "0", ""), None),
        ({"x-ratelimit-remaining-requests": "0"}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_without_a_wish_a_used_up_quota_says_when(status: int, headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, status) == seconds


@pytest.mark.parametrize("headers", [quota("requests", "9", "2s"), quota("requests", None, "2s")])
@pytest.mark.parametrize(("status", "seconds"), [(429, 1.0), (503, None), (529, None), (500, None), (None, None)])
def test_without_a_used_up_quota_the_nearer_reset_counts_on_429_only(
    headers: dict[str, str], status: int | None, seconds: float | None
) -> None:
    assert retry_after_s({**headers, **quota("tokens", "3", "1s")}, status) == seconds


@pytest.mark.parametrize("what", ["requests", "tokens", "input-tokens", "output-tokens"])
def test_anthropics_quotas_are_moments(what: str) -> None:
    seconds = retry_after_s(quota(what, "0", in_seconds(3000), ANTHROPIC), 429)

    assert seconds is not None
    assert 2000 < seconds <= 3000


@pytest.mark.parametrize("scale", [1, 1000])
def test_a_moment_since_1970_may_be_in_seconds_or_milliseconds(scale: int) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int((time.time() + 3000) * scale))}

    seconds = retry_after_s(headers, 429)

    assert seconds is not None
    assert 2000 < seconds <= 3000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1s250ms", 1.25),
        ("12", 12.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        (str(NOW_S + 5), 5.0),
        (str(int(NOW_S - 5)), 0.0),
        (str(int(NOW_S + 5) * 1000), 5.0),
        ("2026-01-01T00:00:07Z", 7.0),
        ("2026-01-01T01:00:07+01:00", 7.0),
        ("2026-01-01T00:00:07", 7.0),
        ("2025-12-31T00:00:00Z", 0.0),
        ("", None),
        ("s", None),
        ("soon", None),
        ("1 s", None),
        ("1s1h", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),
        ("9" * 400 + "s", None),
        ("٣s", None),
        ("0001-01-01T00:00:00+23:59", 0.0),
    ],
)
def test_a_reset_is_read_in_each_of_its_forms(text: str, seconds: float | None) -> None:
    assert seconds_until(text, NOW_S) == (None if seconds is None else pytest.approx(seconds))


@given(st.floats(0, 1e6))
def test_a_duration_is_read_as_it_was_written(seconds: float) -> None:
    assert seconds_until(go_duration(seconds), NOW_S) == pytest.approx(seconds, abs=0.0006)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - bounds of local times
def test_a_moment_is_read_in_each_zone(moment: datetime) -> None:
    expected = max(0.0, moment.timestamp() - NOW_S)

    assert seconds_until(moment.isoformat(), NOW_S) == pytest.approx(expected, abs=1e-3)


@given(
    st.dictionaries(
        st.sampled_from(
            ["retry-after", "retry-after-ms", *quota("requests", "", ""), *quota("tokens", "", "", ANTHROPIC)]
        ),
        st.text() | st.from_regex(r"-?[0-9.e]{1,30}[hms:TZ+-]?") | st.floats().map(str),
    ),
    st.sampled_from([429, 503, 500]),
)
def test_any_headers_are_a_wait_or_none(headers: dict[str, str], status: int) -> None:
    wait = retry_after_s(headers, status)
    pause = pause_s(headers, Usage(3, 4))

    assert wait is None or 0 <= wait < float("inf")
    assert pause is None or 0 < pause <= LONGEST_PAUSE_S


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "5"}, None),
        (quota("requests", "0", "5s"), 5.0),
        (quota("requests", "1", "5s"), None),
        (quota("requests", None, "5s"), None),
        (quota("requests", "0", "0s"), None),
        (quota("requests", "0", "2m0s"), 120.0),
        (quota("requests", "0", "2m1s"), None),
        (quota("tokens", "29", "5s"), 5.0),
        (quota("tokens", "30", "5s"), None),
        (quota("tokens", "-1", "5s"), 5.0),
        ({**quota("requests", "0", "5s"), **quota("tokens", "0", "9s")}, 9.0),
        ({**quota("requests", "0", "5s"), **quota("tokens", "0", "9h0m0s")}, 5.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4"}, 4.0),
        (quota("input-tokens", "9", "4", ANTHROPIC), 4.0),
        (quota("input-tokens", "10", "4", ANTHROPIC), None),
        (quota("output-tokens", "19", "4", ANTHROPIC), 4.0),
        (quota("output-tokens", "20", "4", ANTHROPIC), None),
    ],
)
def test_an_answer_that_used_up_a_quota_asks_for_a_pause(headers: dict[str, str], seconds: float | None) -> None:
    assert pause_s(headers, Usage(input_tokens=10, output_tokens=20)) == seconds


def test_where_the_tokens_are_unknown_only_none_left_is_used_up() -> None:
    assert pause_s(quota("tokens", "0", "5s"), Usage()) == 5.0
    assert pause_s(quota("tokens", "1", "5s"), Usage()) is None
