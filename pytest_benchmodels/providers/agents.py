"""Command-line agents that are known by name: how each is called, and where its answer stands in what it prints.

Sources and the versions that they are of stand in docs/agents.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_benchmodels.core.agent import AgentOutput, EventCall, PromptWay

__all__ = ["AGENTS", "KnownAgent"]


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """One agent. `program` starts it; then `words`, `model` and `max_turns` where given, and `last`.

    Empty words: it has no flag for that. Of `keys` one variable has to be set, `others` it sees where they are, `sets`
    in any case, each with its text.
    """

    program: tuple[str, ...]
    words: tuple[str, ...]
    output: AgentOutput
    model: tuple[str, ...] = ()
    max_turns: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    prompt: PromptWay = "stdin"
    keys: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    sets: tuple[tuple[str, str], ...] = ()


_OF_PROVIDERS = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "OPENROUTER_API_KEY",
    "GROQ_API_KEY",
    "DEEPSEEK_API_KEY",
    "MISTRAL_API_KEY",
    "XAI_API_KEY",
)
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")

AGENTS: Mapping[str, KnownAgent] = {
    "claude-code": KnownAgent(
        program=("claude",),
        words=("-p", "--output-format", "json", "--permission-mode", "bypassPermissions"),
        model=("--model", "{model}"),
        max_turns=("--max-turns", "{max_turns}"),
        system=("--append-system-prompt", "{system}"),
        keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
        others=("ANTHROPIC_BASE_URL", *_PROXIES),
        output=AgentOutput(
            "json",
            text=("result",),
            input_tokens=(
                "usage.input_tokens",
                "usage.cache_read_input_tokens",
                "usage.cache_creation_input_tokens",
            ),
            output_tokens=("usage.output_tokens",),
            cached_input_tokens=("usage.cache_read_input_tokens",),
            cache_write_tokens=("usage.cache_creation_input_tokens",),
            cost_usd=("total_cost_usd",),
            steps=("num_turns",),
            served_model=("modelUsage.@names",),
            finish_reason=("stop_reason",),
            # Versions before 2 said `is_error: false` of what ended at --max-turns.
            error=(
                "[subtype=error_max_turns].subtype",
                "[subtype=error_max_budget_usd].subtype",
                "is_error",
                "[subtype=error_during_execution].subtype",
            ),
        ),
    ),
    "codex": KnownAgent(
        program=("codex",),
        words=("exec", "--json", "--skip-git-repo-check", "--sandbox", "workspace-write"),
        model=("--model", "{model}"),
        last=("-",),
        keys=("CODEX_API_KEY", "OPENAI_API_KEY"),
        others=("OPENAI_BASE_URL", *_PROXIES),
        output=AgentOutput(
            "jsonl",
            text=("[type=item.completed].item[type=agent_message].text",),
            thinking=("[type=item.completed].item[type=reasoning].text",),
            input_tokens=("[type=turn.completed].usage.input_tokens",),
            output_tokens=("[type=turn.completed].usage.output_tokens",),
            cached_input_tokens=("[type=turn.completed].usage.cached_input_tokens",),
            cache_write_tokens=("[type=turn.completed].usage.cache_write_input_tokens",),
            reasoning_tokens=("[type=turn.completed].usage.reasoning_output_tokens",),
            # An event `error` alone tells of a connection that is made again.
            error=("[type=turn.failed].error",),
            sums=True,
            calls=(
                EventCall("[type=item.completed].item[type=command_execution]", "type", "command", "aggregated_output"),
                EventCall("[type=item.completed].item[type=file_change]", "type", "changes"),
                EventCall("[type=item.completed].item[type=mcp_tool_call]", "tool", "arguments", "result"),
                EventCall("[type=item.completed].item[type=web_search]", "type", "query"),
            ),
        ),
    ),
    "gemini-cli": KnownAgent(
        program=("gemini",),
        words=("--output-format", "json", "--approval-mode", "yolo"),
        model=("--model", "{model}"),
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        others=("GOOGLE_GEMINI_BASE_URL", "GOOGLE_GENAI_USE_VERTEXAI", *_PROXIES),
        # It works in no folder that nobody trusts; by a flag, which earlier versions refuse, or by this.
        sets=(("GEMINI_CLI_TRUST_WORKSPACE", "true"),),
        output=AgentOutput(
            "json",
            text=("response",),
            input_tokens=("stats.models.*.tokens.prompt",),
            output_tokens=("stats.models.*.tokens.candidates", "stats.models.*.tokens.thoughts"),
            cached_input_tokens=("stats.models.*.tokens.cached",),
            reasoning_tokens=("stats.models.*.tokens.thoughts",),
            served_model=("stats.models.@names",),
            error=("error",),
        ),
    ),
    "opencode": KnownAgent(
        program=("opencode",),
        words=("run", "--format", "json"),
        model=("--model", "{model}"),
        keys=_OF_PROVIDERS,
        others=_PROXIES,
        output=AgentOutput(
            "jsonl",
            text=("[type=text].part.text",),
            thinking=("[type=reasoning].part.text",),
            input_tokens=(
                "[type=step_finish].part.tokens.input",
                "[type=step_finish].part.tokens.cache.read",
                "[type=step_finish].part.tokens.cache.write",
            ),
            output_tokens=("[type=step_finish].part.tokens.output", "[type=step_finish].part.tokens.reasoning"),
            cached_input_tokens=("[type=step_finish].part.tokens.cache.read",),
            cache_write_tokens=("[type=step_finish].part.tokens.cache.write",),
            reasoning_tokens=("[type=step_finish].part.tokens.reasoning",),
            cost_usd=("[type=step_finish].part.cost",),
            steps=("[type=step_finish].part.reason",),
            finish_reason=("[type=step_finish].part.reason",),
            error=("[type=error].error",),
            sums=True,
            calls=(EventCall("[type=tool_use].part", "tool", "state.input", "state.output"),),
        ),
    ),
    "aider": KnownAgent(
        program=("aider",),
        words=(
            "--yes-always",
            "--no-git",
            "--no-pretty",
            "--no-stream",
            "--no-check-update",
            "--no-show-release-notes",
            "--message-file",
            "{prompt_file}",
        ),
        model=("--model", "{model}"),
        prompt="file",
        keys=_OF_PROVIDERS,
        others=("OPENAI_API_BASE", *_PROXIES),
        # What it writes down of a conversation would else be a change of the workspace.
        sets=(
            ("AIDER_CHAT_HISTORY_FILE", "/dev/null"),
            ("AIDER_INPUT_HISTORY_FILE", "/dev/null"),
            ("AIDER_ANALYTICS", "false"),
        ),
        output=AgentOutput(
            "text",
            # It ends with status 0 whatever its API said: an answer is what a report of tokens follows, and no error.
            text=(r"(?s)\A(.*)^Tokens: [^\n]* received\.(?!.*^litellm\.\w+(?:Error|Exception))",),
            input_tokens=(r"^Tokens: ([\d.,]+[kM]?) sent",),
            output_tokens=(r"^Tokens: .* ([\d.,]+[kM]?) received\.",),
            cost_usd=(r"Cost: \$([\d.,]+) message",),
            sums=True,
        ),
    ),
}
