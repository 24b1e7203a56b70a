"""Scenes of tests/happy.py, made once and put back as often as a test needs them.

What is stored is compared and restored behind the product's back, by the emulator's own client.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from local.emulator import Emulator
from tests.api import InProcess
from tests.cast import Cast
from tests.happy import Given

Key = tuple[str, str]
State = dict[Key, dict[str, Any]]
COUNTERS = "COUNTERS"

# Of each scene who acts in it, and what is stored. No table's name is in either.
_scenes: dict[Given, tuple[Cast, State, dict[str, bytes]]] = {}


class Stage:
    """An empty table and a bucket of its own, on which scenes are set."""

    def __init__(self, aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        from sheaf import settings

        bucket = f"{settings.TABLE_NAME}-stage"
        aws.client("s3").create_bucket(Bucket=bucket)
        monkeypatch.setattr(settings, "BUCKET_NAME", bucket)
        monkeypatch.setattr(settings, "HOOK_TARGETS", "any")
        self._table, self._bucket = settings.TABLE_NAME, settings.BUCKET_NAME
        self._dynamodb, self._s3 = aws.client("dynamodb"), aws.client("s3")

    def set(self, given: Given) -> Cast:
        """Set a scene, and give who acts in it."""
        if given not in _scenes:
            self.restore({}, {})
            cast = Cast(InProcess())
            given(cast)
            _scenes[given] = cast, self.table(), self.files()
        cast, table, files = _scenes[given]
        self.restore(table, files)
        return copy.copy(cast)

    def table(self) -> State:
        """Everything in the table."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table, ConsistentRead=True
        )
        return {
            (item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]
        }

    def files(self) -> dict[str, bytes]:
        """Everything in the bucket."""
        listed = self._s3.list_objects_v2(Bucket=self._bucket).get("Contents", ())
        return {
            each["Key"]: self._s3.get_object(Bucket=self._bucket, Key=each["Key"])["Body"].read()
            for each in listed
        }

    def restore(self, table: State, files: dict[str, bytes] | None = None) -> None:
        """Put everything back as it was; files only where they are told."""
        now = self.table()
        changes: list[dict[str, Any]] = [
            {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}}
            for key, item in now.items()
            if key not in table
        ]
        changes += [
            {"PutRequest": {"Item": item}} for key, item in table.items() if now.get(key) != item
        ]
        for start in range(0, len(changes), 25):
            batch = {self._table: changes[start : start + 25]}
            assert not self._dynamodb.batch_write_item(RequestItems=batch)["UnprocessedItems"]
        for key, data in (files or {}).items():
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)

    def missing_files(self) -> set[str]:
        """What the table refers to and the bucket has not."""
        text = json.dumps(list(self.table().values()), default=repr)
        named = set(re.findall(r"(?:submissions|forms)/[0-9a-z]+/[0-9a-z.-]+", text))
        return named - set(self.files())


_A_PUBLIC_KEY = "KP#"


def _named(key: Key) -> Key:
    """The key of an item, without what is chance in it: managed keys are made anew each time."""
    return (_A_PUBLIC_KEY, key[1]) if key[0].startswith(_A_PUBLIC_KEY) else key


def changes(state: State) -> State:
    """A state without what is lost or chance: numbers given out, salts and nonces."""
    shown = {_named(key): dict(item) for key, item in state.items() if key[0] != COUNTERS}
    for (pk, _), item in shown.items():
        if pk.startswith("A#") and "p" in item:
            item["p"] = {"S": "sealed"}
        if pk.startswith("A#"):
            # When a token was last used is written down by itself.
            item.pop("lu", None)
        if pk.startswith("A#") and "k" in item:
            item["k"] = {"B": b"sealed"}
        if pk.startswith("H#"):
            item["s"] = {"B": b"sealed"}
        if pk.startswith("K#"):
            item |= {name: {"B": b"sealed"} for name in ("p", "x", "s", "v")}
        if pk == _A_PUBLIC_KEY:
            item["pk"] = {"S": pk}
    return shown
