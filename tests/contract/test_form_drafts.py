"""Drafts of forms: begun, replaced, read, tested, published, deleted (Central: `/draft`)."""

import hashlib
import random
import threading

import pytest

from sheaf.db import keys, reads
from sheaf.forms import drafts
from sheaf.forms.forms import Form
from tests import workbooks
from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import audits, is_time, stored, xform, xml
from tests.contract.test_forms import FORM, FORMS, KEYS, actee, described, together
from tests.wire import Wire

DRAFT = f"{FORM}/draft"
XML = {"content-type": "application/xml"}
SET = "form.update.draft.set"
NONE = {"message": "Required parameter formId missing.", "code": 400.2}


def begin(cast, raw=None, path=DRAFT):
    answer = cast.bob.post(path, xform(version="2") if raw is None else raw, XML)
    assert (answer.status, answer.json) == (200, DONE), answer.text
    return cast.bob.get(f"{FORM}/draft").json


def row(cast, action, details, *, notes=None):
    (found,) = audits(action)
    assert found == {
        "actorId": cast.users["bob"]["id"],
        "action": action,
        "acteeId": actee(),
        "details": details,
        "loggedAt": found["loggedAt"],
        "notes": notes,
    }


def form():
    return reads.get(Form.ref(keys.form(1, "simple")))


# Beginning.


def test_a_draft_stands_beside_the_published_version(cast):
    made = cast.form()
    raw = xform(version="2").replace(b">Simple<", b">Simpler<")
    answer = cast.bob.post(DRAFT, raw, XML | {"x-action-notes": "try"})
    assert (answer.status, answer.json) == (200, DONE)
    now = cast.bob.get(FORM).json
    assert is_time(now["updatedAt"])
    assert now == made | {"updatedAt": now["updatedAt"]}
    draft = cast.bob.get(DRAFT).json
    assert list(draft) == KEYS
    assert draft == described(
        made,
        raw,
        version="2",
        name="Simpler",
        publishedAt=None,
        draftToken=draft["draftToken"],
        updatedAt=now["updatedAt"],
    )
    assert len(draft["draftToken"]) == 64
    ids = {"oldDraftDefId": None, "newDraftDefId": form().draft.id}
    row(cast, SET, ids, notes="try")
    assert cast.bob.get(f"{DRAFT}.xml").body == raw
    assert cast.bob.get(f"{FORM}.xml").body == xform()


def test_a_draft_begins_as_a_copy_when_nothing_is_sent(cast):
    made = cast.form()
    assert cast.bob.post(DRAFT).json == DONE
    draft = cast.bob.get(DRAFT).json
    same = ("version", "hash", "sha", "sha256", "name")
    assert {key: draft[key] for key in same} == {key: made[key] for key in same}
    assert draft["publishedAt"] is None
    assert cast.bob.get(f"{DRAFT}.xml").body == cast.bob.get(f"{FORM}.xml").body
    assert cast.bob.get(f"{DRAFT}/fields").json == cast.bob.get(f"{FORM}/fields").json


def test_a_copy_keeps_the_spreadsheet(cast):
    sheet = workbooks.xls("sheet")
    kind = {"content-type": workbooks.XLS}
    assert cast.bob.post(f"{FORMS}?publish=true", sheet, kind).status == 200
    assert cast.bob.post(f"{FORMS}/sheet/draft").json == DONE
    answer = cast.bob.get(f"{FORMS}/sheet/draft.xls")
    assert (answer.status, answer.body) == (200, sheet)
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"sheet.xls\"; filename*=UTF-8''sheet.xls"
    )
    assert cast.bob.get(f"{FORMS}/sheet/draft.xlsx").json == NOT_FOUND
    assert cast.bob.post(f"{FORMS}/sheet/draft/publish?version=2").json == DONE
    assert cast.bob.get(f"{FORMS}/sheet.xls").body == sheet
    assert cast.bob.get(f"{FORMS}/sheet/versions/2.xls").body == sheet


