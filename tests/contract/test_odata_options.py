"""What a feed can be asked: options, their errors, and pages that lead on to the end."""

from __future__ import annotations

import itertools
import json
import random
from base64 import b64decode, b64encode
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sheaf.data.stored import share
from sheaf.db import keys
from sheaf.forms.forms import SHARDS
from sheaf.submissions.records import TRASH
from tests import families, wire
from tests.families import FEED
from tests.wire import Wire

ORIGIN = "https://api.example.org"
CHILD = "Submissions.children.child"
TOY = f"{CHILD}.toys.toy"
FAMILIES = {
    "one": {"Ann": ["Ball", "Bear"], "Bea": []},
    "two": {},
    "three": {"Cid": ["Car"]},
    "four": {"Dot": ["Doll"], "Eve": ["Egg", "Elk", "Eel"], "Fay": []},
    "five": {"Gus": []},
}


@pytest.fixture
def feed(cast):
    """The form with five families, sent by Alice and Bob in turn; gives a function that asks."""
    families.form(cast)
    for number, (id_, children) in enumerate(FAMILIES.items()):
        who = cast.bob if number % 2 else cast.alice
        families.submit(cast, id_, id_.title(), children, age=number * 10, by=who)

    def ask(table="Submissions", **options):
        query = urlencode({f"${name}": value for name, value in options.items()})
        return cast.alice.get(f"{FEED}/{table}?{query}")

    return ask


def ids(answer):
    """The `__id`s of submissions, or the names of what has none."""
    assert answer.status == 200, answer.text
    return [row["__id"] for row in answer.json["value"]]


def names(answer):
    assert answer.status == 200, answer.text
    return [row["name"] for row in answer.json["value"]]


def follow(cast, answer):
    """All pages from one on."""
    pages = [answer]
    while link := pages[-1].json.get("@odata.nextLink"):
        assert link.startswith(f"{ORIGIN}{FEED}/")
        pages.append(cast.alice.get(link.removeprefix(ORIGIN)))
        assert pages[-1].status == 200, pages[-1].text
        assert len(pages) < 50
    return pages


NEWEST = ["five", "four", "three", "two", "one"]
CHILDREN = ["Gus", "Dot", "Eve", "Fay", "Cid", "Ann", "Bea"]


# Pages.


def test_a_page_links_to_the_next(feed, cast):
    answer = feed(top=2, count="true", select="__id")
    found = answer.json
    assert list(found) == ["value", "@odata.context", "@odata.nextLink", "@odata.count"]
    assert found["value"] == [{"__id": "five"}, {"__id": "four"}]
    assert found["@odata.count"] == 5
    link = urlsplit(found["@odata.nextLink"])
    assert found["@odata.nextLink"].startswith(
        f"{ORIGIN}{FEED}/Submissions?%24top=2&%24count=true&%24select=__id&%24skiptoken=01"
    )
    (token,) = parse_qs(link.query)["$skiptoken"]
    assert json.loads(b64decode(token[2:]))["instanceId"] == "four"
    pages = follow(cast, answer)
    assert [ids(page) for page in pages] == [NEWEST[:2], NEWEST[2:4], NEWEST[4:]]
    assert [page.json["@odata.count"] for page in pages] == [5, 5, 5]


def test_a_page_of_rows_of_a_repeat_links_to_the_next(feed, cast):
    answer = feed(CHILD, top=1, count="true")
    (token,) = parse_qs(urlsplit(answer.json["@odata.nextLink"]).query)["$skiptoken"]
    assert json.loads(b64decode(token[2:]))["repeatId"] == ids(answer)[0]
    pages = follow(cast, answer)
    assert [names(page) for page in pages] == [[name] for name in CHILDREN]
    assert {page.json["@odata.count"] for page in pages} == {7}


