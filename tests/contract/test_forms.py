"""Forms: creation from XML and spreadsheets, reading, states, deletion (Central: `/forms`)."""

from __future__ import annotations

import hashlib
import random
import threading
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook

from sheaf import settings
from sheaf.access.auth import SYSTEM
from sheaf.db import keys, reads
from sheaf.forms import lifecycle, publication
from sheaf.forms.forms import Form
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import audits, is_time, stored, xform, xml

SAMPLES = Path(__file__).parents[2] / "samples"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KEYS = [
    "projectId", "xmlFormId", "state", "enketoId", "enketoOnceId", "createdAt", "updatedAt",
    "webformsEnabled", "keyId", "version", "hash", "sha", "sha256", "draftToken", "publishedAt",
    "name",
]  # fmt: skip
FORMS = "/v1/projects/1/forms"
FORM = f"{FORMS}/simple"


def described(made, raw: bytes, **differs):
    """The JSON that a form made of `raw` must have; times are taken from the answer."""
    return {
        "projectId": 1,
        "xmlFormId": "simple",
        "state": "open",
        "enketoId": None,
        "enketoOnceId": None,
        "createdAt": made["createdAt"],
        "updatedAt": None,
        "webformsEnabled": True,
        "keyId": None,
        "version": "1",
        "hash": hashlib.md5(raw).hexdigest(),
        "sha": hashlib.sha1(raw).hexdigest(),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "draftToken": None,
        "publishedAt": made["createdAt"],
        "name": "Simple",
    } | differs


def workbook(*rows, settings=("form_id", "form_title"), values=("sheet", "Sheet")):
    """A spreadsheet form with these questions: (type, name, label)."""
    book = Workbook()
    survey = book.active
    survey.title = "survey"
    for row in (("type", "name", "label"), *rows):
        survey.append(row)
    sheet = book.create_sheet("settings")
    sheet.append(settings)
    sheet.append(values)
    written = BytesIO()
    book.save(written)
    return written.getvalue()


def actee() -> str:
    return reads.get(Form.ref(keys.form(1, "simple"))).actee_id


# Creation.


def test_a_form_is_created_from_xml(cast):
    answer = cast.bob.post(f"{FORMS}?publish=true", xform())
    assert answer.status == 200
    assert list(answer.json) == KEYS
    assert answer.json == described(answer.json, xform())
    assert is_time(answer.json["createdAt"])
    definition = next(item for item in stored("D#1") if item["sk"]["S"] == "V#1")
    bob = cast.users["bob"]["id"]
    rows = audits("form.create", "form.update.publish")
    assert rows == [
        {
            "actorId": bob,
            "action": "form.create",
            "acteeId": actee(),
            "details": None,
            "loggedAt": rows[0]["loggedAt"],
            "notes": None,
        },
        {
            "actorId": bob,
            "action": "form.update.publish",
            "acteeId": actee(),
            "details": {"oldDefId": None, "newDefId": int(definition["i"]["N"])},
            "loggedAt": rows[1]["loggedAt"],
            "notes": None,
        },
    ]


def test_notes_go_into_both_audit_rows_of_a_new_form(cast):
    cast.bob.post(f"{FORMS}?publish=true", xform(), headers={"x-action-notes": "first%20one"})
    assert [row["notes"] for row in audits("form.create", "form.update.publish")] == [
        "first one",
        "first one",
    ]


@pytest.mark.parametrize("name", ["vera", "colin", "chelsea"])
def test_only_a_manager_creates_forms(cast, name):
    answer = getattr(cast, name).post(f"{FORMS}?publish=true", xform())
    assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert stored("P#1") == []


def test_nobody_creates_a_form_without_credentials(cast):
    cast.alice  # noqa: B018 - makes the project
    answer = cast.api.post(f"{FORMS}?publish=true", xform())
    assert (answer.status, answer.json) == (401, ANONYMOUS)


