"""Which keys a form's submissions are encrypted for, without a look at the submissions.

Each submission whose current version is encrypted has a small item that says so, written and
removed in the transactions that change the submission: so the answer is exact, and finding it costs
two reads for each key and shard, however many submissions there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from sheaf.db import keys
from sheaf.db.items import Item
from sheaf.db.transaction import Transaction
from sheaf.encryption import keyring
from sheaf.encryption.keyring import Key
from sheaf.forms.forms import Form
from sheaf.submissions.records import TRASH, Submission


class KeyUse(Item):
    """A current version is encrypted (key: `KU#<form><partition>#<shard>`, `<key>#<id>`).

    The key says all. What lies in the trash has none.
    """


def follow(tx: Transaction, before: Submission | None, after: Submission) -> None:
    """Let the transaction that changes a submission keep its KeyUse right."""
    old, new = None if before is None else _place(before), _place(after)
    if old == new:
        return
    if old is not None:
        tx.delete(KeyUse(*old))
    if new is not None:
        tx.create(KeyUse(*new))


def keys_of(form: Form, partition: str) -> list[Key]:
    """Give the keys that current submissions of a partition are encrypted for, newest first."""
    shards = [f"{shard:02x}" for shard in range(form.shards)]
    with ThreadPoolExecutor(max_workers=len(shards)) as pool:
        found = pool.map(lambda shard: list(_in(form, partition, shard)), shards)
        numbers = {number for each in found for number in each}
    return keyring.by_ids(sorted(numbers, reverse=True))


def _in(form: Form, partition: str, shard: str) -> Iterator[int]:
    """Give the keys in use in a shard: the first, the first beyond that, and so on."""
    pk, wanted = keys.key_uses(form.id, partition, shard), 0
    while True:
        beyond = KeyUse.sk >= keys.key_uses_from(wanted)
        use = next(iter(KeyUse.query(pk, beyond, limit=1, consistent_read=True)), None)
        if use is None:
            return
        number = keys.key_of_use(use.sk)
        yield number
        wanted = number + 1


def _place(submission: Submission) -> tuple[str, str] | None:
    """Give the key of a submission's KeyUse, None where it has none."""
    form_id, partition = keys.home(submission.pk)
    if not submission.key_id or partition == TRASH:
        return None
    return keys.key_use(form_id, partition, submission.key_id, submission.id)