def test_nothing_can_be_copied_before_anything_was_published(cast):
    cast.draft()
    assert cast.bob.post(DRAFT).json == NOT_FOUND


def test_a_draft_is_made_of_a_workbook(cast):
    assert cast.bob.post(f"{FORMS}?publish=true", xform("sheet")).status == 200
    sheet = workbooks.xlsx("sheet")
    kind = {"content-type": f"{workbooks.XLSX}; charset=binary"}
    refused = cast.bob.post(f"{FORMS}/sheet/draft", sheet, kind)
    assert (refused.status, refused.json["code"]) == (400, 400.16)
    assert cast.bob.post(f"{FORMS}/sheet/draft?ignoreWarnings=True", sheet, kind).json == DONE
    assert cast.bob.get(f"{FORMS}/sheet/draft.xlsx").body == sheet
    assert cast.bob.get(f"{FORMS}/sheet/draft.xls").json == NOT_FOUND


@pytest.mark.parametrize("body", [b"", b"hello", b"<a/>"])
def test_what_says_that_it_is_a_form_must_be_one(cast, body):
    cast.form()
    answer = cast.bob.post(DRAFT, body, XML)
    assert answer.status == 400
    assert answer.json == NONE | {"details": {"field": "formId"}}
    assert cast.bob.get(DRAFT).json == NOT_FOUND


def test_a_draft_is_of_the_same_form(cast):
    cast.form()
    answer = cast.bob.post(DRAFT, xform("other"), XML)
    assert answer.status == 400
    assert answer.json == {
        "message": "Unexpected xmlFormId value other; does not match the form you are updating",
        "code": 400.8,
        "details": {
            "field": "xmlFormId",
            "value": "other",
            "reason": "does not match the form you are updating",
        },
    }


def test_a_version_has_a_limit(cast):
    cast.form()
    answer = cast.bob.post(DRAFT, xform(version="x" * 256), XML)
    assert (answer.status, answer.json["code"]) == (400, 400.13)
    begin(cast)
    answer = cast.bob.post(f"{DRAFT}/publish?version={'x' * 256}")
    assert (answer.status, answer.json["code"]) == (400, 400.13)


def test_a_field_keeps_its_type(cast):
    cast.form()
    raw = xform(version="2").replace(b'age" type="int"', b'age" type="decimal"')
    answer = cast.bob.post(f"{DRAFT}?ignoreWarnings=true", raw, XML)
    assert answer.status == 400
    assert answer.json == {
        "message": "The form you have uploaded attempts to change the type of the field at /age. "
        "In a previous version, it had the type int. Please either return that field to its "
        "previous type, or rename the field so it lives at a new path.",
        "code": 400.17,
        "details": {"path": "/age", "type": "int"},
    }
    assert audits(SET) == []


def test_any_value_may_become_a_text_and_no_group_can(cast):
    cast.form()
    begin(cast, xform(version="2").replace(b'age" type="int"', b'age" type="string"'))
    grouped = (
        xform(version="3")
        .replace(b"<name/>", b"<name><first/></name>")
        .replace(b'<bind nodeset="/data/name" type="string"/>', b"")
    )
    answer = cast.bob.post(DRAFT, grouped, XML)
    assert answer.json["details"] == {"path": "/name", "type": "string"}
    flat = xform(version="3").replace(
        b"<orx:meta><orx:instanceID/><orx:instanceName/></orx:meta>", b"<orx:meta/>"
    )
    assert cast.bob.post(DRAFT, flat, XML).json["code"] == 400.27


def test_a_type_is_held_against_all_versions(cast):
    cast.form()
    without = xform(version="2").replace(b"<age/>", b"").replace(b'<input ref="/data/age"/>', b"")
    begin(cast, without, f"{DRAFT}?ignoreWarnings=true")
    assert cast.bob.post(f"{DRAFT}/publish").json == DONE
    raw = xform(version="3").replace(b'age" type="int"', b'age" type="date"')
    answer = cast.bob.post(DRAFT, raw, XML)
    assert answer.json["details"] == {"path": "/age", "type": "int"}


