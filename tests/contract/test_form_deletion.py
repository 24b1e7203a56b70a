"""Deleted forms: listed, restored, and purged with all that they have (Central: `/restore`)."""

import pytest

from sheaf import settings
from sheaf.db import keys, reads
from sheaf.forms.forms import Form
from tests import workbooks
from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.api import handler
from tests.cast import audits, is_time, stored, xform, xml
from tests.contract.test_form_drafts import begin
from tests.contract.test_forms import FORM, FORMS, KEYS, actee, together

TRASH = f"{FORMS}?deleted=true"
NOTES = {"x-action-notes": "private"}
JPEG = {"content-type": "image/jpeg"}


def deleted(cast):
    """Delete `simple`, and give it as the trash shows it."""
    assert cast.bob.delete(FORM).json == DONE
    return cast.bob.get(TRASH).json[-1]


def test_the_trash_shows_when_a_form_was_deleted_and_its_number(cast):
    made = cast.form()
    assert cast.bob.get(TRASH).json == []
    form = deleted(cast)
    assert list(form) == [*KEYS, "deletedAt", "id"]
    assert form == made | {"deletedAt": form["deletedAt"], "id": 1}
    assert form["deletedAt"] > made["createdAt"]
    assert cast.bob.get(FORMS).json == []
    assert cast.vera.get(TRASH).json == [form]
    assert cast.chelsea.get(TRASH).json == FORBIDDEN


def test_a_form_is_restored_with_all_that_it_had(cast):
    made = cast.form()
    cast.submit("one")
    begin(cast)
    cast.bob.post(f"{FORM}/draft/submissions", xml("two"))
    draft = cast.bob.get(f"{FORM}/draft").json
    number, acted_on = deleted(cast)["id"], reads.get(Form.ref(keys.deleted_form(1, 1))).actee_id
    answer = cast.bob.post(f"{FORMS}/{number}/restore", None, {"x-action-notes": "back"})
    assert (answer.status, answer.json) == (200, DONE)
    assert cast.bob.get(FORM).json == made | {"updatedAt": draft["updatedAt"]}
    assert cast.bob.get(f"{FORM}/draft").json == draft
    assert [each["instanceId"] for each in cast.bob.get(f"{FORM}/submissions").json] == ["one"]
    assert cast.bob.get(f"{FORM}/draft/submissions/two").status == 200
    assert cast.bob.get(TRASH).json == []
    (row,) = audits("form.restore")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "form.restore",
        "acteeId": acted_on,
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": "back",
    }
    assert cast.bob.post(f"{FORMS}/{number}/restore").json == NOT_FOUND


def test_a_name_that_is_borne_again_stands_in_the_way(cast):
    cast.form()
    number = deleted(cast)["id"]
    again = cast.bob.post(f"{FORMS}?publish=true&ignoreWarnings=true", xform(version="2"))
    assert again.status == 200
    answer = cast.bob.post(f"{FORMS}/{number}/restore")
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
    assert cast.bob.get(FORM).json == again.json
    cast.bob.delete(FORM)
    assert len(cast.bob.get(TRASH).json) == 2
    assert cast.bob.post(f"{FORMS}/{number}/restore").json == DONE
    assert cast.bob.get(FORM).json["version"] == "1"


def test_of_many_restorations_one_wins(cast):
    cast.form()
    number = deleted(cast)["id"]
    answers = together(*[lambda: cast.bob.post(f"{FORMS}/{number}/restore")] * 4)
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]
    assert len(audits("form.restore")) == 1


def test_what_cannot_be_restored(cast):
    cast.form()
    for number in (1, 99):
        assert cast.bob.post(f"{FORMS}/{number}/restore").json == NOT_FOUND
    assert cast.bob.post(f"{FORM}/restore").json["code"] == 400.11
    number = deleted(cast)["id"]
    assert cast.bob.post(f"/v1/projects/9/forms/{number}/restore").json == NOT_FOUND
    assert cast.api.post(f"{FORMS}/{number}/restore").json == ANONYMOUS
    for api in (cast.vera, cast.colin, cast.chelsea):
        assert api.post(f"{FORMS}/{number}/restore").json == FORBIDDEN
    assert len(cast.bob.get(TRASH).json) == 1


# Purging.


def purge(aws, days=31):
    """Let everything in the trash be so old, and run the purge."""
    aged = f"{int(days * 24 * 60 * 60 * 1_000_000)}"
    for item in stored():
        if "dueAt" in item:
            due_at = f"{int(item['dueAt']['S']) - int(aged):016d}"
            aws.client("dynamodb").update_item(
                TableName=settings.TABLE_NAME,
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET dueAt = :t",
                ExpressionAttributeValues={":t": {"S": due_at}},
            )
    return handler("workers/purge")({}, None)["purged"]


