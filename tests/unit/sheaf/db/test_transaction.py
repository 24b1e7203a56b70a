import pytest
from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import TransactWriteError

from sheaf import clock
from sheaf.access.auth import SYSTEM, Auth
from sheaf.db import keys, reads, transaction
from sheaf.db.audit import Audit
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Transaction
from sheaf.problems import Busy, NotFound, OutdatedCopy, Problem
from tests.wire import Wire, body, refusal

CANCELLED = "TransactionCanceledException"
FAILED = "ConditionalCheckFailed"


class Thing(Item):
    text = UnicodeAttribute(null=True)
    number = IntegerAttribute(null=True)


def thing(name, **values):
    return Thing("thing", name, **values)


def get(name):
    return reads.get(Thing.ref(("thing", name)))


def logged(action="thing.create", *, hidden=False):
    """The rows of an action's kind."""
    return [
        row
        for feed in keys.feeds(keys.kind(action, hidden=hidden))
        for row in Audit.query(feed, consistent_read=True)
    ]


def sent(call):
    return [
        (kind, (said.get("Item") or said["Key"])["sk"]["S"])
        for each in body(call)["TransactItems"]
        for kind, said in each.items()
    ]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(transaction, "LONGEST_WAIT", 0.001)


class First(Problem):
    code = 409.1
    message = "first"


class Second(Problem):
    code = 409.2
    message = "second"


class Told(Problem):
    code = 409.4
    message = "there is something"


def test_all_of_a_change_is_written(aws):
    for name in ("checked", "updated", "deleted"):
        thing(name, number=1).save()
    with Transaction() as tx:
        tx.update(thing("updated"), [Thing.number.set(2)], Thing.number == 1)
        tx.create(thing("created"))
        tx.put(thing("put", text="x"))
        tx.delete(thing("deleted"), Thing.number == 1)
        tx.check(thing("checked"), Thing.number == 1)
        tx.change(thing("changed"), [Thing.number.set((Thing.number | 0) + 5)])
    assert get("created") is not None
    assert get("put").text == "x"
    assert get("updated").number == 2
    assert get("deleted") is None
    assert get("checked").number == 1
    assert get("changed").number == 5


def test_nothing_is_written_when_the_block_raises(aws):
    with pytest.raises(NotFound), Wire() as wire, Transaction() as tx:
        tx.create(thing("a"))
        raise NotFound
    assert wire.calls == []


@pytest.mark.parametrize("kind", ["check", "create", "put", "update", "delete"])
def test_a_failed_condition_is_its_problem_and_nothing_is_written(aws, kind):
    thing("here", number=1).save()
    with Wire() as wire, pytest.raises(OutdatedCopy), Transaction() as tx:
        tx.create(thing("other"))
        said = {"otherwise": OutdatedCopy(deprecatedId="x")}
        match kind:
            case "check":
                tx.check(thing("here"), Thing.number == 2, **said)
            case "create":
                tx.create(thing("here", number=3), **said)
            case "put":
                tx.put(thing("here", number=3), Thing.number == 2, **said)
            case "update":
                tx.update(thing("here"), [Thing.number.set(3)], Thing.number == 2, **said)
            case "delete":
                tx.delete(thing("here"), Thing.number == 2, **said)
    assert get("other") is None
    assert get("here").number == 1
    assert len(wire.calls) == 1, "a failed condition is an answer, not to be tried again"


@pytest.mark.parametrize(
    ("kind", "given"),
    [("create", "1"), ("put", "1"), ("update", "1"), ("check", None), ("delete", None)],
)
def test_an_answer_may_depend_on_what_is_there(aws, kind, given):
    thing("here", number=1).save()

    def otherwise(raw):
        return Told(was=raw and raw["number"]["N"])

    with pytest.raises(Told) as raised, Transaction() as tx:
        match kind:
            case "create":
                tx.create(thing("here"), otherwise=otherwise)
            case "put":
                tx.put(thing("here"), Thing.number == 2, otherwise=otherwise)
            case "update":
                actions = [Thing.number.set(3)]
                tx.update(thing("here"), actions, Thing.number == 2, otherwise=otherwise)
            case "check":
                tx.check(thing("here"), Thing.number == 2, otherwise=otherwise)
            case "delete":
                tx.delete(thing("here"), Thing.number == 2, otherwise=otherwise)
    assert raised.value.details == {"was": given}


