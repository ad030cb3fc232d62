"""A base URL as HTTP needs it: where to connect, what the Host header says, what is asked for."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

__all__ = ["HttpAddress", "parse_address"]

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._~!$&'()*+,;=%-]+")
# What a path or a query may hold as it is (RFC 3986, 3.3 and 3.4), and what servers take besides.
_AS_IT_IS = "/:@!$&'()*+,;=%[]|\\^"
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """`host` is ASCII, and has no brackets. `authority` is `host:port`, without the scheme's usual port."""

    scheme: str
    host: str
    port: int
    authority: str
    target: str

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"


def parse_address(url: str) -> HttpAddress | None:
    """Read an absolute `http` or `https` URL; None for one of another kind. A user and a fragment in it are left out.

    Raises ValueError for one that cannot be read; the text quotes nothing of it, which may be a password's.
    """
    if not re.sub(r"[^\0-\x7f]", "", url).isprintable():
        raise ValueError("it holds a control character")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError("its host is no IPv6 address in brackets") from None
    if parts.scheme not in _PORTS or not host:
        return None
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is no number from 0 to 65535") from None
    host = _host(host)
    shown = f"[{host}]" if ":" in host else host
    is_usual = port is None or port == _PORTS[parts.scheme]
    return HttpAddress(
        parts.scheme,
        host,
        _PORTS[parts.scheme] if port is None else port,
        shown if is_usual else f"{shown}:{port}",
        _escaped(parts.path or "/") + (f"?{_escaped(parts.query, '?')}" if parts.query else ""),
    )


def _host(host: str) -> str:
    """The name as name servers know it."""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise ValueError("its host is no IPv6 address in brackets") from None
    if not host.isascii():
        import idna  # noqa: PLC0415 - few names have other letters

        try:
            return idna.encode(host).decode("ascii")
        except idna.IDNAError:
            raise ValueError("its host is no name that name servers know") from None
    if not _HOST.fullmatch(host):
        raise ValueError("its host is no name")
    return host


def _escaped(text: str, more: str = "") -> str:
    return _NO_ESCAPE.sub("%25", quote(text, safe=_AS_IT_IS + more))
