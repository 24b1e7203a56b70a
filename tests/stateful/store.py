"""The emulator's DynamoDB in this process: without a network between, runs are much faster."""

from __future__ import annotations

import copy
import json
from base64 import b64decode
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.services import dynamodb

from local.emulator import Emulator
from sheaf import settings
from sheaf.db import items

_PREFIX = "DynamoDB_20120810."


class Store:
    """Answers what DynamoDB would be asked, from its making until `close`."""

    def __init__(self, table: dict[str, Any]) -> None:
        self._events = items.connection().client.meta.events
        self._events.register_last("before-call", self._answer)
        dynamodb._tables.clear()
        items.connection().client.create_table(
            TableName=settings.TABLE_NAME,
            **{
                key: table[key]
                for key in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            },
            BillingMode="PAY_PER_REQUEST",
        )
        self._kept: dict[Any, Any] = {}

    def keep(self) -> None:
        """Remember all that is stored."""
        self._kept = copy.deepcopy(dict(dynamodb._tables._data))

    def put_back(self) -> None:
        """Let it be again as it was then."""
        dynamodb._tables.clear()
        dynamodb._tables._data.update(copy.deepcopy(self._kept))

    def close(self) -> None:
        self._events.unregister("before-call", self._answer)
        dynamodb._tables.clear()

    @staticmethod
    def _answer(model: Any, params: dict[str, Any], **_: Any) -> Any:
        target = {"x-amz-target": f"{_PREFIX}{model.name}"}
        asked = dynamodb.handle_request("POST", "/", target, params["body"], {})
        try:
            asked.send(None)
        except StopIteration as done:
            status, _headers, body = done.value
        said = _read(json.loads(body))
        said["ResponseMetadata"] = {"HTTPHeaders": {}, "HTTPStatusCode": status}
        if status >= 300:
            code = said.pop("__type").rpartition("#")[2]
            said["Error"] = {"Code": code, "Message": said.get("message", said.get("Message"))}
        return SimpleNamespace(status_code=status), said


def _read(said: Any) -> Any:
    """Read bytes where JSON has them as text."""
    if isinstance(said, list):
        return [_read(each) for each in said]
    if not isinstance(said, dict):
        return said
    if len(said) == 1 and isinstance(said.get("B"), str):
        return {"B": b64decode(said["B"])}
    return {name: _read(value) for name, value in said.items()}


class Bucket:
    """A bucket of its own, at the emulator."""

    def __init__(self, aws: Emulator, patch: pytest.MonkeyPatch) -> None:
        self._s3, self._name = aws.client("s3"), f"{settings.TABLE_NAME}-stateful"
        self._s3.create_bucket(Bucket=self._name)
        patch.setattr(settings, "BUCKET_NAME", self._name)

    def files(self) -> dict[str, bytes]:
        """Give all that is in it."""
        listed = self._s3.list_objects_v2(Bucket=self._name).get("Contents", ())
        return {
            each["Key"]: self._s3.get_object(Bucket=self._name, Key=each["Key"])["Body"].read()
            for each in listed
        }

    def empty(self) -> None:
        """Remove all."""
        for key in self.files():
            self._s3.delete_object(Bucket=self._name, Key=key)
