"""What goes to a model and what comes back."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from pytest_benchmodels.core.message import Message, Role, TextPart, ToolCall, readable

__all__ = ["Message", "Response", "Role", "Usage", "usual_finish_reason"]

# Each API's own words: OpenAI, Anthropic (end_turn, max_tokens), Google (STOP, MAX_TOKENS), Mistral (model_length),
# Hugging Face (eos_token), Cohere (COMPLETE), Amazon Bedrock, Ollama, vLLM. A full context window ends an answer as
# max_tokens does.
_WORDS = {
    "stop": {"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed", "finish", "finished"},
    "length": {
        "length",
        "max_tokens",
        "max_output_tokens",
        "max_completion_tokens",
        "max_new_tokens",
        "max_length",
        "model_length",
        "token_limit",
        "model_context_window_exceeded",
        "context_window_exceeded",
        "context_length_exceeded",
    },
    "content_filter": {"content_filter", "content_filtered", "guardrail_intervened", "safety", "recitation"}
    | {"blocklist", "prohibited_content", "spii", "image_safety", "sensitive"},
    "tool_calls": {"tool_calls", "tool_use", "tool_call", "function_call"},
}
_USUAL = {word: usual for usual, words in _WORDS.items() for word in words}


@lru_cache(maxsize=256)  # a server has a few words of its own, and says one of them in each answer
def usual_finish_reason(reason: str | None) -> str | None:
    """`stop`, `length`, `content_filter` or `tool_calls`; a word that means none of these as it is; None for none."""
    if reason is None:
        return None
    word = reason.strip().lower().rpartition(".")[2].replace("-", "_").replace(" ", "_")
    return _USUAL.get(word, reason)


class Usage(Struct, frozen=True):
    """Tokens as the provider counted them; None where it said nothing.

    One account for all: `input_tokens` is the whole prompt, of which `cached_input_tokens` were read from the
    provider's cache and `cache_write_tokens` written to it, of these `cache_write_1h_tokens` for an hour instead of
    minutes; `output_tokens` is all that is billed as output, of which `reasoning_tokens` were thinking.
    `stated_cost_usd` is what the provider itself says that it billed, in US dollars.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    stated_cost_usd: float | None = None


class Response(Struct, frozen=True):
    """One answer. `text` holds no lone surrogates, and nothing of what the model only thought: that is `thinking`.

    `tool_calls` are the tools that the model wants to be called, in its order; `text` may be empty beside them.
    `latency_s` is from the request to the last byte, in seconds; apart from it, `connect_s` went into setting up the
    connection and `client_s` is by how much this machine's own work delayed the measurement (both None where nobody
    measured). `served_model` is which model the provider says that answered (`gpt-4o-2024-08-06` for `gpt-4o`), empty
    where it says nothing. `pause_s`: seconds for which the model is to be left alone, since its quota is used up; None
    if it is not.
    """

    text: str
    finish_reason: str | None = None
    usage: Usage = Usage()
    latency_s: float = 0.0
    pause_s: float | None = None
    thinking: str = ""
    connect_s: float | None = None
    client_s: float | None = None
    served_model: str = ""
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def message(self) -> Message:
        """What the model said, as a message of the conversation."""
        if not self.tool_calls:
            return Message("assistant", self.text)
        said = (TextPart(self.text),) if self.text else ()
        return Message("assistant", (*said, *self.tool_calls))

    @property
    def readable(self) -> str:
        """The answer for a reader: its text, and a line for each tool call (`message.readable`)."""
        return readable(self.message.content) if self.tool_calls else self.text

    @property
    def is_truncated(self) -> bool:
        """Whether it ended at max_tokens, or where the context was full."""
        return usual_finish_reason(self.finish_reason) == "length"
