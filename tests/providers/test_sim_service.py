from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.providers.sim.reply import Reply
from pytest_benchmodels.providers.sim.service import Service

CHAT = "/v1/chat/completions"


def chat(document: object) -> Reply:
    return Service().reply("POST", CHAT, json.dumps(document).encode())


def message(reply: Reply) -> str:
    return str(json.loads(reply.body)["error"]["message"])


def test_an_answer_has_the_shape_of_the_protocol() -> None:
    reply = chat(
        {"model": "steady", "messages": [{"role": "user", "content": "12345678"}], "sim": {"answer": "42 is it"}}
    )

    assert reply.status == 200
    assert json.loads(reply.body) == {
        "id": "chatcmpl-sim-1-1",
        "object": "chat.completion",
        "created": 0,
        "model": "steady",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "42 is it"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ({"model": "steday", "messages": []}, 404, "unknown simulated model 'steday'; did you mean 'steady'? (known: "),
        (
            {"model": 4, "messages": []},
            404,
            "unknown simulated model 4 (known: steady, slow, flaky, hang, judge, embed, agent)",
        ),
        ([], 400, "the body has to be a JSON object, not []"),
        (
            {"model": "steady", "messages": [{}], "stream": True, "sim": {"huge": 9}},
            400,
            "sim knob 'huge' does not go with a stream: leave one of the two out",
        ),
        ({"model": "steady", "messages": []}, 400, "`messages` has to be a list"),
        ({"model": "steady", "messages": ["Hi"]}, 400, "`messages` has to be a list"),
        ({"model": "steady", "messages": [{}], "sim": "fast"}, 400, "`sim` has to be an object of knobs, not 'fast'"),
        ({"model": "steady", "messages": [{}], "sim": {"lag": 1}}, 400, "unknown sim knob 'lag'"),
        ({"model": "steady", "messages": [{}], "sim": {"answer": 4}}, 400, "`sim.answer` has to be a text"),
        ({"model": "steady", "messages": [{}], "sim": {"attempt": True}}, 400, "whole numbers"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_why(document: object, status: int, said: str) -> None:
    reply = chat(document)

    assert reply.status == status
    assert said in message(reply)


def test_a_body_that_is_no_json_is_told() -> None:
    assert "the body is no JSON" in message(Service().reply("POST", CHAT, b"{"))
    assert "the body is no JSON" in message(Service().reply("POST", CHAT, b"[" * 100_000))


def test_models_are_listed() -> None:
    listed = json.loads(Service().reply("GET", "/v1/models?x=1", b"").body)

    assert [model["id"] for model in listed["data"]] == ["steady", "slow", "flaky", "hang", "judge", "embed", "agent"]


@pytest.mark.parametrize(("method", "target"), [("GET", CHAT), ("POST", "/v1/models"), ("GET", "/")])
def test_another_address_is_told_which_there_are(method: str, target: str) -> None:
    reply = Service().reply(method, target, b"")

    assert reply.status == 404
    assert (
        "this simulated server knows POST /v1/chat/completions, POST /v1/embeddings, GET /v1/models and GET /stats"
        in message(reply)
    )


@given(
    st.binary()
    | st.dictionaries(
        st.sampled_from(["model", "messages", "sim"]),
        st.just("steady") | st.lists(st.dictionaries(st.just("content"), st.text())),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_body_has_a_reply(body: bytes) -> None:
    assert Service().reply("POST", CHAT, body).status in {200, 400, 404}


def streamed(text: str, **knobs: object) -> Reply:
    asked = {"model": "steady", "messages": [{"role": "user", "content": "Hi"}], "sim": {"text": text, **knobs}}
    return chat({**asked, "stream": True, "stream_options": {"include_usage": True}})


@given(text=st.text(max_size=60), thinking=st.none() | st.text(max_size=20))
def test_a_stream_adds_up_to_the_answer_and_has_as_many_tokens_as_it_counts(text: str, thinking: str | None) -> None:
    *events, done = streamed(text, **({} if thinking is None else {"thinking": thinking})).events
    chunks = [json.loads(event.removeprefix(b"data: ")) for event in events]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    texts = [delta["content"] for delta in deltas if delta.get("content")]

    assert done == b"data: [DONE]\n\n"
    assert "".join(texts) == text
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == (thinking or "")
    assert deltas[0]["role"] == "assistant"
    thoughts = [delta for delta in deltas if delta.get("reasoning_content")]
    assert chunks[-1]["usage"]["completion_tokens"] == max(1, len(texts)) + len(thoughts)
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == "stop"


def test_a_stream_has_its_pace_and_its_faults() -> None:
    whole = streamed("a text of some length", pace=50)

    assert whole.pace_s == 1 / 50
    ends = whole.events[-whole.unpaced :]
    assert [b'"finish_reason":"stop"' in ends[0], b'"usage"' in ends[1], ends[2]] == [True, True, b"data: [DONE]\n\n"]
    assert len(whole.events) - whole.unpaced == json.loads(whole.events[-2][6:])["usage"]["completion_tokens"]
    assert len(streamed("a text of some length", truncate_rate=1).events) == len(whole.events) // 2
    assert streamed("a", malformed_rate=1).events == (b"data: {\n\n",)
    assert (streamed("a", stall_rate=1).fault, streamed("a", rate_500=1).events) == ("stall", ())