# Whatever the options, pages lead through all that there is, once each, and then end.
OPTIONS = [
    {},
    {"filter": "__system/submitterId eq 5"},
    {"filter": "age gt 10"},
    {"filter": "__system/deletedAt eq null and __system/submissionDate lt now()"},
    {"orderby": "__system/submitterId desc"},
    {"orderby": "__system/reviewState,__system/submitterId desc,__id"},
    {"orderby": "__system/submissionDate asc"},
    {"orderby": "__system/updatedAt desc", "filter": "age lt 40"},
    {"orderby": "__id desc", "wkt": "true", "expand": "*"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_pages_lead_through_all_submissions_once(feed, cast, options):
    for id_ in ("one", "four"):
        review = cast.alice.patch(f"{families.FORM}/submissions/{id_}", {"reviewState": "approved"})
        assert review.status == 200
    whole = feed(**options)
    assert "@odata.nextLink" not in whole.json
    for top, skip in ((1, 0), (2, 1), (3, 0), (10, 2), (2, 9)):
        pages = follow(cast, feed(**options, top=top, skip=skip, count="true"))
        assert list(itertools.chain(*map(ids, pages))) == ids(whole)[skip:]
        assert all(page.json["value"] for page in pages[1:]), "no link leads to nothing"
        assert {page.json["@odata.count"] for page in pages} == {len(ids(whole))}
        assert pages[0].json["value"] == whole.json["value"][skip : skip + top]


ROW_OPTIONS = [
    {},
    {"filter": "$root/Submissions/__system/submitterId eq 5"},
    {"filter": "name ge 'C' and $root/Submissions/age ne 20"},
    {"filter": "startswith(name, 'E') or name eq 'Bea'"},
    {"orderby": "$root/Submissions/__system/submitterId desc"},
    {"orderby": "$root/Submissions/__id", "filter": "name ne 'Dot'"},
    {"orderby": "$root/Submissions/__system/submissionDate"},
]


@pytest.mark.parametrize("options", ROW_OPTIONS)
def test_pages_lead_through_all_rows_of_repeats_once(feed, cast, options):
    for table in (CHILD, TOY):
        whole = feed(table, **options)
        assert "@odata.nextLink" not in whole.json
        for top, skip in ((1, 0), (2, 3), (10, 9)):
            pages = follow(cast, feed(table, **options, top=top, skip=skip, count="true"))
            assert list(itertools.chain(*map(ids, pages))) == ids(whole)[skip:]
            assert all(page.json["value"] for page in pages[1:])
            assert {page.json["@odata.count"] for page in pages} == {len(ids(whole))}


def test_pages_lead_through_the_rows_of_one_submission(feed, cast):
    children = "Submissions('four')/children/child"
    for path in (children, f"{children}/toys/toy"):
        whole = feed(path)
        pages = follow(cast, feed(path, top=1, count="true"))
        assert list(itertools.chain(*map(ids, pages))) == ids(whole)
        assert len(pages) == len(ids(whole)) > 1
        assert {page.json["@odata.count"] for page in pages} == {len(ids(whole))}
        assert ids(feed(path, skip=2)) == ids(whole)[2:]
        assert names(feed(path, filter="startswith(name, 'E')")) == [
            name for name in names(whole) if name[0] == "E"
        ]
    link = feed(children, top=1).json["@odata.nextLink"]
    assert link.startswith(f"{ORIGIN}{FEED}/Submissions(%27four%27)/children/child?%24top=1&")


def combinations(count):
    """So many of all options together, of each table; always the same ones."""
    submissions = {
        "filter": [None, "__system/submitterId eq 5", "age ge 10", "__id ne 'x' and age lt 99"],
        "orderby": [None, "__system/submissionDate asc", "__id desc", "__system/submitterId"],
        "shape": [{}, {"select": "__id,name"}, {"expand": "*"}, {"wkt": "true", "select": "*"}],
    }
    of_rows = {
        "filter": [None, "$root/Submissions/__id ne 'two'", "name ne 'Bea'"],
        "orderby": [None, "$root/Submissions/__system/submitterId desc"],
        "shape": [{}, {"select": "__id,name"}, {"expand": "*"}],
    }
    one = of_rows | {"orderby": [None]}
    every = [
        (table, top, skip, count, text, order, shape)
        for table, known in (
            ("Submissions", submissions),
            (CHILD, of_rows),
            (TOY, of_rows),
            ("Submissions('four')/children/child", one),
        )
        for top, skip, count, text, order, shape in itertools.product(
            (1, 2, 3), (0, 1, 9), (None, "true"), *known.values()
        )
    ]
    return random.Random(1).sample(every, count)


def test_pages_lead_through_all_whatever_options_come_together(feed, cast):
    for table, top, skip, count, text, order, shape in combinations(36):
        said = {"filter": text, "orderby": order, "count": count} | shape
        options = {name: value for name, value in said.items() if value is not None}
        whole = feed(table, **options).json
        pages = follow(cast, feed(table, **options, top=top, skip=skip))
        rows = [row for page in pages for row in page.json["value"]]
        assert rows == whole["value"][skip:], options
        assert all(len(page.json["value"]) == top for page in pages[:-1])
        assert [page.json.get("@odata.count") for page in pages] == [
            whole.get("@odata.count")
        ] * len(pages)
        assert whole.get("@odata.count") in (None, len(whole["value"]))


def test_a_count_alone_costs_no_rows(feed):
    answer = feed(top=0, count="true")
    assert answer.json == {
        "value": [],
        "@odata.context": f"{ORIGIN}{FEED}/$metadata#Submissions",
        "@odata.count": 5,
    }
    assert feed(CHILD, top=0, count="true").json["@odata.count"] == 7
    assert feed(count="true").json["@odata.count"] == 5
    assert feed(skip=99, count="true").json["@odata.count"] == 5
    assert "@odata.count" not in feed(top=1, count="false").json


def test_pages_go_on_whatever_has_happened_to_their_last_row(feed, cast):
    by_age = feed(top=2)
    children = feed(CHILD, top=2)
    ordered = feed(top=2, orderby="__system/submitterId desc")
    assert (ids(by_age), names(children), ids(ordered)) == (
        ["five", "four"], ["Gus", "Dot"], ["four", "two"],
    )  # fmt: skip
    assert cast.alice.delete(f"{families.FORM}/submissions/four").status == 200
    assert cast.alice.delete(f"{families.FORM}/submissions/two").status == 200
    families.submit(cast, "six", "Six", {"Hal": []})
    assert [ids(page) for page in follow(cast, by_age)[1:]] == [["three", "one"]]
    assert [names(page) for page in follow(cast, children)[1:]] == [["Cid", "Ann"], ["Bea"]]
    # The newest comes first among equals, so it belongs to what follows.
    assert [ids(page) for page in follow(cast, ordered)[1:]] == [["six", "five"], ["three", "one"]]


def test_rows_that_vanish_within_a_page_do_not_break_the_next(feed, cast):
    page = feed(CHILD, top=3)
    assert names(page) == ["Gus", "Dot", "Eve"]
    edited = families.xml("four-2", "Four", {"Dot": []}, deprecated="four")
    assert cast.alice.put(f"{families.FORM}/submissions/four", edited).status == 200
    assert [names(each) for each in follow(cast, page)[1:]] == [["Cid", "Ann", "Bea"]]


def test_a_token_that_does_not_tell_leads_nowhere(feed):
    def token(said):
        return "01" + b64encode(json.dumps(said).encode()).decode()

    assert ids(feed(skiptoken=token({"instanceId": "foo"}))) == []
    refused = feed(CHILD, skiptoken=token({"repeatId": "nonsense"}))
    assert (refused.status, refused.json) == (
        400,
        {"message": "Record associated with the provided $skiptoken not found.", "code": 400.34},
    )


@pytest.mark.parametrize(
    "token", ["nonsense", "02e30=", "01", "01!", "01W10=", "01bnVsbA==", "01" + "W" * 5000]
)
def test_a_token_that_cannot_be_read_is_refused(feed, token):
    for table in ("Submissions", CHILD):
        answer = feed(table, skiptoken=token)
        assert (answer.status, answer.json) == (
            400,
            {"message": "Invalid $skiptoken", "code": 400.35},
        )


def test_a_token_of_another_order_is_refused(feed):
    link = feed(top=1, orderby="__system/submitterId").json["@odata.nextLink"]
    (token,) = parse_qs(urlsplit(link).query)["$skiptoken"]
    for order in ("__id", "__system/submitterId,__id"):
        assert feed(orderby=order, skiptoken=token).json["code"] == 400.35


# Order.


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("__system/submissionDate desc", NEWEST),
        ("__system/submissionDate", NEWEST[::-1]),
        ("__system/submissionDate asc,__id", NEWEST[::-1]),
        ("__id", ["five", "four", "one", "three", "two"]),
        ("__id DESC", ["two", "three", "one", "four", "five"]),
        ("__system/submitterId asc", ["one", "three", "five", "two", "four"]),
        ("__system/submitterId desc", ["four", "two", "five", "three", "one"]),
        ("__system/reviewState asc", ["two", "four", "five", "one", "three"]),
        ("__system/reviewState desc", ["three", "one", "five", "four", "two"]),
        ("__system/submitterId desc , __id", ["four", "two", "five", "one", "three"]),
        (
            "__system/updatedAt asc,__system/submitterId desc",
            ["two", "four", "five", "one", "three"],
        ),
        ("$root/Submissions/__id", ["five", "four", "one", "three", "two"]),
    ],
)
def test_submissions_are_ordered_by_what_the_server_knows(feed, cast, order, expected):
    for id_, state in (("one", "approved"), ("three", "rejected")):
        path = f"{families.FORM}/submissions/{id_}"
        assert cast.alice.patch(path, {"reviewState": state}).status == 200
    assert ids(feed(orderby=order)) == expected


