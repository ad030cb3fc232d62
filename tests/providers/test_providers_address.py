from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.providers.address import HttpAddress, parse_address


def read(url: str) -> HttpAddress:
    address = parse_address(url)
    assert address is not None
    return address


def test_an_address_is_read() -> None:
    assert read("https://user:pw@Example.COM/v1/chat?a=b c#top") == HttpAddress(
        scheme="https", host="example.com", port=443, authority="example.com", target="/v1/chat?a=b%20c"
    )
    assert read("http://[::1]:8000/v1") == HttpAddress("http", "::1", 8000, "[::1]:8000", "/v1")
    assert read("http://127.0.0.1:80").authority == "127.0.0.1"
    assert read("http://127.0.0.1:443").authority == "127.0.0.1:443"
    assert read("https://h?a=b?c").target == "/?a=b?c"
    assert read("https://h:0/").port == 0
    assert read("https://h/a%20b/100%").target == "/a%20b/100%25"


def test_a_name_with_other_letters_is_written_as_name_servers_know_it() -> None:
    assert read("http://Bücher.example/größe").authority == "xn--bcher-kva.example"
    assert read("http://Bücher.example/größe").target == "/gr%C3%B6%C3%9Fe"
    assert read("http://straße.de/").host == "xn--strae-oqa.de"


@pytest.mark.parametrize("url", ["", "/v1", "host:80", "ftp://host/", "http://", "http:///v1", "http://:80/"])
def test_what_is_no_address_of_http_is_none(url: str) -> None:
    assert parse_address(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://host:port/", "its port is no number from 0 to 65535"),
        ("http://host:65536/", "its port is no number from 0 to 65535"),
        ("http://user:S3CRET/x@host/", "its port is no number from 0 to 65535"),
        ("http://[::1/", "its host is no IPv6 address in brackets"),
        ("http://[fe80::zz]/", "its host is no IPv6 address in brackets"),
        ("http://ho st/", "its host is no name"),
        ("http://ho<st/", "its host is no name"),
        ("http://ö..de/", "its host is no name that name servers know"),
        ("http://host/\r\nX-Evil: b", "it holds a control character"),
        ("http://host/\0", "it holds a control character"),
    ],
)
def test_what_cannot_be_read_says_why_and_quotes_nothing(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"\Ait") as caught:
        parse_address(url)

    assert str(caught.value) == why


_SEGMENT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(
    lambda text: not set(text) & set("/?#%") and text not in {".", ".."}
)


@given(
    st.sampled_from(["http", "https"]),
    st.sampled_from(["localhost", "a-b.example", "127.0.0.1", "[2001:db8::7]", "Bücher.example"]),
    st.none() | st.integers(0, 65535),
    st.lists(_SEGMENT, max_size=3),
)
def test_a_request_asks_for_what_httpx_asks_for(scheme: str, host: str, port: int | None, path: list[str]) -> None:
    url = f"{scheme}://{host}{'' if port is None else f':{port}'}/{'/'.join(path)}"

    address, known = read(url), httpx.URL(url)

    assert (address.scheme, address.authority) == (known.scheme, known.netloc.decode())
    usual = {"http": 80, "https": 443}[scheme]
    assert (address.host, address.port) == (known.raw_host.decode(), usual if known.port is None else known.port)
    assert address.target == known.raw_path.decode()