def test_a_form_needs_a_project(cast):
    assert cast.alice.post("/v1/projects/99/forms", xform()).json == NOT_FOUND
    assert cast.api.post("/v1/projects/99/forms", xform()).json == ANONYMOUS


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (
            "/v1/projects/abc/forms",
            {
                "message": 'Invalid input data type: expected "abc" to be (type integer)',
                "code": 400.11,
                "details": {"value": "abc", "expected": "type integer"},
            },
        ),
        (
            "/v1/projects/99999999999/forms",
            {
                "message": "Provided value '99999999999' is out of range for type 'integer'",
                "code": 400.22,
                "details": {"value": "99999999999", "type": "integer"},
            },
        ),
    ],
)
def test_a_project_has_a_number(cast, path, problem):
    answer = cast.alice.get(path)
    assert (answer.status, answer.json) == (400, problem)


@pytest.mark.parametrize("body", [b"", b"hello", b"<a/>", b"<h:html", xform()[:200]])
def test_what_is_no_form_lacks_a_form_id(cast, body):
    answer = cast.bob.post(f"{FORMS}?publish=true", body)
    assert answer.status == 400
    assert answer.json == {
        "message": "Required parameter formId missing.",
        "code": 400.2,
        "details": {"field": "formId"},
    }
    assert stored("P#1") == []


def test_a_form_needs_a_meta_group(cast):
    body = xform().replace(b"orx:meta", b"orx:data")
    answer = cast.bob.post(f"{FORMS}?publish=true", body)
    assert (answer.status, answer.json["code"]) == (400, 400.27)


@pytest.mark.parametrize(
    ("form_id", "version", "limit"), [("x" * 65, "1", "64"), ("simple", "x" * 256, "255")]
)
def test_ids_and_versions_have_a_limit(cast, form_id, version, limit):
    answer = cast.bob.post(f"{FORMS}?publish=true", xform(form_id, version))
    assert answer.status == 400
    assert answer.json == {
        "message": "Length of value too long for a field",
        "code": 400.13,
        "details": {"maxLength": limit},
    }


def test_ids_and_versions_may_be_as_long_as_the_limit(cast):
    form_id, version = "😀" * 64, "😀" * 255
    assert (
        cast.bob.post(f"{FORMS}?publish=true", xform(form_id, version)).json["version"] == version
    )
    path = f"{FORMS}/{'%F0%9F%98%80' * 64}"
    assert cast.bob.get(path).json["xmlFormId"] == form_id
    sent = xml("one", form=form_id, version=version)
    assert cast.bob.post(f"{path}/submissions", sent).status == 200


def test_a_form_id_is_taken_once(cast):
    cast.form()
    answer = cast.bob.post(f"{FORMS}?publish=true", xform(version="2"))
    assert answer.status == 409
    assert answer.json == {
        "message": "A resource already exists with projectId,xmlFormId value(s) of 1,simple.",
        "code": 409.3,
        "details": {
            "fields": ["projectId", "xmlFormId"],
            "values": ["1", "simple"],
            "table": "forms",
        },
    }
    assert len(stored("D#")) == 2


