"""Exports as ODK Central gives them, and where they differ on purpose."""

import gzip
import io
import random
import zipfile
from pathlib import Path
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

import pytest

from tests.archives import members, rows
from tests.cast import audits, xform, xml

DATA = Path(__file__).parents[1] / "data"
SIMPLE = "/v1/projects/1/forms/simple"
ALL = "/v1/projects/1/forms/every-question"
JPEG = {"content-type": "image/jpeg"}
FORBIDDEN = {
    "message": "The authentication you provided does not have rights to perform that action.",
    "code": 403.1,
}
HEADER = (
    "SubmissionDate,name,age,photo,meta-instanceID,meta-instanceName,KEY,SubmitterID,SubmitterName,"
    "AttachmentsPresent,AttachmentsExpected,Status,ReviewState,DeviceID,Edits,FormVersion\n"
)
AUDIT = (
    "\ufeffevent, node, start ,end,latitude,longitude,accuracy,old-value,new-value,user,unknown\n"
    "form start,,1700000000000,,,,,,,\n"
    "\n"
    'question, /all/text ,1700000000001,1700000000005,1.5,2.5,3,,"one, two",amina,x,beyond\n'
)


def publish(cast, name):
    sent = (DATA / f"forms/{name}.xml").read_bytes()
    assert cast.alice.post(f"{cast.FORMS}?publish=true", sent).status == 200


def send(cast, form, name, query=""):
    sent = (DATA / f"submissions/{name}.xml").read_bytes()
    answer = cast.alice.post(f"/v1/projects/1/forms/{form}/submissions{query}", sent)
    assert answer.status == 200, answer.text


def attach(cast, submission, name, data, content_type="image/jpeg"):
    path = f"{submission}/attachments/{name}"
    assert cast.alice.post(path, data, {"content-type": content_type}).status == 200


# --- golden files -----------------------------------------------------------------------------


@pytest.fixture
def every_question(cast):
    publish(cast, "every-question")
    send(cast, "every-question", "every-question", "?deviceID=tablet")
    send(cast, "every-question", "every-question-sparse")
    full = f"{ALL}/submissions/uuid:full"
    attach(cast, full, "photo.jpg", b"\xff\xd8\xff")
    attach(cast, full, "paper.csv", b"a,b\n" * 1000, "text/csv")
    attach(cast, full, "audit.csv", AUDIT.encode(), "text/csv")
    assert cast.alice.patch(full, {"reviewState": "approved"}).status == 200
    return cast


def golden(cast, name):
    """The files of a folder, with what only this run knows put in."""
    sparse, full = cast.alice.get(f"{ALL}/submissions").json
    known = {
        "<sparse>": sparse["createdAt"],
        "<full>": full["createdAt"],
        "<alice>": str(cast.users["alice"]["id"]),
    }
    found = {}
    for path in (DATA / "exports" / name).iterdir():
        text = path.read_text(encoding="utf-8")
        for token, value in known.items():
            text = text.replace(token, value)
        found[path.name] = text
    return found


ORDER = [
    "every-question.csv",
    "every-question-house.csv",
    "every-question-member~1.csv",
    "every-question-member~2.csv",
    "media/photo.jpg",
    "media/paper.csv",
    "every-question - audit.csv",
]


def test_an_archive_holds_all_tables_files_and_logs(every_question):
    answer = every_question.alice.get(f"{ALL}/submissions.csv.zip")
    found = members(answer)
    assert list(found) == ORDER
    assert found.pop("media/photo.jpg") == b"\xff\xd8\xff"
    assert found.pop("media/paper.csv") == b"a,b\n" * 1000
    said = {name: data.decode() for name, data in found.items()}
    assert said == golden(every_question, "every-question")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"every-question.zip\"; filename*=UTF-8''every-question.zip"
    )
    assert answer.headers["etag"].startswith('W/"eventhash:')


def test_columns_may_be_named_short_split_marked_and_guarded(every_question):
    query = "?groupPaths=false&splitSelectMultiples=true&bom=true&guardFormulas=true"
    found = members(every_question.alice.get(f"{ALL}/submissions.csv.zip{query}"))
    assert list(found) == ORDER
    tables = {name: data for name, data in found.items() if not name.startswith("media/")}
    said = {name: data.decode() for name, data in tables.items()}
    assert said == golden(every_question, "every-question-split")


