"""What clients of ODK Central ask for data, request by request: each must get what it counts on.

Power BI and Excel, ruODK, QGIS plug-ins, Central's own web pages. (pyODK itself runs in `e2e`.)
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from tests import families
from tests.archives import members, rows
from tests.cast import PASSWORD
from tests.families import FEED, FORM

ORIGIN = "https://api.example.org"
CHILD = "Submissions.children.child"
JSON = "application/json; charset=utf-8"
# What Power Query says that it takes: of the service and its tables, and of `$metadata`.
ROWS_WANTED = (
    "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,"
    "application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7"
)
TYPES_WANTED = "application/xml;q=0.9,application/json;q=0.1,*/*;q=0.05"
NAMES = {"one": {"Ann": ["Ball"]}, "two": {}, "three": {"Bea": [], "Cid": []}}


@pytest.fixture
def filled(cast):
    families.form(cast)
    for id_, children in NAMES.items():
        families.submit(cast, id_, id_.title(), children, age=7)
    return cast


def basic(cast, **more):
    """A client that sends e-mail and password with every request, over TLS."""
    credentials = b64encode(f"alice@example.org:{PASSWORD}".encode()).decode()
    said = {"authorization": f"Basic {credentials}", "x-forwarded-proto": "https"}
    return cast.api.acting(said | more)


def test_power_bi_and_excel_find_their_way_through_a_feed(filled):
    client = basic(filled, **{"odata-maxversion": "4.0", "accept": ROWS_WANTED})
    service = client.get(FEED)
    assert service.headers["content-type"] == f"{JSON}; odata.metadata=minimal"
    tables = [each["url"] for each in service.json["value"]]
    assert tables == ["Submissions", CHILD, f"{CHILD}.toys.toy"]
    types = client.get(
        service.json["@odata.context"].removeprefix(ORIGIN), headers={"accept": TYPES_WANTED}
    )
    assert types.headers["content-type"] == "application/xml; charset=utf-8"
    for table, count in zip(tables, (3, 3, 1), strict=True):
        # The whole of it, then what is folded: previews, choices of columns, counts.
        for query, given in (
            ("", count),
            ("?$top=1000", count),
            ("?$top=0", 0),
            ("?$select=*&$top=1", 1),
            ("?$select=name&$top=2&$skip=0", min(2, count)),
            ("?$expand=*", count),
        ):
            answer = client.get(f"{FEED}/{table}{query}")
            assert answer.status == 200, answer.text
            assert len(answer.json["value"]) == given
            assert answer.headers["content-type"] == JSON
            assert answer.headers["odata-version"] == "4.0"
            assert answer.json["@odata.context"] == f"{ORIGIN}{FEED}/$metadata#{table}"
    # What it folds and cannot have, it does itself when it is told so in this way.
    for query, feature in (("$apply=aggregate(age)", "$apply"), ("$compute=age", "$compute")):
        answer = client.get(f"{FEED}/Submissions?{query}")
        assert (answer.status, answer.json["details"]) == (501, {"feature": feature})
    assert client.get(f"{FEED}/Submissions/$count").status == 404
    assert client.post(f"{FEED}/$batch", b"").status == 404


def test_power_bi_follows_links_to_the_rows_of_repeats(filled):
    client = basic(filled, accept=ROWS_WANTED)
    linked = []
    for row in client.get(f"{FEED}/Submissions").json["value"]:
        if link := row["children"].get("child@odata.navigationLink"):
            found = client.get(f"{FEED}/{link}").json["value"]
            assert {each["__Submissions-id"] for each in found} == {row["__id"]}
            linked += [each["name"] for each in found]
    assert linked == ["Bea", "Cid", "Ann"]


def test_ruodk_reads_a_feed_and_an_archive(filled):
    client = basic(filled, accept="application/json", **{"user-agent": "ruODK"})
    assert client.get(FEED).json["value"][0]["name"] == "Submissions"
    types = client.get(f"{FEED}/$metadata", headers={"accept": "application/xml"})
    assert types.text.startswith("<?xml")
    query = "$count=true&$wkt=false&$expand=*&$skip=0&$top=2"
    page = client.get(f"{FEED}/Submissions?{query.replace('$', '%24')}").json
    assert [row["__id"] for row in page["value"]] == ["three", "two"]
    assert [child["name"] for child in page["value"][0]["children"]["child"]] == ["Bea", "Cid"]
    assert page["@odata.count"] == 3
    rest = client.get(page["@odata.nextLink"].removeprefix(ORIGIN)).json
    assert [row["__id"] for row in rest["value"]] == ["one"]
    assert "@odata.nextLink" not in rest
    options = "attachments=false&groupPaths=false&deletedFields=true&splitSelectMultiples=true"
    archive = members(client.post(f"{FORM}/submissions.csv.zip?{options}", {"1": "no such key"}))
    assert list(archive) == ["families.csv", "families-child.csv", "families-toy.csv"]
    assert [row["KEY"] for row in rows(archive["families.csv"])] == ["three", "two", "one"]


def test_plug_ins_of_qgis_read_a_session_and_a_table(filled):
    said = {"email": "alice@example.org", "password": PASSWORD}
    token = filled.api.post("/v1/sessions", said).json["token"]
    client = filled.api.bearer(token)
    assert client.get("/v1/projects/").headers["location"] == "/v1/projects"
    listed = client.get("/v1/projects/1/forms", headers={"x-extended-metadata": "true"}).json
    assert [(each["name"], each["submissions"]) for each in listed] == [("Families", 3)]
    for row in client.get(f"{FEED}/Submissions").json["value"]:
        # The plug-in parses it as `%Y-%m-%dT%H:%M:%S.%fZ`.
        assert len(row["__system"]["submissionDate"]) == len("2026-11-27T03:40:56.037Z")
        assert "." in row["__system"]["submissionDate"]


def test_centrals_pages_list_filter_and_count(filled):
    alice = filled.alice
    assert alice.patch(f"{FORM}/submissions/two", {"reviewState": "approved"}).status == 200
    assert alice.delete(f"{FORM}/submissions/one").status == 200
    trash = "$top=0&$count=true&$filter=" + quote("__system/deletedAt ne null")
    assert alice.get(f"{FEED}/Submissions?{trash}").json == {
        "value": [],
        "@odata.context": f"{ORIGIN}{FEED}/$metadata#Submissions",
        "@odata.count": 1,
    }
    number = filled.users["alice"]["id"]
    chosen = (
        f"(__system/submitterId eq {number}) and __system/submissionDate ge "
        "2020-01-01T00:00:00.000+02:00 and __system/submissionDate lt 2099-01-01T00:00:00.000+02:00"
        " and (__system/reviewState eq null or __system/reviewState eq 'approved')"
    )
    query = (
        f"$top=250&$skip=0&$count=true&$wkt=true&$filter={quote(chosen)}"
        "&$select=__id,__system,name,children/child_count"
        f"&$orderby={quote('__system/submissionDate desc')}"
    )
    page = alice.get(f"{FEED}/Submissions?{query}").json
    assert list(page) == ["value", "@odata.context", "@odata.count"]
    assert [list(row) for row in page["value"]] == [["name", "children", "__id", "__system"]] * 2
    assert [row["__id"] for row in page["value"]] == ["three", "two"]
    assert page["@odata.count"] == 2
    last = query.replace("$skip=0", "$skip=1").replace("$top=250", "$top=1")
    assert [row["__id"] for row in alice.get(f"{FEED}/Submissions?{last}").json["value"]] == ["two"]
    (detail,) = alice.get(f"{FEED}/Submissions('two')?$select=__id,__system,meta").json["value"]
    assert list(detail) == ["meta", "__id", "__system"]
    assert detail["__system"]["reviewState"] == "approved"
    assert alice.get(f"{FORM}/submissions.geojson?$filter={quote(chosen)}").json["features"] == []
