"""The proxy that the environment names for an address."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["Proxy", "ProxyError", "proxy_for"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


class ProxyError(ValueError):
    """A proxy that cannot be used; the text says why, without its password."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. `headers` are the lines that it wants to see, each with its line end."""

    scheme: str
    host: str
    port: int
    headers: bytes = field(default=b"", repr=False)

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """What HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say; none ever for this machine itself.

    NO_PROXY has host names with the domains below them, `*`, addresses (IPv6 with or without brackets) and networks
    (`10.0.0.0/8`), each with `:port` or without. Raises ProxyError.
    """
    if host in {"localhost", "::1"} or host.startswith("127."):
        return None
    proxies = getproxies()
    named = proxies.get(scheme) or proxies.get("all")
    if not named or _is_excepted(host, port, proxies.get("no", "")):
        return None
    return _parsed(named if "://" in named else f"http://{named}")


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if proxy_bypass(shown) or proxy_bypass(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(_covers(entry.strip(), address, port) for entry in exceptions.split(","))


def _covers(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> bool:
    if entry.startswith("["):
        entry, _, wanted = entry[1:].partition("]")
        wanted = wanted.removeprefix(":")
    elif entry.count(":") == 1:
        entry, _, wanted = entry.partition(":")
    else:
        wanted = ""
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:  # a name
        return False
    return wanted in {"", str(port)} and address in network


def _parsed(url: str) -> Proxy:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its own words quote what may be a part of the password
        raise ProxyError("its port is no number from 1 to 65535, or its host is none") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ProxyError(f"it has to begin with http:// or https://, not {parts.scheme}://")
    if not parts.hostname or port == 0:
        raise ProxyError("write it as http://host:port")
    return Proxy(parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme], _credentials(parts.netloc))


def _credentials(netloc: str) -> bytes:
    user, separator, _ = netloc.rpartition("@")
    if not separator:
        return b""
    name, _, password = user.partition(":")
    secret = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode())
    return b"Proxy-Authorization: Basic " + secret + b"\r\n"
