"""Submissions: creation, reading, lists (Central: `/submissions`)."""

from __future__ import annotations

import random
import re
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from sheaf import settings
from sheaf.db import keys, reads
from sheaf.forms.forms import Form
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import Cast, audits, is_time, stored, xform, xml

DATA = Path(__file__).parents[1] / "data"
FORM = "/v1/projects/1/forms/simple"
PATH = f"{FORM}/submissions"
CREATED = [
    "instanceId", "submitterId", "deviceId", "createdAt", "updatedAt", "userAgent",
    "currentVersion",
]  # fmt: skip
FULL = [
    "instanceId", "submitterId", "deviceId", "createdAt", "updatedAt", "reviewState", "userAgent",
    "deletedAt", "currentVersion",
]  # fmt: skip
VERSION = [
    "submitterId", "createdAt", "instanceName", "instanceId", "current", "deviceId", "userAgent",
]  # fmt: skip


def taken(instance_id: str, form: str = "1"):
    return {
        "message": "A resource already exists with formId,instanceId,draft value(s) of "
        f"{form},{instance_id},f.",
        "code": 409.3,
        "details": {
            "fields": ["formId", "instanceId", "draft"],
            "values": [form, instance_id, "f"],
            "table": "submissions",
        },
    }


def of(instance_id: str) -> str:
    return f"{PATH}/{quote(instance_id, safe='')}"


# Creation.


def test_a_submission_is_created(cast):
    cast.form()
    said = xml("one").replace(
        b"</orx:meta>", b"<orx:instanceName> A &amp; B</orx:instanceName></orx:meta>"
    )
    headers = {"user-agent": "okhttp/4", "odk-client": "Enketo/7", "x-action-notes": "caf%C3%A9"}
    answer = cast.colin.post(f"{PATH}?deviceID=collect%3Aab", said, headers=headers)
    colin = cast.users["colin"]["id"]
    created = answer.json["createdAt"]
    assert is_time(created)
    assert (list(answer.json), list(answer.json["currentVersion"])) == (CREATED, VERSION)
    assert answer.status == 200
    assert answer.json == {
        "instanceId": "one",
        "submitterId": colin,
        "deviceId": "collect:ab",
        "createdAt": created,
        "updatedAt": None,
        "userAgent": "Enketo/7 okhttp/4",
        "currentVersion": {
            "submitterId": colin,
            "createdAt": created,
            "instanceName": " A &amp; B",
            "instanceId": "one",
            "current": True,
            "deviceId": "collect:ab",
            "userAgent": "Enketo/7 okhttp/4",
        },
    }
    read = cast.bob.get(of("one")).json
    assert (list(read), list(read["currentVersion"])) == (FULL, VERSION)
    assert read == answer.json | {"reviewState": None, "deletedAt": None}
    (row,) = audits("submission.create")
    assert row == {
        "actorId": colin,
        "action": "submission.create",
        "acteeId": reads.get(Form.ref(keys.form(1, "simple"))).actee_id,
        "details": {
            "submissionId": row["details"]["submissionId"],
            "instanceId": "one",
            "submissionDefId": row["details"]["submissionDefId"],
        },
        "loggedAt": created,
        "notes": "café",
    }
    assert isinstance(row["details"]["submissionId"], int)
    assert isinstance(row["details"]["submissionDefId"], int)


def test_the_audit_row_carries_what_the_event_needs(cast):
    cast.form()
    cast.submit("one")
    from sheaf.db.audit import Audit

    (row,) = [Audit.ref(("", "")).read(item) for item in stored("E#c")]
    (item,) = stored("S#1")
    assert row.event == {
        "projectId": 1,
        "formId": 1,
        "xmlFormId": "simple",
        "formVersion": "1",
        "draft": False,
        "submissionId": item["sk"]["S"],
        "instanceId": "one",
        "currentInstanceId": "one",
        "version": 0,
        "sequence": 1,
        "reviewState": None,
        "previousReviewState": None,
        "updatedAt": None,
        "deletedAt": None,
        "files": "",
    }