def test_fields_that_vanish_have_to_be_insisted_on(cast):
    cast.form()
    raw = xform(version="2").replace(b"<age/><photo/>", b"")
    answer = cast.bob.post(DRAFT, raw, XML)
    assert answer.status == 400
    assert answer.json == {
        "message": "The Form is valid, but with warnings. Please check the warnings and if they "
        "are acceptable resubmit with ?ignoreWarnings=true",
        "code": 400.16,
        "details": {
            "warnings": {
                "workflowWarnings": [{"type": "structureChanged", "details": ["age", "photo"]}]
            }
        },
    }
    assert cast.bob.get(DRAFT).json == NOT_FOUND
    begin(cast, raw, f"{DRAFT}?ignoreWarnings=true")


def test_a_draft_never_published_may_be_anything_of_the_same_id(cast):
    cast.draft()
    begin(cast, xform(version="2").replace(b'type="int"', b'type="date"').replace(b"<photo/>", b""))


# Replacing.


def test_a_draft_that_is_replaced_keeps_its_token_and_not_its_submissions(cast):
    cast.form()
    first = begin(cast)
    old = form().draft.id
    assert cast.bob.post(f"{DRAFT}/submissions", xml("one")).status == 200
    second = begin(cast, xform(version="3"))
    assert second["draftToken"] == first["draftToken"]
    assert second["version"] == "3"
    assert audits(SET)[1]["details"] == {"oldDraftDefId": old, "newDraftDefId": form().draft.id}
    assert cast.bob.get(f"{DRAFT}/submissions").json == []
    assert cast.bob.get(f"{DRAFT}/submissions/one").json == NOT_FOUND
    # As in Central an id stays taken.
    assert cast.bob.post(f"{DRAFT}/submissions", xml("one")).json["code"] == 409.3


def test_the_next_draft_has_another_token(cast):
    cast.form()
    first = begin(cast)["draftToken"]
    assert cast.bob.delete(DRAFT).json == DONE
    assert begin(cast)["draftToken"] != first


# Reading.


def test_a_draft_is_for_those_who_may_change_the_form(cast):
    cast.form()
    begin(cast)
    for path in ("", ".xml", ".xlsx", "/fields"):
        for api in (cast.vera, cast.colin, cast.chelsea):
            answer = api.get(DRAFT + path)
            assert (answer.status, answer.json) == (403, FORBIDDEN)
        assert cast.api.get(DRAFT + path).json == ANONYMOUS
    assert cast.alice.get(f"{DRAFT}/fields?odata=true").status == 200


@pytest.mark.parametrize("path", ["", ".xml", ".xls", "/fields"])
def test_a_form_without_a_draft_has_none(cast, path):
    cast.form()
    assert cast.bob.get(DRAFT + path).json == NOT_FOUND
    assert cast.bob.get(f"{FORMS}/none/draft{path}").json == NOT_FOUND


def test_who_has_the_token_reads_the_draft_s_xml(cast, api):
    raw = xform(version="2")
    cast.form()
    token = begin(cast, raw)["draftToken"]
    place = f"/v1/test/{token}/projects/1/forms/simple/draft.xml"
    answer = api.get(place)
    assert (answer.status, answer.body) == (200, raw)
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert api.get(place.replace(token, "a" * 64)).json == NOT_FOUND
    cast.bob.post(f"{DRAFT}/publish")
    assert api.get(place).json == NOT_FOUND


def test_a_form_never_published_is_shown_as_its_draft_to_those_who_may_change_it(cast):
    made = cast.draft()
    assert made == described(
        made, xform(), publishedAt=None, draftToken=made["draftToken"], createdAt=made["createdAt"]
    )
    assert cast.bob.get(FORM).json == made
    assert cast.bob.get(FORMS).json == [made]
    assert cast.bob.get(f"{FORM}.xml").body == xform()
    assert len(cast.bob.get(f"{FORM}/fields").json) == 6
    for api in (cast.vera, cast.colin):
        assert api.get(FORMS).json == []
        for path in ("", ".xml", "/fields", "/versions"):
            assert api.get(FORM + path).json == FORBIDDEN