@pytest.mark.parametrize(
    ("order", "text"),
    [
        ("name", "name"),
        ("__system/status desc", "__system/status"),
        ("__id sideways", "sideways"),
        ("__id,", ""),
        ("", ""),
    ],
)
def test_an_order_that_cannot_be_followed_is_refused(feed, order, text):
    answer = feed(orderby=order)
    assert (answer.status, answer.json) == (
        501,
        {
            "message": "The given OData filter expression references fields not supported by this "
            f"server: {text}",
            "code": 501.5,
            "details": {"text": text},
        },
    )


# Filters.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__system/submitterId eq 5", ["five", "three", "one"]),
        ("__system/submitterId eq '5'", ["five", "three", "one"]),
        ("not __system/reviewState eq 'rejected'", ["five", "four", "three", "one"]),
        ("__id eq 'two' or __id eq 'one'", ["two", "one"]),
        ("age ge 30", ["five", "four"]),
        ("contains(name, 'o')", ["four", "two"]),
        ("$root/Submissions/name eq 'One'", ["one"]),
        ("__system/submissionDate gt now()", []),
        ("__system/deletedAt eq null and __system/deletedAt ne null", []),
    ],
)
def test_submissions_are_filtered(feed, cast, text, expected):
    path = f"{families.FORM}/submissions/two"
    assert cast.alice.patch(path, {"reviewState": "rejected"}).status == 200
    assert ids(feed(filter=text)) == expected
    assert feed(filter=text, count="true", top=1).json["@odata.count"] == len(expected)


