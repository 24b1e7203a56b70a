"""The one way to write: all of a change or nothing, with its audit row.

    with Transaction() as tx:
        tx.create(claim, otherwise=lambda other: AlreadyExists(...))
        tx.create(submission)
        tx.audit("submission.create", by=auth, on=form.actee_id, details={...})

Each condition names the Problem that its failure means. A conflict with another transaction, or a
throttle, wrote nothing and says nothing about the conditions, so the whole is sent again, with full
jitter; botocore does not do that for cancelled transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from sheaf import clock
from sheaf.db import keys
from sheaf.db.audit import Audit
from sheaf.db.items import Item, connection
from sheaf.problems import Busy, Problem

if TYPE_CHECKING:
    from types import TracebackType

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

Otherwise = Problem | Callable[[dict[str, Any] | None], Problem] | None

# Reasons of a cancellation that say "nothing was written, ask again", as DynamoDB names them.
TRANSIENT = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
TRIES = 10
LONGEST_WAIT = 0.8


class Author(Protocol):
    """Who makes a change: an actor (None: the system) and the notes of the request."""

    @property
    def actor_id(self) -> int | None:
        """The actor's number."""

    @property
    def notes(self) -> str | None:
        """What X-Action-Notes said."""


@dataclass(frozen=True, slots=True)
class _Step:
    add: Callable[[TransactWrite], None]
    otherwise: Otherwise


class Transaction:
    """A write of up to 100 items, made when the `with` block ends without an exception."""

    def __init__(self) -> None:
        # TransactWrite sends checks, deletes, puts and updates in this order, whatever the order
        # of the calls, and reasons of a cancellation follow it.
        self._checks: list[_Step] = []
        self._deletes: list[_Step] = []
        self._puts: list[_Step] = []
        self._updates: list[_Step] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.commit()

    def check(self, item: Item, condition: Condition, *, otherwise: Otherwise = None) -> None:
        """Require something of an item that is not changed."""
        kind, pk, sk = type(item), item.pk, item.sk
        self._checks.append(
            _Step(lambda tx: tx.condition_check(kind, pk, sk, condition), otherwise)
        )

    def create(self, item: Item, *, otherwise: Otherwise = None) -> None:
        """Put an item where none may be; `otherwise` is given the one that is there."""
        absent = type(item).pk.does_not_exist()
        self._puts.append(
            _Step(lambda tx: tx.save(item, absent, return_values="ALL_OLD"), otherwise)
        )

    def put(
        self, item: Item, condition: Condition | None = None, *, otherwise: Otherwise = None
    ) -> None:
        """Put an item over what may be there."""
        self._puts.append(
            _Step(lambda tx: tx.save(item, condition, return_values="ALL_OLD"), otherwise)
        )

    def update(
        self,
        item: Item,
        actions: Sequence[Action],
        condition: Condition,
        *,
        otherwise: Otherwise = None,
    ) -> None:
        """Change attributes of an item that must fulfil a condition."""
        self._updates.append(
            _Step(
                lambda tx: tx.update(item, list(actions), condition, return_values="ALL_OLD"),
                otherwise,
            )
        )

    def change(self, item: Item, actions: Sequence[Action]) -> None:
        """Change attributes of an item, making it where it is not there."""
        self._updates.append(_Step(lambda tx: tx.update(item, list(actions)), None))

    def delete(
        self, item: Item, condition: Condition | None = None, *, otherwise: Otherwise = None
    ) -> None:
        """Remove an item."""
        self._deletes.append(_Step(lambda tx: tx.delete(item, condition), otherwise))

    def audit(
        self,
        action: str,
        *,
        by: Author,
        on: str | None = None,
        details: dict[str, Any] | None = None,
        feed: str = keys.SITE_FEED,
        event_id: str | None = None,
        event: dict[str, Any] | None = None,
    ) -> str:
        """Write the audit row of this change and give its id.

        Args:
            action: Central's name of the action, for example "submission.create".
            by: who did it; its notes go into the row.
            on: the acteeId of the project, form or actor that it was done to.
            details: Central's details of the action.
            feed: the partition (`keys.feed`) from which the event is told.
            event_id: the row's id, where the change itself refers to it.
            event: what the event path needs and clients do not see.
        """
        row = Audit(
            feed,
            event_id or keys.identifier(0),
            action=action,
            actor_id=by.actor_id,
            actee_id=on,
            details=details,
            notes=by.notes,
            event=event,
        )
        self.create(row)
        return row.sk

    def commit(self) -> None:
        """Write. See the class for what happens when a condition fails.

        Raises:
            Problem: the `otherwise` of the first condition that failed; Busy when other
                transactions kept holding the items.
        """
        steps = [*self._checks, *self._deletes, *self._puts, *self._updates]
        for attempt in range(TRIES):
            transaction = TransactWrite(connection=connection(), client_request_token=clock.uuid())
            for step in steps:
                step.add(transaction)
            try:
                with transaction:
                    pass
            except TransactWriteError as error:
                _judge(error, steps)
                clock.wait(min(LONGEST_WAIT, 0.02 * 2**attempt))
            else:
                return
        raise Busy


def _judge(error: TransactWriteError, steps: list[_Step]) -> None:
    """Raise what a cancellation means, or return when the write may be sent again."""
    reasons = error.cancellation_reasons
    for step, reason in zip(steps, reasons, strict=False):
        if reason is not None and reason.code == "ConditionalCheckFailed":
            otherwise = step.otherwise
            if isinstance(otherwise, Problem):
                raise otherwise
            if otherwise is not None:
                raise otherwise(reason.raw_item)
            break
    else:
        if any(reason is not None and reason.code in TRANSIENT for reason in reasons):
            return
    raise error
