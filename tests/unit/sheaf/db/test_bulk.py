"""Pages of raw items."""

import pytest
from botocore.exceptions import ClientError

from sheaf.db import bulk
from sheaf.db.bulk import Span
from sheaf.db.counters import Counter
from sheaf.db.items import connection
from tests.wire import Wire, http_error


@pytest.fixture
def numbers(aws):
    for number in range(10):
        Counter("P", f"{number}x", value=number).save()


def read(span, **rest):
    page = bulk.page(span, ("sk", "v"), **rest)
    return [item["sk"]["S"] for item in page.items], page.last


def test_a_page_holds_items_as_dynamodb_tells_them(numbers):
    page = bulk.page(Span("P"), ("sk", "v"), size=2)
    assert page.items == [
        {"sk": {"S": "9x"}, "v": {"N": "9"}},
        {"sk": {"S": "8x"}, "v": {"N": "8"}},
    ]
    assert bulk.page(Span("P"), ("v",), size=1).items == [{"v": {"N": "9"}}]


def test_pages_follow_one_another_until_the_end(numbers):
    keys, last = read(Span("P"), size=6)
    assert keys == ["9x", "8x", "7x", "6x", "5x", "4x"]
    assert last == {"pk": {"S": "P"}, "sk": {"S": "4x"}}
    assert read(Span("P"), size=6, after=last) == (["3x", "2x", "1x", "0x"], None)
    assert read(Span("nothing")) == ([], None)


@pytest.mark.parametrize(
    ("first", "end", "keys"),
    [
        ("7", "", ["9x", "8x", "7x"]),
        ("", "2x", ["1x", "0x"]),
        ("", "2", ["1x", "0x"]),
        ("3x", "5x", ["4x", "3x"]),
        ("", "0", []),
    ],
)
def test_a_span_has_a_first_key_and_one_before_which_it_ends(numbers, first, end, keys):
    assert read(Span("P", first, end))[0] == keys
    assert bulk.count(Span("P", first, end)) == len(keys)


def test_items_are_counted(numbers):
    assert bulk.count(Span("P")) == 10


def test_other_queries_are_parsed_as_ever(numbers):
    bulk.page(Span("P"), ("sk",))
    answer = connection().client.query(
        TableName=Counter.Meta.table_name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "P"}},
    )
    assert answer["Count"] == len(answer["Items"]) == 10
    assert Counter.query("P").next().value == 0


def test_a_refusal_is_raised_as_by_any_call(numbers):
    denied = Wire(send=lambda *_: http_error(400, "AccessDeniedException"))
    with denied, pytest.raises(ClientError) as caught:
        bulk.page(Span("P"), ("sk",))
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