def test_a_filter_by_what_was_shown_finds_it(feed):
    rows = feed().json["value"]
    for row in rows:
        moment = row["__system"]["submissionDate"]
        assert row["__id"] in ids(feed(filter=f"__system/submissionDate eq {moment}"))
        assert row["__id"] not in ids(feed(filter=f"__system/submissionDate gt {moment}"))
        assert ids(feed(filter=f"__system/submissionDate le {moment}"))[-1] == "one"


def test_what_is_in_the_trash_is_there_for_who_mentions_it(feed, cast):
    assert cast.alice.delete(f"{families.FORM}/submissions/four").status == 200
    assert ids(feed()) == ["five", "three", "two", "one"]
    assert feed("Submissions('four')").status == 404
    assert feed(count="true", top=0).json["@odata.count"] == 4
    for text, expected in (
        ("__system/deletedAt ne null", ["four"]),
        ("not __system/deletedAt eq null", ["four"]),
        ("__system/deletedAt eq null", ["five", "three", "two", "one"]),
        ("__system/deletedAt eq null or age eq 30", NEWEST),
        ("__system/deletedAt lt 2020-01-01", []),
    ):
        answer = feed(filter=text, count="true")
        assert ids(answer) == expected
        assert answer.json["@odata.count"] == len(expected)
        shown = [row["__system"]["deletedAt"] is not None for row in answer.json["value"]]
        assert shown == [id_ == "four" for id_ in expected]
        ordered = feed(filter=text, orderby="__id")
        assert sorted(ids(ordered)) == ids(ordered) == sorted(expected)
        assert feed(filter=text, top=0, count="true").json["@odata.count"] == len(expected)
    deleted = "not $root/Submissions/__system/deletedAt eq null"
    assert names(feed(CHILD, filter=deleted)) == ["Dot", "Eve", "Fay"]
    by_value = f"{deleted} and name eq 'Eve'"
    assert names(feed(CHILD, filter=by_value)) == ["Eve"]
    assert feed(CHILD, filter=by_value, top=0, count="true").json["@odata.count"] == 1


