"""Addresses that a hook may not reach: everything but the public unicast internet.

Python's `is_global` is not enough: it changes between versions and lets through multicast, 6to4,
NAT64 and the metadata services of clouds. This table is our own, from IANA's special-purpose
registries (IPv4, IPv6) and the clouds' documentation; what is in no table is refused.
"""

from __future__ import annotations

import ipaddress

_DENIED_4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; Linux takes 0.0.0.0 for loopback
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; 100.100.100.200 is Alibaba's metadata service
        "127.0.0.0/8",  # loopback, where Lambda's own runtime API listens
        "168.63.129.16/32",  # Azure's platform service
        "169.254.0.0/16",  # link-local: metadata, credentials and DNS of AWS, X-Ray's daemon
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is Oracle's metadata service
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All of IPv6 that is given out for unicast. Outside lie loopback, unique local (with the metadata
# services of AWS and Google), link-local, site-local, multicast, NAT64 (64:ff9b::/96 and
# 64:ff9b:1::/48), and IPv4 inside of IPv6 (::/96, ::ffff:0:0/96).
_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
_DENIED_6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID, multicast tunnelling
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: IPv4 inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# The middle of an interface id that holds an IPv4 address (ISATAP, RFC 5214).
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def is_public(text: str) -> bool:
    """Whether an address, as a resolver gives it, lies on the public internet."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _DENIED_4)
    return (
        address.scope_id is None
        and address in _UNICAST_6
        and not any(address in network for network in _DENIED_6)
        and (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP
    )
