from __future__ import annotations

import errno
import os
import ssl

import pytest

from pytest_benchmodels.providers.dialing import in_words, innermost, lacks_files, may_pass, remedy

UNTRUSTED = ssl.SSLCertVerificationError(1, "certificate verify failed")
UNTRUSTED.verify_message = "self-signed certificate."
NO_TLS = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
NO_TLS.reason = "WRONG_VERSION_NUMBER"


def test_the_innermost_cause_with_words_counts() -> None:
    outer, middle, inner = RuntimeError("all failed"), OSError("all attempts failed"), ConnectionRefusedError(111, "no")
    outer.__cause__, middle.__context__ = middle, inner

    assert innermost(outer) is inner


def test_of_a_name_with_several_addresses_the_last_failure_counts() -> None:
    outer = OSError("all attempts failed")
    refused = ConnectionRefusedError(111, "refused")
    outer.__cause__ = ExceptionGroup("several", [OSError(101, "network unreachable"), refused])

    assert innermost(outer) is refused


def test_an_error_without_such_a_cause_is_its_own() -> None:
    error = ValueError("odd")

    assert innermost(error) is error


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("cause", "words", "help_", "passes"),
    [
        (TimeoutError(), "no reply in time", "is the server running", True),
        (ConnectionRefusedError(111, "Connect call failed"), "connection refused", "is base_url right?", True),
        (os_error(errno.ECONNRESET), "connection reset by peer", "is the server running", True),
        (os_error(errno.EMFILE), "too many open files", "raise the limit (`ulimit -n`)", True),
        (UNTRUSTED, "its certificate is not trusted (self-signed certificate)", "in SSL_CERT_FILE", False),
        (NO_TLS, "TLS failed (wrong version number)", "has base_url to begin with http://?", False),
        (ssl.SSLError(1, "odd"), "TLS failed (no reason given)", "does the server speak TLS", False),
        (ssl.SSLEOFError(8, "EOF occurred"), "TLS broke off", "is the server running", True),
        (ValueError("illegal status line: bytearray(b'secret')"), "illegal status line", "is the server", True),
        (ValueError("\x1b[31m" + "x" * 300), r"\x1b[31m" + "x" * 192 + "... (108 more characters)", "is the", True),
        (ValueError(), "ValueError", "is the server running", True),
    ],
)
def test_a_cause_is_told_with_its_remedy(cause: BaseException, words: str, help_: str, passes: bool) -> None:  # noqa: FBT001 - a table
    assert in_words(cause) == words
    assert help_ in remedy(cause)
    assert may_pass(cause) is passes


def test_only_a_lack_of_descriptors_is_one() -> None:
    assert lacks_files(os_error(errno.ENFILE))
    assert not lacks_files(os_error(errno.ENOENT))
