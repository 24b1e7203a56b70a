"""The keys that forms are encrypted for: managed ones, and those that forms bring with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, UnicodeAttribute

from sheaf import clock
from sheaf.db import keys, reads
from sheaf.db.counters import take
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Transaction
from sheaf.encryption import keypairs
from sheaf.encryption.keypairs import Sealed
from sheaf.problems import Busy, ValueTooLong

# In characters. An RSA key of 16,384 bits, the longest that anybody makes, has 2,800.
LONGEST_PUBLIC = 10_000


class Key(Item):
    """A key that forms are encrypted for (key: `K#<key>`, `K`).

    Of a managed one the private key is here too, sealed with a passphrase that nobody stores, and
    the project that it was made for; of one that a form has brought with it there is nothing but
    the public key.
    """

    id = IntegerAttribute(attr_name="i")
    public = UnicodeAttribute(attr_name="p")
    managed = BooleanAttribute(attr_name="m", null=True)
    project_id = IntegerAttribute(attr_name="pr", null=True)
    hint = UnicodeAttribute(attr_name="h", null=True)
    private = BinaryAttribute(attr_name="x", null=True, legacy_encoding=False)
    salt = BinaryAttribute(attr_name="s", null=True, legacy_encoding=False)
    vector = BinaryAttribute(attr_name="v", null=True, legacy_encoding=False)
    created_at = IntegerAttribute(attr_name="c")

    @property
    def sealed(self) -> Sealed:
        """The private key of a managed key, as it rests."""
        return Sealed(self.private, self.salt, self.vector)

    def to_api(self) -> dict[str, Any]:
        """Give the key as Central shows it: nothing private."""
        return {
            "id": self.id,
            "public": self.public,
            "managed": self.managed,
            "hint": self.hint,
            "createdAt": clock.iso(self.created_at),
        }


class PublicKey(Item):
    """Finds a key by its public key (key: `KP#<sha256 of public key>`, `K`): each is there once."""

    key_id = IntegerAttribute(attr_name="i")


def make_managed(project_id: int, passphrase: str, hint: str | None) -> Key:
    """Make a key for a project, that the passphrase opens; it is not yet stored."""
    public, sealed = keypairs.generate(passphrase)
    key = _make(public)
    key.managed, key.project_id, key.hint = True, project_id, hint
    key.private, key.salt, key.vector = sealed.private, sealed.salt, sealed.iv
    return key


def find_or_make(public: str) -> tuple[Key, bool]:
    """Give the key of a public key, and whether it is known; one that is not is not yet stored.

    Raises:
        ValueTooLong: no key is as long as this.
    """
    if len(public) > LONGEST_PUBLIC:
        raise ValueTooLong(maxLength=str(LONGEST_PUBLIC))
    known = reads.get(PublicKey.ref(keys.public_key(public)))
    if known is None:
        return _make(public), False
    (key,) = by_ids([known.key_id])
    return key, True


def create(tx: Transaction, key: Key) -> None:
    """Let a transaction store a new key."""
    tx.create(key)
    # Somebody has brought the same key a moment ago: the next try finds that.
    name = PublicKey(*keys.public_key(key.public), key_id=key.id)
    tx.create(name, otherwise=Busy())


def by_ids(numbers: Iterable[int]) -> list[Key]:
    """Read keys by their numbers; those that never were are left out."""
    found = reads.fetch([Key.ref(keys.key(number)) for number in numbers])
    return [key for key in found if key is not None]


def _make(public: str) -> Key:
    number = take("key")
    return Key(*keys.key(number), id=number, public=public, created_at=clock.micros())
