"""What a feed reads off a URL and writes into one: paths, tokens, links, options."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.forms.schema import Field
from sheaf.odata import documents, order, protocol, resource, tokens
from sheaf.odata.links import Links
from sheaf.odata.options import Options
from sheaf.odata.resource import Resource
from sheaf.odata.tokens import Token
from sheaf.problems import InvalidSkipToken, NotFound, Problem

ID = "1795741018264874014t"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Submissions", Resource("Submissions")),
        ("Submissions/", Resource("Submissions")),
        ("Submissions.a.b", Resource("Submissions.a.b")),
        ("Submissions('uuid:1')", Resource("Submissions", "uuid:1")),
        ("Submissions('it''s')", Resource("Submissions", "it's")),
        ("Submissions('a/b')", Resource("Submissions", "a/b")),
        ("Submissions('x'')/y')/a", Resource("Submissions.a", "x')/y")),
        ("", Resource("")),
        ("Submissions('x')/a/b", Resource("Submissions.a.b", "x")),
        ("Submissions('x')/a/b('1')", Resource("Submissions.a.b", "x", ("Submissions.a.b", "1"))),
        (
            "Submissions('x')/a('0')/b('1')/c/d",
            Resource("Submissions.a.b.c.d", "x", ("Submissions.a.b", "1")),
        ),
    ],
)
def test_a_path_leads_to_rows(path, expected):
    assert resource.read(path) == expected


@pytest.mark.parametrize(
    "path", ["Submissions/a", "Other('x')", "Other('x')/a", "a/Submissions('x')", "Submissions('x'"]
)
def test_a_path_may_lead_nowhere(path):
    with pytest.raises(NotFound):
        resource.read(path)


@given(st.text())
def test_any_path_is_read_or_refused(path):
    try:
        resource.read(path)
    except Problem as refused:
        assert refused.code == 404.1


TOKENS = st.builds(
    Token,
    id=st.just(ID),
    row=st.lists(st.integers(0, 10**6), max_size=3).map(tuple),
    keys=st.lists(st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]))),
    shown=st.just({}),
)


@given(TOKENS)
def test_a_token_tells_what_it_was_told(token):
    assert tokens.read(token.write()) == token


@given(st.text() | st.text(st.sampled_from("01eyJ9=+/")).map("01".__add__))
def test_any_text_is_a_token_or_is_refused(text):
    try:
        tokens.read(text)
    except Problem as refused:
        assert refused.code == 400.35


def test_a_token_says_what_centrals_does():
    assert Token("", (), [], {"instanceId": "rtwo"}).write() == (
        "01eyJpbnN0YW5jZUlkIjoicnR3byIsImlkIjoiIn0="
    )


def test_links_are_spelt_as_centrals():
    links = Links(
        "https://x.org",
        "/v1/projects/1/forms/double repeat.svc/Submissions('uuid:1')/a/b",
        "$top=1&$skip=2&$filter=not%20a%20eq%20'~'&%24count=true",
    )
    assert links.service == "https://x.org/v1/projects/1/forms/double%20repeat.svc"
    assert links.context("Submissions.a.b") == f"{links.service}/$metadata#Submissions.a.b"
    link = links.following(Token(ID, (1, 3), [], {"repeatId": "ab"}))
    assert link.startswith(
        f"{links.service}/Submissions(%27uuid%3A1%27)/a/b?%24top=1&%24filter=not+a+eq+%27%7E%27"
        "&%24count=true&%24skiptoken=01"
    )
    (token,) = parse_qs(urlsplit(link).query)["$skiptoken"]
    assert tokens.read(token) == Token(ID, (1, 3), [], {})


def test_a_draft_has_a_service_of_its_own():
    links = Links("https://x.org", "/v1/test/t$k/projects/1/forms/f/draft.svc", "")
    assert links.service == "https://x.org/v1/test/t$k/projects/1/forms/f/draft.svc"


def test_a_submission_may_be_called_like_a_service():
    links = Links("https://x.org", "/v1/projects/1/forms/a.svc.svc/Submissions('b.svc')", "")
    assert links.service == "https://x.org/v1/projects/1/forms/a.svc.svc"


def test_options_are_read():
    assert Options.read({}) == Options()
    token = Token(ID, (), [], {}).write()
    asked = {"$top": "5", "$skip": "7", "$count": "TRUE", "$expand": "*", "$wkt": "true"}
    read = Options.read(asked)
    assert (read.top, read.skip, read.count, read.expand, read.wkt) == (5, 7, True, True, True)
    assert Options.read(asked | {"$skiptoken": token}).skip == 0, "it is counted in the token"
    with pytest.raises(InvalidSkipToken):
        Options.read({"$skiptoken": "x"})


KEYS = st.lists(
    st.tuples(
        st.text("ab", min_size=1, max_size=3),
        st.none() | st.integers(0, 2),
        st.none() | st.integers(0, 2),
    ),
    max_size=8,
    unique_by=lambda entry: entry[0],
)


@given(
    KEYS,
    st.lists(
        st.sampled_from(["updatedAt", "deletedAt desc", "submitterId desc"]), min_size=2, max_size=2
    ),
)
def test_what_comes_after_is_what_was_sorted_after(entries, fields):
    text = ",".join(f"__system/{name}" for name in fields)
    read = order.read(text, rooted=True)
    listed = [(id_, [one, two]) for id_, one, two in entries]
    read.sort(listed)
    for at, last in enumerate(listed):
        assert [each for each in listed if read.comes_after(each, last)] == listed[at + 1 :]


@pytest.mark.parametrize("keys", [[], [1], [1, 2, 3], ["a", None], [True, 1], [[], 1], [1.5, 1]])
def test_keys_of_another_order_are_refused(keys):
    read = order.read("__system/updatedAt,__system/submitterId", rooted=True)
    with pytest.raises(InvalidSkipToken):
        read.comes_after(("a", [1, 2]), ("b", keys))


@given(st.dictionaries(st.sampled_from(["$top", "$format", "$x", "$expand", "$select"]), st.text()))
def test_any_request_is_taken_or_refused(query):
    for xml in (True, False):
        try:
            protocol.check(query, {"accept": query.get("$top", "")}, xml=xml)
        except Problem as refused:
            assert refused.code in (406.1, 501.1, 501.6, 501.11)


def test_what_a_form_is_called_does_not_break_its_metadata():
    document = documents.metadata([Field("/a", "string")], "<a> & 'b'").decode()
    assert '<EntityContainer Name="&lt;a&gt; &amp; &#x27;b&#x27;">' in document
    assert 'Namespace="org.opendatakit.user.__a_b_"' in document
