"""The whole table of how a hook might be led into the network that Sheaf runs in.

Every row goes through our sender with its resolver and dialler recorded, and through three clients
that others have guarded, with the socket below them recorded. Ours refuses every row; and whatever
one of theirs refuses, ours refuses too, which rows and generated addresses hold it to.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import pytest
from AntiSSRF import IPAddressRanges
from hypothesis import example, given
from hypothesis import strategies as st
from requests_hardened import ip_filter
from ssrfguard import DEFAULT_DENIED
from urllib3.util import parse_url

from sheaf import settings
from sheaf.hooks import addresses, connect, sending, targets
from sheaf.hooks.keyring import Keyring
from sheaf.hooks.records import Hook
from sheaf.hooks.targets import NOT_PUBLIC, RefusedError
from tests import oracles
from tests.unit.sheaf.hooks.test_connect import Wires

PUBLIC, PUBLIC_6 = "93.184.216.34", "2606:4700:4700::1111"
NAME = "crm.example.org"

# Spellings of an address, as a host of a URL: all that getaddrinfo understands, and that reach what
# they should not. A hook's URL names a host, so each is refused as it stands.
_SPELLINGS = """
127.1 127.0.1 127.0.0.1. 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 017700000001 2130706433 0
00000177.0.0.1 169.254.43518 0xa9fea9fe 2852039166 [0:0:0:0:0:0:0:1] [::7f00:1] [::ffff:7f00:1]
[::FFFF:7F00:1] [64:ff9b::a9fe:a9fe]
"""
SPELLINGS = _SPELLINGS.split()

# Addresses, each as a host of a URL, and as what a name resolves to.
ADDRESSES = {
    "127.0.0.1": "loopback: Lambda's runtime API listens there",
    "127.8.8.8": "loopback, too",
    "0.0.0.0": "Linux takes it for loopback",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "192.168.0.1": "private",
    "100.64.0.1": "shared by carriers",
    "100.100.100.200": "metadata of Alibaba",
    "169.254.0.1": "link-local: X-Ray's daemon",
    "169.254.169.254": "metadata of AWS, Google, Azure",
    "169.254.169.253": "DNS of a VPC",
    "169.254.170.2": "credentials of ECS",
    "169.254.170.23": "credentials of EKS",
    "168.63.129.16": "Azure's platform",
    "192.0.0.1": "protocol assignments",
    "192.0.0.192": "metadata of Oracle",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relays",
    "198.18.0.1": "benchmarks",
    "224.0.0.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "IPv4 inside",
    "::ffff:127.0.0.1": "IPv4 inside",
    "::ffff:169.254.169.254": "IPv4 inside",
    "::ffff:0:127.0.0.1": "IPv4 inside",
    "64:ff9b::127.0.0.1": "NAT64",
    "64:ff9b::169.254.169.254": "NAT64",
    "64:ff9b:1::10.0.0.1": "NAT64 of one's own network",
    "2002:7f00:1::1": "6to4",
    "2002:a9fe:a9fe::1": "6to4",
    "2001:0:a9fe:a9fe::1": "Teredo",
    "2001:20::1": "ORCHID",
    "2001:db8::1": "documentation",
    "3fff::1": "documentation",
    "5f00::1": "segment routing",
    "100::1": "discarded",
    "fc00::1": "unique local",
    "fd00:ec2::254": "metadata of AWS",
    "fd00:ec2::253": "DNS of a VPC",
    "fd00:ec2::23": "credentials of EKS",
    "fd20:ce::254": "metadata of Google",
    "fe80::1": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "2a00:1450::5efe:10.0.0.1": "ISATAP: IPv4 inside",
}

# URLs that two readers understand differently, and whose other reading leads inside.
ODD = [
    r"https://127.0.0.1\@93.184.216.34/",
    r"https://93.184.216.34\@127.0.0.1/",
    r"https://crm.example.org\@127.0.0.1/",
    r"https://127.0.0.1\.crm.example.org/",
    r"https:\\127.0.0.1/",
    r"https:/\127.0.0.1/",
    r"https:127.0.0.1",
    r"//127.0.0.1/",
    r"https://crm.example.org@127.0.0.1/",
    r"https://crm.example.org:80@127.0.0.1/",
    r"https://a:b@127.0.0.1/",
    r"https://crm.example.org#@127.0.0.1/",
    r"https://127.0.0.1#crm.example.org/",
    r"https://127.0.0.1?crm.example.org/",
    r"https://%31%32%37.0.0.1/",
    r"https://127%2e0%2e0%2e1/",
    r"https://crm.example.org%2f@127.0.0.1/",
    r"https://①②⑦.0.0.1/",
    r"https://127。0。0。1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    r"https://crm.example.org%00@127.0.0.1/",
    r"https://[::1]@93.184.216.34/",
    r"https://[::1%25lo]/",
    r"https://[fe80::1%25eth0]/",
    r"https://[v1.x]/",
    r"https://127.0.0.1:443:80/",
    r"https://crm.example.org:443@127.0.0.1:443/",
    "https://\u017fheaf.example.org/",
    r"gopher://127.0.0.1:6379/_x",
    r"file:///etc/passwd",
    r"ftp://127.0.0.1/",
    r"dict://127.0.0.1:11211/",
    r"data:,x",
    r"http://crm.example.org/",
    r"http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
]
ODD += [f"https://crm.example.org{mark}@127.0.0.1/" for mark in (" ", "\t", "\r\n", "\x00", "\x7f")]
ODD += [f"https://{NAME}:{port}/" for port in (0, 22, 25, 6379, 8443, 9001, 65_536, -1)]

# What leads to the public internet; each must be dialled, so that the tables prove something.
FINE = {
    f"https://{NAME}/in?key=1": [PUBLIC],
    f"https://{NAME}:80/": [PUBLIC],
    f"https://{NAME}./": [PUBLIC_6],
    f"https://{NAME}/?next=https://127.0.0.1/@169.254.169.254": [PUBLIC],
    f"https://{NAME}?@127.0.0.1/": [PUBLIC],
    "https://xn--mnchen-3ya.example.org/": ["8.8.8.8"],
    "https://127.0.0.1.nip.example.org/": [PUBLIC, PUBLIC_6],
}

# What ours alone refuses: no guard of the others has an eye on it.
OURS_ALONE = {
    "::ffff:0:127.0.0.1": "IPv4-translated (RFC 2765), beside the mapped ones",
    "2a00:1450::5efe:10.0.0.1": "ISATAP (RFC 5214): a tunnel's end decodes it",
}


@dataclass(frozen=True)
class Row:
    """A URL, and what its host resolves to, lookup by lookup."""

    url: str
    lookups: tuple[tuple[str, ...], ...] = ()

    def __str__(self) -> str:
        return " ".join([ascii(self.url)[1:-1], *map(str, self.lookups)])


def named(*lookups: tuple[str, ...]) -> Row:
    return Row(f"https://{NAME}/in", lookups)


LITERALS = [
    Row(f"https://{each}/")
    for each in [*SPELLINGS, *(f"[{a}]" if ":" in a else a for a in ADDRESSES)]
]
NAMES = [named((each,)) for each in ADDRESSES]
MIXED = [
    named(answers)
    for each in ADDRESSES
    for answers in ((PUBLIC, each), (each, PUBLIC), (PUBLIC_6, PUBLIC, each))
]
URLS = [Row(each, ((PUBLIC,),)) for each in ODD]
REFUSED = [*LITERALS, *NAMES, *MIXED, *URLS]
TAKEN = [Row(url, (tuple(found),)) for url, found in FINE.items()]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """The public stack; and without requests-hardened's warnings."""
    monkeypatch.setattr(settings, "ORIGIN", "https://sheaf.example.org")
    monkeypatch.setattr(ip_filter.logger, "disabled", True)
    logging.getLogger("urllib3").addHandler(logging.NullHandler())


