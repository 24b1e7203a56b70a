import pytest
from pynamodb.attributes import UnicodeAttribute

from sheaf.db import reads
from sheaf.db.items import Item
from sheaf.problems import AuthenticationFailed, Busy, NotFound, UnexpectedValue
from tests.wire import Wire, answer, body, refusal


class Thing(Item):
    text = UnicodeAttribute(null=True)


def stored(*names):
    for name in names:
        Thing("thing", name, text=f"text of {name}").save()


def ref(name):
    return Thing.ref(("thing", name))


def names(items):
    return tuple(item and item.sk for item in items)


def asked(call):
    (table,) = body(call)["RequestItems"].values()
    assert table["ConsistentRead"] is True
    return [key["sk"]["S"] for key in table["Keys"]]


def follow(*steps):
    """A lookup that asks for each step's names and gives all that it was sent."""
    seen = ()
    for step in steps:
        seen += names((yield tuple(ref(name) for name in step)))
    return seen


def fail(problem, *steps):
    yield from follow(*steps)
    raise problem


def test_fetch_gives_items_in_the_order_of_their_refs(aws):
    stored("a", "b")
    found = reads.fetch([ref("b"), ref("missing"), ref("a"), ref("b")])
    assert names(found) == ("b", None, "a", "b")
    assert [item and item.text for item in found] == ["text of b", None, "text of a", "text of b"]


def test_a_key_is_asked_for_once(aws):
    with Wire() as wire:
        reads.fetch([ref("a"), ref("a")])
    assert [asked(call) for call in wire.calls] == [["a"]]


def test_nothing_is_asked_where_nothing_can_lie(aws):
    impossible = ["", "x" * 1025, "é" * 513, "\ud800"]
    with Wire() as wire:
        assert reads.fetch([ref(name) for name in impossible]) == [None] * 4
        assert reads.get(Thing.ref(("p" * 2049, "s"))) is None
        assert reads.fetch([]) == []
    assert wire.calls == []


@pytest.mark.parametrize("key", [("p" * 2048, "s"), ("p", "s" * 1024), ("p", "é" * 512)])
def test_the_longest_keys_hold_something(aws, key):
    Thing(*key).save()
    found = reads.get(Thing.ref(key))
    assert found is not None
    assert (found.pk, found.sk) == key


def test_more_than_a_hundred_keys_go_in_batches(aws):
    every = [f"{number:03d}" for number in range(230)]
    stored(*every[::50])
    with Wire() as wire:
        found = reads.fetch([ref(name) for name in every])
    assert [name for name in names(found) if name] == every[::50]
    assert [len(asked(call)) for call in wire.calls] == [100, 100, 30]


def test_what_was_left_unprocessed_is_asked_for_again(aws):
    stored("a", "b")

    def partly(number):
        if number:
            return None
        keys = [{"pk": {"S": "thing"}, "sk": {"S": "b"}}]
        item = {"pk": {"S": "thing"}, "sk": {"S": "a"}, "text": {"S": "first"}}
        return answer(
            {
                "Responses": {Item.Meta.table_name: [item]},
                "UnprocessedKeys": {Item.Meta.table_name: {"Keys": keys}},
            }
        )

    with Wire(before=partly) as wire:
        found = reads.fetch([ref("a"), ref("b")])
    assert [item.text for item in found] == ["first", "text of b"]
    assert [asked(call) for call in wire.calls] == [["a", "b"], ["b"]]


def test_a_table_that_leaves_everything_unprocessed_is_busy(aws):
    keys = {"Keys": [{"pk": {"S": "thing"}, "sk": {"S": "a"}}]}
    nothing = {"Responses": {}, "UnprocessedKeys": {Item.Meta.table_name: keys}}
    with Wire(before=lambda _: answer(nothing)) as wire, pytest.raises(Busy):
        reads.get(ref("a"))
    assert len(wire.calls) == reads.TRIES


def test_a_throttle_that_outlasts_botocore_is_busy(aws):
    throttle = refusal("ProvisionedThroughputExceededException")
    with Wire(before=lambda _: throttle) as wire, pytest.raises(Busy):
        reads.get(ref("a"))
    assert len(wire.calls) == 1


def test_any_other_error_is_raised_as_it_came(aws):
    denied = refusal("AccessDeniedException")
    with (
        Wire(before=lambda _: denied),
        pytest.raises(Exception, match="AccessDeniedException"),
    ):
        reads.get(ref("a"))


def test_lookups_share_their_rounds(aws):
    stored("a", "b", "c", "d")
    with Wire() as wire:
        found = reads.gather(
            follow(["a"], ["b", "missing"]), follow(["c", "a"]), follow(["d"], ["c"], ["b"])
        )
    assert found == (("a", "b", None), ("c", "a"), ("d", "c", "b"))
    assert [asked(call) for call in wire.calls] == [
        ["a", "c", "d"],
        ["b", "missing", "c"],
        ["b"],
    ]


def test_a_lookup_that_asks_for_nothing_costs_nothing(aws):
    with Wire() as wire:
        assert reads.gather(follow(), follow()) == ((), ())
    assert wire.calls == []


def test_a_lookup_whose_keys_are_impossible_waits_for_nobody(aws):
    stored("a")
    with Wire() as wire:
        assert reads.gather(follow([""], ["a"]), follow([""])) == ((None, "a"), (None,))
    assert [asked(call) for call in wire.calls] == [["a"]]


@pytest.mark.parametrize(
    ("lookups", "expected"),
    [
        # Who asks outweighs what is asked for, however much later it is known.
        ([fail, AuthenticationFailed, ["a"], ["b"]], AuthenticationFailed),
        ([fail, AuthenticationFailed], AuthenticationFailed),
    ],
)
def test_the_first_lookups_problem_outweighs_those_after_it(aws, lookups, expected):
    first, problem, *steps = lookups
    with pytest.raises(expected):
        reads.gather(first(problem(), *steps), fail(NotFound()), fail(NotFound(), ["c"]))


def test_the_second_lookups_problem_is_raised_when_the_first_has_none(aws):
    with pytest.raises(NotFound):
        reads.gather(follow(["a"], ["b"]), fail(NotFound(), ["c"]), fail(AuthenticationFailed()))


def test_after_a_problem_only_what_may_outweigh_it_is_read(aws):
    refused = fail(AuthenticationFailed(), ["a"])
    with Wire() as wire, pytest.raises(NotFound):
        reads.gather(fail(NotFound(), ["b"], ["c"]), refused, follow(["d"], ["e"], ["f"]))
    assert [asked(call) for call in wire.calls] == [["b", "a", "d"], ["c"]]


def test_what_is_no_problem_is_raised_at_once(aws):
    with Wire() as wire, pytest.raises(ZeroDivisionError):
        reads.gather(follow(["a"]), fail(ZeroDivisionError()))
    assert wire.calls == []


def test_a_problem_keeps_its_details(aws):
    problem = UnexpectedValue(field="x", value=1, reason="no")
    with pytest.raises(UnexpectedValue) as raised:
        reads.gather(fail(problem))
    assert raised.value is problem
