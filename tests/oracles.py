"""Three HTTP clients that others have guarded, run over a recorded wire.

What any of them refuses to dial, hooks must refuse too. Each is used as its makers show it, with
its own defaults; only the resolver and the socket below are ours, so nothing leaves this process.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from unittest.mock import patch

import requests
from AntiSSRF import AntiSSRFPolicy, PolicyConfigOptions
from requests_hardened import Config, Manager
from ssrfguard import Policy
from ssrfguard import requests as ssrfguard

# What a name resolves to, lookup by lookup; the last answer is given again and again.
Lookups = Sequence[Sequence[str]]

_HARDENED = Manager(
    Config(
        ip_filter_enable=True,
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(5, 5),
    )
)


def _hardened() -> requests.Session:
    return _HARDENED.get_session()


def _antissrf() -> requests.Session:
    return AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST).get_antissrf_session()


def _guarded() -> requests.Session:
    return ssrfguard.Session(policy=Policy())


ORACLES = {
    "requests-hardened": _hardened,
    "microsoft-antissrf": _antissrf,
    "ssrfguard": _guarded,
}


def dials(name: str, url: str, lookups: Lookups = ()) -> list[str]:
    """Let a client post to a URL, and give the addresses that it dials; none when it refuses."""
    with _recorded(lookups) as dialled, ORACLES[name]() as session:
        session.trust_env = False
        try:
            session.post(url, data=b"{}", allow_redirects=False, timeout=5)
        except Exception as error:
            # Each refuses in words of its own, and what it dials ends in a refusal of ours.
            assert not isinstance(error, (TypeError, AttributeError)), error
    return dialled


@contextmanager
def _recorded(lookups: Lookups) -> Iterator[list[str]]:
    """Answer lookups as told and note what is dialled, which nobody answers."""
    dialled: list[str] = []
    answers = [list(each) for each in lookups]
    real = socket.getaddrinfo

    def resolve(host, port, *_, **__):
        try:
            # Numbers, in whatever spelling, need no lookup.
            return real(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except (socket.gaierror, UnicodeError):
            found = answers.pop(0) if len(answers) > 1 else (answers or [[]])[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [_answer(each, port) for each in found]

    def connect(_sock, address):
        dialled.append(str(address[0]))
        raise ConnectionRefusedError("Recorded, and not dialled.")

    with patch("socket.getaddrinfo", resolve), patch.object(socket.socket, "connect", connect):
        yield dialled


def _answer(address: str, port: int | None):
    if ip_address(address).version == 4:
        return socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0)
    return socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port or 0, 0, 0)
