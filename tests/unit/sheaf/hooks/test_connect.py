"""The sender against real TLS servers on this machine, with resolver and dialler recorded."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sheaf import settings
from sheaf.hooks import connect
from sheaf.hooks.connect import LARGEST_BODY, Answer, Network, UnreachableError
from sheaf.hooks.targets import NOT_PUBLIC, RefusedError
from tests.unit.sheaf.hooks.test_addresses import REFUSED
from tests.unit.sheaf.hooks.test_targets import REFUSED as ODD_URLS

HOST = "crm.example.org"
URL = f"https://{HOST}/in?key=1"
ADDRESS = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Thing: a\r\n\r\nok"

Behave = Callable[[socket.socket, bytes], None]


class Authority:
    """A certificate authority that nobody else trusts."""

    def __init__(self, folder) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Throw-away")])
        self._certificate = self._sign(name, name, self._key, [
            (x509.BasicConstraints(ca=True, path_length=None), True),
        ])  # fmt: skip

    def _sign(self, subject, issuer, key, extensions):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())

    @property
    def trust(self) -> ssl.SSLContext:
        pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def server(self, *names: str) -> ssl.SSLContext:
        """A server's side of TLS, with a certificate for names or addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [
            x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n)
            for n in names
        ]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(
            subject,
            self._certificate.subject,
            key,
            [(x509.SubjectAlternativeName(alternatives), False)],
        )
        file = self._folder / f"{'-'.join(names)}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class Rig:
    """A server that behaves as told; keeps what it read and which name it was asked for."""

    def __init__(self, behave: Behave, tls: ssl.SSLContext | None) -> None:
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.ended = threading.Event()
        self._behave, self._tls = behave, tls
        if tls is not None:
            tls.sni_callback = lambda _sock, name, _context: self.names.append(name)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                opened, _ = self._listening.accept()
            except OSError:
                return
            with opened:
                self._answer(opened)

    def _answer(self, opened: socket.socket) -> None:
        opened.settimeout(20)
        try:
            with self._tls.wrap_socket(opened, server_side=True) if self._tls else opened as sock:
                request = b""
                while not self._whole(request):
                    piece = sock.recv(65536)
                    if not piece:
                        return
                    request += piece
                self.requests.append(request)
                self._behave(sock, request)
        except OSError:
            return
        finally:
            self.ended.set()

    @staticmethod
    def _whole(request: bytes) -> bool:
        head, found, body = request.partition(b"\r\n\r\n")
        lengths = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        return bool(found) and len(body) >= sum(lengths)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(20)