def test_the_root_table_is_to_be_had_alone(every_question):
    answer = every_question.alice.get(f"{ALL}/submissions.csv")
    assert answer.text == golden(every_question, "every-question")["every-question.csv"]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"every-question.csv\"; filename*=UTF-8''every-question.csv"
    )


def test_an_archive_without_files_has_the_logs_all_the_same(every_question):
    answer = every_question.alice.get(f"{ALL}/submissions.csv.zip?attachments=false")
    assert list(members(answer)) == [name for name in ORDER if not name.startswith("media/")]
    assert 'filename="every-question.csv.zip"' in answer.headers["content-disposition"]


def test_the_form_of_the_clinic_is_exported(cast):
    publish(cast, "clinic-visit")
    send(cast, "clinic-visit", "clinic-visit")
    found = members(cast.alice.get("/v1/projects/1/forms/clinic-visit/submissions.csv.zip"))
    assert list(found) == [
        "clinic-visit.csv",
        "clinic-visit-household.csv",
        "clinic-visit-visit.csv",
    ]
    (root,) = rows(found["clinic-visit.csv"])
    assert root["patient-full-name"] == "Ada & B&B \U0001f600"
    assert root["consent"] == "yes, gladly"
    assert root["place-Accuracy"] == "0"
    key = "uuid:0c8e8bd8-3a3f-4a3c-9f5e-2f6f1f1c2f11"
    assert rows(found["clinic-visit-visit.csv"]) == [
        {
            "day": "2024-01-01",
            "photo": "first.jpg",
            "PARENT_KEY": f"{key}/household[1]",
            "KEY": f"{key}/household[1]/visit[1]",
        },
        {
            "day": "2024-01-02",
            "photo": "first.jpg",
            "PARENT_KEY": f"{key}/household[1]",
            "KEY": f"{key}/household[1]/visit[2]",
        },
        {
            "day": "",
            "photo": "second.jpg",
            "PARENT_KEY": f"{key}/household[2]",
            "KEY": f"{key}/household[2]/visit[1]",
        },
    ]


# --- who, what, when --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "csv.zip"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_those_who_may_read_may_export(cast, kind, method):
    cast.form()
    path = f"{SIMPLE}/submissions.{kind}"
    assert cast.api.request(method, path).status == 401
    for person in (cast.chelsea, cast.colin):
        answer = person.request(method, path)
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    for person in (cast.alice, cast.bob, cast.vera):
        assert person.request(method, path).status == 200
    missing = cast.alice.request(method, f"/v1/projects/1/forms/none/submissions.{kind}")
    assert (missing.status, missing.json["code"]) == (404, 404.1)


def test_a_form_without_submissions_gives_headers(cast):
    cast.form()
    answer = cast.alice.get(f"{SIMPLE}/submissions.csv")
    assert answer.text == HEADER
    assert answer.headers["etag"] == f'W/"eventhash:{"0" * 32}"'
    assert members(cast.alice.get(f"{SIMPLE}/submissions.csv.zip")) == {
        "simple.csv": HEADER.encode()
    }


def test_a_form_that_was_never_published_gives_the_columns_of_the_system(cast):
    cast.draft()
    assert cast.alice.get(f"{SIMPLE}/submissions.csv").text == (
        "SubmissionDate,KEY,SubmitterID,SubmitterName,AttachmentsPresent,AttachmentsExpected,"
        "Status,ReviewState,DeviceID,Edits,FormVersion\n"
    )


def test_an_edited_submission_shows_its_current_values_and_its_first_ones(cast):
    cast.form(version="1")
    cast.submit("uuid:1", name="first")
    edited = xml("uuid:2", name="second", photo="a.jpg", deprecated="uuid:1")
    put = cast.alice.put(f"{SIMPLE}/submissions/uuid:1?deviceID=other", edited)
    assert put.status == 200
    (row,) = rows(cast.alice.get(f"{SIMPLE}/submissions.csv").body)
    listed = cast.alice.get(f"{SIMPLE}/submissions").json[0]
    assert row == {
        "SubmissionDate": listed["createdAt"],
        "name": "second",
        "age": "30",
        "photo": "a.jpg",
        "meta-instanceID": "uuid:2",
        "meta-instanceName": "",
        "KEY": "uuid:1",
        "SubmitterID": str(cast.users["alice"]["id"]),
        "SubmitterName": "Alice",
        "AttachmentsPresent": "0",
        "AttachmentsExpected": "1",
        "Status": "",
        "ReviewState": "edited",
        "DeviceID": "",
        "Edits": "1",
        "FormVersion": "1",
    }


