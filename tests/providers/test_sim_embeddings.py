"""The simulated embeddings: their protocol, and which texts are near."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.providers.sim.embedding import embedding
from pytest_benchmodels.providers.sim.service import Service

TEXT = "The cat sat on the mat."


def asked(**document: object) -> tuple[int, dict[str, object]]:
    reply = Service().reply("POST", "/v1/embeddings", json.dumps(document).encode())
    return reply.status, json.loads(reply.body)


def cosine(one: str, other: str) -> float:
    return math.fsum(left * right for left, right in zip(embedding(one), embedding(other), strict=True))


@given(st.text(max_size=60))
def test_each_text_has_a_vector_of_length_one_and_always_the_same(text: str) -> None:
    assert math.hypot(*embedding(text)) == pytest.approx(1)
    assert embedding(text) == embedding(text)


def test_like_texts_are_near() -> None:
    nearer = ["the CAT sat on the mat!", "A cat sat on a mat.", "Cats sit on mats.", "Dogs bark."]
    cosines = [cosine(TEXT, text) for text in nearer]

    assert cosines == sorted(cosines, reverse=True)
    assert cosines[0] == pytest.approx(1)
    assert cosines[-1] < 0.2


@pytest.mark.parametrize("given_input", [TEXT, [TEXT], [TEXT, "Dogs bark."]])
def test_the_protocol_is_openais(given_input: str | list[str]) -> None:
    texts = [given_input] if isinstance(given_input, str) else given_input

    status, said = asked(model="embed", input=given_input)

    assert status == 200
    assert (said["object"], said["model"]) == ("list", "embed")
    assert said["data"] == [
        {"object": "embedding", "index": index, "embedding": embedding(text)} for index, text in enumerate(texts)
    ]
    count = sum(len(text) // 4 for text in texts)
    assert said["usage"] == {"prompt_tokens": count, "total_tokens": count}


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ({"model": "embed"}, 400, "`input` has to be a text, or a list of texts, none of them empty"),
        ({"model": "embed", "input": [TEXT, ""]}, 400, "none of them empty"),
        ({"model": "embed", "input": [TEXT, 3]}, 400, "none of them empty"),
        ({"model": "embd", "input": TEXT}, 404, "unknown simulated model 'embd'; did you mean 'embed'?"),
        ({"model": "embed", "input": TEXT, "sim": {"latncy": 1}}, 400, "unknown sim knob 'latncy'"),
        ({"model": "embed", "input": TEXT, "sim": {"status": 503}}, 503, "simulated status 503"),
    ],
)
def test_what_cannot_be_is_told(document: dict[str, object], status: int, said: str) -> None:
    got, reply = asked(**document)

    assert got == status
    assert said in json.dumps(reply)
