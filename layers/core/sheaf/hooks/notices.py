"""Notices: what was told, by e-mail, to the people who look after a hook, so that it is told once.

Whoever tells takes a lease first and writes down afterwards what was told, both under a condition:
the same event, come twice, finds it told. A crash in between lets the next try tell it once more.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from sheaf import clock
from sheaf.db import keys, reads
from sheaf.db.conditional import held
from sheaf.db.items import DueIndex, IntegerAttribute, Item
from sheaf.hooks.deliveries import Delivery
from sheaf.problems import Busy

_SECOND = 1_000_000
# Longer than a function runs, and shorter than Lambda waits before it tries again.
_LEASE = 40 * _SECOND
# What is given up is told once a day for each hook.
DAY = 24 * 3600 * _SECOND
_KEPT_DAYS = 90


class Notice(Item):
    """What was told of a hook (key: `K#<hook>`, `NOTICE`). Times are microseconds.

    `told` is the newest event of the hook itself that was told of. `first` is the oldest event
    whose delivery was given up since the last digest, which was at `told_at`; `telling` the oldest
    of those that a digest is telling of. `lease` is until when somebody is at it.
    """

    project_id = IntegerAttribute(attr_name="p", null=True)
    form_id = IntegerAttribute(attr_name="f", null=True)
    told = UnicodeAttribute(attr_name="e", null=True)
    first = UnicodeAttribute(attr_name="g", null=True)
    telling = UnicodeAttribute(attr_name="h", null=True)
    told_at = IntegerAttribute(attr_name="t", null=True)
    lease = IntegerAttribute(attr_name="l", null=True)
    due = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(attr_name="dueAt", null=True)
    ttl = IntegerAttribute()

    @property
    def hook_id(self) -> str:
        """The hook's id."""
        return str(self.pk).removeprefix(keys.notice("")[0])


def given_up(delivery: Delivery) -> None:
    """Note that a delivery is about to be given up, for the next digest; harmless when repeated."""
    now = clock.micros()
    notice = Notice(*keys.notice(delivery.hook_id))
    noted = [
        Notice.first.set(delivery.sk),
        Notice.project_id.set(delivery.project_id),
        Notice.form_id.set(delivery.form_id),
        Notice.due.set(keys.DUE_NOTICES),
        Notice.due_at.set(f"{now:016d}"),
        _kept(now),
    ]
    older = Notice.first.does_not_exist() | (Notice.first > delivery.sk)
    held(partial(notice.update, noted, condition=older))


def take(hook_id: str, event_key: str) -> Notice | None:
    """Take it on oneself to tell of an event of a hook; None when that was told, or a later one.

    Raises:
        Busy: somebody is at it. Should they crash, the next try tells it.
    """
    notice, now = Notice(*keys.notice(hook_id)), clock.micros()
    news = Notice.told.does_not_exist() | (Notice.told < event_key)
    taken = [Notice.lease.set(now + _LEASE), _kept(now)]
    if held(partial(notice.update, taken, condition=_free(now) & news)):
        return notice
    found = reads.get(Notice.ref((notice.pk, notice.sk)))
    if found is not None and (found.told or "") >= event_key:
        return None
    raise Busy


def told(notice: Notice, event_key: str) -> None:
    """Write down that an event was told."""
    done: list[Any] = [Notice.told.set(event_key), Notice.lease.remove()]
    held(partial(notice.update, done, condition=Notice.lease == notice.lease))


def due() -> list[str]:
    """Give the hooks of which something was given up that nobody was told of."""
    # Who has just noted it may not have given it up yet.
    before = clock.micros() - 60 * _SECOND
    found = Item.due_index.query(keys.DUE_NOTICES, DueIndex.due_at <= f"{before:016d}")
    return [item.pk.removeprefix(keys.notice("")[0]) for item in found]


def open_digest(hook_id: str) -> Notice | None:
    """Take it on oneself to tell of what a hook has given up; None when it is not time for it."""
    notice, now = Notice(*keys.notice(hook_id)), clock.micros()
    rested = Notice.told_at.does_not_exist() | (Notice.told_at <= now - DAY)
    ready, taken = _free(now) & rested, [Notice.lease.set(now + _LEASE), _kept(now)]
    # What is given up from now on is the next digest's; of one that crashed the same is told again.
    begun = [*taken, Notice.telling.set(Notice.first), Notice.first.remove()]
    new = ready & Notice.telling.does_not_exist() & Notice.first.exists()
    if held(partial(notice.update, begun, condition=new)):
        return notice
    again = ready & Notice.telling.exists()
    return notice if held(partial(notice.update, taken, condition=again)) else None


def close_digest(notice: Notice, *, sent: bool) -> None:
    """Write down that a digest is done; `sent` says whether there was something to tell."""
    done: list[Any] = [Notice.telling.remove(), Notice.lease.remove()]
    if sent:
        done.append(Notice.told_at.set(clock.micros()))
    mine = Notice.lease == notice.lease
    gone = [*done, Notice.due.remove(), Notice.due_at.remove()]
    if not held(partial(notice.update, gone, condition=mine & Notice.first.does_not_exist())):
        held(partial(notice.update, done, condition=mine))


def _free(now: int) -> Any:
    return Notice.lease.does_not_exist() | (Notice.lease < now)


def _kept(now: int) -> Any:
    return Notice.ttl.set(now // _SECOND + _KEPT_DAYS * 86_400)