def test_an_export_is_audited(cast):
    form = cast.form()
    cast.submit("uuid:1")
    notes = {"x-action-notes": "for%20the%20report"}
    answer = cast.alice.get(f"{SIMPLE}/submissions.csv", headers=notes)
    cast.alice.post(f"{SIMPLE}/submissions.csv.zip", {})
    first, second = audits("form.submission.export")
    assert first["actorId"] == cast.users["alice"]["id"]
    assert first["notes"] == "for the report"
    assert first["details"] is None
    assert first["acteeId"] == second["acteeId"] is not None
    known = {"if-none-match": answer.headers["etag"]}
    assert cast.alice.get(f"{SIMPLE}/submissions.csv", headers=known).status == 304
    cast.alice.get(f"{SIMPLE}/submissions.csv?$filter=nothing eq 1")
    cast.alice.head(f"{SIMPLE}/submissions.csv")
    cast.chelsea.get(f"{SIMPLE}/submissions.csv")
    assert len(audits("form.submission.export")) == 2
    assert form["xmlFormId"] == "simple"


def test_head_tells_what_would_come(cast):
    cast.form()
    answer = cast.alice.head(f"{SIMPLE}/submissions.csv.zip")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/zip"
    assert 'filename="simple.zip"' in answer.headers["content-disposition"]


def test_the_etag_changes_with_all_that_an_export_shows(cast):
    cast.form()
    one = f"{SIMPLE}/submissions/uuid:1"
    cast.submit("uuid:1", photo="a.jpg")
    told = [cast.alice.get(f"{SIMPLE}/submissions.csv").headers["etag"]]

    def changed():
        """Whether what one has is outdated; if not, 304 says so."""
        known = {"if-none-match": told[-1]}
        answer = cast.alice.get(f"{SIMPLE}/submissions.csv", headers=known)
        if answer.status == 304:
            assert (answer.body, answer.headers["etag"]) == (b"", told[-1])
            return False
        told.append(answer.headers["etag"])
        return True

    assert not changed()
    attach(cast, one, "a.jpg", b"x")
    assert changed()
    assert not changed()
    cast.alice.delete(f"{one}/attachments/a.jpg")
    assert changed()
    cast.alice.patch(one, {"reviewState": "approved"})
    assert changed()
    cast.alice.put(one, xml("uuid:2", deprecated="uuid:1"))
    assert changed()
    cast.submit("uuid:3")
    assert changed()
    cast.alice.delete(one)
    assert changed()
    cast.alice.patch(f"/v1/users/{cast.users['alice']['id']}", {"displayName": "Alicia"})
    assert changed()
    assert not changed()
    assert len(set(told)) == len(told)


def test_the_etag_is_of_the_options_too(cast):
    cast.form()
    cast.submit("uuid:1")
    queries = ["", "?groupPaths=false", "?bom=true", "?deletedFields=true", "?guardFormulas=true"]
    tags = {cast.alice.get(f"{SIMPLE}/submissions.csv{query}").headers["etag"] for query in queries}
    assert len(tags) == len(queries)
    posted = cast.alice.post(f"{SIMPLE}/submissions.csv", {}).headers["etag"]
    assert posted in tags


# --- filters ----------------------------------------------------------------------------------


@pytest.fixture
def three(cast):
    cast.form()
    for number in (1, 2, 3):
        assert cast.submit(f"uuid:{number}", age=str(number), photo=f"{number}.jpg").status == 200
        attach(cast, f"{SIMPLE}/submissions/uuid:{number}", f"{number}.jpg", b"%d" % number)
    cast.alice.patch(f"{SIMPLE}/submissions/uuid:2", {"reviewState": "approved"})
    cast.alice.delete(f"{SIMPLE}/submissions/uuid:3")
    return cast