def test_a_device_and_a_client_may_be_unnamed_or_longwinded(cast):
    cast.form()
    answer = cast.bob.post(f"{PATH}?deviceID=", xml("one"))
    assert (answer.json["deviceId"], answer.json["userAgent"]) == (None, None)
    long = {"user-agent": "u" * 300, "odk-client": ""}
    answer = cast.bob.post(f"{PATH}?deviceID={'d' * 300}", xml("two"), headers=long)
    assert answer.json["deviceId"] == "d" * 255
    assert answer.json["userAgent"] == "u" * 255


def test_a_submission_without_an_id_is_given_one(cast):
    cast.form()
    body = xml("X").replace(b"<orx:instanceID>X</orx:instanceID>", b"")
    ids = {cast.bob.post(PATH, body).json["instanceId"] for _ in range(2)}
    assert len(ids) == 2
    for each in ids:
        assert re.fullmatch(
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", each
        )
        assert cast.bob.get(of(each) + ".xml").body == body


def test_an_envelope_without_an_id_is_refused(cast):
    cast.form()
    key = "<base64EncryptedKey>k</base64EncryptedKey>"
    body = f'<data id="simple" version="1" encrypted="yes">{key}</data>'.encode()
    answer = cast.bob.post(PATH, body)
    assert answer.status == 400
    assert answer.json == {
        "message": "Required parameter instanceId (required for encrypted submissions) missing.",
        "code": 400.2,
        "details": {"field": "instanceId (required for encrypted submissions)"},
    }


def test_what_is_no_submission_lacks_a_form_id(cast):
    cast.form()
    before = len(stored())
    for body in (b"", b"   ", b"no xml", b'{"a": 1}', b"<data/>", b"<!-- a -->", b"\x00\x01\x02"):
        for kind in ("", "text/plain", "application/x-foo"):
            answer = cast.alice.post(PATH, body, headers={"content-type": kind})
            assert answer.status == 400
            assert answer.json == {
                "message": "Required parameter form ID xml attribute missing.",
                "code": 400.2,
                "details": {"field": "form ID xml attribute"},
            }
    assert len(stored()) == before


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            b'{"a"',
            {
                "message": "Could not parse the given data (4 chars) as json.",
                "code": 400.1,
                "details": {"format": "json", "rawLength": 4},
            },
        ),
        (b'"' + b"x" * 256_001 + b'"', {"message": "Request body too large.", "code": 400.36}),
        (
            b'{"a": "<data id=simple version=1></data>"}',
            {
                "message": "Required parameter form ID xml attribute missing.",
                "code": 400.2,
                "details": {"field": "form ID xml attribute"},
            },
        ),
    ],
)
def test_what_calls_itself_json_is_taken_for_that(cast, body, problem):
    cast.form()
    kind = {"content-type": "application/json"}
    answer = cast.bob.post(PATH, body, headers=kind)
    assert (answer.status, answer.json) == (400, problem)
    answer = cast.bob.put(of("one"), body, headers=kind)
    assert (answer.status, answer.json) == (400, problem)


def test_the_content_type_does_not_matter(cast):
    cast.form()
    for kind in ("text/xml", "text/plain", "application/x-www-form-urlencoded"):
        assert cast.bob.post(PATH, xml(kind), headers={"content-type": kind}).status == 200


def test_what_comes_first_is_answered_first(cast):
    """Each request has the fault of its line and all that follow; a repair leads to the next."""
    cast.form()
    wrong = xml("x" * 65, form="other", version="nope")
    closed = xml("x" * 65, form="other")
    nowhere = f"{FORM}x/submissions"
    assert cast.api.post(nowhere, b"").json == ANONYMOUS
    assert cast.chelsea.post(nowhere, b"").json["code"] == 400.2
    assert cast.chelsea.post(nowhere, wrong).json == NOT_FOUND
    cast.bob.patch(FORM, {"state": "closed"})
    assert cast.chelsea.post(PATH, wrong).json == {
        "message": "The form version specified in this submission 'nope' does not exist.",
        "code": 404.6,
        "details": {"formVersion": "nope"},
    }
    assert cast.chelsea.post(PATH, closed).json == {
        "message": "This form is not currently accepting submissions. Please talk to your program "
        "staff if this is unexpected.",
        "code": 409.2,
    }
    cast.bob.patch(FORM, {"state": "open"})
    assert cast.chelsea.post(PATH, closed).json == FORBIDDEN
    answer = cast.bob.post(PATH, closed)
    assert answer.status == 400
    assert answer.json == {
        "message": "Unexpected form id value other; did not match the form ID in the URL",
        "code": 400.8,
        "details": {
            "field": "form id",
            "value": "other",
            "reason": "did not match the form ID in the URL",
        },
    }
    answer = cast.bob.post(PATH, xml("x" * 65))
    assert answer.status == 400
    assert answer.json == {
        "message": "Length of value too long for a field",
        "code": 400.13,
        "details": {"maxLength": "64"},
    }
    assert cast.bob.post(PATH, xml("x" * 64)).status == 200


