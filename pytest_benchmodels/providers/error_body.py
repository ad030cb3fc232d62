"""What a server says of an error in its body: in words, in codes, and when to come back.

Each API has its own shape, and gateways put one into another: what is looked for is found wherever it stands.
Sources: OpenAI's and Azure's error pages, Anthropic's errors and rate limits, Google's `google.rpc.RetryInfo` and
`QuotaFailure`, OpenRouter's errors and limits, and those of Groq, Moonshot, DeepSeek, Alibaba, xAI and LiteLLM.
"""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pytest_benchmodels.providers.quota import retry_after_s, seconds_until

__all__ = [
    "ErrorBody",
    "first_of_stream",
    "is_page",
    "is_stream",
    "page_title",
    "parse_error",
    "read_error",
    "status_in",
]

_LOOKED_AT = 100_000
_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,1000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_TITLES = tuple(
    re.compile(rf"<{tag}\b[^>]{{0,1000}}>([^<]{{0,2000}})", re.IGNORECASE) for tag in ("title", "h1", "h2", "p")
)
_FIELD = re.compile(r"(?:data|event|id|retry):|:")
_DATA = re.compile(r"^data:[ ]?(.+)$", re.MULTILINE)


def is_page(text: str) -> bool:
    """Whether it is HTML: a proxy's or a firewall's page, or a web site where an API should be."""
    return _PAGE.match(text, 0, _LOOKED_AT) is not None


def page_title(text: str) -> str:
    """What a page is about, on one line: its title, else its first heading; empty where it has none."""
    for pattern in _TITLES:
        for found in pattern.finditer(text, 0, _LOOKED_AT):
            if title := " ".join(html.unescape(found[1]).split()):
                return title
    return ""


def is_stream(text: str) -> bool:
    """Whether it is a stream of events (`data: {...}`), or of JSON objects, one a line, as Ollama has it."""
    lines = [line for line in text[:_LOOKED_AT].splitlines() if line.strip()]
    if _DATA.search(text, 0, _LOOKED_AT) and _FIELD.match(lines[0]):
        return True
    return len(lines) > 1 and all(line.startswith("{") and line.rstrip().endswith("}") for line in lines[:2])


def first_of_stream(text: str) -> str | None:
    """The data of the first event; None where it is no stream of events."""
    found = _DATA.search(text, 0, _LOOKED_AT) if _FIELD.match(text.lstrip()) else None
    return None if found is None else found[1]


LONGEST_WAIT_S = 3600.0
"""A longer wait that a body names is not believed: no run waits for it, and it may be misread."""

_READ_LIMIT = 100_000
_MOST_PARTS = 500
_DEEPEST = 10
_CUT_MESSAGE = re.compile(r'"message"\s*:\s*"((?:[^"\\]|\\.){1,1000})')
_MESSAGES = ("error", "message", "detail")
_CODES = frozenset({"code", "type", "status", "reason"})
_TEXTS = frozenset({"message", "msg", "detail", "error", "raw", "status_msg", "title"})
# With `-` and `_` left out. Those that end in `ms` or `milliseconds` are in milliseconds.
_WAIT = re.compile(r"(?:retryafter|retrydelay|retryin|waittime)(?:seconds|secs|sec|s|in)?(ms|milliseconds|millis)?")