def test_a_condition_on_what_is_not_there_is_answered_with_nothing(aws):
    def otherwise(raw):
        assert raw is None
        return NotFound()

    with pytest.raises(NotFound), Transaction() as tx:
        tx.update(thing("gone"), [Thing.number.set(3)], Thing.pk.exists(), otherwise=otherwise)


def test_pynamodb_sends_checks_deletes_puts_and_updates_in_this_order(aws):
    thing("d").save()
    with Wire() as wire, Transaction() as tx:
        tx.change(thing("u"), [Thing.number.set(1)])
        tx.create(thing("p1"))
        tx.delete(thing("d"))
        tx.check(thing("c"), Thing.pk.does_not_exist())
        tx.create(thing("p2"))
    assert [sent(call) for call in wire.calls] == [
        [
            ("ConditionCheck", "c"),
            ("Delete", "d"),
            ("Put", "p1"),
            ("Put", "p2"),
            ("Update", "u"),
        ]
    ]


@pytest.mark.parametrize("failing", ["c", "d", "p1", "p2", "u"])
def test_a_reason_finds_the_condition_that_it_belongs_to(aws, failing):
    """Whatever the order of the calls, each condition that fails is answered by its own Problem."""
    thing("d").save()
    absent, present = Thing.pk.does_not_exist(), Thing.pk.exists()
    if failing in ("c", "p1", "p2"):
        thing(failing).save()
    if failing == "d":
        thing("d").delete()
    if failing != "u":
        thing("u").save()
    with pytest.raises(Told) as raised, Transaction() as tx:
        tx.update(thing("u"), [Thing.number.set(1)], present, otherwise=Told(at="u"))
        tx.create(thing("p1"), otherwise=lambda _: Told(at="p1"))
        tx.delete(thing("d"), present, otherwise=Told(at="d"))
        tx.create(thing("p2"), otherwise=Told(at="p2"))
        tx.check(thing("c"), absent, otherwise=Told(at="c"))
    assert raised.value.details == {"at": failing}


def test_of_several_failures_the_one_stated_first_answers(aws):
    for name in ("a", "b"):
        thing(name, number=1).save()
    with pytest.raises(First), Transaction() as tx:
        tx.update(thing("a"), [Thing.number.set(3)], Thing.number == 2, otherwise=First())
        tx.create(thing("b"), otherwise=Second())


def test_a_failure_without_an_answer_leaves_the_word_to_one_with(aws):
    for name in ("a", "b"):
        thing(name, number=1).save()
    with pytest.raises(Second), Transaction() as tx:
        tx.create(thing("a"))
        tx.create(thing("b"), otherwise=Second())


def test_a_failure_without_an_answer_is_a_defect(aws):
    thing("a").save()
    with pytest.raises(TransactWriteError), Transaction() as tx:
        tx.create(thing("a"))


def test_a_failed_condition_beside_a_conflict_is_an_answer(aws):
    cancelled = refusal(CANCELLED, "TransactionConflict", FAILED)
    with Wire(before=lambda _: cancelled) as wire, pytest.raises(Second), Transaction() as tx:
        tx.create(thing("a"), otherwise=First())
        tx.create(thing("b"), otherwise=Second())
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    "reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_what_wrote_nothing_is_sent_again_as_it_was(aws, reason):
    with (
        Wire(before=lambda n: refusal(CANCELLED, None, reason) if n < 3 else None) as wire,
        Transaction() as tx,
    ):
        tx.create(thing("a", number=7))
        tx.create(thing("b"))
    assert get("a").number == 7
    items = [body(call)["TransactItems"] for call in wire.calls]
    assert items == [items[0]] * 4
    tokens = {body(call)["ClientRequestToken"] for call in wire.calls}
    assert len(tokens) == 4, "a cancelled transaction's token would only repeat its cancellation"