def test_a_form_that_is_closing_takes_submissions(cast):
    cast.form()
    cast.bob.patch(FORM, {"state": "closing"})
    assert cast.submit("one", by=cast.colin).status == 200


def test_a_version_must_match_exactly(cast):
    cast.form()
    for version in ("", "2", " 1", "1 ", "x" * 3000):
        answer = cast.submit("one", version=version)
        assert (answer.status, answer.json["code"]) == (404, 404.6)
        assert answer.json["details"] == {"formVersion": version}


def test_no_version_is_the_empty_version(cast):
    cast.form(version="")
    assert cast.submit("one", version="").status == 200
    assert cast.bob.post(PATH, xml("two").replace(b' version="1"', b"")).status == 200


@pytest.mark.parametrize("name", ["vera", "chelsea"])
def test_who_may_not_create_submissions(cast, name):
    cast.form()
    answer = cast.submit("one", by=getattr(cast, name))
    assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert stored("S#") == stored("C#") == []


IDS = [
    "uuid:7f1c7c4e-0d4e-4b5e-9d3b-0f6f1b1f0a11", "a/b/c", "a b", "  pad  ", 'say "hi"', "it's",
    "100%", "%2F", "a#b", "a?b=c", "é", "e\u0301", "😀" * 16, "x" * 64, "😀" * 64, "key", "a;b,c",
    "a\\b", "..", "+", "a&amp;b", "\u202e", "\ufeff", "x.xmlx", ".xml",
]  # fmt: skip


def test_ids_may_hold_anything(cast):
    cast.form()
    for instance_id in IDS:
        body = xml(instance_id)
        assert cast.bob.post(PATH, body).json["instanceId"] == instance_id
        assert cast.bob.post(PATH, body).json == taken(instance_id)
        path = of(instance_id)
        assert cast.bob.get(path).json["instanceId"] == instance_id
        answer = cast.bob.get(path + ".xml")
        assert (answer.status, answer.body) == (200, body)
        assert cast.bob.delete(path).json == {"success": True}
        assert cast.bob.get(path).json == NOT_FOUND
        assert cast.bob.post(f"{path}/restore").json == {"success": True}
    listed = [each["instanceId"] for each in cast.bob.get(PATH).json]
    assert listed == list(reversed(IDS))


def test_composed_and_decomposed_ids_are_different(cast):
    cast.form()
    assert cast.submit("é").status == 200
    assert cast.submit("e\u0301").status == 200
    assert cast.submit("E\u0301").status == 200


def test_an_id_cannot_reach_into_another_s(cast):
    """Separators of keys are part of an id like any letter."""
    cast.form()
    assert cast.submit("a#b").status == 200
    assert cast.bob.get(of("a%23b")).json == NOT_FOUND
    assert cast.submit("a%23b").status == 200
    assert len(cast.bob.get(PATH).json) == 2


def test_an_id_may_not_hold_a_nul(cast):
    cast.form()
    answer = cast.submit("a\0b")
    assert (answer.status, answer.json["code"]) == (400, 400.8)
    assert answer.json["details"]["field"] == "instanceID"
    assert cast.bob.get(f"{PATH}/a%00b").json == NOT_FOUND


