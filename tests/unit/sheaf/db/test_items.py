"""Items: all kinds share one client, which is that of the session that other clients use too."""

import pytest
from pynamodb.attributes import UnicodeAttribute

from sheaf import aws as sheaf_aws
from sheaf.db import reads
from sheaf.db.audit import Audit
from sheaf.db.counters import Counter
from sheaf.db.items import IntegerAttribute, Item, connection


class Number(Item):
    value = IntegerAttribute(attr_name="v", null=True)
    text = UnicodeAttribute(null=True)


def test_all_kinds_share_one_client(aws):
    assert Audit._get_connection().connection is connection()
    assert Counter._get_connection().connection is connection()


def test_the_tables_client_is_made_from_the_session_of_the_others(aws):
    assert connection().session is sheaf_aws.session()


@pytest.mark.parametrize("value", [0, -1, 2**53, 10**37])
def test_whole_numbers_stay_whole(aws, value):
    Number("n", "1", value=value).save()
    found = reads.get(Number.ref(("n", "1")))
    assert found is not None
    assert found.value == value
    assert type(found.value) is int


def test_an_attribute_that_is_none_is_not_stored(aws):
    Number("n", "1", value=None, text="x").save()
    from tests.wire import Wire, body

    with Wire() as wire:
        Number("n", "2", value=None, text="x").save()
    assert body(wire.calls[0])["Item"] == {
        "pk": {"S": "n"},
        "sk": {"S": "2"},
        "text": {"S": "x"},
    }
