"""The function host: one process that serves the functions' code to the emulator over HTTP.

The emulator posts each event to `/<logical id>` and takes the answer as the function's result, or
as its error when the status is not 200.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local import custom_resource, http_event, observe
from local.child import Channel, Message, channel_of_child, exit_with_launcher
from local.code import Code
from local.context import Context
from local.environment import OWN, FunctionEnvironment
from local.role import Role
from local.rules import Rules
from local.template import Function

# Lambda's limit for a synchronous invocation, both ways, in bytes.
PAYLOAD_LIMIT = 6_291_556
_PROXY_VARIABLE = "MINISTACK_LAMBDA_PROXY_URL"

Json = dict[str, Any]


class PayloadTooLargeError(Exception):
    """The event is larger than Lambda would take."""


class ResponseTooLargeError(Exception):
    """The result is larger than Lambda would return."""


class PartialFailureError(Exception):
    """A stream function has returned failures: the emulator would lose them, so all is retried."""


class Host:
    """The functions of the application, ready to be invoked."""

    def __init__(self, orders: Message, channel: Channel) -> None:
        self._functions = {f["logical_id"]: Function(**f) for f in orders["functions"]}
        self._channel = channel
        self._configurations: dict[str, Json] = {}
        self._role = Role(orders["endpoint"], strict=orders["strict"])
        self._rules = Rules(self._role.functions)
        self._code = Code(orders["layers"], self._reloaded)
        self.server: Server | None = None

    def _reloaded(self, files: list[str]) -> None:
        self._channel.send({"kind": "reload", "files": files})

    def handle(self, message: Message) -> None:
        """Do what the launcher orders while the host runs."""
        if message["kind"] == "fail":
            observe.order(observe.Fault(message["function"], message["call"], message["when"]))
        if message["kind"] == "withdraw":
            observe.withdraw()
        if message["kind"] == "expect":
            self._rules.expect(message["id"])
        if message["kind"] == "ping":
            number, running = message["number"], observe.running()
            self._channel.send({"kind": "pong", "number": number, "running": running})

    def invoke(self, name: str, body: bytes, headers: Any) -> bytes:
        """Run a function once and return its result as JSON; raise what it raises."""
        started = time.monotonic()
        event = json.loads(body)
        report: Json = {"kind": "invocation", "function": name, "error": None, "failed": []}
        physical = headers["X-Amzn-Lambda-Function-Name"]
        with observe.apart():
            if self._rules.hand_over(physical, event):
                return b"null"
            configuration = self._configuration(name, physical)
        OWN.set(configuration["variables"])
        context = _context(headers, configuration)
        with observe.invocation(name, context.deadline_ms / 1000) as seen:
            try:
                return self._run(name, event, body, context, report)
            except BaseException as error:
                report["error"] = f"{type(error).__name__}: {error}"
                custom_resource.fail(event, report["error"])
                raise
            finally:
                if not context.get_remaining_time_in_millis():
                    report["error"] = "it ran out of time"
                report["ms"] = round((time.monotonic() - started) * 1000)
                self._channel.send(report | _observed(seen, event))

    def _run(self, name: str, event: Any, body: bytes, context: Context, report: Json) -> bytes:
        is_http = http_event.is_http(event)
        if len(body) > PAYLOAD_LIMIT:
            if is_http:
                return json.dumps(http_event.TOO_LARGE).encode()
            raise PayloadTooLargeError(f"{len(body)} bytes, {PAYLOAD_LIMIT} are allowed.")
        if is_http:
            http_event.restore(event)
        result = self._code.handler(self._functions[name])(event, context)
        if is_http:
            http_event.check(result)
        elif isinstance(result, dict) and result.get("batchItemFailures"):
            report["failed"] = [f["itemIdentifier"] for f in result["batchItemFailures"]]
            if _source(event) == "aws:dynamodb":
                raise PartialFailureError(", ".join(report["failed"]))
        answer = json.dumps(result).encode()
        if len(answer) > PAYLOAD_LIMIT:
            raise ResponseTooLargeError(f"{len(answer)} bytes, {PAYLOAD_LIMIT} are allowed.")
        return answer

    def _configuration(self, name: str, physical: str) -> Json:
        """Ask the emulator, once per function, for its variables; take on its role."""
        if name not in self._configurations:
            found = self._role.configuration(physical)
            variables = dict(found.get("Environment", {}).get("Variables", {}))
            variables.pop(_PROXY_VARIABLE, None)
            variables |= {
                "AWS_LAMBDA_FUNCTION_NAME": physical,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(found["MemorySize"]),
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "_HANDLER": self._functions[name].handler,
                "LAMBDA_TASK_ROOT": self._functions[name].code,
            }
            self._configurations[name] = {"variables": variables, "memory": found["MemorySize"]}
        return self._configurations[name]

    def credentials(self) -> bytes:
        """Return the role's credentials as botocore's container provider asks for them."""
        return json.dumps(self._role.credentials()).encode()


class Server(ThreadingHTTPServer):
    """Listens on the socket that the launcher has opened."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, host: Host) -> None:
        super().__init__(listening.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.host = host


class Handler(BaseHTTPRequestHandler):
    """An invocation (POST), or the question for credentials (GET)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        """Invoke the function that the path names."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            self._answer(200, self.server.host.invoke(self.path.strip("/"), body, self.headers))
        except Exception as error:
            traceback.print_exc()
            problem = {"errorMessage": str(error), "errorType": type(error).__name__}
            self._answer(500, json.dumps(problem).encode())

    def do_GET(self) -> None:
        """Hand out the credentials of the role."""
        with observe.apart():
            self._answer(200, self.server.host.credentials())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the launcher writes the journal."""


def _context(headers: Any, configuration: Json) -> Context:
    return Context(
        function_name=headers["X-Amzn-Lambda-Function-Name"],
        function_version=headers["X-Amzn-Lambda-Function-Version"],
        invoked_function_arn=headers["X-Amzn-Lambda-Function-Arn"],
        memory_limit_in_mb=str(configuration["memory"]),
        aws_request_id=headers["X-Amzn-Lambda-Request-Id"],
        deadline_ms=int(headers["X-Amzn-Lambda-Deadline-Ms"]),
        log_stream_name=time.strftime("%Y/%m/%d/[$LATEST]local", time.gmtime()),
    )


def _source(event: Any) -> str:
    records = event.get("Records") if isinstance(event, dict) else None
    return str(records[0].get("eventSource", "")) if records else ""


def _observed(seen: observe.Invocation, event: Any) -> Json:
    messages = event["Records"] if _source(event) == "aws:sqs" else []
    return {
        "calls": seen.calls,
        "events": seen.events,
        "notices": seen.notices,
        "answers": seen.answers,
        "messages": [
            {
                "id": message["messageId"],
                "body": message["body"],
                "attempt": int(message["attributes"]["ApproximateReceiveCount"]),
            }
            for message in messages
        ],
    }


def main() -> None:
    """Serve until the launcher is gone."""
    channel = channel_of_child()
    orders = next(iter(channel))
    os.environ = FunctionEnvironment(os.environ)  # type: ignore[assignment]  # noqa: B003
    observe.watch(orders["emulator_port"])
    host = Host(orders, channel)
    host.server = Server(socket.socket(fileno=orders["listening"]), host)
    threading.Thread(target=host.server.serve_forever, daemon=True).start()
    channel.send({"kind": "ready"})
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    exit_with_launcher(channel, host.handle)


if __name__ == "__main__":
    main()
