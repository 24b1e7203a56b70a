"""A form with thousands of submissions and one with ten behave alike: equal calls of equal size."""

from __future__ import annotations

from typing import Any

from sheaf.db import keys
from sheaf.db.items import Item, connection
from sheaf.submissions.records import Submission
from tests.cast import OPENROSA, Cast, multipart, xml
from tests.wire import Call, Wire, body

FEW, MANY = 20, 4_000
LIMIT = 8


def crowd(first: int, count: int) -> None:
    """Put so many old submissions into form 1, behind the product's back."""
    items = [_item(number) for number in range(first, first + count)]
    for start in range(0, count, 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        left = connection().client.batch_write_item(RequestItems={Item.Meta.table_name: puts})
        assert not left.get("UnprocessedItems")


def _item(number: int) -> dict[str, Any]:
    moment = 1_700_000_000_000_000 + number
    submission_id = f"{moment:016d}{keys.shard_for(f'c{number}', 4):02x}zz"
    submission = Submission(
        *keys.submission(1, "", submission_id),
        instance_id=f"c{number}",
        form_version="1",
        created_at=moment,
        events=[moment],
    )
    return submission.serialize()


def costs(cast: Cast, tag: str) -> dict[str, list[tuple[str, int]]]:
    """What is done with submissions all day: the calls of each request, with their sizes."""
    alice, path = cast.alice, Cast.SUBMISSIONS
    deep = deep_cursor()
    one = [f"{path}/{tag}{number}" for number in range(6)]
    for number in range(6):
        assert cast.submit(f"{tag}{number}", photo="a.jpg").status == 200
    device = multipart(xml(f"{tag}sent"))
    requests = {
        "create": lambda: alice.post(path, xml(f"{tag}new")),
        "send": lambda: alice.post("/v1/projects/1/submission", device, dict(OPENROSA)),
        "get": lambda: alice.get(one[0]),
        "xml": lambda: alice.get(f"{one[0]}.xml"),
        "edit": lambda: alice.put(one[1], xml(f"{tag}edit", deprecated=f"{tag}1")),
        "review": lambda: alice.patch(one[2], {"reviewState": "approved"}),
        "delete": lambda: alice.delete(one[3]),
        "upload": lambda: alice.post(f"{one[4]}/attachments/a.jpg", b"jpeg"),
        "versions": lambda: alice.get(f"{one[1]}/versions"),
        "audits": lambda: alice.get(f"{one[1]}/audits"),
        "first page": lambda: alice.get(f"{path}?limit={LIMIT}"),
        "deep page": lambda: alice.get(f"{path}?limit={LIMIT}&cursor={deep}"),
    }
    told = {}
    for name, send in requests.items():
        with Wire() as wire:
            answer = send()
        assert answer.status in (200, 201), answer.text
        told[name] = sorted((call.operation, size(call)) for call in wire.calls)
        read = sum(got.get("Count", 0) for got in wire.received.values())
        assert read <= 5 * LIMIT + 16, f"{name} reads {read} items of a query"
    return told


def size(call: Call) -> int:
    """How many items a call writes or asks for; of a query, how many at most."""
    if call.service != "dynamodb":
        return 1
    sent = body(call)
    if call.operation == "BatchGetItem":
        return sum(len(each["Keys"]) for each in sent["RequestItems"].values())
    return len(sent["TransactItems"]) if "TransactItems" in sent else sent.get("Limit", 1)


def deep_cursor() -> str:
    """Where the last page but one begins: as deep as it gets."""
    return str(_item(LIMIT + 2)["sk"]["S"])


def test_a_form_of_thousands_costs_what_a_form_of_ten_costs(cast):
    cast.form()
    crowd(0, FEW)
    few = costs(cast, "few")
    crowd(FEW, MANY)
    many = costs(cast, "many")
    assert many == few


def test_a_deep_page_holds_the_oldest(cast):
    cast.form()
    crowd(0, FEW)
    page = cast.alice.get(f"{Cast.SUBMISSIONS}?limit={LIMIT}&cursor={deep_cursor()}")
    assert [each["instanceId"] for each in page.json] == [f"c{n}" for n in range(LIMIT + 1, 1, -1)]
