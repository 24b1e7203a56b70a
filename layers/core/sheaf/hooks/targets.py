"""Where a hook sends to: reading its URL and resolving its host, strictly.

The URL is read once, here, and what is read is what is dialled: no library sees the URL again, so
none can understand it otherwise. With HOOK_TARGETS "any" (a developer's own machine) plain http,
any port, private addresses and plain IP addresses are admitted; all else stays.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sheaf import settings
from sheaf.hooks import addresses

LONGEST = 2048
PORTS = {"https": 443, "http": 80}
# One text whatever was found there: it must not tell what lies in a private network.
NOT_PUBLIC = "leads to an address that is not public"

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    # Printable ASCII, but what readers of URLs disagree about: backslash, quotes, braces, fragment.
    r"(?P<path>[/?][!$-;=?-\[\]_a-z|~]*)?",
    re.ASCII,
)
# Letters, digits and hyphens (RFC 1123): the names that certificates are given for.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMERIC = re.compile(r"(?:[0-9]+|0[xX][0-9A-Fa-f]*)", re.ASCII)

# As socket.getaddrinfo: host and port to (family, type, protocol, name, socket address).
Resolve = Callable[[str, int], list[Any]]


class RefusedError(Exception):
    """The target may not be reached; the message says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts; `path` holds the query too."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header: without the scheme's own port."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == PORTS[self.scheme] else f"{shown}:{self.port}"

    @property
    def origin(self) -> str:
        """The URL without its path, which may hold a secret."""
        return f"{self.scheme}://{self.authority}"


def any_allowed() -> bool:
    """Whether this is a developer's stack, whose hooks may reach its own machine."""
    return settings.HOOK_TARGETS == "any"


def parse(url: str) -> Target:
    """Read a URL.

    Raises:
        RefusedError: hooks may not be sent there.
    """
    if len(url) > LONGEST:
        raise RefusedError(f"may have {LONGEST} characters at most")
    found = _URL.fullmatch(url)
    if found is None or not url.isascii():
        raise RefusedError("is not a plain URL: https://host/path, all else percent-encoded")
    scheme, host = found["scheme"], found["host"].strip("[]").lower()
    port = int(found["port"]) if found["port"] else PORTS[scheme]
    if not any_allowed():
        if scheme != "https":
            raise RefusedError("must begin with https://")
        if port not in PORTS.values():
            raise RefusedError("must use port 443 or 80")
    if not 0 < port < 65536:
        raise RefusedError("must use a port from 1 to 65535")
    _check_host(host, bracketed="[" in found["host"])
    path = found["path"] or "/"
    return Target(scheme, host, port, path if path.startswith("/") else f"/{path}")


def _check_host(host: str, *, bracketed: bool) -> None:
    labels = host.removesuffix(".").split(".")
    if bracketed or _NUMERIC.fullmatch(labels[-1]):
        if not (any_allowed() and _is_address(host)):
            raise RefusedError("must name a host, not an address")
        return
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise RefusedError("does not name a host")
    if len(labels) == 1 and not any_allowed():
        raise RefusedError("must name a host in full")
    if not any_allowed() and host.removesuffix(".") == urlsplit(settings.ORIGIN).hostname:
        raise RefusedError("must not lead back to this server")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def resolve(host: str, port: int) -> list[Any]:
    """Ask the system's resolver for all addresses of a host, IPv4 and IPv6."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def judge(answers: list[Any]) -> list[str]:
    """Give the addresses to dial, IPv4 first: a Lambda function has no way out over IPv6.

    Raises:
        RefusedError: at least one of them is not public.
    """
    # A scope id says that an address means something on one link alone.
    found = {str(each[4][0]): any(each[4][3:]) for each in answers}
    if not any_allowed() and not all(
        addresses.is_public(address) and not scoped for address, scoped in found.items()
    ):
        raise RefusedError(NOT_PUBLIC)
    return sorted(found, key=lambda address: ":" in address)


def check(url: str, *, resolver: Resolve | None = None) -> Target:
    """Read a URL and see that its host is public, as far as it is known already.

    Every attempt checks again: what a name means may change.

    Raises:
        RefusedError: hooks may not be sent there.
    """
    target = parse(url)
    if any_allowed():
        return target
    try:
        judge((resolver or resolve)(target.host, target.port))
    except (OSError, UnicodeError):
        # Not in the DNS yet, or not now. That is the receiver's to mend, and no danger.
        return target
    return target
