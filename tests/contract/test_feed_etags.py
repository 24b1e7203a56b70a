"""ETags of feeds, maps and exports: event hashes, as of lists (Central 1.8, 6.9).

A client that has an answer already is told so from what the server knows of the submissions: what
was filled in is not read for it.
"""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from sheaf.data.record import ABOUT
from tests import families, wire
from tests.cast import audits
from tests.contract import test_geojson as places
from tests.families import FEED, FORM
from tests.wire import Wire

CHILD = "Submissions.children.child"
MAP = f"{places.PATH}.geojson"
HASHED = 'W/"eventhash:'


def path_of(table, **options):
    query = urlencode({f"${name}": value for name, value in options.items()})
    return f"{FEED}/{table}?{query}"


# What is hashed by the submissions that it rests on, whatever is asked of it.
HASHES = [
    path_of("Submissions"),
    path_of("Submissions", top=2),
    path_of("Submissions", top=2, skip=1, count="true", wkt="true"),
    path_of("Submissions", top=0, count="true"),
    path_of("Submissions", skip=1, count="true"),
    path_of("Submissions", expand="*"),
    path_of("Submissions", select="__id,name"),
    path_of("Submissions", orderby="__system/submissionDate asc", top=3),
    path_of("Submissions", filter="__system/submitterId eq 5", top=1, count="true"),
    path_of("Submissions", filter="__system/deletedAt ne null"),
    path_of(CHILD),
    path_of(CHILD, count="true", skip=1, filter="$root/Submissions/__id ne 'one'"),
    path_of(f"{CHILD}.toys.toy"),
    path_of("Submissions('one')"),
    path_of("Submissions('one')/children/child"),
    MAP,
    f"{MAP}?limit=2&$filter=__system/submitterId%20eq%205",
    f"{MAP}?fieldpath=/stop/at",
]
EXPORTS = [
    f"{FORM}/submissions.csv",
    f"{FORM}/submissions.csv?$filter=__system/submitterId%20eq%205",
    f"{FORM}/submissions.csv?$filter=age%20gt%201&splitSelectMultiples=true",
    f"{FORM}/submissions.csv.zip?deletedFields=true",
]
# What depends on data, or on an order of its own: of these the whole answer is hashed.
WHOLES = [
    path_of("Submissions", filter="age gt 10"),
    path_of("Submissions", orderby="__id", top=2),
    path_of(CHILD, top=1),
    path_of(CHILD, filter="name eq 'Ann'"),
    f"{MAP}?$filter=name%20ne%20'one'",
]


@pytest.fixture
def filled(cast):
    """The form with four families, of which one is in the trash."""
    families.form(cast)
    for number, id_ in enumerate(("one", "two", "three", "four")):
        who = cast.bob if number == 2 else cast.alice
        families.submit(cast, id_, id_.title(), {"Ann": ["Ball"], "Bea": []}, age=9, by=who)
    made = cast.alice.post(f"{cast.FORMS}?publish=true", places.xform())
    assert made.status == 200, made.text
    for id_ in ("one", "two", "three", "four"):
        sent = places.xml(id_, point="1 2 3 4")
        assert cast.alice.post(places.PATH, sent).status == 200
    for path in (f"{FORM}/submissions/four", f"{places.PATH}/four"):
        assert cast.alice.delete(path).status == 200
    return cast


def asked_again(cast, path, etag):
    """Ask for what one has; give the answer and all that was heard of AWS meanwhile."""
    with Wire() as listening:
        answer = cast.alice.get(path, headers={"if-none-match": etag})
    return answer, listening


@pytest.mark.parametrize("path", HASHES)
def test_who_has_it_is_told_so_without_reading_what_was_filled_in(filled, path):
    first = filled.alice.get(path)
    etag = check_that_data_are_not_read(filled, path, first)
    whole = filled.alice.get(path, headers={"if-none-match": 'W/"eventhash:other"'})
    assert (whole.status, whole.body, whole.headers["etag"]) == (200, first.body, etag)
    assert filled.alice.head(path).headers["etag"] == etag


def check_that_data_are_not_read(cast, path, first):
    """For who has an answer already; give its ETag."""
    assert first.status == 200, first.text
    etag = first.headers["etag"]
    assert etag.startswith(HASHED)
    again, listening = asked_again(cast, path, etag)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    assert {call.service for call in listening.calls} == {"dynamodb"}
    queries = [wire.body(call) for call in listening.calls if call.operation == "Query"]
    for query in queries:
        of_submissions = "S#" in repr(query["ExpressionAttributeValues"])
        if of_submissions and query.get("Select") != "COUNT":
            assert set(query["ProjectionExpression"].split(", ")) <= set(ABOUT)
    return etag