class Wires:
    """A network that resolves as told and leads every address to the rig; records both."""

    def __init__(self, rig: Rig | None, trust: ssl.SSLContext | None, *answers: str) -> None:
        self.asked: list[str] = []
        self.dialled: list[tuple[str, int]] = []
        self.dead: set[str] = set()
        self.answers = [list(answers)]
        self._rig = rig
        self.network = Network(self._resolve, self._dial, trust)

    def _resolve(self, host, port):
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(0, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    def _dial(self, address, port, seconds):
        self.dialled.append((address, port))
        if address in self.dead or self._rig is None:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", self._rig.port), seconds)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def serve(authority) -> Iterator[Callable[..., tuple[Rig, Wires]]]:
    """Start a rig behind a recorded network."""
    rigs = []

    def start(behave: Behave | bytes = OK, *names: str, tls: bool = True):
        act = behave if callable(behave) else lambda sock, _: sock.sendall(behave)
        rig = Rig(act, authority.server(*(names or (HOST,))) if tls else None)
        rigs.append(rig)
        return rig, Wires(rig, authority.trust, ADDRESS)

    yield start
    for rig in rigs:
        rig.close()


def post(wires: Wires, url: str = URL, *, seconds: float = 10, body: bytes = b"{}") -> Answer:
    headers = {"Content-Type": "application/json", "User-Agent": "sheaf-hooks/1"}
    return connect.post(url, headers, body, seconds=seconds, network=wires.network)


def test_a_request_arrives_whole_and_as_it_should(serve):
    rig, wires = serve()
    answer = post(wires, body="é".encode())
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (200, b"ok", "a")
    head, _, body = rig.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /in?key=1 HTTP/1.1"
    assert sorted(line.lower() for line in lines) == [
        "accept-encoding: identity",
        "connection: close",
        "content-length: 2",
        "content-type: application/json",
        "host: crm.example.org",
        "user-agent: sheaf-hooks/1",
    ]
    assert body == "é".encode()


def test_the_host_is_resolved_once_and_its_address_dialled(serve):
    rig, wires = serve()
    post(wires)
    assert wires.asked == [HOST]
    assert wires.dialled == [(ADDRESS, 443)]
    assert rig.names == [HOST]


def test_a_name_that_changes_its_meaning_is_asked_once_only(serve):
    _, wires = serve()
    wires.answers = [[ADDRESS], ["127.0.0.1"]]
    assert post(wires).status == 200
    assert wires.dialled == [(ADDRESS, 443)]
    with pytest.raises(RefusedError, match=NOT_PUBLIC):
        post(wires)
    assert wires.dialled == [(ADDRESS, 443)]


@pytest.mark.parametrize("address", [each for each in REFUSED if "." in each or ":" in each])
def test_a_host_with_an_address_that_is_not_public_is_never_dialled(address):
    for answers in ((address,), (ADDRESS, address), (address, ADDRESS)):
        wires = Wires(None, None, *answers)
        with pytest.raises(RefusedError, match=f"^{NOT_PUBLIC}$"):
            post(wires)
        assert wires.dialled == []


@pytest.mark.parametrize("url", ODD_URLS)
def test_an_odd_url_is_neither_resolved_nor_dialled(url, monkeypatch):
    monkeypatch.setattr(settings, "ORIGIN", "https://sheaf.example.org")
    wires = Wires(None, None, ADDRESS)
    with pytest.raises(RefusedError):
        post(wires, url)
    assert (wires.asked, wires.dialled) == ([], [])


def test_an_address_that_does_not_answer_gives_way_to_the_next(serve):
    _, wires = serve()
    wires.answers, wires.dead = [["2606:4700:4700::1111", "1.1.1.1"]], {"1.1.1.1"}
    assert post(wires).status == 200
    assert wires.dialled == [("1.1.1.1", 443), ("2606:4700:4700::1111", 443)]


@pytest.mark.parametrize("names", [("other.example.org",), (ADDRESS,), ("*.org",)])
def test_a_certificate_of_another_name_is_refused(serve, names):
    rig, wires = serve(OK, *names)
    with pytest.raises(UnreachableError, match="certificate") as refused:
        post(wires)
    assert refused.value.kind == "tls"
    assert rig.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(serve):
    rig, wires = serve()
    network = Network(wires.network.resolve, wires.network.dial)
    with pytest.raises(UnreachableError) as refused:
        connect.post(URL, {}, b"{}", seconds=10, network=network)
    assert (refused.value.kind, rig.requests) == ("tls", [])


def test_a_server_without_tls_is_refused(serve):
    _, wires = serve(OK, tls=False)
    wires.network = Network(wires.network.resolve, wires.network.dial, wires.network.trust)
    with pytest.raises(UnreachableError) as refused:
        post(wires, seconds=2)
    assert refused.value.kind in ("tls", "timeout")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(serve, status):
    moved = (
        f"HTTP/1.1 {status} Moved\r\nLocation: https://169.254.169.254/\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    _, wires = serve(moved.encode())
    assert post(wires).status == status
    assert len(wires.dialled) == 1


def test_proxies_of_the_environment_are_not_used(serve, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    _, wires = serve()
    assert post(wires).status == 200


def test_a_large_body_is_read_to_its_limit(serve):
    def behave(sock, _):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        piece = b"x" * 65536
        while True:
            sock.sendall(piece)

    _, wires = serve(behave)
    assert post(wires).body == b"x" * LARGEST_BODY


def test_a_chunked_body_is_put_together(serve):
    _, wires = serve(
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    assert post(wires).body == b"abc"


def test_a_body_that_is_compressed_all_the_same_is_not_unpacked(serve):
    import gzip

    bomb = gzip.compress(b"\0" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    _, wires = serve(head.encode() + bomb)
    assert post(wires).body == bomb[:LARGEST_BODY]


def test_headers_without_end_are_given_up(serve):
    def behave(sock, _):
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        number = 0
        while True:
            number += 1
            sock.sendall(b"X-%d: %s\r\n" % (number, b"x" * 5000))

    _, wires = serve(behave)
    with pytest.raises(UnreachableError) as refused:
        post(wires)
    assert refused.value.kind == "protocol"


def drip(sock: socket.socket, text: bytes) -> None:
    """Send a byte every 0.2 s: each read of the client ends well before any time-out."""
    for byte in text:
        sock.sendall(bytes([byte]))
        if DONE.wait(0.2):
            return


DONE = threading.Event()


@pytest.fixture
def done():
    DONE.clear()
    yield
    DONE.set()


@pytest.mark.parametrize(
    "behave",
    [
        lambda sock, _: DONE.wait(20),
        lambda sock, _: drip(sock, OK),
        lambda sock, _: drip(sock, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100),
        lambda sock, _: (
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
            drip(sock, b"x" * 1000),
        ),
        lambda sock, _: (
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            drip(sock, b"1\r\nx\r\n" * 100),
        ),
    ],
    ids=["silence", "status", "headers", "body", "chunks"],
)
def test_a_deadline_ends_what_drips(serve, done, behave):
    _, wires = serve(behave)
    begun = monotonic()
    with pytest.raises(UnreachableError, match=r"within 0\.6 s") as refused:
        post(wires, seconds=0.6)
    assert refused.value.kind == "timeout"
    assert monotonic() - begun < 1.6


def test_a_deadline_ends_a_handshake_that_hangs(serve, done):
    rig, wires = serve(OK, tls=False)
    rig._behave = lambda _sock, _: DONE.wait(20)
    rig._whole = bool
    begun = monotonic()
    with pytest.raises(UnreachableError) as refused:
        post(wires, seconds=0.5)
    assert refused.value.kind == "timeout"
    assert monotonic() - begun < 1.5


def test_a_deadline_ends_a_resolver_that_hangs(done):
    network = Network(lambda _host, _port: DONE.wait(20) or [], None, None)
    begun = monotonic()
    with pytest.raises(UnreachableError, match="DNS") as refused:
        connect.post(URL, {}, b"{}", seconds=0.3, network=network)
    assert refused.value.kind == "timeout"
    assert monotonic() - begun < 1.3


def test_a_deadline_ends_a_receiver_that_reads_nothing(serve, done):
    rig, wires = serve()
    rig._whole = lambda _: True
    rig._behave = lambda _sock, _: DONE.wait(20)
    begun = monotonic()
    with pytest.raises(UnreachableError) as refused:
        post(wires, seconds=0.6, body=b"x" * 50_000_000)
    assert refused.value.kind == "timeout"
    assert monotonic() - begun < 1.6


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (b"", "connect"),
        (b"garbage\r\n\r\n", "protocol"),
        (b"HTTP/1.1 abc\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "protocol"),
    ],
)
def test_what_is_no_answer_has_a_name(serve, behave, kind):
    _, wires = serve(behave)
    with pytest.raises(UnreachableError) as refused:
        post(wires)
    assert refused.value.kind == kind


def test_an_answer_before_the_body_was_read_counts(serve):
    def behave(sock, _):
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        while sock.recv(65536):
            """Read on, as a server does that lets its client read the answer."""

    rig, wires = serve(behave)
    rig._whole = lambda request: b"\r\n\r\n" in request
    assert post(wires, body=b"x" * 500_000).status == 413


def test_a_receiver_that_hangs_up_while_we_send_has_a_name_or_an_answer(serve):
    """Whether what it said first still arrives, TCP does not promise."""
    rig, wires = serve(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    rig._whole = lambda request: b"\r\n\r\n" in request
    try:
        assert post(wires, body=b"x" * 5_000_000).status == 413
    except UnreachableError as broken:
        assert broken.kind == "connect"


def test_a_host_that_is_not_in_the_dns_has_a_name():
    with pytest.raises(UnreachableError) as refused:
        post(Wires(None, None))
    assert refused.value.kind == "dns"


def test_a_receiver_that_is_down_has_a_name():
    wires = Wires(None, None, ADDRESS)
    with pytest.raises(UnreachableError) as refused:
        post(wires)
    assert (refused.value.kind, wires.dialled) == ("connect", [(ADDRESS, 443)])


def test_a_developers_stack_sends_plain_http_to_its_own_machine(receiver, monkeypatch):
    monkeypatch.setattr(settings, "HOOK_TARGETS", "any")
    answer = connect.post(f"{receiver.url}/in", {"webhook-id": "dlv_1"}, b"{}", seconds=10)
    assert answer.status == 200
    [request] = receiver.requests
    assert request.headers["host"] == receiver.url.removeprefix("http://")
    assert request.headers["webhook-id"] == "dlv_1"


def test_a_header_cannot_smuggle_another(serve):
    _, wires = serve()
    with pytest.raises(UnreachableError):
        connect.post(URL, {"x": "a\r\nb: c"}, b"{}", seconds=5, network=wires.network)


def test_headers_of_ours_cannot_be_overridden(serve):
    rig, wires = serve()
    asked = {"Host": "evil.example", "Accept-Encoding": "gzip", "Connection": "keep-alive"}
    connect.post(URL, asked, b"{}", seconds=10, network=wires.network)
    assert b"evil" not in rig.requests[0]
    assert b"gzip" not in rig.requests[0]


def test_the_real_dialler_sees_where_it_has_come():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with connect.dial("127.0.0.1", port, 5) as opened:
            assert opened.getpeername() == ("127.0.0.1", port)
        # A shorter way to write the same place: it is dialled, and found to be another.
        with pytest.raises(ConnectionError, match="elsewhere"):
            connect.dial("127.1", port, 5)