@pytest.mark.parametrize(
    ("text", "keys", "media"),
    [
        ("__system/reviewState eq 'approved'", ["uuid:2"], ["media/2.jpg"]),
        ("__system/reviewState eq null", ["uuid:1"], ["media/1.jpg"]),
        ("__system/submissionDate lt 2020-01-01", [], []),
        ("age ge 2", ["uuid:2"], ["media/2.jpg"]),
        ("__id eq 'uuid:1' or age eq 2", ["uuid:2", "uuid:1"], ["media/2.jpg", "media/1.jpg"]),
        ("__system/deletedAt ne null", ["uuid:3"], []),
        (
            "__system/deletedAt ne null or age lt 9",
            ["uuid:3", "uuid:2", "uuid:1"],
            ["media/2.jpg", "media/1.jpg"],
        ),
    ],
)
def test_a_filter_chooses_rows_and_their_files(three, text, keys, media):
    query = f"?$filter={quote(text)}"
    table = three.alice.get(f"{SIMPLE}/submissions.csv{query}")
    assert [row["KEY"] for row in rows(table.body)] == keys
    found = members(three.alice.get(f"{SIMPLE}/submissions.csv.zip{query}"))
    assert [row["KEY"] for row in rows(found["simple.csv"])] == keys
    assert list(found) == ["simple.csv", *media]


@pytest.mark.parametrize(
    ("text", "code"),
    [("nothing eq 1", 501.5), ("age add 1 eq 2", 501.4), ("age eq", 400.18)],
)
@pytest.mark.parametrize("kind", ["csv", "csv.zip"])
def test_a_filter_that_cannot_be_followed_is_refused(three, text, code, kind):
    answer = three.alice.get(f"{SIMPLE}/submissions.{kind}?$filter={quote(text)}")
    assert (answer.status, answer.json["code"]) == (int(code), code)


def test_answers_of_what_a_filter_takes_from_the_trash_have_their_columns_too(cast):
    publish(cast, "every-question")
    send(cast, "every-question", "every-question")
    send(cast, "every-question", "every-question-sparse")
    assert cast.alice.delete(f"{ALL}/submissions/uuid:full").status == 200
    query = f"?splitSelectMultiples=true&$filter={quote('__system/deletedAt ne null')}"
    (row,) = rows(cast.alice.get(f"{ALL}/submissions.csv{query}").body)
    shown = {name: value for name, value in row.items() if name.startswith("choice-many")}
    assert shown == {"choice-many": "b a", "choice-many/a": "1", "choice-many/b": "1"}


# --- files ------------------------------------------------------------------------------------


@pytest.fixture
def alike(cast):
    cast.form()
    for number, name in ((1, "a.jpg"), (2, "A.jpg"), (3, "a.jpg"), (4, "b.jpg")):
        cast.submit(f"uuid:{number}", photo=name)
        attach(cast, f"{SIMPLE}/submissions/uuid:{number}", name, b"%d" % number)
    return cast


def test_files_of_one_name_are_all_kept_and_their_cells_lead_to_them(alike):
    found = members(alike.alice.get(f"{SIMPLE}/submissions.csv.zip"))
    assert list(found) == [
        "simple.csv",
        "media/b.jpg",
        "media/a.jpg",
        "media/uuid2/A.jpg",
        "media/uuid1/a.jpg",
    ]
    for row in rows(found["simple.csv"]):
        assert found[f"media/{row['photo']}"] == row["KEY"].removeprefix("uuid:").encode()


def test_names_may_be_left_as_central_has_them(alike):
    answer = alike.alice.get(f"{SIMPLE}/submissions.csv.zip?mediaNames=central")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        names = [each.filename for each in archive.infolist()]
    assert names == ["simple.csv", "media/b.jpg", "media/a.jpg", "media/A.jpg", "media/a.jpg"]
    cells = [row["photo"] for row in rows(members(answer)["simple.csv"])]
    assert cells == ["b.jpg", "a.jpg", "A.jpg", "a.jpg"]


def test_cells_are_left_as_they_are_where_no_files_come(alike):
    table = rows(alike.alice.get(f"{SIMPLE}/submissions.csv").body)
    assert [row["photo"] for row in table] == ["b.jpg", "a.jpg", "A.jpg", "a.jpg"]


def test_names_are_unique_or_centrals(cast):
    cast.form()
    answer = cast.alice.get(f"{SIMPLE}/submissions.csv.zip?mediaNames=mine")
    assert (answer.status, answer.json["code"]) == (400, 400.8)


