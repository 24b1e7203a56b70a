"""Extended metadata of forms: exact counts, whatever they are read from."""

from __future__ import annotations

import pytest

from sheaf import clock
from sheaf.submissions import tallies
from tests import workbooks
from tests.api import handler
from tests.cast import xform, xml
from tests.contract.test_form_drafts import begin
from tests.contract.test_forms import FORM, FORMS, KEYS, together
from tests.wire import Wire, body

EXTENDED = {"x-extended-metadata": "true"}
SUBMISSIONS = f"{FORM}/submissions"
MORE = [
    "submissions", "entityRelated", "reviewStates", "lastSubmission", "excelContentType",
    "publicLinks", "createdBy",
]  # fmt: skip


def shown(cast, path=FORM):
    answer = cast.bob.get(path, headers=EXTENDED)
    assert answer.status == 200, answer.text
    return answer.json


def numbers(cast, path=FORM):
    """All submissions, then those received, with issues, and edited."""
    form = shown(cast, path)
    return [form["submissions"], *form["reviewStates"].values()]


def later() -> int:
    """Keep what has happened, when all of that is complete; give how many rows that is."""
    now = clock.micros() + tallies.UNSETTLED
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "micros", lambda: now)
        counted: int = handler("workers/tally")({}, None)["counted"]
    return counted


def test_a_form_without_submissions(cast):
    made = cast.form()
    form = shown(cast)
    assert list(form) == [*KEYS, *MORE]
    assert form == made | {
        "submissions": 0,
        "entityRelated": False,
        "reviewStates": {"received": 0, "hasIssues": 0, "edited": 0},
        "lastSubmission": None,
        "excelContentType": None,
        "publicLinks": 0,
        "createdBy": form["createdBy"],
    }
    assert form["createdBy"]["displayName"] == "Alice"
    assert shown(cast, FORMS) == [form]
    assert "submissions" not in cast.bob.get(FORM).json


def change(cast):
    """Make every kind of change; give the numbers that come of it, and when the last one came."""
    for name in ("a", "b", "c", "d", "e"):
        assert cast.submit(name).status == 200
    cast.bob.patch(f"{SUBMISSIONS}/a", {"reviewState": "hasIssues"})
    cast.bob.patch(f"{SUBMISSIONS}/a", {"reviewState": "approved"})
    cast.bob.patch(f"{SUBMISSIONS}/b", {"reviewState": "hasIssues"})
    cast.bob.patch(f"{SUBMISSIONS}/b", {})
    cast.bob.put(f"{SUBMISSIONS}/c", xml("c2", deprecated="c"))
    cast.bob.patch(f"{SUBMISSIONS}/d", {"reviewState": "rejected"})
    cast.bob.delete(f"{SUBMISSIONS}/d")
    cast.bob.delete(f"{SUBMISSIONS}/e")
    cast.bob.post(f"{SUBMISSIONS}/e/restore")
    cast.bob.patch(f"{SUBMISSIONS}/e", {"reviewState": None})
    return [4, 1, 1, 1], cast.bob.get(f"{SUBMISSIONS}/e").json["createdAt"]


def test_every_change_is_counted_at_once(cast):
    cast.form()
    expected, last = change(cast)
    form = shown(cast)
    assert [form["submissions"], *form["reviewStates"].values()] == expected
    assert form["lastSubmission"] == last
    assert shown(cast, FORMS) == [form]


def test_what_was_kept_and_what_came_since_add_up(cast):
    cast.form()
    cast.submit("first")
    assert later() == 1
    expected, _ = change(cast)
    expected[0], expected[1] = expected[0] + 1, expected[1] + 1
    assert numbers(cast) == expected
    assert later() == 15
    assert numbers(cast) == expected
    assert later() == 0
    assert numbers(cast) == expected
    cast.bob.delete(f"{SUBMISSIONS}/first")
    assert numbers(cast) == [4, 1, 1, 1]


def test_what_may_still_be_joined_by_older_rows_is_not_kept(cast):
    cast.form()
    cast.submit("one")
    assert handler("workers/tally")({}, None) == {"counted": 0}
    assert numbers(cast)[0] == 1


def test_of_several_that_keep_at_once_one_goes_on(cast):
    cast.form()
    for number in range(6):
        cast.submit(f"i{number}")
    now = clock.micros() + tallies.UNSETTLED
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "micros", lambda: now)
        together(*[tallies.keep] * 4)
    assert numbers(cast) == [6, 6, 0, 0]
    assert later() == 0


def test_rows_come_by_pages(cast, monkeypatch):
    monkeypatch.setattr(tallies, "ROWS", 2)
    cast.form()
    for number in range(12):
        cast.submit(f"i{number}")
        cast.bob.patch(f"{SUBMISSIONS}/i{number}", {"reviewState": "hasIssues"})
    assert numbers(cast) == [12, 0, 12, 0]
    assert later() == 24
    assert numbers(cast) == [12, 0, 12, 0]
    assert later() == 0


