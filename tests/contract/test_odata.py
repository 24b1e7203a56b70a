"""The feed: its documents, and whole rows of every shape (Central: `/forms/….svc`).

`double` and its `__id`s are those that Central's own tests expect.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import families
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import is_time, xml
from tests.families import FEED

DATA = Path(__file__).parents[1] / "data"
ORIGIN = "https://api.example.org"
CONTEXT = f"{ORIGIN}{FEED}/$metadata"
ALICE = "46ebf42ee83ddec5028c42b2c054402d1e700208"
BOB = "b6e93a81a53eed0566e65e472d4a4b9ae383ee6d"
CHELSEA = "8954b393f82c1833abb19be08a3d6cb382171f54"
DOUBLE = {
    "Alice": [],
    "Bob": ["Twilight Sparkle", "Pinkie Pie"],
    "Chelsea": ["Rainbow Dash", "Rarity"],
}
SYSTEM = {
    "submissionDate": "?",
    "updatedAt": None,
    "submitterId": "5",
    "submitterName": "Alice",
    "attachmentsPresent": 0,
    "attachmentsExpected": 0,
    "status": None,
    "reviewState": None,
    "deviceId": None,
    "edits": 0,
    "formVersion": "1.0",
    "deletedAt": None,
}


@pytest.fixture
def double(cast):
    """The form with one family; gives a function that asks its feed."""
    families.form(cast)
    families.submit(cast, "double", "Vick", DOUBLE)
    return lambda path: cast.alice.get(f"{FEED}/{path}")


def body(answer):
    """The body, times blanked: as a list of pairs where the order of members counts."""
    assert answer.status == 200, answer.text
    read = json.loads(answer.body)
    for row in read["value"]:
        for name in ("submissionDate", "updatedAt", "deletedAt"):
            if row.get("__system", {}).get(name):
                assert is_time(row["__system"][name])
                row["__system"][name] = "?"
    return read


def same(answer, expected):
    """Whether a body is the expected one, in the order of its members too."""
    assert json.dumps(body(answer)) == json.dumps(expected)
    return True


def child(name, id_, **more):
    return {"name": name, "toys": {}, "__id": id_, "__Submissions-id": "double"} | more


def toys(id_):
    return {"toy@odata.navigationLink": f"Submissions('double')/children/child('{id_}')/toys/toy"}


ROW = {
    "meta": {"instanceID": "double"},
    "name": "Vick",
    "age": None,
    "children": {
        "child_count": None,
        "child@odata.navigationLink": "Submissions('double')/children/child",
    },
    "__id": "double",
    "__system": SYSTEM,
}
CHILDREN = [
    child("Alice", ALICE),
    child("Bob", BOB, toys=toys(BOB)),
    child("Chelsea", CHELSEA, toys=toys(CHELSEA)),
]
TOY = "Submissions.children.child.toys.toy"


# Documents.


def test_the_service_document_names_the_tables(cast):
    families.form(cast)
    answer = cast.alice.get(FEED)
    assert answer.status == 200
    assert (
        answer.headers["content-type"] == "application/json; charset=utf-8; odata.metadata=minimal"
    )
    assert answer.headers["odata-version"] == "4.0"
    tables = ["Submissions", "Submissions.children.child", TOY]
    assert answer.json == {
        "@odata.context": CONTEXT,
        "value": [{"name": name, "kind": "EntitySet", "url": name} for name in tables],
    }


def test_the_metadata_document_describes_every_type_of_field(cast):
    form = (DATA / "forms/clinic-visit.xml").read_bytes()
    assert cast.alice.post(f"{cast.FORMS}?publish=true", form).status == 200
    answer = cast.alice.get(f"{cast.FORMS}/clinic-visit.svc/$metadata")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert answer.headers["odata-version"] == "4.0"
    assert answer.text + "\n" == (DATA / "odata/clinic-visit.edmx").read_text()


def test_the_metadata_document_links_repeats_in_groups(cast):
    families.form(cast)
    answer = cast.alice.get(f"{FEED}/$metadata")
    assert answer.text + "\n" == (DATA / "odata/families.edmx").read_text()


def test_documents_and_tables_answer_head(double, cast):
    for path in ("", "/$metadata", "/Submissions", "/Submissions('double')"):
        answer, head = cast.alice.get(FEED + path), cast.alice.head(FEED + path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-type"] == answer.headers["content-type"]
        assert head.headers["odata-version"] == "4.0"


@pytest.mark.parametrize("path", ["", "/$metadata", "/Submissions", "/Submissions('double')"])
def test_only_who_may_read_submissions_sees_a_feed(double, cast, path):
    def problem(answer):
        if path != "/$metadata":
            return answer.json
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        return answer.text

    def worded(problem):
        if path != "/$metadata":
            return problem
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<error code="{problem["code"]}">\n'
            f"  <message>{problem['message']}</message>\n  <details></details>\n</error>"
        )

    assert cast.vera.get(FEED + path).status == 200
    for who, status, expected in (
        (cast.api, 401, ANONYMOUS),
        (cast.chelsea, 403, FORBIDDEN),
        (cast.colin, 403, FORBIDDEN),
    ):
        answer = who.get(FEED + path)
        assert (answer.status, problem(answer)) == (status, worded(expected))
    answer = cast.alice.get(FEED.replace("families", "other") + path)
    assert (answer.status, problem(answer)) == (404, worded(NOT_FOUND))


def test_a_form_that_was_never_published_has_no_feed(cast):
    cast.draft()
    for path in ("", "/$metadata", "/Submissions"):
        assert cast.alice.get(f"{cast.FORMS}/simple.svc{path}").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "Other",
        "Submissions.children",
        "Submissions.children.child.toys",
        "Submissions.name",
        "submissions",
        "Submissions/children",
        "Submissions('other')",
        "Submissions('double')/children",
        "Submissions('double')/other",
        "Submissions('double')/children/child/other",
        "Submissions('double')/children('x')/child",
        "Submissions(double)",
        "Submissions('')",
        "Other('double')",
        "$metadata/x",
    ],
)
def test_a_path_that_leads_nowhere_is_not_found(double, path):
    answer = double(path)
    assert (answer.status, answer.json) == (404, NOT_FOUND)


def test_below_a_form_nothing_but_a_feed_is_found(cast):
    cast.form()
    for path in ("other", "other/deep", "submissions/x/y/z", "draft.svc"):
        answer = cast.alice.get(f"{cast.FORMS}/simple/{path}")
        assert (answer.status, answer.json) == (404, NOT_FOUND)
    slash = cast.alice.get(f"{cast.FORMS}/simple/submissions/?limit=1")
    assert slash.status == 308
    assert slash.headers["location"] == f"{cast.FORMS}/simple/submissions?limit=1"
    assert cast.alice.post(f"{FEED}/Submissions").status == 404


# Rows.


def test_rows_of_submissions(double):
    assert same(double("Submissions"), {"value": [ROW], "@odata.context": f"{CONTEXT}#Submissions"})


def test_rows_of_a_repeat(double):
    context = f"{CONTEXT}#Submissions.children.child"
    assert same(
        double("Submissions.children.child"), {"value": CHILDREN, "@odata.context": context}
    )


def test_rows_of_a_repeat_in_a_repeat(double):
    found = body(double(TOY))
    assert [row["name"] for row in found["value"]] == [*DOUBLE["Bob"], *DOUBLE["Chelsea"]]
    assert [row["__Submissions-children-child-id"] for row in found["value"]] == [
        BOB, BOB, CHELSEA, CHELSEA,
    ]  # fmt: skip
    assert found["@odata.context"] == f"{CONTEXT}#{TOY}"
    assert list(found["value"][0]) == ["name", "__id", "__Submissions-children-child-id"]


def test_a_submission_without_rows_has_no_link_to_them(cast):
    families.form(cast)
    families.submit(cast, "one", "Alice", age=30)
    assert same(
        cast.alice.get(f"{FEED}/Submissions"),
        {
            "value": [
                {
                    "meta": {"instanceID": "one"},
                    "name": "Alice",
                    "age": 30,
                    "children": {"child_count": None},
                    "__id": "one",
                    "__system": SYSTEM,
                }
            ],
            "@odata.context": f"{CONTEXT}#Submissions",
        },
    )
    assert body(cast.alice.get(f"{FEED}/Submissions.children.child"))["value"] == []


def test_rows_can_hold_the_rows_of_repeats(double):
    found = body(double("Submissions?$expand=*"))["value"]
    inner = {"name": "Alice", "toys": {}, "__id": ALICE}
    link = ROW["children"]["child@odata.navigationLink"]
    assert list(found[0]["children"].items())[1] == ("child@odata.navigationLink", link)
    alice, bob, _ = found[0]["children"]["child"]
    assert json.dumps(alice) == json.dumps(inner)
    assert list(bob["toys"]) == ["toy@odata.navigationLink", "toy"]
    assert [list(toy) for toy in bob["toys"]["toy"]] == [["name", "__id"]] * 2
    assert [toy["name"] for toy in bob["toys"]["toy"]] == DOUBLE["Bob"]

    found = body(double("Submissions.children.child?$expand=*"))["value"]
    assert [row["name"] for row in found] == list(DOUBLE)
    assert found[1]["__Submissions-id"] == "double"
    assert found[1]["toys"]["toy"] == bob["toys"]["toy"]


def test_one_submission(double):
    assert same(
        double("Submissions('double')"),
        {"value": [ROW], "@odata.context": f"{CONTEXT}#Submissions"},
    )


def test_rows_of_one_submission(double, cast):
    families.submit(cast, "other", "Zoe", {"Yann": ["Ball"]})
    context = f"{CONTEXT}#Submissions.children.child"
    path = "Submissions('double')/children/child"
    assert same(double(path), {"value": CHILDREN, "@odata.context": context})
    assert same(double(f"{path}('{BOB}')"), {"value": [CHILDREN[1]], "@odata.context": context})
    for scope in (f"child('{CHELSEA}')/toys/toy", "child/toys/toy"):
        rows = body(double(f"Submissions('double')/children/{scope}"))["value"]
        expected = DOUBLE["Chelsea"] if "(" in scope else [*DOUBLE["Bob"], *DOUBLE["Chelsea"]]
        assert [row["name"] for row in rows] == expected
    assert body(double(f"{path}('{'0' * 40}')"))["value"] == []


def test_links_lead_where_they_say(double, cast):
    """Whatever ids there are, quotes and brackets too."""
    ids = ["uuid:17b09e96-4141-43f5-9a70-611eb0e8f6b4", "it's (one) 100% ü", "a''b", "a/b", "x')/y"]
    for id_ in ids:
        families.submit(cast, id_.replace("&", "&amp;"), "Zoe", {id_: ["Ball"]})
    for row in body(double("Submissions"))["value"]:
        if row["__id"] == "double":
            continue
        (found,) = body(double(row["children"]["child@odata.navigationLink"]))["value"]
        assert (found["name"], found["__Submissions-id"]) == (row["__id"], row["__id"])
        (toy,) = body(double(found["toys"]["toy@odata.navigationLink"]))["value"]
        assert toy["__Submissions-children-child-id"] == found["__id"]


def test_links_to_forms_with_spaces_are_encoded(cast):
    source = (DATA / "forms/families.xml").read_bytes().replace(b'"families"', b'"double repeat"')
    assert cast.alice.post(f"{cast.FORMS}?publish=true", source).status == 200
    feed = f"{cast.FORMS}/double%20repeat.svc"
    service = cast.alice.get(feed).json
    assert service["@odata.context"] == f"{ORIGIN}{feed}/$metadata"
    table = cast.alice.get(f"{feed}/Submissions").json
    assert table["@odata.context"] == f"{ORIGIN}{feed}/$metadata#Submissions"
    edmx = cast.alice.get(f"{feed}/$metadata").text
    assert '<EntityContainer Name="double repeat">' in edmx
    assert 'Namespace="org.opendatakit.user.double_repeat"' in edmx


def test_what_the_server_knows_of_a_submission(double, cast):
    said = families.xml("edited", "Bo", {"Yann": []}, deprecated="double")
    assert cast.bob.put(f"{families.FORM}/submissions/double", said).status == 200
    (row,) = body(double("Submissions"))["value"]
    # The name of the submission, who sent it and when are for ever those of the first version.
    assert row["__id"] == "double"
    assert row["meta"]["instanceID"] == "edited"
    assert row["__system"] == SYSTEM | {"updatedAt": "?", "reviewState": "edited", "edits": 1}
    assert row["children"]["child@odata.navigationLink"] == "Submissions('double')/children/child"
    (yann,) = body(double("Submissions.children.child"))["value"]
    assert yann["__id"] == ALICE, "ids of rows follow from the first instanceId"


def test_unusual_content_is_given_as_it_was_sent(cast):
    """In rows of submissions and of repeats, and found by filters; however large."""
    families.form(cast)
    # The largest lies in the bucket, since no item holds it even compressed.
    texts = {
        "lines": "one\ntwo\tthree",
        "quotes": 'say "x", it\'s \\ 100%',
        "emoji": "\U0001f600\u200d\U0001f525 e\u0301",
        "markup": "<b> & </b> ]]>",
        "json": '{"value":[]}',
        "spaces": "  pad ",
        "long": random.Random(1).randbytes(500_000).hex(),
    }
    for id_, text in texts.items():
        said = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        families.submit(cast, id_, said, {said: []})

    def told(path):
        answer = cast.alice.get(f"{FEED}/{path}")
        assert answer.status == 200, answer.text
        return answer.json["value"]

    for page in ("Submissions", "Submissions?$top=3"):
        found = {row["__id"]: row["name"] for row in told(page)}
        assert found == {id_: texts[id_] for id_ in found}
    rows = told("Submissions.children.child")
    assert {row["__Submissions-id"]: row["name"] for row in rows} == texts
    for id_, text in texts.items():
        (row,) = told(f"Submissions('{id_}')?$select=name")
        assert row == {"name": text}
        begun = quote(f"startswith(name, '{text[:20].replace(chr(39), chr(39) * 2)}')")
        assert [row["__id"] for row in told(f"Submissions?$filter={begun}&$select=__id")] == [id_]


def test_files_are_counted(cast):
    cast.form()
    path = f"{cast.SUBMISSIONS}?deviceID=collect%3Ax"
    assert cast.alice.post(path, xml("one", photo="a.jpg")).status == 200

    def counts():
        system = cast.alice.get(f"{cast.FORMS}/simple.svc/Submissions").json["value"][0]["__system"]
        assert system["deviceId"] == "collect:x"
        return system["attachmentsPresent"], system["attachmentsExpected"]

    before = cast.alice.get(f"{cast.FORMS}/simple.svc/Submissions")
    assert counts() == (0, 1)
    assert cast.alice.post(f"{cast.SUBMISSIONS}/one/attachments/a.jpg", b"x").status == 200
    assert counts() == (1, 1)
    # The row has changed, so what a client keeps is no longer good.
    again = cast.alice.get(
        f"{cast.FORMS}/simple.svc/Submissions", headers={"if-none-match": before.headers["etag"]}
    )
    assert again.status == 200


def test_a_table_that_has_not_changed_need_not_be_sent_again(double, cast):
    first = double("Submissions")
    again = cast.alice.get(f"{FEED}/Submissions", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_encrypted_submissions_have_no_data(cast):
    families.form(cast)
    envelope = (
        b'<data id="families" version="1.0" encrypted="yes">'
        b"<base64EncryptedKey>a2V5</base64EncryptedKey>"
        b"<meta><instanceID>sealed</instanceID></meta>"
        b"<media><file>photo.jpg.enc</file></media>"
        b"<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    )
    sent = cast.alice.post(f"{families.FORM}/submissions", envelope)
    assert sent.status == 200, sent.text
    said = SYSTEM | {"attachmentsExpected": 2, "status": "missingEncryptedFormData"}
    row = {"__id": "sealed", "__system": said}

    def rows(path):
        return body(cast.alice.get(f"{FEED}/{path}"))["value"]

    assert json.dumps(rows("Submissions")) == json.dumps([row])
    assert json.dumps(rows("Submissions('sealed')")) == json.dumps([row])
    assert rows("Submissions.children.child") == []
    assert rows("Submissions('sealed')/children/child") == []
    assert rows("Submissions?$select=__system/status,name") == [
        {"__system": {"status": "missingEncryptedFormData"}}
    ]
    # A filter that looks at data finds none.
    assert rows("Submissions?$filter=name eq null") == [row]
    path = f"{families.FORM}/submissions/sealed/attachments/submission.xml.enc"
    assert cast.alice.post(path, b"data").status == 200
    said |= {"attachmentsPresent": 1, "status": "notDecrypted"}
    assert rows("Submissions") == [row]


def test_drafts_have_a_feed_of_their_own(cast):
    families.form(cast)
    families.submit(cast, "published", "Zoe", {"Yann": []})
    draft = f"{families.FORM}/draft"
    assert cast.alice.get(f"{draft}.svc").status == 404
    source = (DATA / "forms/families.xml").read_bytes().replace(b"<age/>", b"<age/><height/>")
    source = source.replace(b'"families" version="1.0"', b'"families" version="2"')
    made = cast.alice.post(f"{cast.FORMS}/families/draft?ignoreWarnings=true", source)
    assert made.status == 200, made.text
    token = cast.alice.get(draft).json["draftToken"]
    assert cast.alice.post(f"{draft}/submissions", families.xml("tried", "Bo")).status == 200
    for feed, who in (
        (f"{draft}.svc", cast.alice),
        (f"/v1/test/{token}/projects/1/forms/families/draft.svc", cast.api),
    ):
        service = who.get(feed).json
        assert service["@odata.context"] == f"{ORIGIN}{feed}/$metadata"
        assert "height" in who.get(f"{feed}/$metadata").text
        (row,) = who.get(f"{feed}/Submissions").json["value"]
        assert (row["__id"], row["height"]) == ("tried", None)
        (row,) = who.get(f"{feed}/Submissions('tried')").json["value"]
        assert who.get(f"{feed}/Submissions('published')").status == 404
    assert cast.chelsea.get(f"{draft}.svc/Submissions").status == 403
    wrong = f"/v1/test/{'x' * 64}/projects/1/forms/families/draft.svc/Submissions"
    assert cast.api.get(wrong).status == 404
    (row,) = cast.alice.get(f"{FEED}/Submissions").json["value"]
    assert "height" not in row


def test_a_draft_that_was_never_published_has_a_feed(cast):
    cast.draft()
    token = cast.drafts["simple"]
    assert cast.alice.post(f"{cast.FORMS}/simple/draft/submissions", xml("one")).status == 200
    for feed, who in (
        (f"{cast.FORMS}/simple/draft.svc", cast.alice),
        (f"/v1/test/{token}/projects/1/forms/simple/draft.svc", cast.api),
    ):
        assert who.get(feed).json["value"][0]["name"] == "Submissions"
        assert who.get(f"{feed}/$metadata").status == 200
        assert [row["__id"] for row in who.get(f"{feed}/Submissions").json["value"]] == ["one"]
        assert who.get(f"{feed}/Submissions('one')").json["value"][0]["name"] == "Alan"