def test_a_name_that_no_file_system_takes_is_made_one(cast):
    cast.form()
    cast.submit("uuid:1", photo="a:b?.jpg")
    attach(cast, f"{SIMPLE}/submissions/uuid:1", "a%3Ab%3F.jpg", b"x")
    found = members(cast.alice.get(f"{SIMPLE}/submissions.csv.zip"))
    assert rows(found["simple.csv"])[0]["photo"] == "ab.jpg"
    assert found["media/ab.jpg"] == b"x"


@pytest.mark.parametrize(
    ("xml_form_id", "stems"),
    [
        ('a/b: "c"', ("ab c", "ab c")),
        ("Aux", ("_Aux", "Aux")),
        ("\U0001f600" * 64, ("\U0001f600" * 62, "\U0001f600" * 61)),
    ],
)
def test_what_a_form_is_called_spoils_no_name(cast, xml_form_id, stems):
    text = (DATA / "forms/families.xml").read_text()
    named = text.replace('"families"', f'"{escape(xml_form_id, {chr(34): "&quot;"})}"')
    made = cast.alice.post(f"{cast.FORMS}?publish=true", named.encode())
    assert made.status == 200, made.text
    form = f"{cast.FORMS}/{quote(xml_form_id, safe='')}"
    answer = cast.alice.get(f"{form}/submissions.csv.zip")
    root, below = stems
    assert list(members(answer)) == [
        f"{root}.csv", f"{below}-child.csv", f"{below}-toy.csv",
    ]  # fmt: skip
    said = answer.headers["content-disposition"].rpartition("''")[2]
    assert unquote(said) == f"{root}.zip"


# --- encrypted submissions --------------------------------------------------------------------


@pytest.fixture
def sealed(cast):
    """Two envelopes, of which one lacks its submission, and a plain submission."""
    publish(cast, "every-question")
    envelope = (
        '<all id="every-question" version="7" encrypted="yes">'
        "<base64EncryptedKey>a2V5</base64EncryptedKey><meta><instanceID>uuid:{}</instanceID></meta>"
        "<media><file>photo.jpg.enc</file></media>"
        "<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></all>"
    )
    for number in (1, 2):
        sent = envelope.format(number).encode()
        assert cast.alice.post(f"{ALL}/submissions", sent).status == 200
    for name in ("photo.jpg.enc", "submission.xml.enc"):
        attach(cast, f"{ALL}/submissions/uuid:2", name, b"sealed")
    send(cast, "every-question", "every-question-sparse")
    return cast


def test_what_is_sealed_has_a_row_without_values_and_no_files(sealed):
    found = members(sealed.alice.get(f"{ALL}/submissions.csv.zip"))
    assert [name for name in found if "media" in name or "audit" in name] == []
    table = rows(found["every-question.csv"])
    assert [(row["KEY"], row["Status"]) for row in table] == [
        ("uuid:sparse", ""),
        ("uuid:2", "not decrypted"),
        ("uuid:1", "missing encrypted form data"),
    ]
    for row, present in zip(table[1:], ("2", "0"), strict=True):
        shown = {name: value for name, value in row.items() if value}
        assert shown == {
            "SubmissionDate": row["SubmissionDate"],
            "KEY": row["KEY"],
            "SubmitterID": str(sealed.users["alice"]["id"]),
            "SubmitterName": "Alice",
            "AttachmentsPresent": present,
            "AttachmentsExpected": "2",
            "Status": row["Status"],
            "Edits": "0",
            "FormVersion": "7",
        }


def test_who_gives_passphrases_gets_only_what_they_open(sealed):
    for answer in (
        sealed.alice.get(f"{ALL}/submissions.csv?999=secret"),
        sealed.alice.post(f"{ALL}/submissions.csv", {"999": "secret", "other": "x"}),
        sealed.alice.post(
            f"{ALL}/submissions.csv",
            b"999=secret",
            {"content-type": "application/x-www-form-urlencoded"},
        ),
    ):
        assert [row["KEY"] for row in rows(answer.body)] == ["uuid:sparse"]


# --- drafts -----------------------------------------------------------------------------------


