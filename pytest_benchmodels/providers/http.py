"""HTTP for all providers: one pool of connections for each process."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_benchmodels.providers.connection import HttpReply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_benchmodels.providers.dialing import Dialer
    from pytest_benchmodels.providers.endpoint import Endpoint, OneConnection
    from pytest_benchmodels.providers.event_stream import StreamReader
    from pytest_benchmodels.providers.stream_polling import StreamPoller

__all__ = ["MAX_REPLY_BYTES", "HttpPool", "load_transport", "raise_limit", "spare"]


_ENOUGH = 65_536


def raise_limit(enough: int = _ENOUGH) -> None:
    """Raise this process's soft limit of open files to the hard one, or to `enough` where that is higher.

    Systems set 256 or 1,024 for old programs' sake, which a few models with hundreds of runs in flight exceed. Where
    there is no such limit (Windows), or the system refuses, nothing happens.
    """
    try:
        import resource  # noqa: PLC0415 - POSIX only
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def spare() -> float:
    """How many more files this process may open; infinity where nobody tells."""
    try:
        import resource  # noqa: PLC0415 - POSIX only

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return math.inf if soft == resource.RLIM_INFINITY else soft - len(os.listdir("/dev/fd"))  # noqa: PTH208 - names only
    except (ImportError, OSError):
        return math.inf


MAX_REPLY_BYTES = 10_000_000
# What reports, the store and the user's checks open while connections take whatever they get.
_FILES_FOR_OTHERS = 16


def load_transport() -> None:
    """Import what requests need, so that the first of them need not wait for it."""
    from pytest_benchmodels.providers import endpoint  # noqa: F401, PLC0415 - 60 ms and more, due with the first request only


class HttpPool:
    """Connections that are kept alive, for one event loop; only the system's open files limit their number.

    Some of these are left to the rest of the process: a session that cannot open its store would lose what it obtained.
    """

    def __init__(self) -> None:
        raise_limit()
        self._most = max(1.0, spare() - _FILES_FOR_OTHERS)
        self._connections = 0
        self._endpoints: dict[str, Endpoint] = {}
        self._dialer: Dialer | None = None
        self._poller: StreamPoller | None = None
        self._closed = False

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        limit_bytes: int = MAX_REPLY_BYTES,
        reader: StreamReader | None = None,
    ) -> HttpReply:
        """Send `body` and read the reply, whatever its status; redirects are not followed, and nothing is sent twice.

        The body of a stream of events goes to `reader`, where there is one, while it comes.

        Raises ProviderError: `connection` (retryable unless address, certificate or TLS are wrong), `malformed`
        (retryable: an answer broke off, or is in no known encoding), `too-large`, `stalled` (retryable). Of a reply
        whose status is not 2xx the body is what can be had of it. Cancelling it closes the connection.
        """
        endpoint = self._endpoints.get(url) or self._open(url)
        connection = self._take(endpoint)
        try:
            reply = await endpoint.exchange(connection, headers, body, limit_bytes, reader)
        except BaseException:
            # Failed or cancelled: what the connection would carry next is anybody's guess.
            self._drop(connection)
            raise
        if self._closed or not connection.reusable:
            self._drop(connection)
        else:
            endpoint.idle.append(connection)
        return reply

    async def aclose(self) -> None:
        """Close the idle connections now, and each of the others when its reply is in."""
        self._closed = True
        for endpoint in self._endpoints.values():
            while endpoint.idle:
                connection = endpoint.idle.pop()
                self._drop(connection)
                await connection.aclose()

    def _take(self, endpoint: Endpoint) -> OneConnection:
        while endpoint.idle:
            connection = endpoint.idle.pop()
            if connection.fresh:
                return connection
            self._drop(connection)
        if self._connections >= self._most and not self._make_room():
            raise endpoint.without_files()
        connection = endpoint.connect()
        self._connections += 1
        return connection

    def _make_room(self) -> bool:
        """Close the connection to another address that was idle longest there; False where none is idle."""
        for endpoint in self._endpoints.values():
            if endpoint.idle:
                self._drop(endpoint.idle.pop(0))
                return True
        return False

    def _drop(self, connection: OneConnection) -> None:
        self._connections -= 1
        connection.abort()

    def _open(self, url: str) -> Endpoint:
        # It imports httpx and asyncio: 60 ms, due with the first request only, and before any request's time begins.
        from pytest_benchmodels.providers.dialing import Dialer  # noqa: PLC0415 - see above
        from pytest_benchmodels.providers.endpoint import Endpoint  # noqa: PLC0415 - see above
        from pytest_benchmodels.providers.stream_polling import StreamPoller  # noqa: PLC0415 - see above

        self._dialer = self._dialer or Dialer()
        self._poller = self._poller or StreamPoller()
        endpoint = self._endpoints[url] = Endpoint(url, self._dialer, self._poller)
        return endpoint
