from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.providers.api import Origin, error_in_answer, http_failure, malformed
from pytest_benchmodels.providers.connection import HttpReply
from pytest_benchmodels.providers.error_body import parse_error
from pytest_benchmodels.providers.key import Key

SECRET = "sk-abcdefghijklmnop"
ORIGIN = Origin("http://api.test", "gpt-x", Key("OPENAI_API_KEY", SECRET))
KEYLESS = Origin("http://api.test", "gpt-x", Key(None, ""))


def reply(status: int, message: str = "so it is", **headers: str) -> HttpReply:
    body = json.dumps({"error": {"message": message}}).encode()
    return HttpReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "bad-request", False),
        (401, "auth", False),
        (403, "auth", False),
        (404, "not-found", False),
        (408, "http", True),
        (409, "http", True),
        (413, "bad-request", False),
        (422, "bad-request", False),
        (429, "rate-limit", True),
        (499, "bad-request", False),
        (500, "http", True),
        (502, "http", True),
        (503, "overloaded", True),
        (529, "overloaded", True),
        (599, "http", True),
    ],
)
def test_a_status_decides_kind_and_retry(status: int, kind: str, retryable: bool) -> None:  # noqa: FBT001 - a table
    error = http_failure(reply(status), ORIGIN)

    assert (error.kind, error.retryable, error.status) == (kind, retryable, status)
    assert f"HTTP {status}" in error.message
    assert "from http://api.test: so it is" in error.message


def test_a_rejected_key_is_named_by_its_variable() -> None:
    assert http_failure(reply(401, f"bad key {SECRET}"), ORIGIN).message == (
        "HTTP 401 Unauthorized from http://api.test: bad key ***. Is the key in OPENAI_API_KEY right?"
    )


def test_a_missing_key_is_told_where_the_server_wants_one() -> None:
    assert http_failure(reply(401), KEYLESS).message.endswith("so it is. Name the key's variable: api_key_env")


def test_an_unknown_model_is_named() -> None:
    assert http_failure(reply(404), ORIGIN).message.endswith("Are base_url and the model's name 'gpt-x' right?")


def test_an_empty_account_is_not_asked_again() -> None:
    empty = HttpReply(429, {}, b'{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}')

    assert not http_failure(empty, ORIGIN).retryable


def test_a_redirect_names_its_target_without_what_may_be_secret() -> None:
    error = http_failure(reply(307, location="https://me:pw@evil.test/login?token=1"), ORIGIN)

    assert (error.kind, error.retryable, error.status) == ("redirect", False, 307)
    assert error.message == (
        "HTTP 307 Temporary Redirect from http://api.test to https://evil.test: redirects are not followed, "
        "for the key would travel along. Set base_url to the final address"
    )


@pytest.mark.parametrize(
    "location",
    [
        "https://sk-half/one-half/x",  # cut at the slash, half a key would be left
        "https://SK-HALF.test/",
        "https://sk%2Dhalf%2Fone.test/",
        "https://host.test/?key=sk-half/one-half",
    ],
)
def test_a_redirect_shows_no_part_of_a_key(location: str) -> None:
    origin = Origin("http://api.test", "m", Key("ENV", "sk-half/one-half"))

    error = http_failure(HttpReply(307, {"location": location}, b""), origin)

    assert "http://api.test to ***: redirects are not followed" in error.message


def test_a_redirect_without_a_target_is_told_as_one() -> None:
    assert "to nowhere" in http_failure(reply(302), ORIGIN).message


def test_a_long_message_is_cut_after_the_key_is_gone() -> None:
    message = http_failure(reply(400, "x" * 290 + SECRET + "y" * 500), ORIGIN).message

    assert SECRET[:4] not in message
    assert "xxx***yyyyyyy... (493 more characters)" in message


def test_control_characters_of_a_server_are_escaped() -> None:
    assert r"red \x1b[31m" in http_failure(reply(400, "red \x1b[31m"), ORIGIN).message


def test_a_failure_without_a_word_says_so() -> None:
    assert http_failure(HttpReply(502, {}, b""), ORIGIN).message == (
        "HTTP 502 Bad Gateway from http://api.test: no explanation"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "one"}}', "one"),
        (b'{"error": "two"}', "two"),
        (b'{"message": "three"}', "three"),
        (b'{"detail": "four"}', "four"),
        (b'[{"error": {"message": "five"}}]', "five"),
        (b"<h1>six</h1>", "<h1>six</h1>"),
        (b'{"error": {"code": 7}}', '{"error": {"code": 7}}'),
        (b"[]", "[]"),
        (b"[" * 50_000, "[" * 50_000),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_servers_own_message_is_found(body: bytes, message: str) -> None:
    assert parse_error(body).message == message


@given(
    st.binary()
    | st.recursive(
        st.text() | st.integers(),
        lambda inner: st.dictionaries(st.sampled_from(["error", "message", "detail"]), inner) | st.lists(inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_body_becomes_a_short_message(body: bytes) -> None:
    assert len(http_failure(HttpReply(500, {}, body), ORIGIN).message) < 500


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (500, {}, None),
        (500, {"retry-after": "3"}, 3.0),
        (429, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s"}, 2.0),
        (500, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s"}, None),
    ],
)
def test_a_failure_carries_the_servers_wish_to_wait(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    assert http_failure(HttpReply(status, headers, b""), ORIGIN).retry_after_s == seconds


@pytest.mark.parametrize(
    ("error", "kind", "status", "retryable"),
    [
        ({"message": "busy", "code": 429}, "rate-limit", 429, True),
        ({"message": "busy", "code": 401}, "auth", 401, False),
        ({"message": "busy", "code": "odd"}, "malformed", 200, True),
        ("busy", "malformed", 200, True),
        (["busy"], "malformed", 200, True),
    ],
)
def test_an_error_in_place_of_an_answer(error: object, kind: str, status: int, retryable: bool) -> None:  # noqa: FBT001 - a table
    failure = error_in_answer(error, {}, ORIGIN)

    assert (failure.kind, failure.status, failure.retryable) == (kind, status, retryable)
    assert failure.message.startswith("an error in place of an answer from http://api.test: ")
    assert "busy" in failure.message


@pytest.mark.parametrize("shift", range(len(SECRET)))
def test_an_odd_error_in_place_of_an_answer_shows_no_part_of_the_key(shift: int) -> None:
    message = error_in_answer({"odd": "x" * (275 + shift) + SECRET}, {}, ORIGIN).message

    assert SECRET[:4] not in message
    assert "more characters" in message or "***" in message


def test_an_error_in_place_of_an_answer_carries_the_wish_to_wait() -> None:
    assert error_in_answer({"code": 429}, {"retry-after": "7"}, ORIGIN).retry_after_s == 7.0


def test_a_malformed_answer_may_be_asked_for_again() -> None:
    error = malformed("it is empty", ORIGIN)

    assert (error.kind, error.retryable) == ("malformed", True)
    assert error.message == "malformed answer from http://api.test: it is empty"
