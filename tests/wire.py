"""What the product says to AWS, seen from outside: to count it, to answer it, to cut it off.

botocore tells of every call before it goes out and after it has come back. Nothing of the product
is replaced: only the network is.
"""

from __future__ import annotations

import functools
import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from types import SimpleNamespace
from typing import Any, Self

from botocore.awsrequest import AWSResponse

SERVICES = ("s3", "sqs", "events", "ssm")


@dataclass(frozen=True)
class Call:
    """One call: of which service, its name there, what is sent, and the thread that waits."""

    service: str
    operation: str
    sent: dict[str, Any]
    thread: int


class Wire:
    """Listens to the clients of this process while the `with` block runs.

    `before` and `after` are given the number of a call in the order in which calls begin; what they
    raise, the product sees. A call that `before` answers (see `refusal`) does not go out. `send` is
    given each attempt of a call, with the function that makes it, and may answer it as AWS would on
    the network.
    """

    def __init__(
        self,
        *,
        before: Callable[[int], Any] = lambda _: None,
        after: Callable[[int], Any] = lambda _: None,
        send: Callable[[int, Callable[[], Any]], Any] = lambda _, __: None,
    ) -> None:
        self.calls: list[Call] = []
        # What came back, by the number of the call.
        self.received: dict[int, dict[str, Any]] = {}
        self._before, self._after, self._send = before, after, send
        self._lock = threading.Lock()
        self._here = threading.local()
        self._registered: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Self:
        for client in _clients():
            self._registered += [
                (client, "before-call", self._on_before),
                (client, "after-call", self._on_after),
                (client, "before-send", functools.partial(self._on_send, client)),
            ]
        for client, name, handler in self._registered:
            client.meta.events.register(name, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for client, name, handler in self._registered:
            client.meta.events.unregister(name, handler)
        self._registered.clear()

    @property
    def names(self) -> list[str]:
        """The calls by name, in the order in which they began."""
        return [call.operation for call in self.calls]

    @property
    def depth(self) -> int:
        """How many calls had to wait for one another.

        Calls of the request's own thread follow each other. What other threads do between two of
        them is done side by side: the reads of one list over its shards. Of those only the pages of
        the same query wait for one another.
        """
        own = threading.get_ident()
        steps = 0
        for alone, calls in groupby(self.calls, key=lambda call: call.thread == own):
            if alone:
                steps += len(list(calls))
            else:
                steps += max(Counter(_question(call) for call in calls).values())
        return steps

    def _on_before(self, model: Any, params: dict[str, Any], context: Any, **_: Any) -> Any:
        here = threading.get_ident()
        with self._lock:
            number = len(self.calls)
            self.calls.append(Call(model.service_model.service_name, model.name, params, here))
        context["number"] = self._here.number = number
        return self._before(number)

    def _on_after(self, context: Any, parsed: dict[str, Any], **_: Any) -> None:
        self.received[context["number"]] = parsed
        self._after(context["number"])

    def _on_send(self, client: Any, request: Any, **_: Any) -> Any:
        return self._send(self._here.number, lambda: client._endpoint.http_session.send(request))


def _clients() -> list[Any]:
    from sheaf import aws
    from sheaf.db import items

    return [items.connection().client, *map(aws.client, SERVICES)]


def body(call: Call) -> dict[str, Any]:
    """What a call sends, of a service that speaks JSON."""
    return json.loads(call.sent["body"])


def _question(call: Call) -> str:
    said = body(call) if call.operation == "Query" else call.sent
    return repr({name: value for name, value in said.items() if name != "ExclusiveStartKey"})


def refusal(code: str, *reasons: str | None, item: dict[str, Any] | None = None) -> Any:
    """An error of DynamoDB, as botocore gives it when all its own tries have failed."""
    parsed: dict[str, Any] = {
        "Error": {"Code": code, "Message": "refused"},
        "ResponseMetadata": {"HTTPHeaders": {}},
    }
    if reasons:
        listed = [{"Code": reason or "None"} for reason in reasons]
        for each in listed:
            if item is not None and each["Code"] == "ConditionalCheckFailed":
                each["Item"] = item
        parsed["CancellationReasons"] = listed
    return SimpleNamespace(status_code=400), parsed


def answer(parsed: dict[str, Any]) -> Any:
    """An answer of AWS, as botocore gives it."""
    return SimpleNamespace(status_code=200), parsed


class _Raw(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


def http_error(status: int, code: str, **rest: Any) -> AWSResponse:
    """An error of DynamoDB (or SSM) as it comes over the network."""
    said = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "injected", **rest}
    headers = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse("http://127.0.0.1", status, headers, _Raw(json.dumps(said).encode()))


def http_answer(data: bytes) -> AWSResponse:
    """An answer of DynamoDB as it comes over the network."""
    headers = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse("http://127.0.0.1", 200, headers, _Raw(data))


def s3_error(status: int, code: str) -> AWSResponse:
    """An error of S3 as it comes over the network."""
    text = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
    headers = {"content-type": "application/xml"}
    return AWSResponse("http://127.0.0.1", status, headers, _Raw(text.encode()))
