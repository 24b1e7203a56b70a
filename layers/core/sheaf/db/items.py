"""The base of every item, and the reference by which one is read.

PynamoDB holds the attributes; names on disk are one or two letters, because every kilobyte that
a write crosses is paid for. A kind of item is a subclass; its docstring states its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from botocore.exceptions import ClientError
from pynamodb.attributes import Attribute, UnicodeAttribute
from pynamodb.constants import NUMBER
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from sheaf import aws, settings


class IntegerAttribute(Attribute[int]):
    """A whole number; PynamoDB's own attribute of numbers is typed as a float."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """Write it as DynamoDB's API takes numbers."""
        return str(value)

    def deserialize(self, value: str) -> int:
        """Read it."""
        return int(value)


class DueIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The sparse index of what a worker must look at when its time has come."""

    class Meta:
        """Keys alone: the worker reads the item itself, strongly consistent."""

        index_name = "due"
        projection = KeysOnlyProjection()

    due = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True, attr_name="dueAt")


class Item(Model):
    """A record of the table, found by its partition key and sort key."""

    class Meta:
        """Where the items lie. Retries are botocore's; a cancelled transaction is ours."""

        table_name = settings.TABLE_NAME or "sheaf"
        connect_timeout_seconds = 2
        read_timeout_seconds = 10
        max_retry_attempts = 4
        max_pool_connections = 40

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    due_index = DueIndex()

    @classmethod
    def _get_connection(cls) -> Any:
        # PynamoDB would open a client for each class; all kinds lie in one table.
        return super(Item, Item)._get_connection()

    @classmethod
    def ref(cls, key: tuple[str, str]) -> Ref[Self]:
        """Refer to the item of this kind under a key, without reading it."""
        return Ref(cls, *key)


_I = TypeVar("_I", bound=Item)


@dataclass(frozen=True, slots=True)
class Ref(Generic[_I]):
    """A kind of item and the key under which one may lie."""

    kind: type[_I]
    pk: str
    sk: str

    # DynamoDB's limits in bytes; a longer (or empty) key can hold nothing.
    PK_LIMIT: ClassVar[int] = 2048
    SK_LIMIT: ClassVar[int] = 1024

    @property
    def possible(self) -> bool:
        """Whether an item can lie here at all: clients choose parts of keys."""
        try:
            pk, sk = self.pk.encode(), self.sk.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which is no text
            return False
        return 0 < len(pk) <= self.PK_LIMIT and 0 < len(sk) <= self.SK_LIMIT

    @property
    def key(self) -> dict[str, dict[str, str]]:
        """The key as DynamoDB's API takes it."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}

    def read(self, raw: dict[str, Any]) -> _I:
        """Make the item of what DynamoDB returned."""
        item = self.kind()
        item.deserialize(raw)
        return item


def connection() -> Any:
    """Give the connection of this process; its session is the one that other clients use too."""
    shared = Item._get_connection().connection
    if getattr(shared._local, "session", None) is None:
        shared._local.session = aws.session()
    return shared


# How DynamoDB words a throttle that outlasted botocore's retries.
_THROTTLES = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)


def throttled(error: Exception) -> bool:
    """Whether a call failed because DynamoDB asks us to slow down: nothing was done."""
    cause = getattr(error, "cause", error)
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _THROTTLES


# In a Lambda the client is made while the module loads: start-up has a whole core, a request not.
if settings.TABLE_NAME:
    _ = connection().client
