"""HTTP over a socket that is already there: urllib3's connections, without their own dialling."""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from sheaf.hooks.targets import Target

# Bytes that are taken off the wire for one answer, headers and all.
LARGEST = 60_000


def over(dialled: socket.socket, target: Target, trust: ssl.SSLContext | None) -> HTTPConnection:
    """Give a connection to a target over a socket; TLS is verified against the target's name."""
    # No time-outs of single reads: the deadline is what limits, and must be the cause.
    dialled.settimeout(None)
    connection: _Plain | _Tls
    if target.scheme == "http":
        connection = _Plain(target.host, target.port, timeout=None)
    else:
        connection = _Tls(
            target.host,
            target.port,
            timeout=None,
            server_hostname=target.host,
            ssl_context=trust or _trust(),
        )
    connection.dialled = dialled
    return connection


@functools.lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        # A system without certificates of its own: botocore brings Mozilla's.
        import botocore.httpsession

        context.load_verify_locations(botocore.httpsession.DEFAULT_CA_BUNDLE)
    return context


class _CappedResponse(http.client.HTTPResponse):
    """An answer that may take so many bytes off the wire, headers included."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Capped(self.fp), 1024)


class _Capped(io.RawIOBase):
    """Reads through to a file until it has read too much."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = LARGEST

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, up to the buffer's size."""
        if self._left <= 0:
            raise http.client.HTTPException("The answer is too large.")
        data = self._file.read1(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


class _Plain(HTTPConnection):
    """A connection over a socket that is already there."""

    response_class = _CappedResponse
    dialled: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.dialled


class _Tls(HTTPSConnection):
    """The same with TLS."""

    response_class = _CappedResponse
    dialled: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.dialled