def files(aws, form_id=1):
    pages = aws.client("s3").get_paginator("list_object_versions")
    found = pages.paginate(Bucket=settings.BUCKET_NAME, Prefix=f"forms/{form_id}/")
    return [each["Key"] for page in found for each in page.get("Versions", ())]


def rich(cast):
    """Give a form drafts, submissions everywhere with files and notes, a hook, a role."""
    cast.form()
    submissions = f"{FORM}/submissions"
    cast.bob.post(submissions, xml("one", photo="a.jpg"), headers=NOTES)
    cast.bob.post(f"{submissions}/one/attachments/a.jpg", b"x", JPEG | NOTES)
    cast.bob.put(f"{submissions}/one", xml("one-2", photo="a.jpg", deprecated="one"))
    cast.submit("two")
    cast.bob.delete(f"{submissions}/two")
    begin(cast)
    cast.bob.post(f"{FORM}/draft/submissions", xml("three"))
    begin(cast, xform(version="3"))
    cast.bob.post(f"{FORM}/draft/submissions", xml("four", photo="b.jpg"))
    cast.bob.post(f"{FORM}/draft/submissions/four/attachments/b.jpg", b"y", JPEG)
    hook = {"name": "H", "url": "https://hooks.invalid/x", "events": ["submission.create"]}
    assert cast.bob.post(f"{FORM}/hooks", hook).status == 200
    assert cast.bob.post(f"{FORM}/public-links", {"displayName": "A link"}).status == 200
    collector = cast.users["chelsea"]["id"]
    assert cast.bob.post(f"{FORM}/assignments/formfill/{collector}").status == 200
    cast.bob.patch(FORM, {"state": "closing"}, NOTES)


def test_nothing_is_left_of_a_purged_form(cast, aws):
    for each in (cast.bob, cast.chelsea):
        assert each.headers
    before = {(item["pk"]["S"], item["sk"]["S"]) for item in stored()}
    rich(cast)
    acted_on = actee()
    cast.bob.delete(FORM, headers=NOTES)
    assert purge(aws) == 4
    left = {(item["pk"]["S"], item["sk"]["S"]) for item in stored()} - before
    assert {pk.split("#")[0] for pk, _ in left} == {"A", "COUNTERS", "P", "E", "O"}
    assert {sk for pk, sk in left if pk.startswith("P#")} == {"N#simple"}
    assert not files(aws)
    rows = [each for each in audits() if each["acteeId"] == acted_on]
    assert {row["notes"] for row in rows} == {"", None}
    assert [row["notes"] for row in rows if row["action"] == "form.delete"] == [""]
    (row,) = audits("form.purge")
    assert row == {
        "actorId": None,
        "action": "form.purge",
        "acteeId": acted_on,
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": None,
    }
    assert audits("submission.purge")[0]["details"] == {"submissions_deleted": 4}
    assert f":{acted_on}" not in str(stored("A#"))
    assert cast.bob.get(TRASH).json == []
    assert cast.bob.post(f"{FORMS}/1/restore").json == NOT_FOUND


def test_the_audit_log_still_shows_what_a_purged_form_was(cast, aws):
    cast.form()
    cast.bob.delete(FORM)
    (deleted,) = cast.bob.get(TRASH).json
    purge(aws)
    extended = {"x-extended-metadata": "true"}
    rows = cast.alice.get("/v1/audits?action=form", headers=extended).json
    assert [row["action"] for row in rows] == [
        "form.purge", "form.delete", "form.update.publish", "form.create",
    ]  # fmt: skip
    kept = rows[0]["actee"]
    assert kept == {
        "purgedAt": kept["purgedAt"],
        "details": {
            "projectId": 1,
            "formId": deleted["id"],
            "xmlFormId": "simple",
            "deletedAt": deleted["deletedAt"],
            "version": "1",
        },
        "purgedName": "Simple",
    }
    assert is_time(kept["purgedAt"])
    assert {str(row["actee"]) for row in rows} == {str(kept)}


def test_its_name_its_versions_and_its_ids_are_free_again(cast, aws):
    cast.form()
    cast.submit("one")
    cast.bob.delete(FORM)
    purge(aws)
    made = cast.bob.post(f"{FORMS}?publish=true", xform())
    assert made.status == 200, made.text
    assert cast.submit("one").status == 200
    cast.bob.delete(FORM)
    assert cast.bob.post(f"{FORMS}?publish=true", xform(version="2")).json["code"] == 400.16


