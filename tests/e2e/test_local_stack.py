"""The local stack itself, on a small application of its own (fixtures/stack)."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from local.emulator import StartError
from local.options import CHECKOUT
from local.stack import FunctionError, Stack
from tests.e2e.conftest import request

PAYLOAD = 6_291_556


def wait(until, seconds=20):
    """Wait for something that happens elsewhere; it is asked for every 20 ms."""
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.02)
    return found


def echo(stack, path="/echo", body=None, **headers):
    return request(stack.url + path, body, **headers).json()


def store(stack, thing, **attributes):
    body = json.dumps(attributes).encode()
    url = f"{stack.url}/things/{thing}/do/store"
    answer = request(url, body, content_type="application/json")
    assert answer.status == 201
    return answer


def read(stack, thing):
    return request(f"{stack.url}/things/{thing}/do/read", b"").json()


class Receiver:
    """A hook receiver that keeps what it gets and answers with the statuses that it is given."""

    def __init__(self):
        self.bodies = []
        self.statuses = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["content-length"])
                outer.bodies.append(json.loads(self.rfile.read(length)))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def own_copy(small_template, tmp_path):
    """A copy of the fixture application that a test may edit."""
    return Path(shutil.copytree(small_template.parent, tmp_path / "app")) / "template.yaml"


# --- what a function gets ------------------------------------------------------------------------


def test_an_event_is_what_api_gateway_gives(small):
    event = echo(small, "/things/7?a=1%202&a=3&b=", cookie="x=1; y=2", x_forwarded_for="9.9.9.9")[
        "event"
    ]
    assert event["version"] == "2.0"
    assert event["routeKey"] == "ANY /things/{id}"
    assert event["rawPath"] == "/things/7"
    assert event["rawQueryString"] == "a=1%202&a=3&b="
    assert event["queryStringParameters"] == {"a": "1 2,3", "b": ""}
    assert event["pathParameters"] == {"id": "7"}
    assert event["cookies"] == ["x=1", "y=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-forwarded-proto"] == "https"
    assert event["headers"]["x-forwarded-for"] == "9.9.9.9, 127.0.0.1"
    assert event["headers"]["host"] == small.url.removeprefix("http://")
    assert "body" not in event


def test_a_route_without_variables_has_no_path_parameters(small):
    assert "pathParameters" not in echo(small)["event"]


def test_an_encoded_slash_stays_within_its_variable(small):
    event = echo(small, "/things/uuid%3Aa%2Fb%20%C3%A9%2525%F0%9F%8C%BE")["event"]
    assert event["routeKey"] == "ANY /things/{id}"
    assert event["pathParameters"] == {"id": "uuid:a/b é%25🌾"}
    assert event["rawPath"] == "/things/uuid:a/b é%25🌾"


def test_what_no_route_takes_goes_to_the_default_route(small):
    event = echo(small, "/nothing/here/")["event"]
    assert (event["routeKey"], event["rawPath"]) == ("$default", "/nothing/here/")


def test_functions_see_their_own_variables_only(small, receiver):
    shown = echo(small)
    assert (shown["greeting"], shown["only_match"]) == ("hello", None)
    store(small, "greeted", receiver=receiver.url)
    wait(lambda: receiver.bodies)
    assert receiver.bodies[0]["greeting"] == "deliver's own"


def test_a_context_says_how_much_time_is_left(small):
    shown = echo(small)
    assert 2000 < shown["remaining"] <= 3000
    assert shown["name"] == small.physical("Api")


# --- the front ------------------------------------------------------------------------------------


def test_a_chunked_body_arrives_whole(small):
    connection = http.client.HTTPConnection(small.url.removeprefix("http://"))
    parts = iter([b"x" * 70_000, b"y" * 5])
    connection.request("POST", "/things/1/do/size", body=parts, encode_chunked=True)
    assert connection.getresponse().read() == b"70005"
    connection.request("POST", "/things/1/do/size", body=b"abc")
    assert connection.getresponse().read() == b"3"
    connection.close()


def test_a_client_that_expects_100_continue_gets_it(small):
    host, port = small.url.removeprefix("http://").split(":")
    head = "POST /things/1/do/size HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n"
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"{head}expect: 100-continue\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"abc")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("encoding", ["plain", "chunked"])
def test_a_body_over_10_mb_is_refused_in_api_gateways_words(small, encoding):
    connection = http.client.HTTPConnection(small.url.removeprefix("http://"))
    body = b"x" * (10 * 1024 * 1024 + 1)
    try:
        if encoding == "plain":
            connection.request("POST", "/echo", body)
        else:
            connection.request("POST", "/echo", iter([body]), encode_chunked=True)
    except ConnectionError:
        """The refusal came before all was sent."""
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (413, b'{"message":"Request Entity Too Large"}')
    connection.close()


@pytest.mark.parametrize(
    "head", ["content-length: ten", "content-length: -1", "transfer-encoding: chunked\r\n\r\nzz"]
)
def test_a_length_that_makes_no_sense_is_a_bad_request(small, head):
    host, port = small.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"POST /echo HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b'{"message":"Bad Request"}')


def test_an_event_over_lambdas_limit_is_refused(small):
    answer = request(f"{small.url}/things/1/do/size", b"x" * 5_000_000)
    assert (answer.status, answer.body) == (413, b'{"message":"Request Entity Too Large"}')


def test_a_result_over_lambdas_limit_is_an_error(small):
    answer = request(f"{small.url}/things/{PAYLOAD}/do/large", b"")
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')
    fits = request(f"{small.url}/things/{PAYLOAD - 200}/do/large", b"")
    assert (fits.status, len(fits.body)) == (200, PAYLOAD - 198)


@pytest.mark.parametrize("verb", ["fail", "status", "sleep"])
def test_a_function_that_fails_is_api_gateways_500(small, verb):
    answer = request(f"{small.url}/things/1/do/{verb}", b"")
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')
    assert answer.headers["content-type"] == "application/json"


def test_cookies_come_out_as_a_header_each(small):
    answer = request(f"{small.url}/things/1/do/cookies", b"")
    assert answer.status == 204
    assert answer.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert answer.headers["x-one"] == "1"
    assert "content-length" not in answer.headers


def test_a_head_request_gets_the_length_and_no_body(small):
    answer = request(f"{small.url}/echo", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


def test_it_listens_on_the_loopback_only(small):
    ports = {int(small.url.rpartition(":")[2]), int(small.aws_url.rpartition(":")[2])}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1].split(":") for row in rows if row[3] == "0A"]
    found = {int(port, 16): address for address, port in listening}
    assert {found[port] for port in ports} == {"0100007F"}
    everywhere = {int(port, 16) for address, port in listening if address == "00000000"}
    assert not everywhere & ports


# --- events and workers ---------------------------------------------------------------------------


def test_a_change_reaches_the_receiver_through_stream_bus_and_queue(small, receiver):
    small.forget_calls()
    store(small, "told", receiver=receiver.url)
    wait(lambda: receiver.bodies)
    assert receiver.bodies[0]["instanceId"] == "told"
    wait(lambda: any(i.function == "Deliver" for i in small.calls))
    assert {i.function: i.calls for i in small.calls} == {
        "Api": ["dynamodb:PutItem", "dynamodb:PutItem"],
        "Publish": ["events:PutEvents"],
        "Match": ["sqs:SendMessage"],
        "Deliver": ["dynamodb:PutItem"],
    }


def test_a_failed_delivery_is_tried_again(small, receiver):
    receiver.statuses = [500, 503, 200]
    store(small, "stubborn", receiver=receiver.url)
    wait(lambda: len(receiver.bodies) == 3)
    lines = wait(lambda: _hook_lines(small, 3))
    told = [line.split(" ", 1)[1] for line in lines][-3:]
    assert told == [
        "hook whk_1 failed 500 attempt 1",
        "hook whk_1 failed 503 attempt 2",
        "hook whk_1 delivered 200 attempt 3",
    ]


def test_a_receiver_that_is_not_there_is_told_of(small):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    store(small, "nobody", receiver=url)
    said = "hook whk_1 failed ConnectionRefusedError attempt 3"
    wait(lambda: any(said in line for line in small.journal.lines))


def _hook_lines(stack, number):
    lines = [line for line in stack.journal.lines if " hook " in line]
    return lines if len(lines) >= number and "attempt 3" in lines[-1] else None


def test_a_stream_function_that_reports_failures_gets_its_batch_again(small, tmp_path):
    small.forget_calls()
    store(small, "again", twice=str(tmp_path / "seen"))
    published = wait(lambda: _ended(small, "Publish", 2))
    assert [i.error is None for i in published] == [False, True]


def test_a_failed_event_target_is_tried_again(small, receiver):
    small.forget_calls()
    small.fail("Match", 1, "before")
    store(small, "retried", receiver=receiver.url)
    wait(lambda: receiver.bodies)
    matched = [i for i in small.calls if i.function == "Match"]
    assert [i.error for i in matched] == [
        "InjectedError: before call 1 of Match: sqs:SendMessage",
        None,
    ]


def test_an_ordered_failure_after_a_call_leaves_the_call_made(small):
    small.fail("Api", 1, "after")
    body = json.dumps({"colour": "red"}).encode()
    answer = request(f"{small.url}/things/half/do/store", body, content_type="application/json")
    assert answer.status == 500
    assert read(small, "half")["colour"] == {"S": "red"}
    assert read(small, "E%23half") is None


def _ended(stack, function, number):
    found = [i for i in stack.calls if i.function == function]
    return found if len(found) >= number else None


def test_a_worker_can_be_invoked_by_hand(small):
    assert small.invoke("Purge", {"a": 1}) == {"purged": 0, "event": {"a": 1}}
    with pytest.raises(FunctionError, match="as told"):
        small.invoke("Purge", {"fail": True})


def test_the_custom_resource_got_the_administrator(small):
    assert small.outputs["Administrator"] == small.admin_email == "admin@example.org"
    assert read(small, "administrator")["password"] == {"S": small.admin_password}


def test_the_table_forgets_by_time_to_live(small):
    table = small.client("dynamodb").describe_time_to_live(TableName=small.physical("Table"))
    assert table["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_the_journal_has_a_line_for_each_request(small):
    request(f"{small.url}/things/9?x=1")
    line = wait(lambda: [line for line in small.journal.lines if "GET /things/9?x=1" in line])[-1]
    assert re.fullmatch(r"\d\d:\d\d:\d\d GET /things/9\?x=1 200 \d+ ms", line)


# --- code, template, start and stop ---------------------------------------------------------------


def test_changed_code_runs_without_a_restart(own_copy):
    with Stack(source=own_copy) as stack:
        assert (echo(stack)["function"], echo(stack)["layer"]) == ("function 1", "layer 1")
        _edit(own_copy.parent / "functions/api/app.py", "function 1", "function 2")
        assert (echo(stack)["function"], echo(stack)["layer"]) == ("function 2", "layer 1")
        _edit(own_copy.parent / "layer/shared/aws.py", "layer 1", "layer 2")
        assert (echo(stack)["function"], echo(stack)["layer"]) == ("function 2", "layer 2")
        assert [line.split(" ", 1)[1] for line in stack.journal.lines if "changed" in line] == [
            "changed: app.py; the next call runs the new code",
            "changed: aws.py; the next call runs the new code",
        ]
        _edit(own_copy.parent / "functions/api/app.py", "VERSION =", "VERSION ==")
        assert request(f"{stack.url}/echo").status == 500
        _edit(own_copy.parent / "functions/api/app.py", "VERSION ==", "VERSION =")
        assert echo(stack)["function"] == "function 2"
        _edit(own_copy, "A stack", "Another stack")
        wait(lambda: any("restart to deploy" in line for line in stack.journal.lines))


def _edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_restart_keeps_the_data_and_takes_up_the_new_template(own_copy, tmp_path, receiver):
    state = tmp_path / "state"
    with Stack(source=own_copy, state=state, admin_password="first password") as stack:
        store(stack, "kept", colour="green")
        bucket = stack.physical("Bucket")
        stack.client("s3").put_object(Bucket=bucket, Key="a/b", Body=b"blob")
        password = stack.admin_password
        stack.restart()
        assert not stack.deployed.is_new
        assert read(stack, "kept")["colour"] == {"S": "green"}
        assert stack.client("s3").get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"blob"
        assert stack.admin_password == password == "first password"
    _edit(own_copy, "Default: hello", "Default: good day")
    _edit(own_copy.parent / "openapi.yaml", "/echo:", "/echo/{what}:")
    # The emulator's port is another one now, and is part of the queue's URL.
    with Stack(source=own_copy, state=state) as stack:
        assert read(stack, "kept")["colour"] == {"S": "green"}
        shown = echo(stack, "/echo/new")
        assert shown["greeting"] == "good day"
        assert shown["event"]["routeKey"] == "ANY /echo/{what}"
        store(stack, "after", receiver=receiver.url)
        wait(lambda: receiver.bodies)


def test_what_was_under_way_at_a_stop_still_arrives(own_copy, tmp_path, receiver):
    with Stack(source=own_copy, state=tmp_path / "state") as stack:
        for number in range(5):
            store(stack, f"t{number}", receiver=receiver.url)
        stack.restart()
        wait(lambda: len({body["instanceId"] for body in receiver.bodies}) == 5)


def test_a_crash_loses_no_more_than_the_last_moment(own_copy, tmp_path, receiver):
    stack = Stack(source=own_copy, state=tmp_path / "state")
    stack.start()
    try:
        # Its events stay in the stream, unread: the function that reads it is broken.
        broken = own_copy.parent / "functions/publish/app.py"
        _edit(broken, "def handler", "1 / 0\n\n\ndef handler")
        store(stack, "saved", receiver=receiver.url)
        saved = tmp_path / "state" / "aws" / "dynamodb.json"
        wait(lambda: saved.exists() and "E#saved" in saved.read_text())
        stack.kill()
        _edit(broken, "1 / 0\n", "")
        stack.start()
        assert read(stack, "saved")["receiver"] == {"S": receiver.url}
        wait(lambda: receiver.bodies)
        assert receiver.bodies[0]["instanceId"] == "saved"
    finally:
        stack.stop()


def test_the_template_is_transformed_once(small_template, tmp_path):
    from local import template

    first = template.load(small_template, {"AdminEmail": "a@b.c", "Unknown": "x"}, tmp_path)
    assert first.parameters == {"AdminEmail": "a@b.c"}
    assert len(list(tmp_path.iterdir())) == 1
    assert template.load(small_template, {"AdminEmail": "a@b.c", "Unknown": "x"}, tmp_path) == first


def test_a_failing_bootstrap_is_told_at_once(own_copy):
    _edit(own_copy.parent / "functions/bootstrap/app.py", "def handler", "1 / 0\n\n\ndef handler")
    with pytest.raises(StartError, match=r"Bootstrap: .*ZeroDivisionError"):
        Stack(source=own_copy).start()


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def command(small_template, tmp_path):
    """Start `python -m local` on the fixture and return its process; it is killed at the end."""
    started = []

    def start(**environment):
        program = (
            "import sys; from pathlib import Path; import local.stack as s;"
            f"s.Stack.__init__.__kwdefaults__['source'] = Path({str(small_template)!r});"
            "from local.__main__ import main; sys.exit(main())"
        )
        options = {"PORT": "0", "AWS_PORT": "0", "SEED": "none", "STATE": str(tmp_path / "state")}
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=CHECKOUT,
            env={**os.environ, "TMPDIR": str(tmp_path), **options, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _welcome(process):
    lines = []
    while not lines or "Ctrl-C" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
    return lines


def _children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("state", ["kept", "none"])
def test_a_signal_ends_everything(command, tmp_path, number, state):
    process = command(**({"STATE": "none"} if state == "none" else {}))
    _welcome(process)
    children = _children(process.pid)
    assert len(children) == 2
    process.send_signal(number)
    assert process.wait(20) == 0
    assert not any(alive(pid) for pid in children)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == ({"state"} if state == "kept" else set())
    if state == "kept":
        assert not (tmp_path / "state" / "tmp").exists()


@pytest.mark.parametrize("state", ["kept", "none"])
def test_nothing_outlives_a_killed_launcher(command, tmp_path, state):
    process = command(**({"STATE": "none"} if state == "none" else {}))
    _welcome(process)
    children = _children(process.pid)
    process.kill()
    process.wait()
    wait(lambda: not any(alive(pid) for pid in children))
    if state == "none":
        assert list(tmp_path.iterdir()) == []
    else:
        # The emulator noticed, and wrote its state before it ended.
        assert "administrator" in (tmp_path / "state" / "aws" / "dynamodb.json").read_text()


def test_the_command_ends_when_the_emulator_does(command):
    process = command()
    _welcome(process)
    os.kill(_children(process.pid)[0], signal.SIGKILL)
    assert process.wait(20) == 1
    assert (
        process.stderr.read() == "A process of the stack has ended by itself; its log says why.\n"
    )


def test_the_command_says_how_to_begin(command):
    process = command(ADMIN_EMAIL="chief@example.org", ADMIN_PASSWORD="a b'c\"d")
    text = "".join(_welcome(process))
    url = text.split("Sheaf runs at ")[1].split()[0]
    assert "chief@example.org" in text
    assert "a b'c\"d" in text
    commands = [line.strip() for line in text.splitlines() if line.strip().startswith("curl")]
    assert len(commands) == 3
    assert all(url in line for line in commands)
    for line in commands:
        subprocess.run(["sh", "-nc", line], check=True)


def test_a_port_in_use_is_one_clear_line(command, small):
    for name, port in (("PORT", small.url), ("AWS_PORT", small.aws_url)):
        process = command(**{name: port.rpartition(":")[2]})
        _, said = process.communicate(timeout=20)
        assert process.returncode == 1
        assert len(said.strip().splitlines()) == 1
        assert f"choose another with {name}=" in said


def test_a_state_folder_serves_one_stack_at_a_time(tmp_path, monkeypatch):
    from local import folder

    monkeypatch.setattr(folder, "_PATIENCE", 0.1)
    first = folder.Folder(tmp_path)
    with pytest.raises(StartError, match="Another local stack uses"):
        folder.Folder(tmp_path)
    first.close()
    folder.Folder(tmp_path).close()


def test_a_wrong_option_is_one_clear_line(command):
    process = command(PORT="three thousand")
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said == "PORT must be a number from 0 to 65535, not 'three thousand'.\n"


# --- IAM ------------------------------------------------------------------------------------------


@pytest.mark.strict
def test_each_function_has_the_rights_of_its_role(own_copy, receiver):
    with Stack(source=own_copy, strict=True) as stack:
        store(stack, "allowed", receiver=receiver.url)
        wait(lambda: receiver.bodies)
        assert request(f"{stack.url}/things/1/do/denied", b"").json() == "AccessDenied"
        assert read(stack, "allowed")["receiver"] == {"S": receiver.url}
        assert len(stack.pids) == 3
        assert {i.function for i in stack.calls} >= {"Api", "Publish", "Match"}


@pytest.mark.strict
def test_a_permission_that_is_taken_away_is_missed(own_copy):
    _edit(own_copy, "dynamodb:PutItem, dynamodb:GetItem]", "dynamodb:PutItem]")
    with Stack(source=own_copy, strict=True) as stack:
        store(stack, "written")
        assert request(f"{stack.url}/things/written/do/read", b"").status == 500
        failed = [i for i in stack.calls if i.function == "Api" and i.error]
        assert "AccessDenied" in failed[-1].error
