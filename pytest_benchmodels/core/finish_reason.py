"""Why an answer ended, in the words of OpenAI's Chat Completions API, which most servers speak."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["usual_finish_reason"]

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
