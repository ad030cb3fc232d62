"""Gemini on Vertex AI: put this into a conftest.py, and name models `vertex/gemini-2.5-flash`.

GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION say whose models they are and where. The token comes from the file that
GOOGLE_APPLICATION_CREDENTIALS names: by this module where `gcloud auth application-default login` wrote it, else (the
key of a service account, a workload's identity) by google-auth, which has to be installed then.

Sources: Google, "Method: models.generateContent" of Vertex AI, "Using OAuth 2.0: Refreshing an access token".
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import time
import urllib.parse
import urllib.request
from pathlib import Path

from pytest_benchmodels import ApiProtocol, ProviderError
from pytest_benchmodels.providers.google import Google

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_URL = "https://oauth2.googleapis.com/token"
_BEFORE_ITS_END_S = 60


class Vertex(ApiProtocol):
    """Gemini's own documents, at another address, with a token that is renewed before it ends."""

    base_url = "https://aiplatform.googleapis.com"
    base_url_envs = ("VERTEX_BASE_URL",)

    def __init__(self):
        self._gemini = Google()
        self._lock = asyncio.Lock()
        self._token, self._until = "", 0.0

    def url(self, model):
        project, location = os.environ["GOOGLE_CLOUD_PROJECT"], os.environ.get("GOOGLE_CLOUD_LOCATION", "global")
        base = model.base_url
        if base == self.base_url and location != "global":
            base = f"https://{location}-aiplatform.googleapis.com"
        name = urllib.parse.quote(model.name, safe="")
        return f"{base}/v1/projects/{project}/locations/{location}/publishers/google/models/{name}:generateContent"

    def headers(self, key):
        return {}

    def body(self, request):
        return self._gemini.body(request)

    def read(self, document):
        return self._gemini.read(document)

    def usage(self, document):
        return self._gemini.usage(document)

    async def authenticate(self, url, headers, body):
        async with self._lock:  # many requests wait for one renewal
            if time.monotonic() >= self._until - _BEFORE_ITS_END_S:
                self._token, lasts_s = await asyncio.to_thread(_new_token)
                self._until = time.monotonic() + lasts_s
        return {"Authorization": f"Bearer {self._token}"}


def _new_token():
    """A token, and for how many seconds it is good."""
    path = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "~/.config/gcloud/application_default_credentials.json")
    known = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    if known.get("type") != "authorized_user":
        return _token_of_google_auth()
    asked = {name: known[name] for name in ("client_id", "client_secret", "refresh_token")}
    form = urllib.parse.urlencode({"grant_type": "refresh_token", **asked}).encode()
    try:
        with urllib.request.urlopen(known.get("token_uri", _TOKEN_URL), form, timeout=30) as reply:
            given = json.load(reply)
    except OSError as error:
        retryable = getattr(error, "code", 500) >= 500
        raise ProviderError("auth", f"no token of Google's: {error}", retryable=retryable, sent=False) from None
    return given["access_token"], given["expires_in"]


def _token_of_google_auth():
    import google.auth  # only where it is needed
    import google.auth.transport.requests

    credentials, _ = google.auth.default(scopes=[_SCOPE])
    credentials.refresh(google.auth.transport.requests.Request())
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)  # as google-auth writes when a token ends
    return credentials.token, (credentials.expiry - now).total_seconds()


def pytest_bench_providers():
    return {"vertex": Vertex()}
