"""What all tests share: an emulator of AWS, a table of its own for each test, and a cast.

The emulator is the local stack's; it starts with the first test that needs it, once per process.
Table, index and stream have the properties that template.yaml gives them, so that tests cannot
drift from what is deployed.
"""

from __future__ import annotations

import itertools
import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.emulator import REGION, ROOT, Emulator, free_port
from local.folder import Folder
from tests.api import InProcess
from tests.cast import Cast

CHECKOUT = Path(__file__).parent.parent
SEALING_KEY = bytes(range(32))
_numbers = itertools.count(1)

# botocore reads these when a client is made; nothing here can reach a real account.
os.environ.update(
    AWS_REGION=REGION,
    AWS_DEFAULT_REGION=REGION,
    AWS_ACCESS_KEY_ID=ROOT["aws_access_key_id"],
    AWS_SECRET_ACCESS_KEY=ROOT["aws_secret_access_key"],
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
)
os.environ.pop("AWS_PROFILE", None)


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """template.yaml, its short intrinsic functions in their long form."""
    from samtranslator.yaml_helper import yaml_parse

    return yaml_parse((CHECKOUT / "template.yaml").read_text())


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    folder = Folder(None)
    running = Emulator(port=free_port(0, "port"), folder=folder, strict=False)
    try:
        running.wait()
        os.environ["AWS_ENDPOINT_URL"] = running.url
        yield running
    finally:
        os.environ.pop("AWS_ENDPOINT_URL", None)
        running.stop()
        folder.close()


@pytest.fixture(scope="session")
def resources(emulator: Emulator) -> SimpleNamespace:
    """The bucket, bus and queue; blobs, events and messages of a test carry ids of their own."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="sheaf-tests")
    s3.put_bucket_versioning(Bucket="sheaf-tests", VersioningConfiguration={"Status": "Enabled"})
    emulator.client("events").create_event_bus(Name="sheaf-tests")
    sqs = emulator.client("sqs")
    queue = sqs.create_queue(QueueName="sheaf-tests")["QueueUrl"]
    exports = sqs.create_queue(QueueName="sheaf-tests-exports")["QueueUrl"]
    return SimpleNamespace(bucket="sheaf-tests", bus="sheaf-tests", queue=queue, exports=exports)


@pytest.fixture
def aws(
    emulator: Emulator,
    resources: SimpleNamespace,
    template: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Emulator:
    """AWS with an empty table and the sealing key, as the first deploy makes it.

    Gives the emulator, for a look behind the product's back.
    """
    from sheaf import settings
    from sheaf.access import passwords
    from sheaf.db import items

    name = f"sheaf-{next(_numbers)}"
    table = template["Resources"]["Table"]["Properties"]
    emulator.client("dynamodb").create_table(
        TableName=name,
        **{
            key: table[key]
            for key in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        },
        BillingMode="PAY_PER_REQUEST",
    )
    emulator.client("ssm").put_parameter(
        Name=f"/{name}/sealing-key",
        Value=b64encode(SEALING_KEY).decode(),
        Type="SecureString",
    )
    monkeypatch.setattr(settings, "TABLE_NAME", name)
    monkeypatch.setattr(settings, "BUCKET_NAME", resources.bucket)
    monkeypatch.setattr(settings, "BUS_NAME", resources.bus)
    monkeypatch.setattr(settings, "DELIVERY_QUEUE_URL", resources.queue)
    monkeypatch.setattr(settings, "EXPORT_QUEUE_URL", resources.exports)
    monkeypatch.setattr(settings, "SECRETS_PREFIX", f"/{name}/")
    # The passwords of a test protect nothing, and hashing them well takes most of its time.
    monkeypatch.setattr(passwords, "_N", 2)
    client = items.connection().client
    monkeypatch.setattr(items.Item.Meta, "table_name", name)
    monkeypatch.setattr(items.Item, "_connection", None)
    # A new client would cost more than the test: the connection is another, the client the same.
    items.connection()._client = client
    return emulator


@pytest.fixture
def api(aws: Emulator) -> InProcess:
    """The API: requests go through openapi.yaml's routes to the handlers, in this process."""
    return InProcess()


@pytest.fixture
def cast(api: InProcess) -> Cast:
    """Alice (administrator), Bob (manager of project 1), Chelsea (no rights), and project 1."""
    return Cast(api)
