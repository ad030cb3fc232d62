"""Why a connection failed: the innermost cause, in words, with what helps and whether another attempt may."""

from __future__ import annotations

import errno
import ssl

from ..core.text import clip, plain
from .resolver import NameServerTimeoutError

__all__ = ["in_words", "innermost", "lacks_files", "may_pass", "remedy"]

_WORDS_LIMIT = 200
_NO_MORE_FILES = frozenset({errno.EMFILE, errno.ENFILE})
# TLS that was cut off, as any connection may be, in contrast to TLS that failed.
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def innermost(error: BaseException) -> BaseException:
    """The cause that says most: httpx says "All connection attempts failed" where it was a refusal."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError) or (isinstance(cause, OSError) and cause.strerror):
            return cause
        # A name with several addresses: one failure for each, of which the last will do.
        cause = cause.exceptions[-1] if isinstance(cause, BaseExceptionGroup) else cause.__cause__ or cause.__context__
    return error


def in_words(cause: BaseException) -> str:
    """One line, without what a server said: whatever it sent, the key may be in it."""
    if isinstance(cause, TimeoutError):
        return "its name was not found in time" if isinstance(cause, NameServerTimeoutError) else "no reply in time"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message.rstrip('.')})"
    if isinstance(cause, _CUT_OFF):
        return "TLS broke off"
    if isinstance(cause, ssl.SSLError):
        # Only OpenSSL's own errors have a reason.
        return f"TLS failed ({(getattr(cause, 'reason', None) or 'no reason given').replace('_', ' ').lower()})"
    if isinstance(cause, OSError) and cause.strerror:
        # asyncio puts the address into the words of a refusal; the message has it already.
        words = "connection refused" if isinstance(cause, ConnectionRefusedError) else cause.strerror
        return words[:1].lower() + words[1:]
    # A parser may quote the line that is no HTTP after a colon.
    return clip(plain(str(cause).partition(": ")[0]), _WORDS_LIMIT) or type(cause).__name__


def remedy(cause: BaseException, *, proxied: bool = False) -> str:
    """What the reader can do about a connection that could not be made."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "name the authority that signed it in SSL_CERT_FILE"
    if _is_tls(cause):
        return "does the server speak TLS, or has base_url to begin with http://?"
    if lacks_files(cause):
        return "raise the limit (`ulimit -n`) or lower --bench-concurrency"
    if proxied:
        return "is the proxy running, are HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY right?"
    return "is the server running, is base_url right?"


def may_pass(cause: BaseException) -> bool:
    """Whether another attempt may succeed: not against a certificate or a server without TLS."""
    return not _is_tls(cause)


def _is_tls(cause: BaseException) -> bool:
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT_OFF)


def lacks_files(cause: BaseException) -> bool:
    """Whether the process or the machine has no file descriptor left."""
    return isinstance(cause, OSError) and cause.errno in _NO_MORE_FILES
