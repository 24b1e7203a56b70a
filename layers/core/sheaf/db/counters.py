"""Numbers for what is seldom made: projects, forms, actors. Never for submissions."""

from __future__ import annotations

from pynamodb.exceptions import UpdateError

from sheaf.db import keys
from sheaf.db.items import IntegerAttribute, Item, throttled
from sheaf.problems import Busy


class Counter(Item):
    """The last number given out (key: `COUNTERS`, name)."""

    value = IntegerAttribute(attr_name="v")


def take(name: str, first: int = 1) -> int:
    """Take the next number of a series that begins at `first`.

    A number whose holder was never stored is lost, as with a database's sequence.

    Raises:
        Busy: DynamoDB kept throttling.
    """
    counter = Counter(*keys.counter(name))
    try:
        counter.update(actions=[Counter.value.set((Counter.value | (first - 1)) + 1)])
    except UpdateError as error:
        if throttled(error):
            raise Busy from error
        raise
    return int(counter.value)