def test_a_draft_is_exported_from_the_project_and_by_its_link(cast):
    token = cast.draft()["draftToken"]
    draft = f"{SIMPLE}/draft"
    assert cast.alice.post(f"{draft}/submissions", xml("uuid:1", photo="a.jpg")).status == 200
    attach(cast, f"{draft}/submissions/uuid:1", "a.jpg", b"x")
    link = f"/v1/test/{token}/projects/1/forms/simple/draft"
    for who, place in ((cast.alice, draft), (cast.api, link)):
        table = who.get(f"{place}/submissions.csv")
        assert [row["KEY"] for row in rows(table.body)] == ["uuid:1"]
        for archive in (
            who.get(f"{place}/submissions.csv.zip"),
            who.post(f"{place}/submissions.csv.zip", {}),
        ):
            assert list(members(archive)) == ["simple.csv", "media/a.jpg"]
    assert audits("form.submission.export") == []
    wrong = cast.api.get(f"/v1/test/{'x' * 64}/projects/1/forms/simple/draft/submissions.csv")
    assert (wrong.status, wrong.json["code"]) == (404, 404.1)
    cast.form("other")
    none = cast.alice.get("/v1/projects/1/forms/other/draft/submissions.csv")
    assert (none.status, none.json["code"]) == (404, 404.1)


# --- the wire ---------------------------------------------------------------------------------


def test_an_export_by_cookie_needs_the_token_when_it_is_posted(cast):
    cast.form()
    login = cast.api.post(
        "/v1/sessions",
        {"email": "alice@example.org", "password": "correct horse battery staple"},
    )
    token, csrf = login.json["token"], login.json["csrf"]
    browser = cast.api.acting({"cookie": f"__Host-session={token}", "x-forwarded-proto": "https"})
    form = {"content-type": "application/x-www-form-urlencoded"}
    path = f"{SIMPLE}/submissions.csv.zip"
    assert browser.post(path, b"1=secret", form).status == 401
    assert browser.post(path, f"1=secret&__csrf={csrf}".encode(), form).status == 200
    assert browser.get(path).status == 200


