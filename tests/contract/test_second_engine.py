"""The main job on another engine: moto's DynamoDB and S3, in this process.

All other tests run on one emulator. What only that one would accept fails here.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.answers import DONE, NOT_FOUND
from tests.api import InProcess
from tests.cast import Cast, audits, xml


@pytest.fixture
def other_engine(template, monkeypatch) -> Iterator[Cast]:
    """The cast, on a stack of moto's; what this process knows of the emulator is put aside."""
    from sheaf import aws, settings
    from sheaf.db import items

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(settings, "TABLE_NAME", "sheaf")
    monkeypatch.setattr(settings, "BUCKET_NAME", "sheaf")
    monkeypatch.setattr(items.Item.Meta, "table_name", "sheaf")
    monkeypatch.setattr(items.Item, "_connection", None)
    aws.session.cache_clear()
    aws.client.cache_clear()
    with mock_aws():
        table = template["Resources"]["Table"]["Properties"]
        items.connection().client.create_table(
            TableName="sheaf",
            **{
                key: table[key]
                for key in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            },
            BillingMode="PAY_PER_REQUEST",
        )
        aws.client("s3").create_bucket(Bucket="sheaf")
        yield Cast(InProcess())
    aws.session.cache_clear()
    aws.client.cache_clear()


def test_the_main_job_comes_out_the_same(other_engine):
    from sheaf.submissions import purge

    cast = other_engine
    cast.form()
    path = f"{cast.SUBMISSIONS}/one"
    assert cast.submit("one", by=cast.colin, photo="p.jpg").status == 200
    assert cast.submit("one").json["code"] == 409.3
    assert cast.colin.post(f"{path}/attachments/p.jpg", b"photo").json == DONE
    edit = xml("two", name="Ada", photo="p.jpg", deprecated="one")
    assert cast.bob.put(path, edit).json["reviewState"] == "edited"
    assert cast.bob.put(path, edit).json["code"] == 409.9
    assert cast.bob.patch(path, {"reviewState": "approved"}).status == 200
    assert cast.bob.get(f"{path}.xml").body == edit
    assert cast.bob.get(f"{path}/attachments/p.jpg").body == b"photo"
    assert [each["instanceId"] for each in cast.bob.get(cast.SUBMISSIONS).json] == ["one"]
    assert cast.bob.delete(path).json == DONE
    assert cast.bob.get(path).json == NOT_FOUND
    assert cast.bob.post(f"{path}/restore").json == DONE
    assert cast.bob.delete(path).json == DONE
    assert purge.run(0) == 1
    assert cast.submit("two").status == 200
    told = [row["action"] for row in audits() if row["action"].startswith("submission.")]
    assert sorted(told) == [
        "submission.attachment.update",
        "submission.attachment.update",
        "submission.create",
        "submission.create",
        "submission.delete",
        "submission.delete",
        "submission.purge",
        "submission.restore",
        "submission.update",
        "submission.update.version",
    ]
