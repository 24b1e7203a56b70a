"""Forms with many submissions, in an emulator of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from local.emulator import REGION, ROOT, Emulator, free_port
from local.folder import Folder

CHECKOUT = Path(__file__).parent.parent
sys.path.insert(0, str(CHECKOUT / "layers" / "core"))
TABLE, BUCKET, QUEUE = "sheaf-bench", "sheaf-bench", "sheaf-bench"
BATCH, SHARDS = 25, 8
_HOUSE = "<house><street>Elm {n}</street>{members}</house>"
_MEMBER = "<member><first>Ada</first><age>{n}</age></member>"
_INSTANCE_ID = "uuid:0c0f6a52-7b1e-4f2c-9f1d-8a37b5f1c6de"


@dataclass(frozen=True)
class Filled:
    """A form with submissions: its path in the API, and how many there are."""

    path: str
    count: int


@contextmanager
def aws() -> Iterator[Emulator]:
    """An emulator with a table, a bucket and a queue, in a process of its own."""
    os.environ |= {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ROOT["aws_secret_access_key"],
        "TABLE_NAME": TABLE,
        "BUCKET_NAME": BUCKET,
        "SECRETS_PREFIX": "/bench/",
    }
    folder = Folder(None)
    running = Emulator(port=free_port(0, "port"), folder=folder, strict=False)
    try:
        running.wait()
        os.environ["AWS_ENDPOINT_URL"] = running.url
        _make(running)
        yield running
    finally:
        running.stop()
        folder.close()


def _make(running: Emulator) -> None:
    from samtranslator.yaml_helper import yaml_parse

    template = yaml_parse((CHECKOUT / "template.yaml").read_text())
    table = template["Resources"]["Table"]["Properties"]
    named = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    running.client("dynamodb").create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST", **{name: table[name] for name in named}
    )
    running.client("s3").create_bucket(Bucket=BUCKET)
    queue = running.client("sqs").create_queue(QueueName=QUEUE)
    os.environ["EXPORT_QUEUE_URL"] = queue["QueueUrl"]


def filled(cast: Any, name: str, count: int, *, repeats: bool) -> Filled:
    """Publish a form, with repeats in repeats if wanted, and fill it."""
    from sheaf.db import keys, reads
    from sheaf.forms.forms import Form
    from tests import journey

    form = journey.FORM.replace(b'id="household"', f'id="{name}"'.encode())
    sent = journey.SUBMISSION.decode().replace('id="household"', f'id="{name}"')
    if repeats:
        within = "<house><street/><member><first/><age/></member></house>"
        form = form.replace(b"<orx:meta>", within.encode() + b"<orx:meta>")
        bodies = "".join(f'<repeat nodeset="/data/house{end}"/>' for end in ("", "/member"))
        form = form.replace(b"<h:body/>", f"<h:body>{bodies}</h:body>".encode())
        houses = (_HOUSE.format(n=n, members=_MEMBER.format(n=n) * 2) for n in range(2))
        sent = sent.replace("<orx:meta>", "".join(houses) + "<orx:meta>")
    made = cast.alice.post(f"{cast.FORMS}?publish=true", form)
    assert made.status == 200, made.text  # noqa: S101
    stored = reads.get(Form.ref(keys.form(1, name)))
    # The emulator looks at all of a partition for each page of it.
    stored.update([Form.shards.set(SHARDS)])
    put(items(stored, sent, count))
    return Filled(f"{cast.FORMS}/{name}", count)


def put(stored: Iterator[dict[str, Any]]) -> None:
    """Put items straight into the table."""
    from sheaf.db.items import Item, connection

    client, table = connection().client, Item.Meta.table_name
    while batch := [{"PutRequest": {"Item": each}} for each in islice(stored, BATCH)]:
        client.batch_write_item(RequestItems={table: batch})


def items(form: Any, sent: str, count: int) -> Iterator[dict[str, Any]]:
    """Give submissions as the product would store them, oldest first, each with a text of its own.

    Args:
        form: which form's.
        sent: the XML that one was sent as.
        count: how many.
    """
    from sheaf import clock
    from sheaf.db import keys
    from sheaf.db.compression import pack
    from sheaf.submissions.records import Submission

    for number in range(count):
        instance_id = f"uuid:{number:08d}-7b1e-4f2c-9f1d-8a37b5f1c6de"
        xml = sent.replace(_INSTANCE_ID, instance_id).replace("Camara", f"Camara {number}")
        submission_id = keys.identifier(keys.shard_for(instance_id, form.shards))
        submission = Submission(
            *keys.submission(form.id, "", submission_id),
            instance_id=instance_id,
            instance_name=f"Mamadou Camara {number}, Bandafassi",
            submitter_id=None,
            device_id="collect:Xq3vT0mBz9aLw7Ke",
            user_agent="org.odk.collect.android/v2026.3.1",
            form_version="2026112201",
            created_at=clock.micros(),
            events=[clock.micros()],
            xml_packed=pack(xml.encode()),
        )
        yield submission.serialize()
