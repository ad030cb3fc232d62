"""Names that a server is slow to tell."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from pytest_benchmodels.providers import dialing as resolver
from pytest_benchmodels.providers.dialing import Address, NameServerTimeoutError, Resolver

FOUND: list[Address] = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]


class NameServer:
    """Tells every name but `slow.test`, which waits until the test lets it go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.threads: list[threading.Thread] = []
        self.slow = threading.Event()

    def look_up(self, host: str, _port: int) -> list[Address] | OSError:
        self.asked.append(host)
        self.threads.append(threading.current_thread())
        if host == "slow.test":
            self.slow.wait()
        return socket.gaierror(socket.EAI_NONAME, "no such name") if host == "none.test" else FOUND


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(resolver, "_look_up", server.look_up)
    yield server
    server.slow.set()
    for thread in server.threads:
        thread.join()


def test_a_number_is_asked_of_nobody(names: NameServer) -> None:
    async def scenario() -> None:
        for number in ("127.0.0.1", "::1"):
            [address] = await Resolver().addresses(number, 80, 1)
            assert address[4][:2] == (number, 80)

    asyncio.run(scenario())

    assert names.asked == []


def test_a_slow_name_holds_neither_another_one_nor_the_end(names: NameServer) -> None:
    async def scenario() -> None:
        resolving = Resolver()
        slow = asyncio.create_task(resolving.addresses("slow.test", 80, 60))
        assert await resolving.addresses("quick.test", 80, 60) == FOUND
        assert not slow.done()

    asyncio.run(scenario())  # it ends, though the look-up does not

    assert all(thread.daemon for thread in names.threads)


def test_a_name_is_looked_up_once_for_all_who_wait_for_it(names: NameServer) -> None:
    async def scenario() -> None:
        resolving = Resolver()
        waiting = [asyncio.create_task(resolving.addresses("slow.test", 80, 60)) for _ in range(60)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        names.slow.set()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [FOUND] * 59

    asyncio.run(scenario())

    assert names.asked == ["slow.test"]


def test_a_name_server_that_says_nothing_has_its_own_error(names: NameServer) -> None:
    async def scenario() -> None:
        resolving = Resolver()
        with pytest.raises(NameServerTimeoutError):
            await resolving.addresses("slow.test", 80, 0)
        with pytest.raises(socket.gaierror):
            await resolving.addresses("none.test", 80, 60)

    asyncio.run(scenario())

    assert names.asked == ["slow.test", "none.test"]


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".test"])
def test_a_name_that_is_none_is_the_systems_error(host: str) -> None:
    assert isinstance(resolver._look_up(host, 80), OSError)
