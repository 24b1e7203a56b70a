"""The receiver, over real HTTP."""

import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from local.receiver import Receiver, line

ROOT = Path(__file__).parents[3]


def post(url: str, body: bytes = b"{}", method: str = "POST", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code


def test_it_keeps_each_request_as_it_came():
    with Receiver() as receiver:
        assert post(f"{receiver.url}/in?x=1", b"\x00raw\xff", Webhook_Id="dlv_1") == 200
        [request] = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/in?x=1", b"\x00raw\xff")
    assert request.headers["webhook-id"] == "dlv_1"
    assert request.status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_it_takes_every_method(method):
    with Receiver() as receiver:
        assert post(receiver.url, method=method) == 200
        assert [r.method for r in receiver.requests] == [method]


def test_it_answers_by_its_script_and_then_200():
    with Receiver(statuses=[503]) as receiver:
        url = receiver.script("/odd", [500, 410])
        assert [post(url) for _ in range(3)] == [500, 410, 200]
        assert [post(f"{receiver.url}/any") for _ in range(2)] == [503, 200]
        assert [r.status for r in receiver.at("/odd")] == [500, 410, 200]


def test_it_sends_the_headers_of_its_script():
    with Receiver() as receiver:
        url = receiver.script("/", [429], headers={"Retry-After": "7"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=10)
        with refused.value as answer:
            assert answer.headers["Retry-After"] == "7"


def test_wait_for_returns_as_soon_as_the_predicate_holds():
    with Receiver() as receiver:
        sender = threading.Thread(target=lambda: [post(receiver.url) for _ in range(2)])
        sender.start()
        assert len(receiver.wait_for(lambda requests: len(requests) >= 2)) == 2
        sender.join()


def test_wait_for_says_what_came_instead():
    with Receiver() as receiver:
        post(f"{receiver.url}/other", Webhook_Event="submission.create")
        with pytest.raises(TimeoutError, match=r"1 requests came: \[\('/other', 'submission.cr"):
            receiver.wait_for(lambda requests: len(requests) > 1, timeout=0.05)


def test_a_delayed_answer_holds_up_no_other_request_and_ends_with_the_receiver():
    with ThreadPoolExecutor(1) as pool:
        with Receiver() as receiver:
            slow = pool.submit(post, receiver.script("/slow", delay=60))
            receiver.wait_for(lambda requests: len(requests) == 1)
            begun = monotonic()
            assert post(f"{receiver.url}/fast") == 200
        assert slow.result() == 200
        assert monotonic() - begun < 30


def test_parallel_requests_are_all_kept():
    with Receiver() as receiver, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: post(receiver.url), range(40))) == {200}
        assert len(receiver.requests) == 40


def test_a_line_tells_a_person_what_came():
    body = {"id": "uuid:1", "actor": {"displayName": "Amina"}, "data": {"reviewState": "approved"}}
    with Receiver() as receiver:
        post(
            f"{receiver.url}/in",
            json.dumps(body).encode(),
            Content_Type="application/json; charset=utf-8",
            Webhook_Event="submission.update",
            Webhook_Attempt="2",
        )
        text = line(receiver.requests[0])
    assert text[9:] == (
        "POST /in submission.update attempt 2 88 B -> 200  uuid:1 by Amina, review state approved"
    )


def test_a_person_can_watch_it_and_end_it_with_ctrl_c():
    command = [sys.executable, "-m", "local.receiver", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as watching:
        url = watching.stdout.readline().split()[2].rstrip(".")
        post(f"{url}/in", Content_Type="text/plain")
        shown = watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=20) == 0
    assert "POST /in text/plain attempt 1 2 B -> 200" in shown
