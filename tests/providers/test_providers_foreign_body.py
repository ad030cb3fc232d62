"""Replies that are no API's: pages of proxies, streams that nobody asked for, texts; and models that are not there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.providers.api import Origin, http_failure, no_json
from pytest_benchmodels.providers.connection import HttpReply
from pytest_benchmodels.providers.error_body import first_of_stream, is_page, is_stream, page_title
from pytest_benchmodels.providers.key import Key

SECRET = "sk-abcdefghijklmnop"
ORIGIN = Origin("http://api.test", "gpt-x", Key("OPENAI_API_KEY", SECRET))
NGINX = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n"
)
# As Cloudflare sends it, without most of its 6 kB.
CLOUDFLARE = """<!DOCTYPE html>
<!--[if lt IE 7]> <html class="no-js ie6 oldie" lang="en-US"> <![endif]-->
<html class="no-js" lang="en-US"> <head>
<title>api.example.com | 502: Bad gateway</title>
<meta charset="UTF-8" /></head><body><div id="cf-wrapper"><h1 class="inline-block">Bad gateway</h1></div></body></html>
"""


def failed(status: int, body: object) -> ProviderError:
    text = body if isinstance(body, str) else json.dumps(body)
    return http_failure(HttpReply(status, {}, text.encode()), ORIGIN)


@pytest.mark.parametrize(
    ("status", "page", "said"),
    [
        (502, CLOUDFLARE, "Bad Gateway from http://api.test: api.example.com | 502: Bad gateway (an HTML page)"),
        (502, NGINX.format("502 Bad Gateway"), "Bad Gateway from http://api.test: 502 Bad Gateway (an HTML page)"),
        (404, NGINX.format("404 Not Found"), ": 404 Not Found (an HTML page): a proxy, a firewall or a web site"),
        (
            403,
            "<html><body><h1>Who&#39;s &lt;there&gt;?</h1></body></html>",
            ": Who's <there>? (an HTML page): a proxy",
        ),
        (500, "<HTML><BODY></BODY></HTML>", ": an HTML page"),
        (403, f"<html><title>no {SECRET}</title>", ": no *** (an HTML page)"),
        (500, "<html><title>\x1b[31mred\x07</title>", r": \x1b[31mred\x07 (an HTML page)"),
    ],
)
def test_a_page_is_cut_to_its_title(status: int, page: str, said: str) -> None:
    error = failed(status, page)
    assert said in error.message
    assert "<hr>" not in error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("It works!", "it is no JSON (Expecting value: line 1 column 1 (char 0)); it begins with 'It works!'"),
        (f"key {SECRET}", "it begins with 'key ***'"),
        ("[1, 2]", "it is no JSON object; it begins with '[1, 2]'"),
        (CLOUDFLARE, "it is an HTML page (api.example.com | 502: Bad gateway), no JSON. Is base_url right?"),
        ('{"choices": [{"mess', """begins with '{"choices": [{"mess'"""),
        ("x" * 5000, f"it begins with '{'x' * 95}"),
    ],
)
def test_what_is_no_json_shows_how_it_begins(body: str, said: str) -> None:
    why = (
        "it is no JSON object" if body.startswith("[") else "it is no JSON (Expecting value: line 1 column 1 (char 0))"
    )
    error = no_json(body.encode(), why, ORIGIN)
    assert said in error.message
    assert (error.kind, error.retryable) == ("malformed", True)
    assert len(error.message) < 600


@pytest.mark.parametrize(
    "body",
    [
        'data: {"choices": [{"delta": {"content": "4"}}]}\n\ndata: [DONE]\n\n',
        'data:{"choices": []}\r\n\r\n',
        'event: message_start\ndata: {"type": "message_start"}\n\n',
        ': OPENROUTER PROCESSING\n\ndata: {"id": "1"}\n\n',
        '{"message": {"content": "4"}, "done": false}\n{"message": {"content": ""}, "done": true}\n',
    ],
    ids=["openai", "no blank", "anthropic", "openrouter", "ollama"],
)
def test_a_stream_that_nobody_asked_for_is_told_and_not_paid_for_again(body: str) -> None:
    error = no_json(body.encode(), "it is no JSON", ORIGIN)
    assert "it streams although it was not asked to; it begins with" in error.message
    assert (error.kind, error.retryable) == ("malformed", False)


def test_an_error_in_a_stream_is_read() -> None:
    assert failed(400, 'event: error\ndata: {"error": {"message": "too long"}}\n\n').message.endswith(": too long")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "invalid model ID", "type": "invalid_request_error"}}),
        (400, {"error": {"message": "x is not a valid model ID", "code": 400}}),
        (400, {"object": "error", "message": "The model `gpt-9` does not exist.", "code": 400}),
        (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}),
        (400, {"error": {"message": "Unsupported model", "code": "1211"}}),
        (403, {"error": {"message": "Project p has no access to model `gpt-4`", "code": "model_not_found"}}),
        (422, {"detail": "model 'qwen' not found, try pulling it first"}),
    ],
)
def test_a_model_that_is_not_there_is_named_whatever_the_status(status: int, body: object) -> None:
    error = failed(status, body)
    assert (error.kind, error.retryable) == ("not-found", False)
    assert error.message.endswith("Are base_url and the model's name 'gpt-x' right?")


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens",
        "temperature is not supported with this model",
        "Invalid model parameters: top_k",
    ],
)
def test_a_refusal_that_speaks_of_the_model_names_it(message: str) -> None:
    error = failed(400, {"error": {"message": message}})
    assert error.kind in ("bad-request", "context-length")
    assert error.message.endswith(f"{message} (the model was 'gpt-x')")
    assert "(the model was" not in failed(400, {"error": {"message": f"{message} (gpt-x)"}}).message


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{"error": {"message": "max_tokens is too large"}}', "(Acme): max_tokens is too large"),
        ({"error": {"message": "the queue is full"}}, "(Acme): the queue is full"),
        (NGINX.format("503 Service Unavailable"), "(Acme): 503 Service Unavailable (an HTML page)"),
        ("out of luck", "(Acme): out of luck"),
        ({"reasons": ["a", "b"]}, '(Acme): {"reasons": ["a", "b"]}'),
        (None, "(Acme)"),
        ("", "(Acme)"),
    ],
)
def test_openrouter_hands_over_what_the_provider_said(raw: object, said: str) -> None:
    body = {"error": {"message": "Provider returned error", "metadata": {"raw": raw, "provider_name": "Acme"}}}
    assert failed(502, body).message.endswith(f": Provider returned error {said}")


@given(
    st.text(max_size=200) | st.lists(st.sampled_from(["<html>", "<title>", "data: ", "\n", "{", "}", ":"])).map("".join)
)
def test_any_text_may_come(text: str) -> None:
    assert not (is_page(text) and first_of_stream(text) is not None)
    assert "\n" not in page_title(text)
    assert is_stream(text) in (True, False)
    assert no_json(text.encode("utf-8", "replace"), "it is no JSON", ORIGIN).kind == "malformed"
    assert failed(400, text.encode("utf-8", "replace").decode()).status == 400
