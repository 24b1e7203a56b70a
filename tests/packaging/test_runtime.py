"""Every built function starts in the Lambda runtime interface emulator and answers.

It runs under a Python that has the standard library, the layer and the runtime interface client,
so a package that the layer lacks is missed here, where the other tests would find the developer's.
"""

import json
import os
import re
import sys
import urllib.request

import pytest

from local.emulator import free_port
from tests.catalogue.test_template import FUNCTIONS, RESOURCES, WORKERS, operations
from tests.packaging.conftest import (
    ROOT,
    architecture,
    environment,
    listens,
    packages,
    running,
)

ROUTES = {function: (path, method) for path, method, function in reversed(list(operations()))}
# What a worker is sent when events/ has nothing for it: a batch of nothing.
NOTHING = {"Records": []}


@pytest.fixture(scope="session")
def stack(emulator):
    """The variables of a function, and the table and bucket that they name."""
    table = RESOURCES["Table"]["Properties"]
    named = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    shape = {name: table[name] for name in named}
    emulator.client("dynamodb").create_table(TableName="packaged", **shape)
    emulator.client("s3").create_bucket(Bucket="packaged")
    return environment(
        AWS_ENDPOINT_URL=emulator.url,
        TABLE_NAME="packaged",
        BUCKET_NAME="packaged",
        BUS_NAME="packaged",
        DELIVERY_QUEUE_URL=f"{emulator.url}/000000000000/packaged",
        SECRETS_PREFIX="/packaged/",
        LOG_LEVEL="INFO",
        ORIGIN="",
        RETENTION_DAYS="30",
        HOOK_TARGETS="public",
    )


@pytest.fixture(scope="session")
def client_folder(tmp_path_factory):
    """A folder with the runtime interface client and what it needs, for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("client")
    for name in ("awslambdaric", "runtime_client.*.so", "simplejson", "snapshot_restore_py.py"):
        [source] = packages().glob(name)
        (folder / source.name).symlink_to(source)
    return folder


@pytest.fixture
def invoke(built, stack, client_folder, tmp_path):
    """Give a function that starts a built function and sends it one event."""
    emulator = packages() / "samcli" / "local" / "rapid"

    def send(function, event):
        port, runtime = free_port(0, "port"), free_port(0, "port")
        paths = [built / "CoreLayer" / "python", client_folder]
        variables = stack | {
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(FUNCTIONS[function].get("Timeout", 30)),
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [
            emulator / f"aws-lambda-rie-{architecture()}",
            *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime}"),
            *(sys._base_executable, "-S", "-m", "awslambdaric", "app.handler"),
        ]
        log = tmp_path / "log"
        code = ROOT / FUNCTIONS[function]["CodeUri"]
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        with running(command, log=log, until=lambda: listens(port), env=variables, cwd=code):
            request = urllib.request.Request(url, json.dumps(event).encode(), method="POST")
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read()), log.read_text()

    return send


def example(function):
    """The event of events/, or None."""
    folder = FUNCTIONS[function]["CodeUri"].removeprefix("functions/").strip("/")
    file = ROOT / "events" / f"{folder}.json"
    return json.loads(file.read_text()) if file.exists() else None


def request_of(function):
    """A request that the function's first route takes, without credentials or a body."""
    path, method = ROUTES[function]
    method = "GET" if method == "x-amazon-apigateway-any-method" else method.upper()
    real = re.sub(r"\{\w+\+?\}", "1", path)
    http = {
        "method": method,
        "path": real,
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.1",
        "userAgent": "test",
    }
    return {
        "version": "2.0",
        "routeKey": "$default" if path == "/$default" else f"{method} {path}",
        "rawPath": real,
        "rawQueryString": "",
        "headers": {"host": "api.example.org", "x-forwarded-proto": "https"},
        "pathParameters": dict.fromkeys(re.findall(r"\{(\w+)\+?\}", path), "1"),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.org",
            "http": http,
            "requestId": "request",
            "stage": "$default",
            "time": "01/Oct/2026:08:00:00 +0000",
            "timeEpoch": 1790841600000,
        },
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - WORKERS))
def test_a_function_of_the_api_answers_as_central_does(function, invoke):
    answer, log = invoke(function, example(function) or request_of(function))
    assert "statusCode" in answer, log[-5000:]
    assert 200 <= answer["statusCode"] < 500, log[-5000:]
    if answer["statusCode"] >= 400 and "json" in answer["headers"].get("Content-Type", "json"):
        said = json.loads(answer["body"])
        if function.startswith("Kobo"):
            assert set(said) == {"detail"}, "an error in KoBoToolbox's form"
        else:
            assert int(said["code"]) == answer["statusCode"]
            assert said["message"]


@pytest.mark.parametrize("function", sorted(WORKERS))
def test_a_worker_starts(function, invoke):
    # What it does with an event is another test's matter; that it starts with the layer is this
    # one's. A failed start is told by the runtime, as Runtime.ImportModuleError and the like.
    answer, log = invoke(function, example(function) or NOTHING)
    failed = isinstance(answer, dict) and answer.get("errorType", "")
    assert not (failed and failed.startswith("Runtime.")), log[-5000:]
