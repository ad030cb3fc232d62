"""What to do about an error that its API explains better than its kind does.

A kind has one remedy for all its errors (`reports/failure.py`). Where the body names what was refused, such as an image
or the schema of a tool, a general one would send the reader the wrong way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_benchmodels.providers.error_body import ErrorBody

__all__ = ["BROKEN_OFF", "is_about_country", "own_remedy"]

BROKEN_OFF = "the answer had begun: the server, or a proxy before it, broke it off; its log may say why"
_TOO_LARGE = "make the request smaller: shorter texts, fewer or smaller images and files"
_NO_COUNTRY = "the provider does not serve the country that this request came from: ask from elsewhere, or ask another"
_ANSWER_BLOCKED = "change what is asked for, or ask another model: the prompt was taken, the model's answer was blocked"
_MISWRITTEN = "ask more simply, or ask another model: what this one wrote is not of the form that was asked for"
_BEYOND_QUOTA = "shorten the prompt, lower max_tokens, or raise the account's limit: this alone is more than a minute's"

_NO_COUNTRY_WORDS = re.compile(r"location is not supported|country, region, or territory not supported", re.IGNORECASE)
_OUTPUT_BLOCKED = re.compile(r"\boutput (?:was )?blocked|\boutput data may contain", re.IGNORECASE)
# In this order: a message about the schema of a tool may name an image in passing, hardly the other way round.
_REFUSED = (
    (
        re.compile(
            r"support (?:for )?(?:tool|function)[ _-]?(?:use|call)|not support tools|auto-tool-choice", re.IGNORECASE
        ),
        "ask a model that takes tools, or leave the scenario's `tools` out",
    ),
    (
        re.compile(
            r"support (?:for )?(?:image|vision|multi-?modal)|(?:image|vision) (?:input )?is not supported",
            re.IGNORECASE,
        ),
        "ask a model that takes images, or leave the image out",
    ),
    (
        re.compile(r"no (?:endpoints found matching|allowed providers)", re.IGNORECASE),
        "look at the routing in the model's params (provider) and at the router's own settings: nobody is left to ask",
    ),
    (
        re.compile(
            r"\btools[.\[]\d{1,4}\b|function_declarations|invalid schema for function|\binput_schema\b", re.IGNORECASE
        ),
        "look at the scenario's `tools`: this API refused one of them, or its `parameters`",
    ),
    (
        re.compile(
            r"schema for response_format|\bresponse_?(?:json_?)?schema\b|output_config\.format|output_format",
            re.IGNORECASE,
        ),
        "look at the scenario's `response_format`: this API refused its schema",
    ),
    (
        re.compile(
            r"unsupported image|invalid image|image_parse_error|process (?:the |input )?image|\bimage\.source\b"
            r"|image (?:does not match|is not valid|exceeds|dimensions|data|size)|valid image|image media type"
            r"|\bimage_url\b|encoded image|inline_?data",
            re.IGNORECASE,
        ),
        "look at the scenario's images: this API cannot read one of them, or takes none of its kind or size",
    ),
)


def own_remedy(kind: str, said: ErrorBody, status: int | None) -> str:
    """What to do about an error of this kind, in the words of scenario files; empty where the kind's remedy fits."""
    told = (
        (is_about_country(said), _NO_COUNTRY),
        (kind == "content-filter" and _OUTPUT_BLOCKED.search(said.text), _ANSWER_BLOCKED),
        (kind == "malformed" and said.says_miswritten, _MISWRITTEN),
        (kind == "bad-request" and said.says_beyond_quota, _BEYOND_QUOTA),
        (kind == "bad-request" and (status == 413 or "request_too_large" in said.codes), _TOO_LARGE),
        *((kind == "bad-request" and words.search(said.text), remedy) for words, remedy in _REFUSED),
    )
    return next((remedy for holds, remedy in told if holds), "")


def is_about_country(said: ErrorBody) -> bool:
    """Whether the provider does not serve where the request came from: the key is right, and no attempt helps."""
    return "unsupported_country_region_territory" in said.codes or bool(_NO_COUNTRY_WORDS.search(said.text))