def test_a_filter_of_a_repeat_names_the_submission_from_the_root(feed):
    answer = feed(CHILD, filter="__system/reviewState eq 'rejected'")
    assert (answer.status, answer.json) == (
        501,
        {
            "message": "The given OData filter expression references fields not supported by this "
            "server: __system/reviewState at 0",
            "code": 501.5,
            "details": {"text": "__system/reviewState", "at": 0},
        },
    )


def test_a_filter_that_is_none_is_refused(feed):
    answer = feed(filter="hello my dear")
    assert (answer.status, answer.json) == (
        400,
        {
            "message": "The OData filter expression you provided could not be parsed: "
            "Unexpected character at 5",
            "code": 400.18,
            "details": {"reason": "Unexpected character at 5"},
        },
    )
    assert feed(filter="__system/submissionDate gt 'soon'").json["code"] == 400.11


# Shapes.


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ("__id,name", {"name": "Five", "__id": "five"}),
        ("name , age", {"name": "Five", "age": 40}),
        ("__system/edits,__system/status", {"__system": {"status": None, "edits": 0}}),
        ("meta", {"meta": {"instanceID": "five"}}),
        ("meta/instanceID", {"meta": {"instanceID": "five"}}),
        (
            "children/child",
            {"children": {"child@odata.navigationLink": "Submissions('five')/children/child"}},
        ),
        (
            "children",
            {
                "children": {
                    "child_count": None,
                    "child@odata.navigationLink": "Submissions('five')/children/child",
                }
            },
        ),
        ("children/child_count", {"children": {"child_count": None}}),
    ],
)
def test_properties_are_selected(feed, selected, expected):
    for path in ("Submissions", "Submissions('five')"):
        answer = feed(path, select=selected)
        assert answer.status == 200, answer.text
        assert json.dumps(answer.json["value"][0]) == json.dumps(expected)


def test_all_properties_are_selected_by_a_star_or_nothing(feed):
    whole = feed().json["value"]
    assert feed(select="*").json["value"] == feed(select="").json["value"] == whole
    assert "__system" in feed(select="__system").json["value"][0]


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ("name", ["name"]),
        ("__id,name", ["name", "__id"]),
        ("__Submissions-id", ["__Submissions-id"]),
        ("toys", ["toys"]),
        ("toys/toy", ["toys"]),
    ],
)
def test_properties_of_rows_of_a_repeat_are_selected(feed, selected, expected):
    (row,) = feed(CHILD, select=selected, top=1, skip=1).json["value"]
    assert list(row) == expected
    assert row.get("name", "Dot") == "Dot"
    assert list(row.get("toys", {})) in ([], ["toy@odata.navigationLink"])