def test_a_form_deleted_lately_stays(cast, aws):
    cast.form()
    cast.submit("one")
    cast.bob.delete(FORM)
    assert purge(aws, days=29) == 0
    assert cast.bob.post(f"{FORMS}/1/restore").json == DONE
    assert cast.bob.get(f"{FORM}/submissions/one").status == 200


def test_another_form_of_the_name_keeps_what_is_its_own(cast, aws):
    cast.form()
    cast.submit("one")
    cast.bob.delete(FORM)
    cast.bob.post(f"{FORMS}?publish=true&ignoreWarnings=true", xform(version="2"))
    assert cast.submit("one", version="2").status == 200
    assert purge(aws) == 1
    assert cast.bob.get(f"{FORM}/submissions/one").status == 200
    assert cast.submit("one", version="2").json["code"] == 409.3
    begin(cast, xform(version="2").replace(b"Simple", b"Other"))
    assert cast.bob.post(f"{FORM}/draft/publish").json["code"] == 409.6
    assert cast.bob.post(f"{FORM}/draft/publish?version=1").json == DONE


def test_a_submission_that_came_too_late_goes_with_the_next_purge(cast, aws):
    """Who found the form a moment before it was deleted may store one a moment after."""
    cast.form()
    cast.bob.delete(FORM)
    assert handler("workers/purge")({"retentionDays": 0}, None) == {"purged": 0}
    (form,) = stored("P#1")[-1:]
    assert form["pg"] == {"BOOL": True}
    assert cast.bob.post(f"{FORMS}/1/restore").json == NOT_FOUND
    purge(aws)
    assert len(audits("form.purge")) == 1


@pytest.mark.parametrize("way", ["replaced", "published", "renamed", "deleted"])
def test_what_was_sent_to_a_draft_goes_30_days_after_it(cast, aws, way):
    cast.form()
    begin(cast, xform(version="2").replace(b">Simple<", b">Draft<"))
    noted = cast.bob.post(f"{FORM}/draft/submissions", xml("one"), headers=NOTES)
    assert noted.status == 200
    done = {
        "replaced": lambda: cast.bob.post(
            f"{FORM}/draft", xform(version="3"), {"content-type": "text/xml"}
        ),
        "published": lambda: cast.bob.post(f"{FORM}/draft/publish"),
        "renamed": lambda: cast.bob.post(f"{FORM}/draft/publish?version=3"),
        "deleted": lambda: cast.bob.delete(f"{FORM}/draft"),
    }[way]()
    assert done.json == DONE
    assert purge(aws, days=29) == 0
    assert len(stored("S#1d")) == 1
    assert purge(aws, days=2) == 1
    assert stored("S#") == stored("C#") == []
    assert audits("submission.create")[0]["notes"] == ""
    sorts = sorted(item["sk"]["S"][:2] for item in stored("D#1"))
    kept = {"replaced": ["V#", "W#", "XM", "XM"], "deleted": ["V#", "XM"]}
    assert sorts == kept.get(way, ["V#", "V#", "XM", "XM"])
    assert handler("workers/purge")({"retentionDays": 0}, None) == {"purged": 0}
    for path in [".xml", "/draft.xml"] if way == "replaced" else [".xml"]:
        assert cast.bob.get(FORM + path).status == 200
    # And its instanceId is free again.
    begin(cast, xform(version="4"))
    assert cast.bob.post(f"{FORM}/draft/submissions", xml("one")).status == 200


def test_files_that_another_version_shares_stay(cast, aws):
    sheet, kind = workbooks.xlsx("simple"), {"content-type": workbooks.XLSX}
    assert cast.bob.post(f"{FORMS}?publish=true", sheet, kind).status == 200
    assert cast.bob.post(f"{FORM}/draft").json == DONE
    assert cast.bob.delete(f"{FORM}/draft").json == DONE
    purge(aws)
    assert cast.bob.get(f"{FORM}.xlsx").body == sheet
    assert cast.bob.get(f"{FORM}.xml").status == 200
    assert cast.bob.post(f"{FORM}/draft?ignoreWarnings=true", sheet, kind).json == DONE
    held = files(aws)
    assert cast.bob.delete(f"{FORM}/draft").json == DONE
    purge(aws)
    assert len(files(aws)) == len(held) - 1
    assert cast.bob.get(f"{FORM}.xlsx").body == sheet