def test_ten_conflicts_are_busy(aws):
    conflict = refusal(CANCELLED, "TransactionConflict")
    with (
        Wire(before=lambda _: conflict) as wire,
        pytest.raises(Busy) as raised,
        Transaction() as tx,
    ):
        tx.create(thing("a"), otherwise=First())
    assert len(wire.calls) == transaction.TRIES == 10
    assert raised.value.code == 503.1
    assert get("a") is None


def test_waits_grow_between_tries_and_none_follows_the_last(aws, monkeypatch):
    waits = []
    monkeypatch.setattr(clock, "wait", waits.append)
    conflict = refusal(CANCELLED, "TransactionConflict")
    monkeypatch.setattr(transaction, "LONGEST_WAIT", 0.8)
    with Wire(before=lambda _: conflict), pytest.raises(Busy), Transaction() as tx:
        tx.create(thing("a"))
    assert waits == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 0.8, 0.8, 0.8]


@pytest.mark.parametrize(
    "cancelled",
    [
        refusal(CANCELLED),
        refusal(CANCELLED, None, None),
        refusal(CANCELLED, "ValidationError"),
        refusal(CANCELLED, "TransactionConflict", "ValidationError"),
        refusal(CANCELLED, "SomethingNew"),
        refusal("ValidationException"),
        refusal("AccessDeniedException"),
    ],
)
def test_whatever_else_cancels_is_raised_as_it_came(aws, cancelled):
    with (
        Wire(before=lambda _: cancelled) as wire,
        pytest.raises(TransactWriteError),
        Transaction() as tx,
    ):
        tx.create(thing("a"), otherwise=First())
        tx.create(thing("b"), otherwise=First())
    assert len(wire.calls) == 1


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_a_throttle_that_outlasts_botocore_is_busy(aws, code):
    with Wire(before=lambda _: refusal(code)) as wire, pytest.raises(Busy), Transaction() as tx:
        tx.create(thing("a"), otherwise=First())
    assert len(wire.calls) == 1


def test_a_change_writes_its_audit_row_with_it(aws):
    with Transaction() as tx:
        tx.create(thing("a"))
        row_id = tx.audit(
            "thing.create",
            by=Auth(None, notes="because"),
            on="actee",
            details={"n": 1},
            event={"more": 2},
        )
    (row,) = logged()
    assert row.sk == row_id
    assert row.event == {"more": 2}
    assert row.to_api() == {
        "actorId": None,
        "action": "thing.create",
        "acteeId": "actee",
        "details": {"n": 1},
        "loggedAt": clock.iso(keys.micros(row_id)),
        "notes": "because",
    }


def test_a_row_may_be_an_event_alone(aws):
    with Transaction() as tx:
        tx.audit("thing.create", by=SYSTEM)
        tx.audit("thing.told", by=SYSTEM, event={"more": 2}, hidden=True)
    (shown,), (hidden,) = logged(), logged(hidden=True)
    assert (shown.action, hidden.action, hidden.event) == (
        "thing.create", "thing.told", {"more": 2}
    )  # fmt: skip


def test_a_change_that_fails_writes_no_audit_row(aws):
    thing("a").save()
    with pytest.raises(First), Transaction() as tx:
        tx.create(thing("a"), otherwise=First())
        tx.audit("thing.create", by=SYSTEM)
    assert logged() == []


def test_an_audit_id_that_is_taken_is_busy(aws):
    with Transaction() as tx:
        taken = tx.audit("thing.create", by=SYSTEM)
    with pytest.raises(Busy), Transaction() as tx:
        tx.create(thing("a"))
        tx.audit("thing.create", by=SYSTEM, event_id=taken[:-1])
    assert get("a") is None
