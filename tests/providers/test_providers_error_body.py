"""Errors as providers document them: what each comes to, and when it is to be tried again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import Message, Model, ProviderError, Request, Response
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.api import Origin, error_in_answer
from pytest_benchmodels.providers.error_body import LONGEST_WAIT_S, parse_error, read_error
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.key import Key

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer, HttpText


class Told(NamedTuple):
    """A reply and what it comes to. `wait_s` is None where the server names no time."""

    status: int
    body: object
    kind: str
    retryable: bool
    wait_s: float | None = None
    provider: str = "openai"


def openai(message: str, **codes: object) -> dict[str, object]:
    return {"error": {"message": message, "param": None, **codes}}


def google(quota: str, delay: str | None, size: str = "15") -> dict[str, object]:
    """Gemini API, "Rate limits" and google/rpc/error_details.proto."""
    retry = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}] if delay else []
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "quotaId": quota,
        "quotaDimensions": {"model": "gemini-2.5-flash", "location": "global"},
        "quotaValue": size,
    }
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}
    words = "You exceeded your current quota, please check your plan and billing details."
    return {
        "error": {"code": 429, "message": words, "status": "RESOURCE_EXHAUSTED", "details": [failure, *retry]},
    }


PLAN = "You exceeded your current quota, please check your plan and billing details."
TOLD = {
    # The money or the quota is spent. OpenAI, "Error codes".
    "openai quota": Told(
        429, openai(PLAN, type="insufficient_quota", code="insufficient_quota"), "quota", retryable=False
    ),
    "openai hard limit": Told(
        400,
        openai("Billing hard limit has been reached", type="invalid_request_error", code="billing_hard_limit_reached"),
        "quota",
        retryable=False,
    ),
    "openai inactive": Told(
        429, openai("Your account is not active.", type="billing_not_active"), "quota", retryable=False
    ),
    # Moonshot, "Error Explanation".
    "moonshot quota": Told(
        429,
        openai(
            "You exceeded your current token quota: 0, please check your account balance",
            type="exceeded_current_quota_error",
        ),
        "quota",
        retryable=False,
    ),
    # Anthropic, "Errors"; the first is what it sends with status 400.
    "anthropic credit": Told(
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing "
                "to upgrade or purchase credits.",
            },
        },
        "quota",
        retryable=False,
        provider="anthropic",
    ),
    "anthropic billing": Told(
        403,
        {"type": "error", "error": {"type": "billing_error", "message": "See billing."}},
        "quota",
        retryable=False,
        provider="anthropic",
    ),
    # DeepSeek, "Error Codes"; OpenRouter, "Errors".
    "deepseek balance": Told(
        402,
        openai("Insufficient Balance", type="unknown_error", code="invalid_request_error"),
        "quota",
        retryable=False,
    ),
    "openrouter credits": Told(
        402,
        {"error": {"message": "This request requires more credits, or fewer max_tokens.", "code": 402}},
        "quota",
        retryable=False,
    ),
    "openrouter key": Told(
        403, {"error": {"message": "Key limit exceeded (total limit).", "code": 403}}, "quota", retryable=False
    ),
    # Google, "Errors" of Cloud APIs, and the Gemini API's of prepaid projects; LiteLLM, "Budgets"; Fireworks.
    "google billing": Told(
        403,
        {
            "error": {
                "code": 403,
                "message": "This API method requires billing to be enabled.",
                "status": "PERMISSION_DENIED",
                "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED"}],
            }
        },
        "quota",
        retryable=False,
        provider="google",
    ),
    "google prepaid": Told(
        429,
        {"error": {"code": 429, "message": "Your prepayment credits are depleted.", "status": "RESOURCE_EXHAUSTED"}},
        "quota",
        retryable=False,
        provider="google",
    ),
    "google cap": Told(
        429,
        {"error": {"code": 429, "message": "Your project has exceeded its monthly spending cap."}},
        "quota",
        retryable=False,
        provider="google",
    ),
    "litellm budget": Told(
        400,
        openai("Budget has been exceeded! Current cost: 10.0, Max budget: 5.0", type="budget_exceeded", code="400"),
        "quota",
        retryable=False,
    ),
    "fireworks limit": Told(
        412,
        openai("Account x is suspended, possibly due to reaching the monthly spending limit"),
        "quota",
        retryable=False,
    ),
    "monthly quota": Told(429, {"message": "Monthly quota exceeded for this key"}, "quota", retryable=False),
    "any 402": Told(402, "Payment required", "quota", retryable=False),
    "xai": Told(
        403,
        {
            "code": "The caller does not have permission to execute the specified operation",
            "error": "Your team has either used all available credits or reached its monthly spending limit.",
        },
        "quota",
        retryable=False,
    ),
    "zhipu": Told(
        429, {"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}, "quota", retryable=False
    ),
    "google day": Told(
        429,
        google("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "17s"),
        "quota",
        retryable=False,
        provider="google",
    ),
    "google none": Told(
        429,
        google("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "17s", size="0"),
        "quota",
        retryable=False,
        provider="google",
    ),
    "google words alone": Told(
        429,
        {"error": {"code": 429, "message": PLAN, "status": "RESOURCE_EXHAUSTED"}},
        "quota",
        retryable=False,
        provider="google",
    ),
    # A limit that passes, and says when. Gemini has the same words for a minute's.
    "google minute": Told(
        429,
        google("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "17.5s"),
        "rate-limit",
        retryable=True,
        wait_s=17.5,
        provider="google",
    ),
    "google minute without time": Told(
        429,
        google("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", None),
        "rate-limit",
        retryable=True,
        provider="google",
    ),
    # Vertex AI, "Error code 429".
    "vertex": Told(
        429,
        {
            "error": {
                "code": 429,
                "message": "Resource exhausted. Please try again later.",
                "status": "RESOURCE_EXHAUSTED",
            }
        },
        "rate-limit",
        retryable=True,
        provider="google",
    ),
    # OpenAI, "Rate limits".
    "openai rpm": Told(
        429,
        openai(
            "Rate limit reached for gpt-4o on requests per min (RPM): Limit 3, Used 3, Requested 1. "
            "Please try again in 20s. Visit https://platform.openai.com/account/rate-limits to learn more. You can "
            "increase your rate limit by adding a payment method to your account at "
            "https://platform.openai.com/account/billing.",
            type="requests",
            code="rate_limit_exceeded",
        ),
        "rate-limit",
        retryable=True,
        wait_s=20.0,
    ),
    "openai ms": Told(
        429,
        openai("Rate limit reached. Please try again in 86ms.", code="rate_limit_exceeded"),
        "rate-limit",
        retryable=True,
        wait_s=0.086,
    ),
    "openai fraction": Told(429, openai("Please try again in 6.2s."), "rate-limit", retryable=True, wait_s=6.2),
    # Groq, "Rate Limits".
    "groq": Told(
        429,
        openai("Rate limit reached on tokens per day (TPD). Please try again in 1m30.5s. Need more tokens? Upgrade."),
        "rate-limit",
        retryable=True,
        wait_s=90.5,
    ),
    # Azure OpenAI, "Quotas and limits"; Azure API Management, rate-limit policy.
    "azure": Told(
        429,
        openai(
            "Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current OpenAI S0 "
            "pricing tier. Please retry after 26 seconds. Please go here: https://aka.ms/oai/quotaincrease",
            code="429",
        ),
        "rate-limit",
        retryable=True,
        wait_s=26.0,
    ),
    "azure gateway": Told(
        429,
        {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 minute and 5 seconds."},
        "rate-limit",
        retryable=True,
        wait_s=65.0,
    ),
    "moonshot rpm": Told(
        429,
        openai(
            "Your account request reached organization max RPM: 3, please try again after 1 seconds",
            type="rate_limit_reached_error",
        ),
        "rate-limit",
        retryable=True,
        wait_s=1.0,
    ),
    # LiteLLM's router.
    "litellm": Told(
        429,
        openai("No deployments available for selected model, Try again in 5 seconds. Passed model=x.", code="429"),
        "rate-limit",
        retryable=True,
        wait_s=5.0,
    ),
    # OpenRouter, "Limits": the headers are in the body.
    "openrouter headers": Told(
        429,
        {
            "error": {
                "message": "Rate limit exceeded: free-models-per-min.",
                "code": 429,
                "metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30", "Retry-After": 12}},
            }
        },
        "rate-limit",
        retryable=True,
        wait_s=12.0,
    ),
    "openrouter day": Told(
        429,
        {"error": {"message": "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000.", "code": 429}},
        "quota",
        retryable=False,
    ),
    "openrouter upstream": Told(
        429,
        {
            "error": {
                "message": "Provider returned error",
                "code": 429,
                "metadata": {"raw": '{"error":{"message":"try again in 3 seconds"}}', "provider_name": "x"},
            }
        },
        "rate-limit",
        retryable=True,
        wait_s=3.0,
    ),
    "keys": Told(429, {"detail": "slow down", "retry_after": 7}, "rate-limit", retryable=True, wait_s=7.0),
    "keys in ms": Told(
        429, {"error": {"message": "x", "retryAfterMs": 250}}, "rate-limit", retryable=True, wait_s=0.25
    ),
    "busy": Told(503, {"error": {"message": "x", "retry-after": "2m"}}, "overloaded", retryable=True, wait_s=120.0),
    "unbelievable": Told(429, openai("Please try again in 3 days."), "rate-limit", retryable=True),
    "plain text": Told(429, "Too many requests, please wait 4 seconds", "rate-limit", retryable=True, wait_s=4.0),
    # The prompt was filtered. Azure OpenAI, "Content filtering"; OpenRouter, "Errors"; DeepSeek.
    "azure filter": Told(
        400,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management "
                "policy.",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        "content-filter",
        retryable=False,
    ),
    "openrouter moderation": Told(
        403,
        {"error": {"message": 'x requires moderation. Your input was flagged for "violence".', "code": 403}},
        "content-filter",
        retryable=False,
    ),
    "deepseek risk": Told(400, openai("Content Exists Risk"), "content-filter", retryable=False),
    # With status 200. OpenRouter, "Errors": an error of a choice, once tokens were spent.
    "choice error": Told(
        200,
        {
            "choices": [
                {
                    "message": {"role": "assistant", "content": "Par"},
                    "finish_reason": "error",
                    "error": {"code": 502, "message": "Upstream idle timeout exceeded"},
                }
            ]
        },
        "http",
        retryable=True,
    ),
    "choice error without a word": Told(
        200,
        {"choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "error"}]},
        "malformed",
        retryable=True,
    ),
    "choice rate limit": Told(
        200,
        {"choices": [{"message": {}, "error": {"code": 429, "message": "Try again in 2s"}}]},
        "rate-limit",
        retryable=True,
        wait_s=2.0,
    ),
    "choice bad request upstream": Told(
        200,
        {"choices": [{"message": {"content": ""}, "error": {"code": 400, "message": "Provider returned error"}}]},
        "bad-request",
        retryable=True,
    ),
    "choice without money": Told(
        200,
        {"choices": [{"message": {"content": ""}, "error": {"code": 402, "message": "Insufficient credits"}}]},
        "quota",
        retryable=False,
    ),
    # DeepSeek, "Create Chat Completion"; Zhipu.
    "deepseek resources": Told(
        200,
        {"choices": [{"message": {"content": ""}, "finish_reason": "insufficient_system_resource"}]},
        "malformed",
        retryable=True,
    ),
    "error with a word": Told(
        200,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        "overloaded",
        retryable=True,
        provider="anthropic",
    ),
    "minimax": Told(
        200,
        {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        "quota",
        retryable=False,
    ),
    "azure empty choices": Told(
        200,
        {
            "choices": [],
            "prompt_filter_results": [
                {
                    "prompt_index": 0,
                    "content_filter_results": {
                        "hate": {"filtered": False, "severity": "safe"},
                        "violence": {"filtered": True, "severity": "high"},
                    },
                }
            ],
        },
        "content-filter",
        retryable=False,
    ),
    "azure empty choices unfiltered": Told(
        200,
        {"choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": False}}}]},
        "malformed",
        retryable=True,
    ),
    "google blocked prompt": Told(
        200,
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}},
        "content-filter",
        retryable=False,
        provider="google",
    ),
}
SAYS = {
    "openai quota": "billing details. No money or no quota is left there: no further attempt helps",
    "openrouter upstream": "Provider returned error (x): try again in 3 seconds",
    "azure empty choices": "blocked the prompt (prompt_filter_results, violence): the model did not see it",
    "google blocked prompt": "blocked the prompt (promptFeedback.blockReason PROHIBITED_CONTENT)",
    "choice error": "an error in place of an answer from",
    "choice error without a word": "its finish_reason is 'error'",
}


async def asked(model: Model) -> Response:
    pool = HttpPool()
    try:
        return await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))
    finally:
        await pool.aclose()


@pytest.mark.parametrize("what", TOLD)
def test_an_error_is_what_its_provider_says(what: str, canned: CannedServer, http_text: HttpText) -> None:
    told = TOLD[what]
    body = told.body if isinstance(told.body, str) else json.dumps(told.body)

    async def exchange() -> ProviderError:
        async with canned(http_text(told.status, body.encode())) as server:
            with pytest.raises(ProviderError) as caught:
                await asked(Model("m", told.provider, "x", server.url))
            return caught.value

    error = asyncio.run(exchange())

    assert (error.kind, error.retryable) == (told.kind, told.retryable)
    if error.retryable:
        assert error.retry_after_s == pytest.approx(told.wait_s)
    assert SAYS.get(what, "") in error.message


def test_a_header_says_it_more_exactly_than_the_body(canned: CannedServer, http_text: HttpText) -> None:
    async def exchange() -> ProviderError:
        reply = http_text(429, json.dumps(openai("Please try again in 20s.")).encode(), "Retry-After: 21")
        async with canned(reply) as server:
            with pytest.raises(ProviderError) as caught:
                await asked(Model("m", "openai", "x", server.url))
            return caught.value

    assert asyncio.run(exchange()).retry_after_s == 21.0


@pytest.mark.parametrize(
    "document_at",
    [
        lambda moment: {"error": {"metadata": {"headers": {"X-RateLimit-Reset": str(int(moment.timestamp() * 1000))}}}},
        lambda moment: {"error": f"Limit resets at: {moment:%Y-%m-%d %H:%M:%S} UTC"},
    ],
    ids=["header", "text"],
)
def test_a_moment_is_read_as_well(document_at: Callable[[datetime], object]) -> None:
    wait_s = read_error(document_at(datetime.now(UTC) + timedelta(seconds=3000))).wait_s

    assert wait_s is not None
    assert 2000 < wait_s <= 3000


@pytest.mark.parametrize(
    ("document", "wait_s"), [({"retry_after": {"seconds": "9"}}, 9), ({"retryDelay": "0.5s"}, 0.5)]
)
def test_seconds_are_read_wherever_they_stand(document: object, wait_s: float) -> None:
    assert read_error(document).wait_s == wait_s


@pytest.mark.parametrize("value", [True, None, [], {}, "soon", -1e400, "9" * 400])
def test_a_time_that_is_none_is_none(value: object) -> None:
    assert read_error({"retry_after": value}).wait_s is None


def test_an_error_may_be_nested_as_deep_as_json_can_be() -> None:
    deep: object = {"message": "hidden"}
    for _ in range(5000):
        deep = {"error": deep}

    assert error_in_answer(deep, {}, Origin("http://host", "x", Key(None, ""))).kind == "malformed"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["error", "code", "details", "retryDelay", "headers", "metadata", "raw"]), inner
        )
    ),
)


@given(JSON, st.sampled_from([None, 400, 402, 429, 500]))
def test_any_document_can_be_read(document: object, status: int | None) -> None:
    read = read_error(document)

    assert read.wait_s is None or 0 <= read.wait_s <= LONGEST_WAIT_S
    assert read.says_spent(status) in {True, False}


@given(st.integers(0, 59), st.integers(0, 59))
def test_a_time_in_words_is_the_time_that_was_said(minutes: int, seconds: int) -> None:
    for words in (f"{minutes}m{seconds}s", f"{minutes} minutes and {seconds} seconds", f"{minutes} min, {seconds} sec"):
        assert parse_error(f"Please try again in {words}.".encode()).wait_s == minutes * 60 + seconds
