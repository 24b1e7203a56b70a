"""Keys in use, of forms with many keys and shards: found from key to key."""

from sheaf.db import keys
from sheaf.db.transaction import Transaction
from sheaf.encryption.keyring import Key
from sheaf.forms.forms import Form
from sheaf.submissions import key_uses
from sheaf.submissions.records import LIVE, TRASH, Submission
from tests.wire import Wire


def encrypted(form_id, partition, key_id, shard=0):
    submission_id = keys.identifier(shard)
    return Submission(*keys.submission(form_id, partition, submission_id), key_id=key_id)


def follow(before, after):
    with Transaction() as tx:
        key_uses.follow(tx, before, after)
        tx.audit("test", by=_System)


class _System:
    actor_id = notes = None


def in_use(partition=LIVE, form_id=7):
    return [key.id for key in key_uses.keys_of(Form(id=form_id, shards=4), partition)]


def known(*numbers):
    for number in numbers:
        Key(*keys.key(number), id=number, public=str(number), created_at=number).save()


def test_keys_are_listed_newest_first_whatever_uses_them_where(aws):
    known(1, 2, 9, 10, 11)
    for number, shard in ((9, 0), (2, 3), (10, 1), (9, 0), (2, 0), (10, 2)):
        follow(None, encrypted(7, LIVE, number, shard))
    assert in_use() == [10, 9, 2]


def test_forms_and_partitions_are_kept_apart(aws):
    known(1, 2, 3)
    follow(None, encrypted(7, LIVE, 1))
    follow(None, encrypted(77, LIVE, 2))
    follow(None, encrypted(7, "d123", 3))
    follow(None, encrypted(7, TRASH, 2))
    assert (in_use(), in_use("d123"), in_use(TRASH)) == ([1], [3], [])
    assert in_use(form_id=77) == [2]


def test_a_change_of_key_moves_the_mark(aws):
    known(1, 2)
    first = encrypted(7, LIVE, 1)
    follow(None, first)
    second = Submission(first.pk, first.sk, key_id=2)
    follow(first, second)
    assert in_use() == [2]
    third = Submission(first.pk, first.sk, key_id=None)
    follow(second, third)
    assert in_use() == []


def test_no_key_of_its_own_is_no_key(aws):
    follow(None, encrypted(7, LIVE, 0))
    assert in_use() == []


def test_a_thousand_uses_cost_no_more_than_one(aws):
    known(1, 2)
    for number in range(40):
        follow(None, encrypted(7, LIVE, 1 + number % 2, shard=number % 4))
    with Wire() as wire:
        assert in_use() == [2, 1]
    assert wire.names.count("Query") <= 4 * 3
    assert wire.names[-1:] == ["BatchGetItem"]