def post(row: Row) -> tuple[Wires, Exception]:
    """Send to a row's URL; nobody answers there."""
    wires = Wires(None, None)
    wires.answers = [list(each) for each in row.lookups] or [[]]
    with pytest.raises((RefusedError, connect.UnreachableError)) as ended:
        connect.post(row.url, {}, b"{}", seconds=10, network=wires.network)
    return wires, ended.value


def test_the_tables_are_as_large_as_they_should_be():
    assert len(LITERALS) >= 37
    assert len(NAMES) >= 33
    assert len({str(row) for row in REFUSED}) == len(REFUSED)


@pytest.mark.parametrize("row", LITERALS + URLS, ids=str)
def test_what_is_written_oddly_is_neither_resolved_nor_dialled(row):
    wires, reason = post(row)
    assert isinstance(reason, RefusedError)
    assert (wires.asked, wires.dialled) == ([], [])


@pytest.mark.parametrize("row", NAMES + MIXED, ids=str)
def test_a_name_that_leads_inside_is_asked_once_and_not_dialled(row):
    wires, reason = post(row)
    assert (type(reason), str(reason)) == (RefusedError, NOT_PUBLIC)
    assert (wires.asked, wires.dialled) == ([NAME], [])


@pytest.mark.parametrize("row", TAKEN, ids=str)
def test_what_leads_to_the_internet_is_dialled_where_it_was_judged(row):
    wires, reason = post(row)
    assert isinstance(reason, connect.UnreachableError)
    assert wires.dialled[0][0] == row.lookups[0][0]
    assert {address for address, _ in wires.dialled} == set(row.lookups[0])


