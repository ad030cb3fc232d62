"""What a command-line agent says of its failure -> what kind it is, and whether another attempt may help."""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_benchmodels.providers.error_body import parse_error

__all__ = ["AgentFault", "classified"]

# In the agents' own words, which repeat those of their APIs: Claude Code (`API Error: 529 overloaded_error`, `You've
# hit your session limit`, `Invalid API key · Please run /login`), Codex (`exceeded retry limit, last status: 429 Too
# Many Requests`, `Selected model is at capacity`), Gemini (`RESOURCE_EXHAUSTED`), LiteLLM below aider.
_SPENT = re.compile(
    r"hit your (?:[\w']+ ){0,3}limit|(?:usage|session|weekly|monthly|five.hour) limit|credit balance|quota reached"
    r"|insufficient (?:credits|quota|funds|balance)",
    re.IGNORECASE,
)
_STATUS = r"(?:status|error|http|code|rejected)[^\n\d]{0,20}\b%s\b"
_TOO_MANY = re.compile(_STATUS % 429 + r"|rate.?limit|too many requests|RESOURCE_EXHAUSTED", re.IGNORECASE)
_OVERLOADED = re.compile(
    _STATUS % "(?:503|529)" + r"|overloaded|at capacity|service unavailable|server is busy", re.IGNORECASE
)
_AUTH = re.compile(
    _STATUS % 401 + r"|\b401 unauthorized|(?:invalid|incorrect) (?:x-)?api.?key|not logged in|please run /login"
    r"|AuthenticationError|API_KEY_INVALID|ProviderAuthError",
    re.IGNORECASE,
)


class AgentFault(NamedTuple):
    """`kind` is the failure's (see `ProviderError`). `wait_s` is for how long to leave its API alone, in seconds."""

    kind: str
    retryable: bool = False
    wait_s: float | None = None
    remedy: str = ""


def classified(said: str) -> AgentFault:
    """What it is by the agent's own words; what they do not tell is of the kind `agent`, and not tried again."""
    body = parse_error(said.encode("utf-8", "replace"))
    if _AUTH.search(said):
        return AgentFault("auth", remedy="see that env of its table passes a valid key")
    if _SPENT.search(said) or body.says_spent(None):
        return AgentFault("quota")
    if body.says_unknown_model:
        return AgentFault("not-found", remedy="see `name` of its table")
    if _TOO_MANY.search(said):
        return AgentFault("rate-limit", retryable=True, wait_s=body.wait_s)
    if _OVERLOADED.search(said):
        return AgentFault("overloaded", retryable=True, wait_s=body.wait_s)
    return AgentFault("agent")