@pytest.mark.parametrize(
    ("table", "selected", "code", "property_"),
    [
        ("Submissions", "foo", 400.23, "foo"),
        ("Submissions", "name,__other", 400.23, "__other"),
        ("Submissions", "__system/foo", 400.23, "__system/foo"),
        ("Submissions", "__Submissions-id", 400.23, "__Submissions-id"),
        ("Submissions", "children/child/name", 400.24, "children/child/name"),
        (CHILD, "__system", 400.23, "__system"),
        (CHILD, "age", 400.23, "age"),
        (CHILD, "toys/toy/name", 400.24, "toys/toy/name"),
    ],
)
def test_properties_that_cannot_be_selected_are_refused(feed, table, selected, code, property_):
    answer = feed(table, select=selected)
    words = {
        400.23: f"Could not find a property named '{property_}'",
        400.24: f"The given OData select property '{property_}' uses features not supported by "
        "this server.",
    }
    assert (answer.status, answer.json) == (
        400,
        {"message": words[code], "code": code, "details": {"property": property_}},
    )


# What is asked of a feed before anybody asks who asks.


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        (
            "foo=1",
            501,
            {
                "message": "The requested feature foo is not supported by this server.",
                "code": 501.1,
                "details": {"feature": "foo"},
            },
        ),
        (
            "$expand=children",
            501,
            {
                "message": "The given OData expand expression is not supported by this server: "
                '"children". Currently, only "$expand=*" is supported.',
                "code": 501.6,
                "details": {"text": "children"},
            },
        ),
        (
            "$expand=*&$select=name",
            501,
            {
                "message": "This server doesn't support $select query parameter with $expand.",
                "code": 501.11,
            },
        ),
        (
            "$format=xml",
            406,
            {
                "message": "Requested format not acceptable; this resource allows: "
                "application/json,json.",
                "code": 406.1,
                "details": {"allowed": ["application/json", "json"], "got": "xml"},
            },
        ),
        (
            "$top=abc",
            400,
            {
                "message": "Invalid input data type: expected ($top) to be (integer)",
                "code": 400.11,
                "details": {"field": "$top", "expected": "integer"},
            },
        ),
        (
            "$skip=-1",
            400,
            {
                "message": "Invalid input data type: expected ($skip) to be (integer)",
                "code": 400.11,
                "details": {"field": "$skip", "expected": "integer"},
            },
        ),
    ],
)
def test_what_a_feed_cannot_be_asked(feed, cast, query, status, body):
    answer = cast.alice.get(f"{FEED}/Submissions?{query}")
    assert (answer.status, answer.json) == (status, body)
    if status in (501, 406):
        service = cast.alice.get(f"{FEED}?{query}")
        assert (service.status, service.json) == (status, body)
        assert cast.api.get(f"{FEED}/Submissions?{query}").status == status


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/json;odata.metadata=minimal",
        # Power Query's, in which JSON is one of many.
        "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;"
        "q=0.9,application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,"
        "text/plain;q=0.7",
        "application/atom+xml,application/xml,*/*",
        "text/html",
    ],
)
def test_json_is_given_to_whoever_takes_it_too(feed, cast, accept):
    for path in ("", "/Submissions"):
        assert cast.alice.get(f"{FEED}{path}", headers={"accept": accept}).status == 200


def test_xml_is_given_to_whoever_takes_it_too(feed, cast):
    for accept in ("application/xml", "application/json,application/xml", "*/*", "text/html"):
        assert cast.alice.get(f"{FEED}/$metadata", headers={"accept": accept}).status == 200
    answer = cast.alice.get(f"{FEED}/$metadata", headers={"accept": "application/json"})
    assert answer.status == 406
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert answer.text == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<error code="406.1">\n  <message>Requested format '
        "not acceptable; this resource allows: application&#x2F;xml,atom.</message>\n  <details>"
        "{&quot;allowed&quot;: [&quot;application&#x2F;xml&quot;, &quot;atom&quot;], "
        "&quot;got&quot;: &quot;application&#x2F;json&quot;}</details>\n</error>"
    )


