"""Keys: two different things never share one, whatever clients choose; ids say what they must."""

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf import clock
from sheaf.db import keys
from sheaf.db.items import Ref
from sheaf.submissions import reception
from sheaf.submissions.records import DRAFTS, LIVE, TRASH, Submission

numbers = st.integers(0, 10**9)
# What clients choose freely; separators and escapes more often than chance would have it.
texts = st.text(st.one_of(st.sampled_from("#%235dx/ "), st.characters(codec="utf-8")), max_size=12)
shards = st.integers(0, 255)
partitions = st.one_of(st.sampled_from([LIVE, TRASH]), numbers.map(keys.draft_partition))
worlds = st.sampled_from([LIVE, DRAFTS])
ids = st.builds(
    lambda micros, shard, letters: f"{micros:016d}{shard:02x}{letters}",
    st.integers(0, 10**16 - 1),
    shards,
    st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=2, max_size=2),
)
sha256 = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")

# Each kind of item with the arguments that its key function takes.
KINDS = {
    keys.counter: st.tuples(st.sampled_from(["project", "form", "actor"])),
    keys.actor: st.tuples(numbers),
    keys.email: st.tuples(texts.map(str.lower)),
    keys.session: st.tuples(texts),
    keys.assignment: st.tuples(texts, st.integers(1, 9), st.integers(0, 99_999_999)),
    keys.actee: st.tuples(texts),
    keys.project: st.tuples(st.integers(0, 10**10 - 1)),
    keys.form: st.tuples(numbers, texts),
    keys.deleted_form: st.tuples(numbers, numbers),
    keys.form_name: st.tuples(numbers, texts),
    keys.definition: st.tuples(numbers, texts),
    keys.working_definition: st.tuples(numbers, numbers),
    keys.definition_source: st.tuples(numbers, sha256),
    keys.claim: st.tuples(numbers, texts, st.integers(0, 99), worlds, texts),
    keys.submission: st.tuples(numbers, partitions, ids),
    keys.version: st.tuples(ids, st.integers(0, 999_999)),
    keys.upload: st.tuples(ids, texts.map(keys.part)),
    keys.comment: st.tuples(ids, ids),
    keys.hook_body: st.tuples(ids, ids, ids),
    keys.audit: st.tuples(st.sampled_from("cvudralsn"), ids),
    keys.hook: st.tuples(numbers, numbers, texts),
    keys.delivery: st.tuples(texts, ids),
    lambda: keys.PURGE_RUN: st.tuples(),
}


def things(kinds):
    return st.one_of(
        *(values.map(lambda value, kind=kind: (kind, value)) for kind, values in kinds.items())
    )


