"""The one way to write: all of a change or nothing, with its audit row.

    with Transaction() as tx:
        tx.create(claim, otherwise=lambda other: AlreadyExists(...))
        tx.create(submission)
        tx.audit("submission.create", by=auth, on=form.actee_id, details={...})

Each condition names the Problem that its failure means: a failed condition is an answer and never
tried again. A conflict with another transaction, or a throttle, wrote nothing and says nothing
about the conditions, so the whole is sent again, with full jitter; botocore does not do that for
cancelled transactions. Whatever else cancels one is a defect and is raised as it came.
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
from sheaf.db.items import Item, connection, throttled
from sheaf.problems import Busy, Problem

if TYPE_CHECKING:
    from types import TracebackType

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

# What the failure of a condition means. A callable is given the item that is there, as DynamoDB
# holds it; None, where there is none, or where a check or a deletion failed.
Otherwise = Problem | Callable[[dict[str, Any] | None], Problem] | None

_FAILED = "ConditionalCheckFailed"
# Reasons of a cancellation that say "nothing was written, ask again", as DynamoDB names them.
TRANSIENT = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
TRIES = 10
LONGEST_WAIT = 0.8


class Author(Protocol):
    """Who makes a change: an actor (None: the system), and what the request said besides."""

    @property
    def actor_id(self) -> int | None:
        """The actor's number."""

    @property
    def notes(self) -> str | None:
        """What X-Action-Notes said."""

    @property
    def hops(self) -> int:
        """How many systems the request is the echo of, as its Webhook-Hops said."""


# TransactWrite sends its steps in this order, whatever the order of the calls, and the reasons of a
# cancellation follow it.
_CHECK, _DELETE, _PUT, _UPDATE = range(4)


@dataclass(frozen=True, slots=True)
class _Step:
    kind: int
    stated: int
    add: Callable[[TransactWrite], None]
    otherwise: Otherwise


class Transaction:
    """A write of up to 100 items, made when the `with` block ends without an exception."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []

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
        self._add(_CHECK, lambda tx: tx.condition_check(kind, pk, sk, condition), otherwise)

    def create(self, item: Item, *, otherwise: Otherwise = None) -> None:
        """Put an item where none may be; `otherwise` is given the one that is there."""
        absent = type(item).pk.does_not_exist()
        self._add(_PUT, lambda tx: tx.save(item, absent, return_values="ALL_OLD"), otherwise)

    def put(
        self, item: Item, condition: Condition | None = None, *, otherwise: Otherwise = None
    ) -> None:
        """Put an item over what may be there."""
        self._add(_PUT, lambda tx: tx.save(item, condition, return_values="ALL_OLD"), otherwise)

    def update(
        self,
        item: Item,
        actions: Sequence[Action],
        condition: Condition,
        *,
        otherwise: Otherwise = None,
    ) -> None:
        """Change attributes of an item that must fulfil a condition."""
        self._add(
            _UPDATE,
            lambda tx: tx.update(item, list(actions), condition, return_values="ALL_OLD"),
            otherwise,
        )

    def change(self, item: Item, actions: Sequence[Action]) -> None:
        """Change attributes of an item, making it where it is not there."""
        self._add(_UPDATE, lambda tx: tx.update(item, list(actions)), None)

    def delete(
        self, item: Item, condition: Condition | None = None, *, otherwise: Otherwise = None
    ) -> None:
        """Remove an item."""
        self._add(_DELETE, lambda tx: tx.delete(item, condition), otherwise)

    def audit(
        self,
        action: str,
        *,
        by: Author,
        on: str | None = None,
        details: dict[str, Any] | None = None,
        event_id: str | None = None,
        event: dict[str, Any] | None = None,
        hidden: bool = False,
    ) -> str:
        """Write the audit row of this change and give its sort key, which names the event.

        Args:
            action: Central's name of the action, for example "submission.create".
            by: who did it; its notes go into the row.
            on: the acteeId of the project, form or actor that it was done to.
            details: Central's details of the action.
            event_id: the row's id, where the change itself refers to it.
            event: what the event path needs and clients do not see.
            hidden: whether this is an event alone, which no audit log shows.
        """
        row = Audit(
            *keys.audit(keys.kind(action, hidden=hidden), event_id or keys.identifier(0)),
            action=action,
            actor_id=by.actor_id,
            actee_id=on,
            details=details,
            notes=by.notes,
            event=event and ({**event, "hops": by.hops} if by.hops else event),
        )
        # An id that is taken is chance, one in millions: the next try has another.
        self.create(row, otherwise=Busy())
        return str(row.sk)

    def _add(self, kind: int, add: Callable[[TransactWrite], None], otherwise: Otherwise) -> None:
        self._steps.append(_Step(kind, len(self._steps), add, otherwise))

    def commit(self) -> None:
        """Write. See the module for what happens when a condition fails.

        Raises:
            Problem: the `otherwise` of the condition that failed; of several, the one stated first.
            Busy: other transactions kept holding the items, or DynamoDB its throttle.
        """
        sent = sorted(self._steps, key=lambda step: step.kind)
        for attempt in range(TRIES):
            if attempt:
                clock.wait(min(LONGEST_WAIT, 0.01 * 2**attempt))
            transaction = TransactWrite(connection=connection(), client_request_token=clock.uuid())
            for step in sent:
                step.add(transaction)
            try:
                with transaction:
                    return
            except TransactWriteError as error:
                self._judge(error, sent)
        raise Busy

    def _judge(self, error: TransactWriteError, sent: list[_Step]) -> None:
        """Raise what a failure means, or return when the write may be sent again."""
        if throttled(error):
            # botocore has tried again already, and waited longer each time.
            raise Busy from error
        reasons = error.cancellation_reasons
        failed = [
            (step.stated, step.otherwise, reason.raw_item)
            for step, reason in zip(sent, reasons, strict=False)
            if reason is not None and reason.code == _FAILED and step.otherwise is not None
        ]
        if failed:
            _, otherwise, raw = min(failed, key=lambda each: each[0])
            raise otherwise if isinstance(otherwise, Problem) else otherwise(raw)
        codes = {reason.code for reason in reasons if reason is not None}
        if not codes or not codes <= TRANSIENT:
            raise error