def test_of_two_creations_at_once_one_wins(cast, monkeypatch):
    cast.bob  # noqa: B018
    asked, ready = publication.take, threading.Barrier(2)

    def take(name):
        ready.wait(10)
        return asked(name)

    monkeypatch.setattr(publication, "take", take)
    answers = together(
        lambda: cast.bob.post(f"{FORMS}?publish=true", xform()),
        lambda: cast.bob.post(f"{FORMS}?publish=true", xform()),
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert [row["action"] for row in audits("form.create")] == ["form.create"]


def together(*calls):
    """Run calls side by side and give what they return."""
    results = [None] * len(calls)

    def run(number):
        results[number] = calls[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_a_huge_form_lies_in_the_bucket_and_comes_back_whole(cast, aws):
    noise = random.Random(1).randbytes(400_000).hex()
    raw = xform().replace(b"</h:head>", f"</h:head><!--{noise}-->".encode())
    assert cast.bob.post(f"{FORMS}?publish=true", raw).status == 200
    source = next(item for item in stored("D#1") if item["sk"]["S"].startswith("XML#"))
    held = aws.client("s3").get_object(Bucket=settings.BUCKET_NAME, Key=source["b"]["S"])
    assert held["Body"].read() == raw
    answer = cast.bob.get(f"{FORM}.xml")
    assert (answer.status, answer.body) == (200, raw)


def test_a_form_of_too_many_fields_is_refused(cast):
    noise = random.Random(2)
    names = "".join(f"<f{noise.getrandbits(256):x}/>" for _ in range(12_000))
    answer = cast.bob.post(f"{FORMS}?publish=true", xform().replace(b"<name/>", names.encode()))
    assert answer.status == 400
    assert answer.json["code"] == 400.8
    assert answer.json["details"]["reason"] == "a form cannot have so many fields"
    assert stored("P#1") == []


def test_a_title_beyond_reason_is_cut(cast):
    raw = xform().replace(b">Simple<", b">" + b"x" * 500_000 + b"<")
    assert cast.bob.post(f"{FORMS}?publish=true", raw).json["name"] == "x" * 2_000


# Spreadsheets.


def test_a_form_is_made_of_a_workbook(cast):
    sheet = workbook(("text", "name", "What is your name?"), ("audio", "song", "A song"))
    kind = {"content-type": XLSX}
    answer = cast.bob.post(f"{FORMS}?publish=true", sheet, headers=kind)
    assert answer.status == 200, answer.text
    made = answer.json
    raw = cast.bob.get(f"{FORMS}/sheet.xml").body
    assert list(made) == KEYS
    assert made == described(made, raw, xmlFormId="sheet", name="Sheet", version=made["version"])
    fields = cast.bob.get(f"{FORMS}/sheet/fields").json
    assert [(field["path"], field["type"], field["binary"]) for field in fields] == [
        ("/name", "string", None),
        ("/song", "binary", True),
        ("/meta", "structure", None),
        ("/meta/instanceID", "string", None),
    ]
    answer = cast.bob.get(f"{FORMS}/sheet.xlsx")
    assert (answer.status, answer.body) == (200, sheet)
    assert answer.headers["content-type"] == XLSX
    assert answer.headers["etag"] == f'"{hashlib.md5(sheet).hexdigest()}"'
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"sheet.xlsx\"; filename*=UTF-8''sheet.xlsx"
    )
    again = cast.bob.get(f"{FORMS}/sheet.xlsx", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert cast.bob.get(f"{FORMS}/sheet.xls").json == NOT_FOUND


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.xlsx")), ids=lambda path: path.name)
def test_the_samples_become_forms(cast, sample):
    raw = sample.read_bytes()
    answer = cast.bob.post(
        f"{FORMS}?publish=true", raw, headers={"content-type": f"{XLSX}; charset=binary"}
    )
    assert answer.status == 200, answer.text
    assert cast.bob.get(f"{FORMS}/{answer.json['xmlFormId']}.xlsx").body == raw


def test_a_workbook_without_an_id_takes_the_fallback(cast):
    sheet = workbook(("text", "name", "Name"), settings=("form_title",), values=("T",))
    kind = {"content-type": XLSX}
    named = kind | {"x-xlsform-formid-fallback": "caf%C3%A9"}
    assert cast.bob.post(f"{FORMS}?publish=true", sheet, headers=named).json["xmlFormId"] == "café"
    assert cast.bob.post(f"{FORMS}?publish=true", sheet, headers=kind).json["xmlFormId"] == "form"


def test_a_form_of_xml_has_no_spreadsheet(cast):
    cast.form()
    assert cast.bob.get(f"{FORM}.xlsx").json == NOT_FOUND
    assert cast.bob.get(f"{FORM}.xls").json == NOT_FOUND


def test_a_workbook_with_warnings_has_to_be_insisted_on(cast):
    book = workbook(("image", "photo", "A photo"))
    kind = {"content-type": XLSX}
    answer = cast.bob.post(f"{FORMS}?publish=true", book, headers=kind)
    assert (answer.status, answer.json["code"]) == (400, 400.16)
    ((warning,),) = answer.json["details"]["warnings"].values()
    assert list(answer.json["details"]["warnings"]) == ["xlsFormWarnings"]
    assert "max-pixels" in warning
    assert stored("P#1") == []
    insisted = cast.bob.post(f"{FORMS}?publish=true&ignoreWarnings=true", book, headers=kind)
    assert (insisted.status, insisted.json["xmlFormId"]) == (200, "sheet")


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04", xform(), workbook(("nonsense", "a", "b"))])
def test_a_broken_workbook_is_refused(cast, body):
    answer = cast.bob.post(f"{FORMS}?publish=true", body, headers={"content-type": XLSX})
    assert (answer.status, answer.json["code"]) == (400, 400.15)
    assert sorted(answer.json["details"]) == ["error", "warnings"]


# Reading.


def test_forms_are_listed_by_name(cast):
    assert cast.bob.get(FORMS).json == []
    for form_id, title in (("a", "Zebra"), ("b", "apple"), ("c", "Mango")):
        raw = xform(form_id).replace(b"Simple", title.encode())
        assert cast.bob.post(f"{FORMS}?publish=true", raw).status == 200
    answer = cast.bob.get(FORMS)
    assert answer.status == 200
    assert [form["name"] for form in answer.json] == ["apple", "Mango", "Zebra"]
    assert answer.json[0] == cast.bob.get(f"{FORMS}/b").json


# (who, status of the form's state) → what is seen of it: list, get, xml, fields.
SEEN = [
    ("alice", "open", [200, 200, 200], True),
    ("bob", "closed", [200, 200, 200], True),
    ("vera", "open", [200, 200, 200], True),
    ("vera", "closed", [200, 200, 200], True),
    ("colin", "open", [200, 200, 200], True),
    ("colin", "closing", [200, 200, 200], True),
    ("colin", "closed", [403, 403, 403], False),
    ("chelsea", "open", [403, 403, 403], None),
]


@pytest.mark.parametrize(("name", "state", "statuses", "listed"), SEEN)
def test_who_sees_a_form_in_which_state(cast, name, state, statuses, listed):
    cast.form()
    assert cast.bob.patch(FORM, {"state": state}).json["state"] == state
    api = getattr(cast, name)
    answers = [api.get(f"{FORM}{suffix}") for suffix in ("", ".xml", "/fields")]
    assert [answer.status for answer in answers] == statuses
    assert all(answer.json == FORBIDDEN for answer in answers if answer.status == 403)
    answer = api.get(FORMS)
    if listed is None:
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    else:
        assert [form["xmlFormId"] for form in answer.json] == ["simple"] * listed


def test_nobody_reads_forms_without_credentials(cast):
    cast.form()
    for path in (FORMS, FORM, f"{FORM}.xml", f"{FORM}/fields", f"{FORMS}/none"):
        answer = cast.api.get(path)
        assert (answer.status, answer.json) == (401, ANONYMOUS)


def test_what_does_not_exist_is_not_found_by_anybody(cast):
    cast.form()
    for api in (cast.bob, cast.chelsea):
        for path in ("none", "none.xml", "none/fields", "Simple", "none.svc"):
            assert api.get(f"{FORMS}/{path}").json == NOT_FOUND
        assert api.get("/v1/projects/9/forms").json == NOT_FOUND
        assert api.get("/v1/projects/9/forms/simple").json == NOT_FOUND


def test_the_xml_comes_back_byte_for_byte(cast):
    raw = b"\xef\xbb\xbf" + xform().replace(b"\n", b"\r\n").replace(b"Simple", "Ünï".encode())
    assert cast.bob.post(f"{FORMS}?publish=true", raw).status == 200
    answer = cast.bob.get(f"{FORM}.xml")
    assert (answer.status, answer.body) == (200, raw)
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert cast.bob.get(FORM).json["sha256"] == hashlib.sha256(raw).hexdigest()


def test_the_fields_of_a_form(cast):
    cast.form()
    answer = cast.bob.get(f"{FORM}/fields")
    assert answer.status == 200
    assert [list(field) for field in answer.json] == [
        ["path", "name", "type", "binary", "selectMultiple"]
    ] * 6
    assert [(f["path"], f["type"], f["binary"], f["selectMultiple"]) for f in answer.json] == [
        ("/name", "string", None, None),
        ("/age", "int", None, None),
        ("/photo", "binary", True, None),
        ("/meta", "structure", None, None),
        ("/meta/instanceID", "unknown", None, None),
        ("/meta/instanceName", "unknown", None, None),
    ]


def test_the_fields_of_a_form_as_odata_names_them(cast):
    raw = xform().replace(b"<name/>", b"<q.1-a/>")
    assert cast.bob.post(f"{FORMS}?publish=true", raw).status == 200
    plain, sanitised = f"{FORM}/fields?odata=false", f"{FORM}/fields?odata=true"
    assert [cast.bob.get(path).json[0]["path"] for path in (plain, sanitised)] == [
        "/q.1-a",
        "/q_1_a",
    ]
    assert cast.bob.get(sanitised).json[0]["name"] == "q_1_a"


# Changing.


def test_a_manager_changes_the_state(cast):
    made = cast.form()
    answer = cast.bob.patch(FORM, {"state": "closing", "name": "ignored"})
    assert answer.status == 200
    assert list(answer.json) == KEYS
    changed = answer.json["updatedAt"]
    assert is_time(changed)
    assert answer.json == made | {"state": "closing", "updatedAt": changed}
    assert cast.bob.get(FORM).json == answer.json
    (row,) = audits("form.update")
    assert row["details"] == {"data": {"state": "closing"}}
    assert (row["actorId"], row["acteeId"]) == (cast.users["bob"]["id"], actee())


def test_web_forms_can_be_switched_off(cast):
    cast.form()
    answer = cast.bob.patch(FORM, {"webformsEnabled": False})
    assert answer.json["webformsEnabled"] is False
    assert audits("form.update")[0]["details"] == {"data": {"webformsEnabled": False}}


@pytest.mark.parametrize("state", ["bogus", "", 1, True, ["open"], {"a": 1}])
def test_a_state_must_be_one_of_three(cast, state):
    cast.form()
    answer = cast.bob.patch(FORM, {"state": state})
    assert (answer.status, answer.json["code"]) == (400, 400.8)
    assert answer.json["details"] == {
        "field": "state",
        "value": state,
        "reason": "not a recognized state name",
    }
    assert audits("form.update") == []


@pytest.mark.parametrize("name", ["vera", "colin", "chelsea"])
def test_only_a_manager_changes_or_deletes_a_form(cast, name):
    cast.form()
    api = getattr(cast, name)
    for answer in (api.patch(FORM, {"state": "closed"}), api.delete(FORM)):
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert cast.bob.get(FORM).json["state"] == "open"


def test_changing_what_does_not_exist(cast):
    cast.form()
    for api in (cast.bob, cast.chelsea):
        assert api.patch(f"{FORMS}/none", {"state": "closed"}).json == NOT_FOUND
        assert api.delete(f"{FORMS}/none").json == NOT_FOUND
    assert cast.api.patch(f"{FORMS}/none", {"state": "closed"}).json == ANONYMOUS
    assert cast.api.delete(f"{FORMS}/none").json == ANONYMOUS


# Deletion, and the next form of that id.


def test_a_deleted_form_is_gone(cast):
    cast.form()
    cast.submit("one")
    acted_on = actee()
    answer = cast.bob.delete(FORM, headers={"x-action-notes": "bye"})
    assert (answer.status, answer.json) == (200, {"success": True})
    for path in ("", ".xml", "/fields", "/submissions", "/submissions/one"):
        assert cast.bob.get(f"{FORM}{path}").json == NOT_FOUND
    assert cast.bob.get(FORMS).json == []
    assert cast.bob.delete(FORM).json == NOT_FOUND
    (row,) = audits("form.delete")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "form.delete",
        "acteeId": acted_on,
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": "bye",
    }


def test_a_form_that_was_changed_meanwhile_is_deleted_as_it_is_now(cast):
    cast.form()
    read = reads.get(Form.ref(keys.form(1, "simple")))
    cast.bob.patch(FORM, {"state": "closing"})
    lifecycle.delete(read, by=SYSTEM)
    (kept,) = [item for item in stored("P#1") if item["sk"]["S"] == "X#1"]
    assert kept["st"] == {"S": "closing"}
    assert len(audits("form.delete")) == 1


def test_the_id_of_a_deleted_form_has_to_be_insisted_on(cast):
    cast.form()
    cast.bob.delete(FORM)
    answer = cast.bob.post(f"{FORMS}?publish=true", xform(version="2"))
    assert (answer.status, answer.json["code"]) == (400, 400.16)
    assert answer.json["details"] == {
        "warnings": {
            "workflowWarnings": [{"type": "deletedFormExists", "details": {"xmlFormId": "simple"}}]
        }
    }
    insisted = cast.bob.post(f"{FORMS}?publish=true&ignoreWarnings=true", xform(version="2"))
    assert (insisted.status, insisted.json["version"]) == (200, "2")


def test_a_deleted_form_s_version_stays_published(cast):
    cast.form()
    cast.bob.delete(FORM)
    answer = cast.bob.post(f"{FORMS}?publish=true&ignoreWarnings=true", xform())
    assert answer.status == 409
    assert answer.json == {
        "message": "You tried to publish the form 'simple' with version '1', but a published form "
        "has already existed in this project with those identifiers.",
        "code": 409.6,
        "details": {"xmlFormId": "simple", "version": "1"},
    }
    assert stored("D#2") == []


def test_the_next_form_of_an_id_has_its_own_submissions(cast):
    cast.form()
    assert cast.submit("one").status == 200
    cast.bob.delete(FORM)
    assert (
        cast.bob.post(f"{FORMS}?publish=true&ignoreWarnings=true", xform(version="2")).status == 200
    )
    assert cast.bob.get(f"{FORM}/submissions").json == []
    assert cast.bob.get(f"{FORM}/submissions/one").json == NOT_FOUND
    assert cast.submit("one").json["code"] == 404.6
    assert cast.submit("one", version="2", name="Bo").status == 200
    assert b"<name>Bo</name>" in cast.bob.get(f"{FORM}/submissions/one.xml").body
    assert cast.submit("one", version="2").json["code"] == 409.3
    edited = xml("two", deprecated="one", version="2")
    assert cast.bob.put(f"{FORM}/submissions/one", edited).status == 200
    assert cast.bob.delete(f"{FORM}/submissions/one").status == 200
    assert cast.bob.post(f"{FORM}/submissions/one/restore").status == 200
    # And a third.
    cast.bob.delete(FORM)
    assert (
        cast.bob.post(f"{FORMS}?publish=true&ignoreWarnings=true", xform(version="3")).status == 200
    )
    assert cast.submit("one", version="3").status == 200


def test_one_id_in_two_projects(cast):
    cast.form()
    assert cast.alice.post("/v1/projects", {"name": "Other"}).json["id"] == 2
    answer = cast.alice.post("/v1/projects/2/forms", xform())
    assert (answer.status, answer.json["projectId"]) == (200, 2)
    assert cast.bob.get("/v1/projects/2/forms").json == FORBIDDEN