@given(st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_different_things_of_a_kind_have_different_keys(kind, data):
    one, other = data.draw(KINDS[kind]), data.draw(KINDS[kind])
    assert (kind(*one) == kind(*other)) == (one == other)


@given(things(KINDS), things(KINDS))
def test_different_kinds_have_different_keys(one, other):
    (kind, values), (kind_2, values_2) = one, other
    if kind is not kind_2:
        assert kind(*values) != kind_2(*values_2)


CLASHES = ["a", "a#", "#a", "a#0", "#", "##", "%", "%23", "%2523", "a%23", "", "0", "d", "x"]


def test_a_separator_in_a_clients_text_reaches_over_nothing():
    tuples = list(itertools.product([1, 11], CLASHES, [0, 1], [LIVE, DRAFTS], CLASHES))
    assert len({keys.claim(*each) for each in tuples}) == len(tuples)


@given(texts)
def test_an_escaped_text_has_no_separator_and_can_be_told_back(text):
    escaped = keys.part(text)
    assert "#" not in escaped
    assert escaped.replace("%23", "#").replace("%25", "%") == text


def test_addresses_are_compared_without_regard_to_case():
    assert keys.email("Zoë@Example.ORG") == keys.email("zoë@example.org")


def test_a_token_is_not_in_its_key():
    pk, sk = keys.session("secret")
    assert (pk, sk) == ("T#K7gNU3sdo-OL0wNhqoVWhr3g6s1xYv72ol_pe_Unols", "T")


def test_the_longest_ids_that_are_taken_make_possible_keys():
    wide = "\U0010ffff"
    longest = wide * reception.LONGEST_ID
    assert Ref(Submission, *keys.claim(10**9, longest, 10**6, LIVE, longest)).possible
    percent = "%" * reception.LONGEST_ID
    assert Ref(Submission, *keys.claim(10**9, percent, 10**6, LIVE, percent)).possible
    assert Ref(Submission, *keys.form(10**9, longest)).possible
    assert Ref(Submission, *keys.definition(10**9, wide * 255)).possible


# --- ids --------------------------------------------------------------------------------------


@given(shards)
def test_an_id_says_when_it_was_made_and_where_it_lies(shard):
    before = clock.micros()
    made = keys.identifier(shard)
    assert before < keys.micros(made) < clock.micros()
    assert keys.shard_of(made) == f"{shard:02x}"
    assert len(made) == 20


def test_ids_sort_in_the_order_in_which_they_were_made():
    made = [keys.identifier(number % 4) for number in range(500)]
    assert made == sorted(made)
    assert len({keys.micros(each) for each in made}) == 500


def test_threads_never_make_the_same_id():
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keys.identifier(0), range(800)))
    assert len({keys.micros(each) for each in made}) == 800


@given(ids, st.integers(0, 10**16 - 1))
def test_an_event_lies_in_the_shard_of_its_submission(submission_id, moment):
    event_id = keys.event_of(submission_id, moment)
    assert keys.micros(event_id) == moment
    assert keys.shard_of(event_id) == keys.shard_of(submission_id)
    assert event_id[18:] == submission_id[18:]


@given(numbers, partitions, ids)
def test_a_submissions_partition_tells_its_form(form_id, partition, submission_id):
    pk, _ = keys.submission(form_id, partition, submission_id)
    assert keys.home(pk) == (form_id, partition)


AUDITS = [
    *map(keys.kind, (*keys._KINDS, "form.create")),
    keys.kind("thing.told", hidden=True),
]


@given(st.sampled_from(AUDITS), ids)
def test_an_audit_row_lies_in_a_feed_of_its_kind_and_is_named_for_itself(kind, event_id):
    feed, name = keys.audit(kind, event_id)
    assert feed in keys.feeds(kind)
    assert name[:-1] == event_id
    assert keys.micros(name) == keys.micros(event_id)
    # The name says where the row is, so no other row of the table can have it.
    assert keys.audit(name[-1], name[:-1]) == (feed, name)


def test_kinds_and_feeds_are_told_apart():
    assert len(set(AUDITS)) == len(AUDITS)
    listed = [feed for kind in AUDITS for feed in keys.feeds(kind)]
    assert len(set(listed)) == len(listed)
    assert all(feed.startswith(keys.FEED) for feed in listed)
    assert keys.kind("form.create") == keys.kind("project.delete")


def test_rows_that_come_by_the_thousand_spread_evenly():
    feeds = Counter(keys.audit("c", keys.identifier(0))[0] for _ in range(8000))
    assert sorted(feeds) == keys.feeds("c")
    assert all(850 < count < 1150 for count in feeds.values())


@given(texts)
def test_a_submission_always_falls_into_the_same_shard(instance_id):
    assert keys.shard_for(instance_id, 4) == keys.shard_for(instance_id, 4)
    assert 0 <= keys.shard_for(instance_id, 4) < 4


def test_submissions_spread_evenly_over_the_shards():
    counts = [0] * 4
    for number in range(4000):
        counts[keys.shard_for(f"uuid:{number}", 4)] += 1
    assert all(900 < count < 1100 for count in counts)
