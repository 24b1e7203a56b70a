"""A list that no answer of a Lambda carries arrives whole, with the tools that people use."""

from __future__ import annotations

import json
import subprocess

import pytest
import requests

from sheaf.db import keys
from sheaf.submissions.records import Submission
from tests.e2e.project import Project

COUNT = 1_200
# A page of this many and of this long a name is over 4.4 MB.
NAME = "é" * 2_000


@pytest.fixture
def project(stack) -> Project:
    return Project.new(stack)


def fill(stack, form_id: int) -> list[str]:
    """Put submissions into the stack's table; give their ids, newest first."""
    client, table = stack.client("dynamodb"), stack.physical("Table")
    ids = [f"large{number}" for number in range(COUNT)]
    puts = [
        {"PutRequest": {"Item": _item(form_id, number, name)}} for number, name in enumerate(ids)
    ]
    for start in range(0, COUNT, 25):
        left = client.batch_write_item(RequestItems={table: puts[start : start + 25]})
        assert not left.get("UnprocessedItems")
    return ids[::-1]


def _item(form_id: int, number: int, instance_id: str) -> dict:
    moment = 1_700_000_000_000_000 + number
    submission_id = f"{moment:016d}{keys.shard_for(instance_id, 4):02x}zz"
    return Submission(
        *keys.submission(form_id, "", submission_id),
        instance_id=instance_id,
        instance_name=NAME,
        form_version="1",
        created_at=moment,
        events=[moment],
    ).serialize()


def form_number(stack, project: Project) -> int:
    key = dict(zip(("pk", "sk"), keys.form(project.id, "simple"), strict=True))
    found = stack.client("dynamodb").get_item(
        TableName=stack.physical("Table"), Key={name: {"S": value} for name, value in key.items()}
    )
    return int(found["Item"]["i"]["N"])


def test_a_list_beyond_the_limit_arrives_whole(stack, project):
    ids = fill(stack, form_number(stack, project))
    url, login = f"{stack.url}{project.submissions}", project.api.headers
    assert project.api.get(project.submissions).status == 303
    # Compressed it would fit.
    read = requests.get(url, headers=login | {"accept-encoding": "identity"}, timeout=60)
    assert [each["instanceId"] for each in read.json()] == ids
    assert len(read.content) > 4_400_000
    assert read.history[0].status_code == 303
    header = f"authorization: {login['authorization']}"
    curl = ["curl", "--silent", "--show-error", "--fail", "--location"]
    told = subprocess.run([*curl, "-H", header, url], capture_output=True, check=True, timeout=60)
    assert json.loads(told.stdout) == read.json()
