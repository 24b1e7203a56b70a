"""URLs of hooks: what is read is what is dialled, and what is odd is refused."""

import socket

import pytest

from sheaf import settings
from sheaf.hooks import targets
from sheaf.hooks.targets import NOT_PUBLIC, RefusedError, Target

REFUSED = {
    "": "plain URL",
    "crm.example.org/in": "plain URL",
    "ftp://crm.example.org/": "plain URL",
    "httpfoo:crm.example.org": "plain URL",
    "http://crm.example.org/": "https",
    "https://crm.example.org:8443/": "port",
    "https://crm.example.org:22/": "port",
    "https://crm.example.org:/": "plain URL",
    "https://crm.example.org:99999/": "port",
    "https://user:word@crm.example.org/": "plain URL",
    "https://user@crm.example.org/": "plain URL",
    "https://crm.example.org@127.0.0.1/": "plain URL",
    "https://127.0.0.1\\@1.2.3.4/": "plain URL",
    "https://crm.example.org\\in": "plain URL",
    "https://crm.example.org/a\\b": "plain URL",
    "https://%31%32%37.0.0.1/": "plain URL",
    "https://crm.example.org%00.evil.example/": "plain URL",
    "https://crm.example.org/\r\nHost: x": "plain URL",
    "https://crm.example.org/\n": "plain URL",
    "https://crm.example.org/a b": "plain URL",
    "https://crm.example.org/#part": "plain URL",
    " https://crm.example.org/": "plain URL",
    "https://crm.example.org /": "plain URL",
    "https://crm.example.org/\x7f": "plain URL",
    "https://crm.exämple.org/": "plain URL",
    "https://crm。example。org/": "plain URL",
    "https://①②⑦.0.0.1/": "plain URL",
    "https://crm.example.org/ä": "plain URL",
    "https:///in": "plain URL",
    "https://[::1]/": "address",
    "https://[::ffff:127.0.0.1]/": "address",
    "https://[fe80::1%25eth0]/": "plain URL",
    "https://127.0.0.1/": "address",
    "https://8.8.8.8/": "address",
    "https://8.8.8.8./": "address",
    "https://127.1/": "address",
    "https://0x7f000001/": "address",
    "https://0x7f.1/": "address",
    "https://0177.0.0.1/": "address",
    "https://2130706433/": "address",
    "https://0/": "address",
    "https://1.2.3.4.5/": "address",
    "https://crm.example.0x1/": "address",
    "https://localhost/": "in full",
    "https://metadata/": "in full",
    "https://crm..example.org/": "host",
    "https://.example.org/": "host",
    f"https://{'a' * 64}.example.org/": "host",
    "https://a_b.example.org/": "plain URL",
    "https://-a.example.org/": "host",
    "https://a-.example.org/": "host",
    "https://xn--.example.org/": "host",
    f"https://{'a.' * 127}org/": "host",
    "https://sheaf.example.org/v1/x": "this server",
    "https://SHEAF.example.org./": "this server",
    f"https://crm.example.org/{'a' * 2048}": "2048",
}


def answers(*found: str):
    family = {True: socket.AF_INET6, False: socket.AF_INET}
    return lambda _host, port: [
        (family[":" in text], socket.SOCK_STREAM, 6, "", (text, port)) for text in found
    ]


@pytest.mark.parametrize(("url", "reason"), REFUSED.items())
def test_an_odd_url_is_refused_with_its_reason(url, reason, monkeypatch):
    monkeypatch.setattr(settings, "ORIGIN", "https://sheaf.example.org")
    with pytest.raises(RefusedError, match=reason):
        targets.parse(url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://crm.example.org", Target("https", "crm.example.org", 443, "/")),
        ("https://crm.example.org?a=1", Target("https", "crm.example.org", 443, "/?a=1")),
        ("https://CRM.Example.org/In", Target("https", "crm.example.org", 443, "/In")),
        ("https://crm.example.org:80/", Target("https", "crm.example.org", 80, "/")),
        ("https://a-b.example.org./", Target("https", "a-b.example.org.", 443, "/")),
        (
            "https://crm.example.org/a%20b;c=(d)/@e:1?q=[x]|y&z=~'%22",
            Target("https", "crm.example.org", 443, "/a%20b;c=(d)/@e:1?q=[x]|y&z=~'%22"),
        ),
    ],
)
def test_a_plain_url_is_read(url, target):
    assert targets.parse(url) == target


def test_the_host_header_names_a_port_that_is_not_the_usual_one():
    assert Target("https", "a.org", 443, "/").authority == "a.org"
    assert Target("https", "a.org", 80, "/").authority == "a.org:80"
    assert Target("http", "::1", 8080, "/").origin == "http://[::1]:8080"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:4999/in", "http://localhost:4999/", "http://[::1]:1/", "https://10.0.0.1/"],
)
def test_a_developers_stack_reaches_its_own_machine(url, monkeypatch):
    with pytest.raises(RefusedError):
        targets.parse(url)
    monkeypatch.setattr(settings, "HOOK_TARGETS", "any")
    assert targets.parse(url).path in ("/in", "/")


@pytest.mark.parametrize(
    "url",
    [
        "http://user@127.0.0.1/",
        "http://127.0.0.1\\@1.2.3.4/",
        "http://%31.0.0.1/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://localhost:0/",
        "http://localhost:65536/",
        "http://localhost/\r\nx: y",
        "ftp://localhost/",
    ],
)
def test_a_developers_stack_refuses_odd_urls_too(url, monkeypatch):
    monkeypatch.setattr(settings, "HOOK_TARGETS", "any")
    with pytest.raises(RefusedError):
        targets.parse(url)


def test_every_address_of_a_host_must_be_public():
    public, private = "93.184.216.34", "fd00:ec2::254"
    assert targets.judge(answers(public)("h", 443)) == [public]
    for found in ((private,), (public, private), (private, public), ("127.0.0.1", public)):
        with pytest.raises(RefusedError, match=NOT_PUBLIC):
            targets.judge(answers(*found)("h", 443))


def test_ipv4_is_dialled_first():
    found = answers("2606:4700:4700::1111", "1.1.1.1", "1.1.1.1")("h", 443)
    assert targets.judge(found) == ["1.1.1.1", "2606:4700:4700::1111"]


def test_an_address_with_a_scope_is_refused():
    scoped = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", 443, 0, 2))]
    with pytest.raises(RefusedError, match=NOT_PUBLIC):
        targets.judge(scoped)


def test_a_url_is_checked_before_it_is_kept():
    url = "https://crm.example.org/"
    assert targets.check(url, resolver=answers("93.184.216.34")).host == "crm.example.org"
    with pytest.raises(RefusedError, match=NOT_PUBLIC):
        targets.check(url, resolver=answers("10.0.0.1"))


def test_a_host_that_is_not_in_the_dns_yet_is_kept():
    def unknown(_host, _port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert targets.check("https://soon.example.org/", resolver=unknown).port == 443