# Publishing.


def test_a_draft_becomes_the_current_version(cast):
    made = cast.form()
    first = form().definition_id
    begin(cast)
    second = form().draft.id
    answer = cast.bob.post(f"{DRAFT}/publish", None, {"x-action-notes": "go"})
    assert (answer.status, answer.json) == (200, DONE)
    now = cast.bob.get(FORM).json
    published = now["publishedAt"]
    assert is_time(published)
    assert published > made["publishedAt"]
    assert now == described(
        made, xform(version="2"), version="2", publishedAt=published, updatedAt=published
    )
    publications = audits("form.update.publish")
    assert publications[1] == {
        "actorId": cast.users["bob"]["id"],
        "action": "form.update.publish",
        "acteeId": actee(),
        "details": {"oldDefId": first, "newDefId": second},
        "loggedAt": publications[1]["loggedAt"],
        "notes": "go",
    }
    assert len(audits(SET)) == 1
    for path in ("", ".xml", "/fields", "/submissions"):
        assert cast.bob.get(DRAFT + path).json == NOT_FOUND
    assert cast.bob.post(f"{DRAFT}/publish").json == NOT_FOUND


def test_devices_with_an_older_version_still_submit(cast):
    cast.form()
    begin(cast)
    cast.bob.post(f"{DRAFT}/publish")
    assert cast.submit("old", version="1").status == 200
    assert cast.submit("new", version="2").status == 200
    assert cast.submit("none", version="3").json["code"] == 404.6


def test_what_was_sent_to_a_draft_is_not_the_published_form_s(cast):
    cast.form()
    begin(cast)
    cast.bob.post(f"{DRAFT}/submissions", xml("one"))
    cast.bob.post(f"{DRAFT}/publish")
    assert cast.bob.get(f"{FORM}/submissions").json == []
    assert cast.submit("one").status == 200


def test_a_form_s_first_version_is_published(cast):
    cast.draft()
    assert cast.bob.post(f"{DRAFT}/publish").json == DONE
    now = cast.bob.get(FORM).json
    assert (now["version"], now["draftToken"]) == ("1", None)
    assert is_time(now["publishedAt"])
    (published,) = audits("form.update.publish")
    assert published["details"] == {"oldDefId": None, "newDefId": form().definition_id}
    assert cast.submit("one").status == 200


def test_a_version_may_be_given_when_publishing(cast):
    cast.form()
    begin(cast)
    old = form().draft.id
    assert cast.bob.post(f"{DRAFT}/publish?version=a%20%26b").json == DONE
    raw = xform(version="a &amp;b")
    now = cast.bob.get(FORM).json
    assert (now["version"], now["hash"]) == ("a &b", hashlib.md5(raw).hexdigest())
    assert cast.bob.get(f"{FORM}.xml").body == raw
    new = form().definition_id
    assert audits(SET)[1]["details"] == {"oldDraftDefId": old, "newDraftDefId": new}
    assert audits("form.update.publish")[1]["details"]["newDefId"] == new
    assert cast.submit("one", version="a &amp;b").status == 200
    assert cast.submit("two", version="2").json["code"] == 404.6


def test_a_version_given_as_nothing_is_not_given(cast):
    cast.form()
    begin(cast)
    assert cast.bob.post(f"{DRAFT}/publish?version=").json == DONE
    assert cast.bob.get(FORM).json["version"] == "2"


