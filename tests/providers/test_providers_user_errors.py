"""What is hidden where code of the user's has a say, and which of its errors the engine can go by."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from pytest_benchmodels import Key, ProviderError, Usage
from pytest_benchmodels.providers.function import settled_error

NOBODY = Key(None, "")


@pytest.mark.parametrize(
    ("name", "value", "hidden"),
    [
        ("SEARCH_API_KEY", "sk-0123456789abcdef", True),
        ("HF_TOKEN", "hf_0123456789abcdef", True),
        ("CLIENT_SECRET", "0123456789abcdef-x", True),
        ("search_api_key", "sk-0123456789abcdef", True),
        ("DB_PASSWORD", "postgres", False),
        ("SORT_KEY", "alphabetical-order", False),
        ("SOME_TOKEN", "short1", False),
        ("BANNER_TOKEN", "a sentence with 1 digit", False),
        ("HOMEPAGE", "https://example.com/0123456789", False),
    ],
)
def test_what_looks_like_a_key_is_hidden(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, *, hidden: bool
) -> None:
    monkeypatch.setenv(name, value)
    assert (value not in Key.of_surroundings().hide(f"it is {value}.")) == hidden


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer abc-def", "abc-def"),
        ("plain-secret", "plain-secret"),
        (f"Basic {b64encode(b'user:hunter2').decode()}", "hunter2"),
        ("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/x, Signature=5d672d79c15b1316", "5d672d79c15b1316"),
    ],
)
def test_a_headers_parts_are_hidden(header: str, secret: str) -> None:
    key = NOBODY.and_header_values([header])
    assert key.hide(f"wrong: {secret}!") == "wrong: ***!"
    assert key.hide("a Bearer of Basic news, AWS4-HMAC-SHA256") == "a Bearer of Basic news, AWS4-HMAC-SHA256"
    assert header not in repr(key)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "budget"}, "kind 'budget' is the plugin's own"),
        ({"kind": 7}, "kind is no word: 7"),
        ({"kind": ""}, "kind is no word: ''"),
        ({"message": None}, "message is no text: None"),
        ({"status": "500"}, "status is no HTTP status: '500'"),
        ({"retry_after_s": float("nan")}, "retry_after_s is no number of seconds: nan"),
        ({"retry_after_s": -1}, "retry_after_s is no number of seconds: -1"),
        ({"usage": {}}, "usage is no Usage: {}"),
    ],
)
def test_an_error_that_the_engine_cannot_go_by_is_told(change: dict[str, Any], said: str) -> None:
    error = ProviderError("http", "no")
    for name, value in change.items():
        setattr(error, name, value)

    settled = settled_error(error, NOBODY)

    assert settled.kind == "provider"
    assert settled.message.startswith(f"a ProviderError was raised whose {said}")


def test_an_error_that_forgot_its_own_beginning_is_told() -> None:
    class ForgetfulError(ProviderError):
        def __init__(self) -> None:
            pass

    assert settled_error(ForgetfulError(), NOBODY).message.startswith(
        "a ForgetfulError was raised whose kind is no word: None"
    )


@pytest.mark.parametrize(
    ("error", "sent", "billed"),
    [
        (ProviderError("overloaded", "no"), True, True),
        (ProviderError("overloaded", "no"), False, False),
        (ProviderError("overloaded", "no", sent=False), True, False),
        (ProviderError("overloaded", "no", status=503), True, False),
        (ProviderError("overloaded", "no", status=503, usage=Usage(1)), True, True),
    ],
)
def test_what_it_took_is_unknown_where_nobody_tells(error: ProviderError, *, sent: bool, billed: bool) -> None:
    assert settled_error(error, NOBODY, sent=sent).may_be_billed == billed