@pytest.mark.parametrize("path", EXPORTS)
def test_who_has_an_export_is_told_so_without_reading_what_was_filled_in(filled, path):
    etag = check_that_data_are_not_read(filled, path, filled.alice.get(path))
    # What was not given again is not told of.
    assert len(audits("form.submission.export")) == 1
    families.submit(filled, "five", "Five", age=9)
    assert filled.alice.get(path, headers={"if-none-match": etag}).status == 200


@pytest.mark.parametrize("path", WHOLES)
def test_what_only_data_can_tell_is_hashed_whole(filled, path):
    first = filled.alice.get(path)
    assert not first.headers["etag"].startswith(HASHED)
    again, _ = asked_again(filled, path, first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_a_page_that_one_has_costs_what_a_page_costs(filled):
    """However many there are beside it."""

    def read(path):
        etag = filled.alice.get(path).headers["etag"]
        answer, listening = asked_again(filled, path, etag)
        assert answer.status == 304
        return listening.names, sum(len(p.get("Items", ())) for p in listening.received.values())

    path = path_of("Submissions", top=1)
    calls, _ = read(path)
    for number in range(12):
        families.submit(filled, f"more-{number}", "More")
    late = filled.alice.get(path_of("Submissions", top=10)).json["@odata.nextLink"]
    late = late.removeprefix("https://api.example.org").replace("%24top=10", "%24top=1")
    for page in (path, late):
        again, items = read(page)
        assert again == calls
        assert items <= 4 * 4


def test_the_etag_changes_with_all_that_is_shown(filled):
    """And with nothing else: each path says whether it has changed."""
    paths = {
        "all": path_of("Submissions"),
        "rows": path_of(CHILD),
        "newest": path_of("Submissions", top=1, select="__id"),
        "count": path_of("Submissions", top=0, count="true"),
        "one": path_of("Submissions('one')"),
    }
    known = {name: filled.alice.get(path).headers["etag"] for name, path in paths.items()}

    def changed():
        told = set()
        for name, path in paths.items():
            answer = filled.alice.get(path, headers={"if-none-match": known[name]})
            if answer.status == 200:
                told.add(name)
                known[name] = answer.headers["etag"]
        return told

    one = f"{FORM}/submissions/one"
    assert changed() == set()
    filled.alice.patch(one, {"reviewState": "approved"})
    assert changed() == {"all", "rows", "one"}
    edited = families.xml("one-2", "Uno", deprecated="one")
    assert filled.alice.put(one, edited).status == 200
    assert changed() == {"all", "rows", "one"}
    families.submit(filled, "five", "Five")
    assert changed() == {"all", "rows", "newest", "count"}
    filled.alice.delete(f"{FORM}/submissions/two")
    assert changed() == {"all", "rows", "count"}
    filled.alice.patch(f"/v1/users/{filled.users['alice']['id']}", {"displayName": "Alicia"})
    assert changed() == {"all", "newest", "one"}
    source = (families.SOURCE).replace(b"<age/>", b"<age/><height/>")
    source = source.replace(b'"families" version="1.0"', b'"families" version="2"')
    assert filled.alice.post(f"{FORM}/draft?ignoreWarnings=true", source).status == 200
    assert changed() == set()
    assert filled.alice.post(f"{FORM}/draft/publish").status == 200
    assert changed() == {"all", "rows", "newest", "count", "one"}
    assert changed() == set()


def test_the_etag_of_a_map_changes_with_what_it_shows(filled):
    known = filled.alice.get(MAP).headers["etag"]

    def changed():
        nonlocal known
        before, known = known, filled.alice.get(MAP).headers["etag"]
        return known != before

    one = f"{places.PATH}/one"
    edited = places.xml("one-2", deprecated="one", point="5 6")
    for change in (
        lambda: filled.alice.put(one, edited),
        lambda: filled.alice.delete(one),
        lambda: filled.alice.post(f"{one}/restore"),
        lambda: filled.alice.post(places.PATH, places.xml("five", point="7 8")),
        lambda: filled.alice.post(places.PATH, places.xml("six")),
    ):
        assert change().status == 200
        assert changed()
        assert not changed()


def test_the_etag_is_of_what_was_asked(filled):
    paths = [*HASHES, path_of("Submissions", wkt="true"), path_of("Submissions", top=9)]
    tags = [filled.alice.get(path).headers["etag"] for path in paths]
    assert len(set(tags)) == len(paths)


def test_an_empty_table_has_an_etag_too(cast):
    families.form(cast)
    assert cast.alice.post(f"{cast.FORMS}?publish=true", places.xform()).status == 200
    for path in (path_of("Submissions"), path_of(CHILD), MAP):
        etag = cast.alice.get(path).headers["etag"]
        assert etag == f'{HASHED}{"0" * 32}"'
        assert cast.alice.get(path, headers={"if-none-match": etag}).status == 304
    families.submit(cast, "one", "One")
    assert cast.alice.get(path_of("Submissions"), headers={"if-none-match": etag}).status == 200