def test_an_id_is_taken_by_anything_of_that_form(cast):
    cast.form()
    assert cast.submit("one").status == 200
    for body in (xml("one"), xml("one", name="other")):
        answer = cast.bob.post(PATH, body)
        assert (answer.status, answer.json) == (409, taken("one"))
    assert cast.bob.put(of("one"), xml("two", deprecated="one")).status == 200
    answer = cast.submit("two")
    assert answer.status == 409
    assert answer.json == {
        "message": "A resource already exists with instanceID value(s) of two.",
        "code": 409.3,
        "details": {"fields": "instanceID", "values": "two"},
    }
    assert cast.submit("one").json == taken("one")
    cast.bob.delete(of("one"))
    assert cast.submit("one").json == taken("one")
    assert cast.submit("two").json["details"] == {"fields": "instanceID", "values": "two"}
    cast.form("other")
    other = "/v1/projects/1/forms/other/submissions"
    assert cast.bob.post(other, xml("one", form="other")).status == 200
    assert len(audits("submission.create")) == 2


def test_a_deprecated_id_does_not_matter_to_a_new_submission(cast):
    cast.form()
    answer = cast.bob.post(PATH, xml("two", deprecated="one"))
    assert (answer.status, answer.json["instanceId"]) == (200, "two")


DOCTYPE = b'<!DOCTYPE d [<!ENTITY a "b"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
LATIN_1 = b'<?xml version="1.0" encoding="ISO-8859-1"?>'
BODIES = {
    "utf-16": xml("utf-16", name="Zoë").decode().encode("utf-16"),
    "latin-1": LATIN_1 + xml("latin-1").replace(b"Alan", b"Zo\xeb"),
    "bom": b"\xef\xbb\xbf" + xml("bom"),
    "crlf": xml("crlf").replace(b"<age>", b"\r\n<age>") + b"\r\n",
    "unclosed": xml("unclosed").removesuffix(b"</data>"),
    "cdata": xml("cdata", name="<![CDATA[<&>]]>"),
    "unknown": xml("unknown", name="&unknown; &#x1F600; \x01"),
    "doctype": DOCTYPE + xml("doctype", name="&a;&c;"),
    "broken": xml("broken").replace(b"Alan", b"\xff\xfe\xfa"),
}


def test_xml_comes_back_byte_for_byte(cast):
    cast.form()
    for instance_id, body in BODIES.items():
        answer = cast.bob.post(PATH, body)
        assert (answer.status, answer.json["instanceId"]) == (200, instance_id)
        read = cast.bob.get(of(instance_id) + ".xml")
        assert (read.status, read.body) == (200, body)
        assert read.headers["content-type"] == "application/xml; charset=utf-8"


def test_the_transport_s_charset_counts(cast):
    cast.form()
    body = xml("Zoë").decode().encode("iso-8859-1")
    kind = {"content-type": "text/xml; charset=ISO-8859-1"}
    assert cast.bob.post(PATH, body, headers=kind).json["instanceId"] == "Zoë"
    assert cast.bob.get(of("Zoë") + ".xml").body == body


def test_a_huge_submission_lies_in_the_bucket_and_comes_back_whole(cast, aws):
    cast.form()
    noise = random.Random(3).randbytes(500_000).hex()
    body = xml("one", name=noise)
    assert cast.bob.post(PATH, body).status == 200
    (item,) = stored("S#1")
    assert "x" not in item
    prefix = f"submissions/{item['sk']['S']}/"
    held = aws.client("s3").list_objects_v2(Bucket=settings.BUCKET_NAME, Prefix=prefix)
    assert [each["Key"] for each in held["Contents"]] == [item["xk"]["S"]]
    answer = cast.bob.get(of("one") + ".xml")
    assert (answer.status, answer.body) == (200, body)
    # What is refused leaves nothing behind.
    everything = aws.client("s3").list_objects_v2(Bucket=settings.BUCKET_NAME)["KeyCount"]
    assert cast.bob.post(PATH, body).json == taken("one")
    assert aws.client("s3").list_objects_v2(Bucket=settings.BUCKET_NAME)["KeyCount"] == everything


def test_an_instance_name_beyond_reason_is_cut(cast):
    cast.form()
    name = "😀" * 50_000
    body = xml("one").replace(
        b"</orx:meta>", f"<orx:instanceName>{name}</orx:instanceName></orx:meta>".encode()
    )
    answer = cast.bob.post(PATH, body)
    assert answer.json["currentVersion"]["instanceName"] == name[:4_000]
    assert cast.bob.get(of("one") + ".xml").body == body


