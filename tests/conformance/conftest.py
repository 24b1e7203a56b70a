"""A bare ministack, without anything that the local stack adds to it."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

ROLE = "arn:aws:iam::000000000000:role/any"


class Bare:
    """ministack as it comes, and a server that plays the code of the functions."""

    def __init__(self, folder: Path, **environment: str):
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self.functions = Functions()
        self.start()

    def start(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env={
                **kept,
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(self.port),
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "LOG_LEVEL": "ERROR",
                "TMPDIR": str(self.folder),
                **self._environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait(lambda: _answers(f"{self.url}/_ministack/health"))

    def client(self, service):
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        return session.client(service, endpoint_url=self.url)

    def function(self, name, code, **settings):
        """Make a function whose code is the Python callable `code(event)`; return its ARN."""
        self.functions.code[name] = code
        made = self.client("lambda").create_function(
            FunctionName=name,
            Role=ROLE,
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
            Environment={
                "Variables": {"MINISTACK_LAMBDA_PROXY_URL": f"{self.functions.url}/{name}"}
            },
            **settings,
        )
        return made["FunctionArn"]

    def api(self, arn, key="$default"):
        """Make an HTTP API with one route to the function; return its URL."""
        gateway = self.client("apigatewayv2")
        api = gateway.create_api(Name="any", ProtocolType="HTTP")["ApiId"]
        integration = gateway.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=arn,
            PayloadFormatVersion="2.0",
        )["IntegrationId"]
        gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration}")
        gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        return f"{self.url}/_aws/execute-api/{api}/$default"

    def stack(self, name, resources):
        """Make a stack and return its description once it is settled."""
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=name, TemplateBody=json.dumps({"Resources": resources})
        )

        def settled():
            found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            return None if found["StackStatus"].endswith("IN_PROGRESS") else found

        return wait(settled)

    def physical(self, stack, logical_id):
        found = self.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=logical_id
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def table(self, name):
        """Make a table with a stream; return the stream's ARN."""
        made = self.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return made["TableDescription"]["LatestStreamArn"]

    def put(self, table, *keys):
        for key in keys:
            self.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": key}})

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def close(self):
        self.stop()
        self.functions.close()


class Functions:
    """Serves `code[name]` at `/name`; what it raises is the function's error."""

    def __init__(self):
        self.code = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["content-length"])))
                try:
                    status, result = 200, outer.code[self.path.strip("/")](event)
                except ZeroDivisionError as error:
                    status, result = 500, {"errorMessage": str(error)}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(result).encode())

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def wait(until, seconds=20):
    """Wait for something that happens elsewhere; it is asked for every 20 ms."""
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.02)
    return found


def send(url, body=None, method=None, **headers):
    """Send a request and return (status, body)."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, body, headers, method=method), timeout=20
        ) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _answers(url):
    try:
        return send(url)
    except OSError:
        return None


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    made = Bare(tmp_path_factory.mktemp("ministack"))
    yield made
    made.close()


@pytest.fixture
def kept(tmp_path):
    """A bare ministack of its own, which saves its state."""
    made = Bare(
        tmp_path,
        PERSIST_STATE="1",
        S3_PERSIST="1",
        STATE_DIR=str(tmp_path / "state"),
        S3_DATA_DIR=str(tmp_path / "s3"),
    )
    yield made
    made.close()
