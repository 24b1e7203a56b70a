"""Echoes: what receivers of hooks were sent of a submission and answered, in records of deliveries.

Those records stay when a submission is purged; what was said in them goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BooleanAttribute, ListAttribute
from pynamodb.expressions.condition import size

from sheaf.db import keys, reads
from sheaf.db.conditional import held
from sheaf.db.items import Item
from sheaf.problems import Busy

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

_TRIES = 5
# Of an attempt: the exchange itself, and whether there is more of it (`sheaf.hooks.attempts`).
SAID = frozenset({"d", "l"})


class Echo(Item):
    """A delivery as far as a purge must know it (key: `L#<hook>`, `<event>`).

    `purged` tells whoever has an attempt under way that nothing of it is to be kept but numbers.
    """

    attempts: ListAttribute[Any] = ListAttribute(attr_name="a")
    purged = BooleanAttribute(attr_name="z", null=True)


def forget(body: str) -> None:
    """Take what was said out of the record of a delivery.

    Args:
        body: the sort key of the body, or of the answer, that is about to go.

    Raises:
        Busy: attempts kept coming.
    """
    for _ in range(_TRIES):
        echo = reads.get(Echo.ref(keys.delivery_of(body)))
        if echo is None:
            return
        kept = without(echo.attempts)
        same = size(Echo.attempts) == len(kept)  # type: ignore[no-untyped-call]
        blank: list[Action] = [Echo.attempts.set(kept), Echo.purged.set(True)]
        if held(partial(echo.update, blank, condition=same)):
            return
    raise Busy


def without(attempts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give attempts with their numbers alone."""
    return [{n: v for n, v in dict(each).items() if n not in SAID} for each in attempts]