@pytest.mark.parametrize("private", ADDRESSES)
def test_a_name_that_changes_its_meaning_gains_nothing_by_it(private):
    wires, _ = post(named((PUBLIC,), (private,)))
    assert (wires.asked, [address for address, _ in wires.dialled]) == ([NAME], [PUBLIC])
    # The next attempt asks anew, and is told the other answer.
    wires.asked.clear()
    wires.dialled.clear()
    with pytest.raises(RefusedError, match=f"^{NOT_PUBLIC}$"):
        connect.post(f"https://{NAME}/in", {}, b"{}", seconds=10, network=wires.network)
    assert (wires.asked, wires.dialled) == ([NAME], [])


@pytest.mark.parametrize("row", [*REFUSED, *TAKEN], ids=str)
def test_what_others_refuse_ours_refuses_too(row):
    refusing = [name for name in oracles.ORACLES if not oracles.dials(name, row.url, row.lookups)]
    if row in TAKEN:
        # No oracle refuses it: there is nothing public that ours dials and another will not.
        assert refusing == []
    elif refusing:
        assert isinstance(post(row)[1], RefusedError)


def test_what_ours_alone_refuses_is_named():
    alone = {
        row.lookups[0][0]
        for row in NAMES
        if all(oracles.dials(name, row.url, row.lookups) for name in oracles.ORACLES)
    }
    assert alone == set(OURS_ALONE)


# --- all addresses -------------------------------------------------------------------------------

_TABLES = [
    *addresses._DENIED_4,
    *addresses._DENIED_6,
    addresses._UNICAST_6,
    *(block.network for block in DEFAULT_DENIED.blocks),
    *map(ip_network, IPAddressRanges.recommended_latest),
    *ip_filter.EXTRA_BLOCKED_NET_RANGES,
]
# How IPv4 addresses lie within IPv6 ones: mapped, compatible, translated, NAT64, 6to4, ISATAP.
_INSIDE = (
    lambda v4: 0xFFFF << 32 | v4,
    lambda v4: v4,
    lambda v4: 0xFFFF << 48 | v4,
    lambda v4: 0x64FF9B << 96 | v4,
    lambda v4: 0x64FF9B0001 << 80 | v4,
    lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    lambda v4: 0x20010000 << 96 | v4 << 64 | v4 ^ 0xFFFFFFFF,
    lambda v4: 0x2A001450 << 96 | 0x5EFE << 32 | v4,
)


def borders() -> list[str]:
    """Of every range in any table: its first and last address, and those beside it."""
    found = set()
    for network in _TABLES:
        first, last = int(network[0]), int(network[-1])
        kind = type(network[0])
        top = 2**network.max_prefixlen
        beside = (first - 1, first, first + 1, last - 1, last, last + 1)
        found |= {str(kind(each)) for each in beside if 0 <= each < top}
    return sorted(found)


def refusing(address: str) -> list[str]:
    """Name the oracles that will not dial a name which resolves to an address."""
    url = f"https://{NAME}/"
    return [name for name in oracles.ORACLES if not oracles.dials(name, url, [[address]])]


def test_at_every_border_ours_refuses_what_any_other_refuses():
    judged = {address: refusing(address) for address in borders()}
    assert len(judged) > 250
    assert not [each for each, by in judged.items() if by and addresses.is_public(each)]
    # Both sides of the borders were seen.
    assert 40 < sum(map(addresses.is_public, judged)) < len(judged) - 40