@pytest.mark.parametrize("query", ["", "?version=1"])
def test_a_version_is_published_once(cast, query):
    cast.form()
    begin(cast, xform(version="2" if query else "1").replace(b">Simple<", b">Other<"))
    answer = cast.bob.post(f"{DRAFT}/publish{query}")
    assert answer.status == 409
    assert answer.json == {
        "message": "You tried to publish the form 'simple' with version '1', but a published form "
        "has already existed in this project with those identifiers.",
        "code": 409.6,
        "details": {"xmlFormId": "simple", "version": "1"},
    }
    assert cast.bob.get(DRAFT).status == 200
    assert cast.bob.get(FORM).json["name"] == "Simple"
    assert len(audits("form.update.publish")) == 1


def test_a_version_of_a_deleted_form_is_taken(cast):
    cast.form()
    cast.bob.delete(FORM)
    made = cast.bob.post(f"{FORMS}?ignoreWarnings=true", xform())
    assert made.status == 200
    assert cast.bob.post(f"{DRAFT}/publish").json["code"] == 409.6


def test_of_many_publications_one_wins(cast, monkeypatch):
    cast.form()
    begin(cast)
    asked, ready = drafts.publish, threading.Barrier(4)

    def publish(*args, **said):
        ready.wait(10)
        return asked(*args, **said)

    monkeypatch.setattr(drafts, "publish", publish)
    answers = together(*[lambda: cast.bob.post(f"{DRAFT}/publish")] * 4)
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]
    assert len(audits("form.update.publish")) == 2
    assert [each["version"] for each in cast.bob.get(f"{FORM}/versions").json] == ["2", "1"]


def test_of_many_drafts_at_once_all_come_one_after_the_other(cast):
    cast.form()
    cast.bob  # noqa: B018
    raws = [xform(version=str(number)) for number in range(2, 6)]
    answers = together(*[lambda raw=raw: cast.bob.post(DRAFT, raw, XML) for raw in raws])
    assert [answer.status for answer in answers] == [200] * 4
    told = [each["details"] for each in audits(SET)]
    links = {each["newDraftDefId"]: each["oldDraftDefId"] for each in told}
    chain, current = [], form().draft.id
    while current is not None:
        chain.append(current)
        current = links[current]
    assert sorted(chain) == sorted(links)
    left = [item["i"]["N"] for item in stored("D#1") if item["sk"]["S"].startswith("A#")]
    assert sorted(map(int, left)) == sorted(chain[1:])


def test_what_a_huge_draft_says_is_renamed_too(cast):
    cast.form()
    noise = random.Random(5).randbytes(400_000).hex()
    raw = xform(version="2").replace(b"</h:head>", f"</h:head><!--{noise}-->".encode())
    begin(cast, raw)
    assert cast.bob.post(f"{DRAFT}/publish?version=9").json == DONE
    assert cast.bob.get(f"{FORM}.xml").body == raw.replace(b'version="2"', b'version="9"')
    assert sum("b" in item for item in stored("D#1")) == 2


# Deleting.


def test_a_draft_is_deleted(cast):
    made = cast.form()
    begin(cast)
    old = form().draft.id
    cast.bob.post(f"{DRAFT}/submissions", xml("one"))
    answer = cast.bob.delete(DRAFT, None, {"x-action-notes": "no"})
    assert (answer.status, answer.json) == (200, DONE)
    row(cast, "form.update.draft.delete", {"oldDraftDefId": old}, notes="no")
    assert cast.bob.get(DRAFT).json == NOT_FOUND
    assert cast.bob.get(f"{DRAFT}/submissions").json == NOT_FOUND
    now = cast.bob.get(FORM).json
    assert now == made | {"updatedAt": now["updatedAt"]}
    assert cast.bob.delete(DRAFT).json == NOT_FOUND


def test_a_draft_that_is_all_there_is_cannot_be_deleted(cast):
    cast.draft()
    answer = cast.bob.delete(DRAFT)
    assert answer.status == 409
    assert answer.json == {
        "message": "Could not delete draft, because the form has not been published. Either delete "
        "the whole form, or replace the draft.",
        "code": 409.7,
    }
    assert cast.bob.get(DRAFT).status == 200


# Rights.


