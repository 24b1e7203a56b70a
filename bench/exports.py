"""How much processor time a row costs in exports, lists and feeds: ours, and that of reading it.

`python -m bench.exports [COUNT …]` (5,000 and 50,000) fills a form of 40 questions, and one with
repeats in repeats besides, with so many submissions, and asks for each format in this process, the
emulator being another. Processor time is what counts; what else the machine does is left out as far
as it can be. Reading alone (the client of DynamoDB, its JSON) is measured apart and taken off, so
that what is left is the product's own.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from local.emulator import REGION, ROOT, Emulator, free_port
from local.folder import Folder

sys.path.insert(0, str(Path(__file__).parent.parent / "layers" / "core"))
COUNTS = (5_000, 50_000)
TABLE, BUCKET = "sheaf-bench", "sheaf-bench"
BATCH = 25
_HOUSE = "<house><street>Elm {n}</street>{members}</house>"
_MEMBER = "<member><first>Ada</first><age>{n}</age></member>"


@dataclass(frozen=True)
class Filled:
    """A form with submissions, and who may read them."""

    api: Any
    form: Any
    path: str
    count: int


@contextmanager
def aws() -> Iterator[None]:
    """An emulator with a table and a bucket, in a process of its own."""
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
        yield
    finally:
        running.stop()
        folder.close()


def _make(running: Emulator) -> None:
    from samtranslator.yaml_helper import yaml_parse

    template = yaml_parse((Path(__file__).parent.parent / "template.yaml").read_text())
    table = template["Resources"]["Table"]["Properties"]
    named = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    running.client("dynamodb").create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST", **{name: table[name] for name in named}
    )
    running.client("s3").create_bucket(Bucket=BUCKET)


def filled(cast: Any, name: str, count: int, *, repeats: bool) -> Filled:
    """Publish a form and fill it."""
    from sheaf.db import reads
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
    from sheaf.db import keys

    stored = reads.get(Form.ref(keys.form(1, name)))
    _put(stored, sent, count)
    return Filled(cast.alice, stored, f"{cast.FORMS}/{name}", count)


def _put(form: Any, sent: str, count: int) -> None:
    """Put submissions straight into the table, as the product would store them."""
    from sheaf.db.items import connection

    client, items = connection().client, _items(form, sent, count)
    while batch := list(islice(items, BATCH)):
        puts = [{"PutRequest": {"Item": item}} for item in batch]
        client.batch_write_item(RequestItems={TABLE: puts})


def _items(form: Any, sent: str, count: int) -> Iterator[dict[str, Any]]:
    from sheaf import clock
    from sheaf.db import keys
    from sheaf.db.compression import pack
    from sheaf.submissions.records import Submission

    old = "0c0f6a52-7b1e-4f2c-9f1d-8a37b5f1c6de"
    for number in range(count):
        instance_id = f"uuid:{number:08d}-7b1e-4f2c-9f1d-8a37b5f1c6de"
        xml = sent.replace(f"uuid:{old}", instance_id).replace("Camara", f"Camara {number}")
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


def spent(work: Callable[[], Any]) -> float:
    """Seconds of processor time, of all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def reading(data: Filled) -> float:
    """What it takes to read all items, and no more."""
    from sheaf.data import stored

    def read() -> None:
        for _ in stored.newest(stored.Range(data.form, [""])):
            pass

    return spent(read)


def measure(data: Filled, kind: str) -> None:
    """Print a line for each format."""
    alone = reading(data)
    formats = {
        "csv": f"{data.path}/submissions.csv",
        "csv.zip": f"{data.path}/submissions.csv.zip",
        "list": f"{data.path}/submissions",
        "OData, all": f"{data.path}.svc/Submissions",
        "OData, pages of 250": f"{data.path}.svc/Submissions?$top=250",
    }
    for name, path in formats.items():
        rows = 250 if "pages" in name else data.count
        taken = spent(lambda path=path: _ask(data.api, path))  # type: ignore[misc]
        own = taken - alone * rows / data.count
        print(
            f"| {kind} | {rows:,} | {name} | {taken / rows * 1e6:.0f} | {own / rows * 1e6:.0f} "
            f"| {rows / own:,.0f} |"
        )


def _ask(api: Any, path: str) -> None:
    answer = api.get(path)
    assert answer.status in (200, 303), answer.text  # noqa: S101


def main(counts: list[int]) -> None:
    """Fill, ask, print."""
    with aws():
        logging.disable(logging.INFO)
        from sheaf.exports import direct
        from tests.api import InProcess
        from tests.cast import Cast

        # All in one request, however large.
        direct.ROWS = direct.TIME = direct.BYTES = 1 << 60
        cast = Cast(InProcess())
        print("| form | rows | format | µs a row | without reading | rows/s and core |")
        print("|---|---|---|---|---|---|")
        for count in counts:
            for repeats, kind in ((False, "40 questions"), (True, "with repeats")):
                name = f"{'deep' if repeats else 'flat'}{count}"
                measure(filled(cast, name, count, repeats=repeats), kind)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or list(COUNTS))