_v4 = st.integers(0, 2**32 - 1) | st.sampled_from(
    [int(IPv4Address(each)) for each in ADDRESSES if ":" not in each]
)
_within = st.sampled_from(_TABLES).flatmap(
    lambda network: st.integers(int(network[0]), int(network[-1])).map(type(network[0]))
)
_any = st.one_of(
    _v4.map(IPv4Address),
    st.integers(0, 2**128 - 1).map(IPv6Address),
    st.integers(0x20 << 120, (0x40 << 120) - 1).map(IPv6Address),
    st.builds(lambda put, v4: IPv6Address(put(v4)), st.sampled_from(_INSIDE), _v4),
    _within,
).map(str)


@given(_any)
@example("2001:20::1")
@example("168.63.129.16")
def test_any_address_that_another_refuses_ours_refuses(address):
    if refusing(address):
        assert not addresses.is_public(address)


@given(_any)
def test_ours_refuses_no_more_than_what_is_special(address):
    """Else a guard that refuses everything would pass: what ours alone refuses is in few places."""
    if addresses.is_public(address) or refusing(address):
        return
    found = ip_address(address)
    assert found.version == 6 or any(found in network for network in addresses._DENIED_4)
    # Not given out for unicast; within an assignment for protocols; or with IPv4 inside.
    assert (
        found not in addresses._UNICAST_6
        or any(found in network for network in addresses._DENIED_6)
        or (int(found) >> 32) & 0xFDFFFFFF == 0x5EFE
    )


# --- all URLs ------------------------------------------------------------------------------------

_PIECES = r"""
https:// http:// crm.example.org 127.0.0.1 [::1] @ : 443 \ / ? # % . %31 %2e %00 & =
[ ] a x- - _ 0x7f é 。
"""
_pieces = st.sampled_from([*_PIECES.split(), " ", "\t", "\n"])


@given(st.lists(_pieces, max_size=8).map(lambda tail: "https://" + "".join(tail)))
def test_nobody_reads_a_url_that_ours_takes_in_another_way(url):
    try:
        target = targets.parse(url)
    except RefusedError:
        return
    split, third = urlsplit(url), parse_url(url)
    assert target.host == split.hostname == third.host
    assert target.port == (split.port or 443) == (third.port or 443)


# --- what else there is to it --------------------------------------------------------------------


def test_a_blocked_attempt_tells_nothing_and_takes_no_time(aws, monkeypatch):
    """One answer for whatever is inside: neither words nor milliseconds make a port scan of it."""
    told, sealed = set(), Keyring.new().seal("whk_1")
    for address in ADDRESSES:
        monkeypatch.setattr(targets, "resolve", lambda _host, port, at=address: [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port))
        ])  # fmt: skip
        hook = Hook(id="whk_1", url=f"https://{NAME}/", auth={"type": "none"}, sealed=sealed)
        message = sending.Message("dlv_1", "submission.create", sending.Body(b"{}", sending.JSON))
        outcome = sending.send(hook, message, seconds=5)
        assert outcome.blocked
        told.add((outcome.error, outcome.ms, outcome.address, outcome.answer))
    assert told == {(f"blocked: the URL {NOT_PUBLIC}.", 0, None, None)}


def test_a_hook_is_judged_when_it_is_saved_and_again_at_each_attempt():
    def inside(_host, port):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", port))]

    with pytest.raises(RefusedError, match=NOT_PUBLIC):
        targets.check(f"https://{NAME}/", resolver=inside)
    wires = Wires(None, None)
    wires.network = connect.Network(inside, wires.network.dial)
    with pytest.raises(RefusedError, match=NOT_PUBLIC):
        connect.post(f"https://{NAME}/", {}, b"{}", seconds=5, network=wires.network)
    assert wires.dialled == []


def test_the_lambda_functions_own_api_is_out_of_reach(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    for url, found in (
        ("http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", ()),
        (f"https://{NAME}:9001/", ((PUBLIC,),)),
        (f"https://{NAME}/", (("127.0.0.1",),)),
    ):
        wires, reason = post(Row(url, found))
        assert isinstance(reason, RefusedError)
        assert wires.dialled == []
