"""Models of Amazon Bedrock by its Converse API: put this into a conftest.py, and name models `bedrock/MODEL_ID`.

AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for keys that end, AWS_SESSION_TOKEN are AWS's own variables.
An inference profile is a model too: `bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0`. Texts, thinking and tokens
are understood; for tools and pictures add their blocks to `body` and `read`.

Sources: AWS, "Converse" of the Bedrock API reference, "Create a signed AWS API request" (Signature Version 4).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import urllib.parse

from pytest_benchmodels import ApiProtocol, ProviderError, Reading, UnreadableError, Usage

_CONFIG = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP", "stop": "stopSequences"}


class Bedrock(ApiProtocol):
    """Each request is signed: nothing of the secret key travels."""

    base_url_envs = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME",)
    key_envs = ("AWS_SECRET_ACCESS_KEY",)

    @property
    def base_url(self):
        return f"https://bedrock-runtime.{_region()}.amazonaws.com"

    def url(self, model):
        return f"{model.base_url}/model/{urllib.parse.quote(model.name, safe='')}/converse"

    def headers(self, key):
        return {}

    def body(self, request):
        params = dict(request.params)
        config = {theirs: params.pop(ours) for ours, theirs in _CONFIG.items() if ours in params}
        if isinstance(config.get("stopSequences"), str):
            config["stopSequences"] = [config["stopSequences"]]
        if request.tools or any(message.text != message.content for message in request.messages):
            raise ProviderError("unsupported", "bedrock: this provider sends texts only", sent=False)
        said = [
            {"role": message.role, "content": [{"text": message.text}]}
            for message in request.messages
            if message.role != "system"
        ]
        system = [{"text": message.text} for message in request.messages if message.role == "system"]
        return {"messages": said, "inferenceConfig": config, **({"system": system} if system else {}), **params}

    def read(self, document):
        try:
            blocks = document["output"]["message"]["content"]
            texts = [block["text"] for block in blocks if "text" in block]
            thoughts = [
                block["reasoningContent"].get("reasoningText", {}) for block in blocks if "reasoningContent" in block
            ]
        except (KeyError, TypeError, AttributeError):
            raise UnreadableError("it has no output.message.content") from None
        thinking = "\n\n".join(thought["text"] for thought in thoughts if "text" in thought)
        return Reading("".join(texts), document.get("stopReason"), self.usage(document), thinking)

    def usage(self, document):
        said = document.get("usage") or {}
        read, written = said.get("cacheReadInputTokens"), said.get("cacheWriteInputTokens")
        sent = said.get("inputTokens")
        # As with Anthropic's own API, what the cache had a part in is counted apart.
        whole = None if sent is None else sent + (read or 0) + (written or 0)
        return Usage(whole, said.get("outputTokens"), cached_input_tokens=read, cache_write_tokens=written)

    def authenticate(self, url, headers, body):
        now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        token = os.environ.get("AWS_SESSION_TOKEN")
        signed = {"x-amz-date": now, **({"x-amz-security-token": token} if token else {})}
        return {**signed, "Authorization": _authorization(url, signed, body)}


def _region():
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def _authorization(url, headers, body, service="bedrock"):
    """Signature Version 4 of a POST, for these headers and the host."""
    parts = urllib.parse.urlsplit(url)
    signed = dict(sorted({**headers, "host": parts.netloc}.items()))
    names = ";".join(signed)
    # For all services but S3 the path, encoded as it travels, is encoded once more.
    lines = [
        "POST",
        urllib.parse.quote(parts.path),
        parts.query,
        *(f"{name}:{value}" for name, value in signed.items()),
    ]
    canonical = "\n".join([*lines, "", names, hashlib.sha256(body).hexdigest()])
    day = headers["x-amz-date"][:8]
    scope = f"{day}/{_region()}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest])
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (day, _region(), service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"


def pytest_bench_providers():
    return {"bedrock": Bedrock()}