@pytest.mark.parametrize("name", ["vera", "colin", "chelsea"])
def test_only_a_manager_changes_drafts(cast, name):
    cast.form()
    begin(cast)
    api = getattr(cast, name)
    for answer in (
        api.post(DRAFT, xform(version="3"), XML),
        api.post(f"{DRAFT}/publish"),
        api.delete(DRAFT),
    ):
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert cast.bob.get(DRAFT).json["version"] == "2"


def test_drafts_of_what_does_not_exist(cast):
    cast.form()
    place = f"{FORMS}/none/draft"
    for api, said in ((cast.bob, NOT_FOUND), (cast.chelsea, NOT_FOUND), (cast.api, ANONYMOUS)):
        assert api.post(place, xform(), XML).json == said
        assert api.post(f"{place}/publish").json == said
        assert api.delete(place).json == said


# Races of what is sent to a draft with its end.


@pytest.mark.parametrize("end", ["publish", "replace", "discard"])
def test_what_is_sent_while_a_draft_ends_is_sent_to_it(cast, end):
    """Who found the draft was there before its end: the submission shares the draft's fate."""
    cast.form()
    begin(cast)
    old = form().draft.id
    cast.bob  # noqa: B018
    ends = {
        "publish": lambda: cast.bob.post(f"{DRAFT}/publish"),
        "replace": lambda: cast.bob.post(f"{DRAFT}", xform(version="3"), XML),
        "discard": lambda: cast.bob.delete(DRAFT),
    }
    ended = []

    def meanwhile(_):
        if wire.names[-1] == "TransactWriteItems" and not ended:
            ended.append(None)
            assert ends[end]().json == DONE

    with Wire(before=meanwhile) as wire:
        sent = cast.bob.post(f"{DRAFT}/submissions", xml("one"))
    assert sent.status == 200
    assert ended
    assert [item["pk"]["S"][: len(f"S#1d{old}")] for item in stored("S#")] == [f"S#1d{old}"]
    assert cast.bob.get(f"{FORM}/submissions").json == []
    if end == "replace":
        assert cast.bob.get(f"{DRAFT}/submissions").json == []
    answer = cast.bob.post(f"{DRAFT}/submissions/one/attachments/a.jpg", b"x")
    assert answer.json == NOT_FOUND


# Drafts in an encrypted project.


def test_a_draft_in_an_encrypted_project_is_given_its_key(cast):
    cast.form()
    passphrase = {"passphrase": "open, sesame"}
    assert cast.bob.post("/v1/projects/1/key", passphrase).status == 200
    key_id = cast.bob.get(FORM).json["keyId"]
    assert key_id is not None
    draft = begin(cast)
    assert draft["keyId"] == key_id
    assert draft["version"].startswith("2[encrypted:")
    assert b"base64RsaPublicKey" in cast.bob.get(f"{DRAFT}.xml").body
    assert cast.bob.post(f"{DRAFT}/publish?version=9").json == DONE
    now = cast.bob.get(FORM).json
    assert (now["keyId"], now["version"]) == (key_id, "9")
    begun = cast.bob.post(DRAFT)
    assert begun.json == DONE
    assert cast.bob.get(DRAFT).json["keyId"] == key_id


def test_encrypting_a_project_abandons_what_was_sent_to_drafts(cast):
    cast.form()
    assert cast.bob.post(DRAFT).json == DONE
    token = cast.bob.get(DRAFT).json["draftToken"]
    old = form().draft.id
    cast.bob.post(f"{DRAFT}/submissions", xml("one"))
    assert cast.bob.post("/v1/projects/1/key", {"passphrase": "open, sesame"}).status == 200
    assert cast.bob.get(f"{DRAFT}/submissions").json == []
    assert cast.bob.get(DRAFT).json["draftToken"] == token
    # The draft was a copy: it and the published version share their XML.
    assert cast.bob.get(f"{DRAFT}.xml").body == cast.bob.get(f"{FORM}.xml").body
    left = [item["i"]["N"] for item in stored("D#1") if item["sk"]["S"].startswith("A#")]
    assert left == [str(old)]