_FIGURE = r"\d{1,9}(?:\.\d{1,9})?"
_UNITS = {"ms": 0.001, "mil": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_UNIT = r"(milliseconds?|millis|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])"
_PART = re.compile(rf"({_FIGURE})\s*{_UNIT}", re.IGNORECASE)
_SAID = re.compile(
    r"\b(?:again|retry|retrying|wait|resets?)[\s:]{1,3}(?:(?:after|in|for|about|at least|another)[\s:]{1,3}){0,3}"
    rf"((?:{_FIGURE}\s*{_UNIT}[\s,]{{0,3}}(?:and\s)?){{1,5}})",
    re.IGNORECASE,
)
_MOMENT = re.compile(r"\bresets? at:?\s+(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,6})?)", re.IGNORECASE)

# The account is empty, or has reached what its owner allows: no wait that a run could bear helps.
_SPENT_CODES = frozenset(
    {
        "insufficient_quota",  # OpenAI
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",  # Anthropic
        "exceeded_current_quota_error",  # Moonshot
        "insufficient_user_quota",  # one-api, new-api
        "insufficient_balance",
        "insufficient_credits",
        "arrearage",  # Alibaba
        "allocationquota.freetieronly",
        "billing_disabled",  # Google
        "budget_exceeded",  # LiteLLM's keys, teams and users
    }
)
_SPENT_WORDS = re.compile(
    r"insufficient[_ ](?:quota|(?:account )?balance|credits?|funds)|balance is (?:too low|insufficient|not enough)"
    r"|billing[_ ](?:hard[_ ]limit|not[_ ]active)|(?:used all|out of|run out of|have any) (?:available |your )?credits"
    r"|monthly included credits|reached its monthly spending limit"
    r"|spend(?:ing)? (?:limit|cap) (?:has been |was )?(?:reached|exceeded)"
    r"|(?:reach|exceed)(?:ed|ing)? (?:its|the|your|a) (?:monthly |daily )?(?:spend(?:ing)? (?:limit|cap)|usage cap)"
    r"|requires billing to be enabled|credits (?:are|have been) (?:depleted|exhausted|used up)"
    r"|(?:monthly|daily) quota (?:has been |is )?(?:exceeded|exhausted|reached)|budget has been exceeded|over budget"
    r"|reached your specified api usage limits|(?:api )?key limit exceeded|requires more credits|free-models-per-day"
    r"|please (?:check your account balance|recharge|top up)"
    r"|\u4f59\u989d\u4e0d\u8db3|\u6b20\u8d39",  # the balance is too low, in arrears: Zhipu, Alibaba
    re.IGNORECASE,
)
# OpenAI and Google say this alike; Google also of a limit a minute, and then names it and when it ends.
_QUOTA_WORDS = re.compile(r"exceeded your current (?:\w+ )?quota|check your plan and billing", re.IGNORECASE)
_NOT_SPENT = frozenset({404, 408, 409, 422})

_FILTER_CODES = frozenset(
    {
        "content_filter",  # Azure, Moonshot
        "responsibleaipolicyviolation",
        "content_policy_violation",  # OpenAI
        "moderation_blocked",
        "invalid_prompt",
        "data_inspection_failed",  # Alibaba
        "datainspectionfailed",
    }
)
_FILTER_WORDS = re.compile(
    r"content management policy|content exists risk|input was flagged|flagged as potentially violating|"
    r"rejected because it was considered high risk|rejected as a result of our safety system|"
    r"blocked by content filtering policy|content violates usage guidelines",
    re.IGNORECASE,
)

_MODEL_CODES = frozenset(
    {
        "model_not_found",
        "invalid_model",
        "unknown_model",
        "model_not_supported",
        "modelnotfound",
        "model_decommissioned",  # Groq
        "model_not_available",  # Together
        "deploymentnotfound",  # Azure
        "modeldeprecated",
    }
)
_MODEL_WORDS = re.compile(
    r"\b(?:invalid|unknown|unsupported|unrecognized|no such|not a valid|not find) model\b"
    r"(?! (?:param|input|output|config))"
    r"|\bmodels?[ :=]{0,3}\S{1,200} (?:was |is |could |does |do )?"
    r"(?:not (?:found|exist|be found|available|supported|valid|a valid model)|unknown)\b"
    r"|\bmodel not (?:found|exist)\b"
    r"|\bmodel \S{1,200} has been (?:decommissioned|deprecated|retired|removed)\b"
    r"|\bmodel (?:identifier|version) (?:is invalid|has reached the end of its life)"
    r"|invocation of model id \S{1,200} with on-demand throughput isn",
    re.IGNORECASE,
)

# The prompt, or the prompt and max_tokens together, do not fit into the model's context: that stays so.
_LENGTH_CODES = frozenset(
    {
        "context_length_exceeded",  # OpenAI, Groq, Cerebras
        "exceed_context_size_error",  # llama.cpp
        "context_window_exceeded",
        "model_context_window_exceeded",
        "string_above_max_length",  # OpenAI: one text of more than 10 million characters
    }
)
_LENGTH_WORDS = re.compile(
    r"maximum context length|maximum prompt length|prompt is too long|input is too long|exceeds? (?:the )?context limit"
    r"|exceeds? (?:the |your )?(?:available |maximum |model's )?context (?:size|window|length)"
    r"|input token count .{0,40}exceeds the maximum number of tokens|reduce the length of the (?:messages|prompt|input)"
    r"|tokens to keep from the initial prompt is greater than the context|cannot truncate prompt with n_keep"
    r"|model is loaded with context length of only"
    r"|inputs` (?:tokens \+ `max_new_tokens` must be <=|must have less than)"
    r"|too large for model with \d{1,9} maximum context|exceed(?:s|ed)? (?:the )?context window"
    r"|input length and .max_tokens|ContextWindowExceededError",
    re.IGNORECASE,
)
# OpenAI and Groq: larger than a whole minute's tokens. It has a rate limit's code, and waiting never helps.
_BEYOND_QUOTA = re.compile(r"request too large for (?:model )?\S{1,200}[^\n]{0,300}\blimit \d{1,12}", re.IGNORECASE)
# The model wrote what cannot be read as the JSON or the call that was asked for: another attempt may write it well.
_MISWRITTEN_CODES = frozenset({"json_validate_failed", "tool_use_failed"})  # Groq
# Google and xAI say with 400 that the key is wrong.
_KEY_CODES = frozenset({"api_key_invalid", "invalid_api_key"})
_KEY_WORDS = re.compile(r"(?:incorrect|invalid) api key|api key (?:not valid|not found|expired)", re.IGNORECASE)
# What an error in place of an answer is where it has a word and no status.
_STATUS_OF = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "resource_exhausted": 429,
    "overloaded_error": 529,
    "engine_overloaded_error": 529,
    "unavailable": 503,
    "server_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "internal": 500,
    "timeout_error": 504,
    "deadline_exceeded": 504,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "unauthenticated": 401,
    "permission_denied": 403,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "invalid_argument": 400,
}
# OpenRouter: the model is there, and none who serves it takes what the request holds, or may be chosen.
_NO_ROUTE = re.compile(r"no (?:endpoints found (?:that|matching)|allowed providers are available)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """`message` is for a reader, empty where there is none; `codes` are the words for programs, in lower case.

    `text` is all that it says. `wait_s` is for how long the server asks to be left alone, in seconds. `quotas` are
    Google's names of the quotas that are used up, with their sizes. `page`: it is HTML, and no API's.
    """

    message: str = ""
    text: str = ""
    codes: frozenset[str] = frozenset()
    wait_s: float | None = None
    quotas: tuple[tuple[str, str], ...] = ()
    page: bool = False

    def says_spent(self, status: int | None) -> bool:
        """Whether the account has no money or no quota left, so that no further attempt helps."""
        if status == 402 or self.codes & _SPENT_CODES:
            return True
        if status is not None and (status >= 500 or status in _NOT_SPENT):
            return False
        if self.quotas:
            return any("perday" in name.lower() or size == "0" for name, size in self.quotas)
        if _SPENT_WORDS.search(self.text):
            return True
        return self.wait_s is None and bool(_QUOTA_WORDS.search(self.text))

    @property
    def says_unknown_model(self) -> bool:
        """Whether it is the model's name that is wrong: many servers say so with 400."""
        return bool(self.codes & _MODEL_CODES) or bool(_MODEL_WORDS.search(self.text))

    @property
    def says_too_long(self) -> bool:
        """Whether the prompt does not fit into the model's context."""
        return bool(self.codes & _LENGTH_CODES) or bool(_LENGTH_WORDS.search(self.text))

    @property
    def says_beyond_quota(self) -> bool:
        """Whether this one request is larger than the account's limit for a whole minute."""
        return bool(_BEYOND_QUOTA.search(self.text))

    @property
    def says_miswritten(self) -> bool:
        """Whether the model's own text was refused, for it is not of the form that was asked for."""
        return bool(self.codes & _MISWRITTEN_CODES)

    @property
    def says_wrong_key(self) -> bool:
        """Whether it is the key that is wrong: some servers say so with 400."""
        return bool(self.codes & _KEY_CODES) or bool(_KEY_WORDS.search(self.text))

    @property
    def says_no_route(self) -> bool:
        """Whether a router has the model, and nobody to serve such a request."""
        return bool(_NO_ROUTE.search(self.text))

    @property
    def says_filtered(self) -> bool:
        """Whether a filter of the provider's refused the prompt, or kept the answer back."""
        return bool(self.codes & _FILTER_CODES) or bool(_FILTER_WORDS.search(self.text))


def parse_error(body: bytes) -> ErrorBody:
    """Read an error's body, of which the first 100 kB count: JSON of any shape, an event with it, a page, or text."""
    text = body[:_READ_LIMIT].decode("utf-8", "replace")
    if is_page(text):
        title = page_title(text)
        return ErrorBody(
            f"{title} (an HTML page)" if title else "an HTML page", text, wait_s=_said_wait(text), page=True
        )
    try:
        document = json.loads(first_of_stream(text) or text)
    except (ValueError, RecursionError):
        # A long one was cut: what it says for a reader may stand at its beginning.
        said = _CUT_MESSAGE.search(text) if text.startswith("{") else None
        return ErrorBody(said[1] if said else text, text, wait_s=_said_wait(text))
    read = read_error(document)
    return read if read.message else ErrorBody(text, f"{text}\n{read.text}", read.codes, read.wait_s, read.quotas)


def read_error(document: object) -> ErrorBody:
    """The same of parsed JSON."""
    parts = list(_parts(document))
    named = [wait_s for part in parts for wait_s in _named_waits(part)]
    text = "\n".join(str(value) for part in parts for name, value in part.items() if _is(name, _TEXTS, value))
    codes = frozenset(str(value).lower() for part in parts for name, value in part.items() if _is(name, _CODES, value))
    quotas = tuple((str(part["quotaId"]), str(part.get("quotaValue"))) for part in parts if "quotaId" in part)
    wait_s = max((wait_s for wait_s in named if 0 <= wait_s <= LONGEST_WAIT_S), default=None)
    return ErrorBody(_message(document), text, codes, _said_wait(text) if wait_s is None else wait_s, quotas)


def _is(name: object, names: frozenset[str], value: object) -> bool:
    return name in names and isinstance(value, str)


def _parts(document: object) -> Iterator[Mapping[str, object]]:
    """Each object within the document, from the outside in."""
    waiting = [document]
    for value in waiting:
        if isinstance(value, dict):
            yield value
        if isinstance(value, (dict, list)) and len(waiting) < _MOST_PARTS:
            waiting += value.values() if isinstance(value, dict) else value


def _message(document: object) -> str:
    """In its usual places: `error.message`, `error`, `message`, `detail`."""
    for _ in range(_DEEPEST):
        if isinstance(document, list) and document:
            document = document[0]
        if not isinstance(document, dict):
            break
        if not isinstance(document.get("error"), dict):
            said = next((value for name in _MESSAGES if isinstance(value := document.get(name), str)), "")
            return f"{said}{_from_upstream(document)}"
        document = document["error"]
    return ""


def _from_upstream(error: Mapping[str, object]) -> str:
    """OpenRouter says only "Provider returned error", and hands over what the provider said, and which it was."""
    metadata = error.get("metadata")
    if not isinstance(metadata, dict):
        return ""
    name, raw = metadata.get("provider_name"), metadata.get("raw")
    told = (parse_error(raw.encode("utf-8", "replace")).message or raw) if isinstance(raw, str) else _told(raw)
    by = f" ({name})" if isinstance(name, str) and name else ""
    return f"{by}: {told}" if told else by


def _told(raw: object) -> str:
    """What an error says that is handed over as JSON; all of it where it says nothing in the usual places."""
    if raw is None:
        return ""
    with suppress(RecursionError, ValueError):
        return _message(raw) or json.dumps(raw, ensure_ascii=False)[:_READ_LIMIT]
    return ""


def _named_waits(part: Mapping[str, object]) -> Iterator[float]:
    for name, value in part.items():
        if name == "headers" and isinstance(value, dict):
            headers = {str(header).lower(): str(said) for header, said in value.items()}
            wait_s = retry_after_s(headers, 429)
        elif key := _WAIT.fullmatch(str(name).lower().replace("_", "").replace("-", "")):
            wait_s = _seconds(value, 0.001 if key[1] else 1.0)
        else:
            continue
        if wait_s is not None:
            yield wait_s


def _seconds(value: object, unit: float) -> float | None:
    if isinstance(value, dict):  # a google.protobuf.Duration that was not written as a text
        value = value.get("seconds")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    wait_s = seconds_until(str(value).strip(), time.time())
    return None if wait_s is None else wait_s * unit


def _said_wait(text: str) -> float | None:
    """`Please try again in 6.2s`, `1m30s`, `retry after 20 seconds`, `resets at 2026-01-01 00:00:07 UTC`."""
    waits = [
        sum(float(figure) * _factor(unit) for figure, unit in _PART.findall(said[1])) for said in _SAID.finditer(text)
    ]
    now_s = time.time()
    moments = (seconds_until(f"{day}T{clock}+00:00", now_s) for day, clock in _MOMENT.findall(text))
    waits += [wait_s for wait_s in moments if wait_s is not None]
    return max((wait_s for wait_s in waits if 0 <= wait_s <= LONGEST_WAIT_S), default=None)


def _factor(unit: str) -> float:
    unit = unit.lower()
    return _UNITS["ms"] if unit.startswith(("ms", "mil")) else _UNITS[unit[0]]


def status_in(error: object, said: ErrorBody) -> int | None:
    """The HTTP status that an error's code is, or stands for."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:
        code = int(code)
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return next((_STATUS_OF[word] for word in sorted(said.codes) if word in _STATUS_OF), None)
