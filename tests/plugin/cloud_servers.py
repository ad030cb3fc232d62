"""Vertex AI with Google's tokens, and Bedrock, on loopback: they let in what is signed or has a token that is good."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.plugin.loopback import Handler, listening

__all__ = ["ACCESS", "REFRESH", "REGION", "SECRET", "SESSION", "CloudServer", "cloud"]

ACCESS, SECRET, SESSION, REGION = (
    "AKIDEXAMPLE000000000",
    "wJalrXUtnFEMI-secret-0123456789",
    "session-0123456789",
    "eu-west-1",
)
REFRESH = {"client_id": "client-1", "client_secret": "google-secret-01234", "refresh_token": "refresh-0123456789"}
Answer = tuple[int, dict[str, Any]]


class CloudServer:
    """`tokens` are those that were given, `asked` the path and the document of each request that was let in."""

    def __init__(self, lasts_s: int = 3600) -> None:
        self.url = ""
        self.lasts_s = lasts_s
        self.tokens: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            if path == "/token":
                return self._token(body)
            return (
                self._bedrock(path, headers, body) if path.startswith("/model/") else self._vertex(path, headers, body)
            )

    def _token(self, body: bytes) -> Answer:
        form = dict(urllib.parse.parse_qsl(body.decode()))
        signed = form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer" and form.get("assertion")
        if form != {"grant_type": "refresh_token", **REFRESH} and not signed:
            return 400, {"error": "invalid_grant"}
        self.tokens.append(f"ya29.token-{len(self.tokens) + 1:08d}")
        return 200, {"access_token": self.tokens[-1], "expires_in": self.lasts_s, "token_type": "Bearer"}

    def _vertex(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if headers.get("authorization") not in [f"Bearer {token}" for token in self.tokens]:
            return 401, {"error": {"code": 401, "message": "the token is not good", "status": "UNAUTHENTICATED"}}
        self.asked.append((path, json.loads(body)))
        parts = [{"text": "2 and 2", "thought": True}, {"text": "4"}]
        counted = {"promptTokenCount": 5, "candidatesTokenCount": 1, "thoughtsTokenCount": 2, "totalTokenCount": 8}
        return 200, {
            "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
            "usageMetadata": counted,
            "modelVersion": "gemini-2.5-flash-001",
        }

    def _bedrock(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if headers.get("authorization") != self._signed(path, headers, body):
            return 403, {"message": "The request signature we calculated does not match the signature you provided."}
        self.asked.append((path, json.loads(body)))
        content = [{"reasoningContent": {"reasoningText": {"text": "2 and 2"}}}, {"text": "4"}]
        return 200, {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8, "cacheReadInputTokens": 4},
        }

    def _signed(self, path: str, headers: dict[str, str], body: bytes) -> str:
        """The header as AWS's own library makes it for this request, with the keys that the server knows."""
        token = headers.get("x-amz-security-token")
        signer = SigV4Auth(Credentials(ACCESS, SECRET, token), "bedrock", REGION)
        names = ("host", "x-amz-date", *(("x-amz-security-token",) if token else ()))
        request = AWSRequest(
            "POST", f"http://{headers['host']}{path}", {name: headers.get(name, "") for name in names}, body
        )
        request.context["timestamp"] = headers.get("x-amz-date", "")
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        return (
            f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={';'.join(names)}, "
            f"Signature={signer.signature(to_sign, request)}"
        )


@contextmanager
def cloud(lasts_s: int = 3600) -> Iterator[CloudServer]:
    """The server while it listens. A token is good for `lasts_s` seconds, as it says."""
    server = CloudServer(lasts_s)

    class Cloud(Handler):
        def post(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, document = server.answer(self.path, headers, body)
            self.send_document(status, document)

    with listening(Cloud) as server.url:
        yield server