def test_xml_alone_cannot_be_had_of_rows(feed, cast):
    for accept in ("application/atom+xml", "application/xml;q=0.9"):
        answer = cast.alice.get(f"{FEED}/Submissions", headers={"accept": accept})
        assert (answer.status, answer.json["code"]) == (406, 406.1)


def test_clients_of_older_versions_of_odata_find_nothing(feed, cast):
    old = cast.alice.get(f"{FEED}/Submissions", headers={"odata-maxversion": "3.0"})
    assert (old.status, old.json["code"]) == (404, 404.1)
    for version in ("4.0", "4.01", ""):
        new = cast.alice.get(f"{FEED}/Submissions", headers={"odata-maxversion": version})
        assert new.status == 200
        assert new.headers["odata-version"] == "4.0"


# Cost.


def cost(send):
    """The calls of a request by name, and how many items they were given."""
    with Wire() as listening:
        answer = send()
    assert answer.status == 200, answer.text
    return listening.names, items(listening), listening.depth, len(answer.json["value"])


def items(listening):
    return sum(len(page.get("Items", ())) for page in listening.received.values())


def spread(count):
    """Ids of submissions that fall into a form's shards in turn."""
    numbers = itertools.count()
    for turn in range(count):
        yield next(
            id_
            for id_ in (f"n{number:04d}" for number in numbers)
            if keys.shard_for(id_, SHARDS) == turn % SHARDS
        )


@pytest.mark.parametrize(
    ("table", "options"),
    [
        ("Submissions", {}),
        (CHILD, {}),
        (TOY, {}),
        (CHILD, {"filter": "name ne 'x'", "select": "__id"}),
        ("Submissions", {"orderby": "__system/submissionDate asc"}),
    ],
)
def test_a_page_costs_what_it_gives_at_any_depth(cast, table, options):
    """The same calls, reading as many items: on the first page, on a late one, with more data."""
    families.form(cast)
    ids_ = list(spread(48))
    for id_ in ids_[:40]:
        families.submit(cast, id_, "N", {f"c-{id_}": ["t"]})
    query = urlencode({"$top": "4"} | {f"${name}": value for name, value in options.items()})
    first = f"{FEED}/{table}?{query}"
    path, costs = first, []
    for _ in range(4):
        costs.append(cost(lambda path=path: cast.alice.get(path)))
        path = cast.alice.get(path).json["@odata.nextLink"].removeprefix(ORIGIN)
    for id_ in ids_[40:]:
        families.submit(cast, id_, "N", {f"c-{id_}": ["t"]})
    costs.append(cost(lambda: cast.alice.get(first)))
    assert costs == [costs[0]] * len(costs)
    _, read, _, given = costs[0]
    assert (read, given) == (SHARDS * share(SHARDS, 5), 4)


def test_submissions_are_counted_without_being_sent(feed):
    with Wire() as listening:
        assert feed(top=0, count="true").json["@odata.count"] == 5
    queries = [call for call in listening.calls if call.operation == "Query"]
    assert [wire.body(call)["Select"] for call in queries] == ["COUNT"] * SHARDS


def test_what_a_filter_by_date_excludes_is_not_read(feed):
    (oldest,) = [row for row in feed().json["value"] if row["__id"] == "two"]
    since = oldest["__system"]["submissionDate"]
    text = f"__system/submissionDate ge {since} and __system/submissionDate le {since}"
    with Wire() as listening:
        assert "two" in ids(feed(filter=text))
    assert items(listening) <= 2
    with Wire() as listening:
        assert ids(feed(filter="__system/deletedAt ne null")) == []
    queries = [wire.body(call) for call in listening.calls if call.operation == "Query"]
    asked = {query["ExpressionAttributeValues"][":pk"]["S"] for query in queries}
    assert asked == {keys.submissions(1, TRASH, f"{shard:02x}") for shard in range(SHARDS)}