# What a write costs.


def size(value) -> int:
    """The size of an attribute's value, in bytes (DynamoDB guide, "Item sizes and formats")."""
    ((kind, held),) = value.items()
    if kind == "N":
        return len(held.lstrip("-").strip("0")) // 2 + 2
    if kind == "L":
        return 3 + sum(1 + size(each) for each in held)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + size(each) for name, each in held.items())
    return {"S": lambda: len(held.encode()), "B": lambda: len(held)}.get(kind, lambda: 1)()


NOTES = (
    "Mother says the cough began two weeks ago, after the rains. No fever now; weight is down by "
    "300 g since October. The clinic at Kaliro had run out of zinc, so we left six tablets and a "
    "card for Thursday. Her neighbour, Mrs Obua, will walk with them if the bridge is passable. "
    "House has a new latrine, no handwashing place yet."
)


AGENT = "org.odk.collect.android/v2026.1.1 Dalvik/2.1.0 (Linux; U; Android 13; SM-A135F Build)"


def written_by(cast, path, body):
    """The size of each item that a submission writes, by the kind of its key."""
    before = stored()
    assert cast.bob.post(path, body, headers={"user-agent": AGENT}).status == 200
    return {
        item["pk"]["S"].split("#")[0]: sum(
            len(name.encode()) + size(value) for name, value in item.items()
        )
        for item in stored()
        if item not in before
    }