def test_csv_is_gzipped_for_who_takes_that(cast):
    cast.form()
    cast.submit("uuid:1", name="x" * 3000)
    answer = cast.alice.get(f"{SIMPLE}/submissions.csv", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert rows(gzip.decompress(answer.body))[0]["name"] == "x" * 3000


def test_large_submissions_are_read_a_few_at_a_time(cast, monkeypatch):
    from sheaf.exports import selection

    monkeypatch.setattr(selection, "HELD", 10_000_000)
    cast.form()
    # Beyond what an item holds, even compressed: it lies in the bucket.
    names = [random.Random(seed).randbytes(120_000).hex() for seed in range(4)]
    for number, name in enumerate(names):
        assert cast.submit(f"uuid:{number}", name=name).status == 200
    sizes = []
    opened = selection.Selection._opened
    monkeypatch.setattr(
        selection.Selection,
        "_opened",
        lambda self, pool, chunk: sizes.append(len(chunk)) or opened(self, pool, chunk),
    )
    answer = cast.alice.get(f"{SIMPLE}/submissions.csv")
    assert [row["name"] for row in rows(answer.body)] == names[::-1]
    assert sizes == [2, 2]


# --- versions of the form ---------------------------------------------------------------------


def test_fields_of_former_versions_are_shown_when_asked_for(cast):
    cast.form(version="1")
    cast.submit("uuid:1", name="Alan", photo="a.jpg")
    later = xform(version="2").replace(b"<age/>", b"<height/>").replace(b"/age", b"/height")
    assert cast.alice.post(f"{SIMPLE}/draft?ignoreWarnings=true", later).status == 200
    assert cast.alice.post(f"{SIMPLE}/draft/publish").json == {"success": True}
    sent = xml("uuid:2", version="2").replace(b"<age>30</age>", b"<height>180</height>")
    assert cast.alice.post(f"{SIMPLE}/submissions", sent).status == 200
    plain = rows(cast.alice.get(f"{SIMPLE}/submissions.csv").body)
    merged = rows(cast.alice.get(f"{SIMPLE}/submissions.csv?deletedFields=true").body)
    assert "age" not in plain[0]
    assert list(merged[0])[:7] == [
        "SubmissionDate",
        "name",
        "height",
        "photo",
        "meta-instanceID",
        "meta-instanceName",
        "age",
    ]
    assert [(row["KEY"], row["height"], row["age"]) for row in merged] == [
        ("uuid:2", "180", ""),
        ("uuid:1", "", "30"),
    ]
    assert [row["FormVersion"] for row in merged] == ["2", "1"]


def of_version(version, instance, *repeats):
    body = "".join(f'<repeat nodeset="/data/{path}"/>' for path in repeats)
    return (
        '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml">'
        f'<h:head><h:title>S</h:title><model><instance><data id="simple" version="{version}">'
        f"{instance}<meta><instanceID/></meta></data></instance></model></h:head>"
        f"<h:body>{body}</h:body></h:html>"
    ).encode()


def test_groups_and_repeats_of_former_versions_stay_where_they_were(cast):
    first = "<g><a/><b/></g><r><x/><y/></r><q><z/><s><t/></s></q><gone/>"
    answer = cast.alice.post(f"{cast.FORMS}?publish=true", of_version("1", first, "r", "q", "q/s"))
    assert answer.status == 200, answer.text
    draft = of_version("2", "<g><a/></g><r><x/></r><new/>", "r")
    old = (
        "<g><a>1</a><b>2</b></g><r><x>3</x><y>4</y></r><q><z>5</z><s><t>6</t></s></q><gone>7</gone>"
    )
    new = "<g><a>11</a></g><r><x>13</x></r><new>18</new>"
    for version, said in (("1", old), ("2", new)):
        if version == "2":
            assert cast.alice.post(f"{SIMPLE}/draft?ignoreWarnings=true", draft).status == 200
            assert cast.alice.post(f"{SIMPLE}/draft/publish").status == 200
        text = (
            f'<data id="simple" version="{version}">{said}'
            f"<meta><instanceID>v{version}</instanceID></meta></data>"
        )
        assert cast.alice.post(f"{SIMPLE}/submissions", text.encode()).status == 200
    shown = members(cast.alice.get(f"{SIMPLE}/submissions.csv.zip"))
    assert list(shown) == ["simple.csv", "simple-r.csv"]
    found = members(cast.alice.get(f"{SIMPLE}/submissions.csv.zip?deletedFields=true"))
    root = rows(found.pop("simple.csv"))
    assert list(root[0])[1:7] == ["g-a", "g-b", "new", "meta-instanceID", "gone", "KEY"]
    assert [list(row.values())[1:7] for row in root] == [
        ["11", "", "18", "v2", "", "v2"],
        ["1", "2", "", "v1", "7", "v1"],
    ]
    assert found == {
        "simple-r.csv": b"x,y,PARENT_KEY,KEY\n13,,v2,v2/r[1]\n3,4,v1,v1/r[1]\n",
        "simple-q.csv": b"z,PARENT_KEY,KEY\n5,v1,v1/q[1]\n",
        "simple-s.csv": b"t,PARENT_KEY,KEY\n6,v1/q[1],v1/q[1]/s[1]\n",
    }


# --- unusual content --------------------------------------------------------------------------


def test_unusual_content_is_given_as_it_was_sent(cast):
    cast.form()
    texts = {
        "lines": "one\ntwo\r\nthree\rfour",
        "quotes": "say \"x\", 'y'",
        "emoji": "\U0001f600\u200d\U0001f525 e\u0301",
        "long": "x" * 1_000_000,
        "spaces": "  \t ",
        "formula": "=HYPERLINK(1)",
    }
    for name, text in texts.items():
        sent = text.replace("&", "&amp;").replace("<", "&lt;")
        assert cast.submit(f"uuid:{name}", name=sent).status == 200
    odd = (
        b'<x:data xmlns:x="urn:x" id="simple" version="1"><x:name>a</x:name><more><name>no</name>'
        b"</more><x:name>b</x:name><meta><instanceID>uuid:odd</instanceID></meta></x:data>"
    )
    assert cast.alice.post(f"{SIMPLE}/submissions", odd).status == 200
    found = members(cast.alice.get(f"{SIMPLE}/submissions.csv.zip"))
    said = {row["KEY"].removeprefix("uuid:"): row["name"] for row in rows(found["simple.csv"])}
    assert said == texts | {"odd": "ab"}