def test_forms_are_counted_apart(cast):
    cast.form()
    cast.form("other")
    cast.submit("one")
    sent = xml("two", form="other")
    assert cast.bob.post(f"{FORMS}/other/submissions", sent).status == 200
    assert cast.bob.post(f"{FORMS}/other/submissions", xml("three", form="other")).status == 200
    listed = {form["xmlFormId"]: form["submissions"] for form in shown(cast, FORMS)}
    assert listed == {"simple": 1, "other": 2}


def test_a_draft_is_counted_apart(cast):
    cast.form()
    cast.submit("one")
    begin(cast)
    for name in ("one", "two"):
        assert cast.bob.post(f"{FORM}/draft/submissions", xml(name)).status == 200
    assert numbers(cast) == [1, 1, 0, 0]
    assert numbers(cast, f"{FORM}/draft") == [2, 2, 0, 0]
    draft = shown(cast, f"{FORM}/draft")
    newest = cast.bob.get(f"{FORM}/draft/submissions/two").json["createdAt"]
    assert draft["lastSubmission"] == newest
    cast.bob.post(f"{FORM}/draft/publish")
    assert numbers(cast) == [1, 1, 0, 0]


def test_what_kind_of_form_it_is(cast):
    kind = {"content-type": workbooks.XLSX}
    cast.bob.post(f"{FORMS}?publish=true", workbooks.xlsx("sheet"), kind)
    assert shown(cast, f"{FORMS}/sheet")["excelContentType"] == workbooks.XLSX
    (version,) = shown(cast, f"{FORMS}/sheet/versions")
    assert version["excelContentType"] == workbooks.XLSX
    assert version["publishedBy"]["id"] == cast.users["bob"]["id"]
    assert list(version) == [*KEYS, "excelContentType", "publishedBy"]
    assert shown(cast, f"{FORMS}/sheet/versions/1")["excelContentType"] == workbooks.XLSX
    raw = xform("trees").replace(
        b"<orx:instanceName/>", b'<orx:instanceName/><entity dataset="trees" create="1" id=""/>'
    )
    assert cast.bob.post(f"{FORMS}?publish=true", raw).status == 200
    assert shown(cast, f"{FORMS}/trees")["entityRelated"] is True


def test_who_published_which_version(cast):
    cast.form()
    begin(cast)
    assert cast.bob.post(f"{FORM}/draft/publish").status == 200
    versions = shown(cast, f"{FORM}/versions")
    assert [each["publishedBy"]["displayName"] for each in versions] == [
        cast.users["bob"]["displayName"],
        "Alice",
    ]


def test_links_that_are_in_use_are_counted(cast):
    cast.form()
    made = [cast.bob.post(f"{FORM}/public-links", {"displayName": n}).json for n in ("a", "b")]
    assert shown(cast)["publicLinks"] == 2
    token = made[0]["token"].replace("$", "%24").replace("!", "%21")
    assert cast.bob.delete(f"/v1/sessions/{token}").status == 200
    assert shown(cast)["publicLinks"] == 1


def test_a_project_counts_its_app_users(cast):
    cast.form()
    assert cast.app_user.headers
    cast.submit("one")
    project = cast.bob.get("/v1/projects/1", headers=EXTENDED).json
    assert (project["forms"], project["appUsers"]) == (1, 1)
    assert project["lastSubmission"] == cast.bob.get(f"{SUBMISSIONS}/one").json["createdAt"]


def test_counting_reads_the_audit_log_since_it_was_kept_and_no_submission(cast):
    cast.form()
    for number in range(20):
        cast.submit(f"i{number}")
    later()
    with Wire() as wire:
        assert numbers(cast) == [20, 20, 0, 0]
    asked = [body(call) for call in wire.calls if call.operation == "Query"]
    feeds = [each for each in asked if ":first" in each["ExpressionAttributeValues"]]
    logs = [e for e in feeds if e["ExpressionAttributeValues"][":pk"]["S"].startswith("E#")]
    assert len(logs) == 40
    assert {each["ExpressionAttributeValues"][":first"]["S"] for each in logs} != {"0" * 16}


def test_the_list_of_projects_tells_the_same(cast):
    cast.form()
    cast.submit("one")
    project = cast.bob.get("/v1/projects/1", headers=EXTENDED).json
    (listed,) = cast.bob.get("/v1/projects?forms=true", headers=EXTENDED).json
    assert listed == project | {"formList": shown(cast, FORMS)}
    (plain,) = cast.bob.get("/v1/projects?forms=true").json
    assert plain["formList"] == cast.bob.get(FORMS).json
    assert "appUsers" not in plain