def test_a_realistic_submission_costs_eight_write_units_at_most(cast):
    raw = (DATA / "forms" / "clinic-visit.xml").read_bytes()
    assert cast.bob.post(f"{Cast.FORMS}?publish=true", raw).status == 200
    body = (DATA / "submissions" / "clinic-visit.xml").read_bytes()
    body = body.replace(b"</clinic>", f"<notes>{NOTES}</notes></clinic>".encode())
    assert 1_450 <= len(body) <= 1_600
    path = f"{Cast.FORMS}/clinic-visit/submissions?deviceID=collect%3AdJx0NpZyeFKAXzCi"
    # An actor's first submission to a form makes it one of its submitters.
    first = written_by(cast, path, body.replace(b"uuid:", b"uuid:first-", 1))
    assert sorted(first) == ["A", "C", "E", "S", "SU"]
    written = written_by(cast, path, body)
    assert sorted(written) == ["C", "E", "S"]
    assert all(each < 1024 for each in written.values()), written
    # A transactional write of up to a kilobyte costs two units.
    assert sum(2 * -(-each // 1024) for each in written.values()) <= 8


# Reading one.


def test_who_reads_submissions(cast):
    cast.form()
    cast.submit("one", by=cast.colin)
    paths = (PATH, of("one"), of("one") + ".xml", of("one") + "/attachments")
    for api in (cast.alice, cast.bob, cast.vera):
        assert [api.get(path).status for path in paths] == [200] * 4
    for api in (cast.colin, cast.chelsea):
        for path in (*paths, of("none"), of("none") + ".xml"):
            answer = api.get(path)
            assert (answer.status, answer.json) == (403, FORBIDDEN)
    for path in (*paths, f"{FORM}x/submissions", of("none")):
        answer = cast.api.get(path)
        assert (answer.status, answer.json) == (401, ANONYMOUS)


def test_what_does_not_exist_is_not_found(cast):
    cast.form()
    for api in (cast.bob, cast.chelsea):
        for path in ("submissions", "submissions/one", "submissions/one.xml"):
            assert api.get(f"{FORM}x/{path}").json == NOT_FOUND
            assert api.get(f"/v1/projects/9/forms/simple/{path}").json == NOT_FOUND
    assert cast.bob.get(of("one")).json == NOT_FOUND
    assert cast.bob.get(of("one") + ".xml").json == NOT_FOUND
    assert cast.bob.get(of("x" * 5000)).json == NOT_FOUND


def test_extended_metadata_names_the_submitter(cast):
    cast.form()
    cast.submit("one", by=cast.colin)
    cast.bob.put(of("one"), xml("two", deprecated="one"))
    answer = cast.vera.get(of("one"), headers={"x-extended-metadata": "True"})
    expected = {}
    for name in ("colin", "bob"):
        user = cast.users[name]
        expected[name] = {
            "id": user["id"],
            "type": "user",
            "displayName": user["displayName"],
            "createdAt": user["createdAt"],
            "updatedAt": None,
            "deletedAt": None,
        }
    plain = cast.vera.get(of("one")).json
    assert list(answer.json) == [*FULL[:-1], "submitter", "currentVersion"]
    assert list(answer.json["currentVersion"]) == [*VERSION, "submitter"]
    assert answer.json == plain | {
        "submitter": expected["colin"],
        "currentVersion": plain["currentVersion"] | {"submitter": expected["bob"]},
    }
    listed = cast.vera.get(PATH, headers={"x-extended-metadata": "true"})
    assert listed.json == [answer.json]


# Lists.


@pytest.fixture
def crowd(cast):
    """Ids of 230 submissions, newest first; every tenth is in the trash."""
    from sheaf.access.auth import SYSTEM
    from sheaf.submissions import instance, submissions
    from sheaf.submissions.reception import Received

    cast.form()
    form = reads.get(Form.ref(keys.form(1, "simple")))
    client = submissions.Client(None, None)
    for number in range(230):
        body = xml(f"i{number}")
        received = Received(body, None, instance.read(body), f"i{number}", "1", "", (), False)
        submissions.create(form, received, client, by=SYSTEM)
    for number in range(0, 230, 10):
        assert cast.bob.delete(of(f"i{number}")).status == 200
    return [f"i{number}" for number in reversed(range(230))]


def test_a_list_has_all_that_is_not_deleted_newest_first(cast, crowd):
    live = [each for each in crowd if not each.endswith("0")]
    answer = cast.bob.get(PATH)
    assert answer.status == 200
    assert [each["instanceId"] for each in answer.json] == live
    assert list(answer.json[0]) == FULL
    assert answer.json[0] == cast.bob.get(of(live[0])).json
    shards = {item["pk"]["S"] for item in stored("S#1#")}
    assert shards == {"S#1#00", "S#1#01", "S#1#02", "S#1#03"}

    deleted = cast.bob.get(f"{PATH}?deleted=true").json
    assert [each["instanceId"] for each in deleted] == [
        each for each in crowd if each.endswith("0")
    ]
    assert all(is_time(each["deletedAt"]) for each in deleted)
    assert cast.bob.get(f"{PATH}?deleted=false").json == answer.json

    for offset in (0, 1, 5, 199, 206, 207, 208, 10**9):
        for limit in (0, 1, 2, 10, 150, 207, 208, 10**9):
            page = cast.bob.get(f"{PATH}?offset={offset}&limit={limit}").json
            assert page == answer.json[offset : offset + limit], (offset, limit)
        assert cast.bob.get(f"{PATH}?offset={offset}").json == answer.json[offset:]
    page = cast.bob.get(f"{PATH}?deleted=true&offset=3&limit=4").json
    assert page == deleted[3:7]


def test_limit_and_offset_are_counts(cast):
    cast.form()
    for field in ("limit", "offset"):
        for value in ("abc", "-1", "1.5", "", "٣"):
            answer = cast.bob.get(f"{PATH}?{field}={quote(value)}")
            assert answer.status == 400
            assert answer.json == {
                "message": f"Invalid input data type: expected ({field}) to be (integer)",
                "code": 400.11,
                "details": {"field": field, "expected": "integer"},
            }


def test_an_empty_form_has_an_empty_list(cast):
    cast.form()
    for query in ("", "?limit=5", "?offset=3", "?deleted=true", "?$filter=nonsense"):
        answer = cast.bob.get(PATH + query)
        assert (answer.status, answer.json) == (200, [])


def test_a_list_reads_what_was_just_written(cast):
    cast.form()
    for number in range(5):
        cast.submit(f"i{number}")
        assert cast.bob.get(PATH).json[0]["instanceId"] == f"i{number}"


def test_head_answers_as_get_without_a_body(cast):
    cast.form()
    cast.submit("one")
    for path in (PATH, of("one"), of("one") + ".xml"):
        got, head = cast.bob.get(path), cast.bob.head(path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["etag"] == got.headers["etag"]
        again = cast.bob.get(path, headers={"if-none-match": got.headers["etag"]})
        assert (again.status, again.body) == (304, b"")


def test_forms_of_one_project_do_not_mix(cast):
    cast.form()
    assert cast.bob.post(f"{Cast.FORMS}?publish=true", xform("other")).status == 200
    cast.submit("one")
    assert cast.bob.get("/v1/projects/1/forms/other/submissions").json == []
    assert cast.bob.get("/v1/projects/1/forms/other/submissions/one").json == NOT_FOUND


def test_an_answer_too_large_for_lambda_is_handed_out_by_a_link(cast):
    cast.form()
    noise = random.Random(1).randbytes(3_400_000).hex()
    body = xml("large", name=noise[:5_000_000])
    assert cast.alice.post(PATH, body).status == 200
    answer = cast.alice.get(f"{PATH}/large.xml", headers={"accept-encoding": "identity"})
    assert answer.status == 303
    said = parse_qs(urlsplit(answer.headers["location"]).query)
    assert said["response-content-type"] == ["application/xml; charset=utf-8"]
    with urllib.request.urlopen(answer.headers["location"], timeout=30) as given:
        # The emulator drops a content type's parameters; what is asked of S3 names them.
        assert given.headers["content-type"] == "application/xml"
        assert given.read() == body
    head = cast.alice.head(f"{PATH}/large.xml", headers={"accept-encoding": "identity"})
    assert (head.status, head.headers["content-length"]) == (200, str(len(body)))


# Paging, and what has not changed.


def test_a_page_links_to_the_next(cast):
    cast.form()
    for number in range(5):
        cast.submit(f"i{number}")
    seen, path = [], f"{PATH}?limit=2&deleted=false"
    while path:
        answer = cast.bob.get(path)
        seen.append([each["instanceId"] for each in answer.json])
        link = answer.headers.get("link", "")
        path = link.partition(">")[0].removeprefix("<")
        assert not link or link == f'<{path}>; rel="next"'
    assert seen == [["i4", "i3"], ["i2", "i1"], ["i0"]]


def test_a_link_keeps_the_path_and_drops_the_offset(cast):
    cast.alice.post(f"{Cast.FORMS}?publish=true", xform("für/a b"))
    path = f"{Cast.FORMS}/{quote('für/a b', safe='')}/submissions"
    for number in range(3):
        cast.alice.post(path, xml(f"i{number}", form="für/a b"))
    link = cast.alice.get(f"{path}?offset=1&limit=1").headers["link"]
    following = link.partition(">")[0].removeprefix("<")
    assert following.startswith(f"{path}?limit=1&cursor=")
    assert [each["instanceId"] for each in cast.alice.get(following).json] == ["i0"]


@pytest.mark.parametrize("cursor", ["x", "1" * 21, "0000000000000000zzzz", "%00"])
def test_a_cursor_is_one_that_was_given(cast, cursor):
    cast.form()
    answer = cast.bob.get(f"{PATH}?cursor={cursor}")
    assert answer.status == 400
    assert answer.json["code"] == 400.8
    assert answer.json["details"]["field"] == "cursor"


@pytest.mark.parametrize(
    "change",
    [
        lambda cast: cast.submit("two"),
        lambda cast: cast.bob.put(of("one"), xml("edited", deprecated="one")),
        lambda cast: cast.bob.patch(of("one"), {"reviewState": "approved"}),
        lambda cast: cast.bob.delete(of("one")),
        lambda cast: cast.bob.post(f"{of('one')}/attachments/a.jpg", b"file"),
        lambda cast: cast.bob.delete(f"{of('one')}/attachments/a.jpg"),
    ],
)
def test_a_list_that_has_not_changed_is_not_sent_again(cast, change):
    cast.form()
    cast.submit("one", photo="a.jpg")
    first = cast.bob.get(PATH)
    etag = {"if-none-match": first.headers["etag"]}
    assert first.headers["etag"].startswith('W/"eventhash:')
    again = cast.bob.get(PATH, headers=etag)
    assert (again.status, again.body) == (304, b"")
    assert change(cast).status == 200
    assert cast.bob.get(PATH, headers=etag).status == 200
