"""The server's audit log (Central: `/audits`)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.api import handler
from tests.cast import Cast, audits, is_time, xform, xml
from tests.wire import Wire

LOG = "/v1/audits"
PATH = Cast.SUBMISSIONS
FORM = f"{Cast.FORMS}/simple"
EXTENDED = {"x-extended-metadata": "true"}
KEYS = ["actorId", "action", "acteeId", "details", "loggedAt", "notes"]


@pytest.fixture(autouse=True)
def done(cast):
    """Alice and Bob have come; Bob has published the form and sent something."""
    _ = cast.alice, cast.bob
    assert cast.bob.post(f"{Cast.FORMS}?publish=true", xform()).status == 200
    assert cast.bob.post(PATH, xml("one"), {"x-action-notes": "a%20try"}).status == 200


def log(cast, query="", **more):
    answer = cast.alice.get(f"{LOG}{query}", **more)
    assert answer.status == 200, answer.text
    return answer.json


def actions(rows):
    return [row["action"] for row in rows]


# What is told.


def test_the_log_tells_all_that_was_done_newest_first(cast):
    rows = log(cast)
    assert [list(row) for row in rows] == [KEYS] * len(rows)
    assert rows == audits()[::-1]
    assert actions(rows) == [
        "submission.create", "form.update.publish", "form.create", "user.session.create",
        "user.assignment.create", "user.update", "user.create", "user.session.create",
        "project.create", "user.update", "user.create",
    ]  # fmt: skip
    times = [row["loggedAt"] for row in rows]
    assert all(map(is_time, times))
    assert times == sorted(times, reverse=True)


def test_a_row_is_told_whole(cast):
    made = cast.bob.get(f"{PATH}/one").json
    row = log(cast)[0]
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "submission.create",
        "acteeId": log(cast, "?action=form.create")[0]["acteeId"],
        "details": {
            "submissionId": row["details"]["submissionId"],
            "instanceId": "one",
            "submissionDefId": row["details"]["submissionDefId"],
        },
        "loggedAt": made["createdAt"],
        "notes": "a try",
    }


def test_rows_of_drafts_deleted_forms_and_deleted_projects_are_in_it(cast):
    cast.draft("tried")
    cast.bob.post(f"{Cast.FORMS}/tried/draft/submissions", xml("two", form="tried"))
    cast.bob.delete(f"{PATH}/one")
    cast.bob.delete(FORM)
    other = cast.alice.post("/v1/projects", {"name": "Other"}).json["id"]
    cast.alice.post(f"/v1/projects/{other}/forms?publish=true", xform())
    cast.alice.post(f"/v1/projects/{other}/forms/simple/submissions", xml("one"))
    cast.alice.delete(f"/v1/projects/{other}")
    assert log(cast) == audits()[::-1]
    assert actions(log(cast, "?limit=9")) == [
        "project.delete", "submission.create", "form.update.publish", "form.create",
        "project.create", "form.delete", "submission.delete", "submission.create", "form.create",
    ]  # fmt: skip


def test_what_hooks_alone_are_told_is_not_in_it(cast):
    before = log(cast)
    assert cast.bob.post(f"{PATH}/one/comments", {"body": "hm"}).status == 200
    assert log(cast) == before
    assert log(cast, "?action=comment.create") == []


def test_a_purge_leaves_rows_without_their_notes(cast):
    cast.bob.delete(f"{PATH}/one", headers={"x-action-notes": "gone"})
    assert handler("workers/purge")({"retentionDays": 0}, None) == {"purged": 1}
    purged, deleted, *_, created = log(cast, "?action=submission")
    assert (purged["action"], purged["actorId"], purged["acteeId"]) == (
        "submission.purge", None, None,
    )  # fmt: skip
    assert purged["details"] == {"submissions_deleted": 1}
    assert deleted["notes"] == created["notes"] == ""
    assert created["details"]["instanceId"] == "one"


# Extended metadata.


def test_extended_metadata_tell_actor_and_actee(cast):
    rows = log(cast, headers=EXTENDED)
    assert [list(row) for row in rows] == [[*KEYS, "actor", "actee"]] * len(rows)
    created, *_ = rows
    bob = {key: value for key, value in cast.users["bob"].items() if key in rows[0]["actor"]}
    assert created["actor"] == bob
    assert list(created["actor"]) == [
        "id", "type", "displayName", "createdAt", "updatedAt", "deletedAt",
    ]  # fmt: skip
    assert created["actee"] == cast.bob.get(FORM).json
    by_action = {row["action"]: row for row in rows}
    assert by_action["project.create"]["actee"] == {
        key: value for key, value in cast.alice.get("/v1/projects/1").json.items() if key != "verbs"
    }
    assert by_action["project.create"]["actor"] is None
    assert by_action["user.assignment.create"]["actee"] == bob


def test_whatever_is_made_is_known_as_an_actee(cast):
    app_user = cast.bob.post("/v1/projects/1/app-users", {"displayName": "phone"}).json
    role = f"/v1/projects/1/forms/simple/assignments/app-user/{app_user['id']}"
    assert cast.bob.post(role).json == DONE
    link = {"displayName": "poll", "once": False}
    assert cast.bob.post(f"{FORM}/public-links", link).status == 200
    cast.draft("tried")
    hook = {"name": "R", "url": "https://hooks.invalid/x"}
    for place in (FORM, "/v1/projects/1"):
        assert cast.bob.post(f"{place}/hooks", hook).status == 200
    rows = log(cast, headers=EXTENDED)
    assert {row["action"] for row in rows} >= {"field_key.create", "public_link.create"}
    assert [
        row["action"] for row in rows if (row["actee"] is None) != (row["acteeId"] is None)
    ] == []
    tried = next(row for row in rows if row["action"] == "form.create")
    assert (tried["actee"]["xmlFormId"], tried["actee"]["publishedAt"]) == ("tried", None)


def test_what_was_deleted_is_still_shown(cast):
    cast.bob.delete(FORM)
    assert cast.bob.post(f"{Cast.FORMS}?ignoreWarnings=true", xform(version="2")).status == 200
    cast.alice.delete(f"/v1/users/{cast.users['bob']['id']}")
    user, again, form, *_ = log(cast, headers=EXTENDED)
    assert (user["action"], user["actee"]["id"]) == ("user.delete", cast.users["bob"]["id"])
    assert is_time(user["actee"]["deletedAt"])
    assert is_time(form["actor"]["deletedAt"])
    # The form that was deleted, and not the one that bears its name now.
    assert (form["action"], form["actee"]["version"]) == ("form.delete", "1")
    assert (again["action"], again["actee"]["version"]) == ("form.create", "2")


# Choosing.


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?limit=2", slice(0, 2)), ("?offset=2", slice(2, None)),
        ("?limit=3&offset=1", slice(1, 4)), ("?limit=0", slice(0, 0)),
        ("?limit=1000", slice(None)), ("?offset=1000", slice(1000, None)),
        ("?limit=2&offset=1000", slice(1000, None)),
    ],
)  # fmt: skip
def test_the_log_is_paged(cast, query, shown):
    whole = log(cast)
    assert log(cast, query) == whole[shown]
    assert [row["loggedAt"] for row in log(cast, query, headers=EXTENDED)] == [
        row["loggedAt"] for row in whole[shown]
    ]


def scene(cast):
    """One row, at least, of nearly every kind."""
    cast.bob.put(f"{PATH}/one", xml("two", photo="a.jpg", deprecated="one"))
    cast.bob.post(f"{PATH}/one/attachments/a.jpg", b"jpeg")
    cast.bob.patch(f"{PATH}/one", {"reviewState": "approved"})
    cast.bob.delete(f"{PATH}/one")
    cast.bob.post(f"{PATH}/one/restore")
    cast.bob.patch(FORM, {"state": "closing"})
    cast.bob.patch("/v1/projects/1", {"name": "New"})
    cast.bob.post(f"{FORM}/hooks", {"name": "R", "url": "https://hooks.invalid/x"})
    app_user = cast.bob.post("/v1/projects/1/app-users", {"displayName": "phone"}).json
    cast.bob.delete(f"/v1/sessions/{app_user['token']}")
    cast.bob.post(f"{FORM}/public-links", {"displayName": "poll", "once": False})
    cast.bob.delete(f"{PATH}/one")
    handler("workers/purge")({"retentionDays": 0}, None)


@pytest.mark.parametrize(
    "action",
    [
        "submission.create", "submission.update", "submission.update.version", "submission.delete",
        "submission.attachment.update", "submission.restore", "submission.purge", "form.create",
        "user.session.create", "user.create", "project.update", "field_key.create", "hook.create",
    ],
)  # fmt: skip
def test_one_action_is_chosen(cast, action):
    scene(cast)
    chosen = log(cast, f"?action={action}")
    assert chosen == [row for row in log(cast) if row["action"] == action]
    assert chosen
    assert log(cast, f"?action={action}&limit=1") == chosen[:1]


CATEGORIES = {
    "user": {
        "user.create", "user.update", "user.delete", "user.assignment.create",
        "user.assignment.delete", "user.session.create",
    },
    "project": {"project.create", "project.update", "project.delete"},
    "form": {"form.create", "form.update", "form.update.publish"},
    "submission": {
        "submission.create", "submission.update", "submission.update.version",
        "submission.attachment.update", "submission.delete", "submission.restore",
        "submission.purge",
    },
    "field_key": {"field_key.create", "field_key.session.end"},
    "public_link": {"public_link.create", "public_link.assignment.create"},
    "hook": {"hook.create"},
}  # fmt: skip


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_is_chosen(cast, category):
    scene(cast)
    whole = log(cast)
    chosen = log(cast, f"?action={category}")
    assert chosen == [row for row in whole if row["action"] in CATEGORIES[category]]
    assert chosen
    assert log(cast, f"?action={category}&limit=2&offset=1") == chosen[1:3]


def test_what_is_not_verbose_is_all_but_what_is_done_to_submissions(cast):
    scene(cast)
    chatter = CATEGORIES["submission"] - {"submission.purge"}
    assert log(cast, "?action=nonverbose") == [
        row for row in log(cast) if row["action"] not in chatter
    ]


@pytest.mark.parametrize("action", ["bogus", "", "submission.bogus", "dataset", "entity", "config"])
def test_an_unknown_action_chooses_nothing(cast, action):
    assert log(cast, f"?action={action}") == []


def moved(time, **by):
    """A time that much later, as the log writes it."""
    later = datetime.fromisoformat(time) + timedelta(**by)
    return later.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def test_start_is_included_and_end_is_not(cast):
    whole = log(cast)
    middle = whole[4]["loggedAt"]
    since = [row for row in whole if row["loggedAt"] >= middle]
    until = [row for row in whole if row["loggedAt"] < middle]
    assert since
    assert until
    assert log(cast, f"?start={middle}") == since
    assert log(cast, f"?end={middle}") == until
    assert log(cast, f"?start={middle}&end={moved(middle, milliseconds=1)}") == [
        row for row in whole if row["loggedAt"] == middle
    ]
    assert log(cast, f"?start={middle}&end={middle}") == []
    assert log(cast, f"?start={moved(middle, seconds=1)}&end={middle}") == []
    assert log(cast, f"?start={middle}&action=user.create") == [
        row for row in since if row["action"] == "user.create"
    ]


@pytest.mark.parametrize(
    ("start", "all_of_it"),
    [
        ("2020-01-01", True), ("2020-01-01Z", True), ("2020-01-01T00:00Z", True),
        ("2020-01-01T00:00:00.000Z", True), ("2020-01-01T00:00:00%2B02:00", True),
        ("2020-01-01T00:00:00+02:00", True), ("1901-01-01", True), ("9999-12-31", False),
    ],
)  # fmt: skip
def test_times_are_read_in_many_forms(cast, start, all_of_it):
    assert bool(log(cast, f"?start={start}")) == all_of_it
    assert bool(log(cast, f"?end={start}")) != all_of_it


@pytest.mark.parametrize("field", ["start", "end"])
@pytest.mark.parametrize("value", ["", "bogus", "2020-13-01", "2020-01-01T25:00", "12"])
def test_what_is_no_time_is_refused(cast, field, value):
    answer = cast.alice.get(f"{LOG}?{field}={value}")
    assert (answer.status, answer.json) == (
        400,
        {
            "message": f'Invalid input data type: expected "{value}" to be '
            "(type timestamp with time zone)",
            "code": 400.11,
            "details": {"value": value, "expected": "type timestamp with time zone"},
        },
    )


@pytest.mark.parametrize("field", ["limit", "offset"])
@pytest.mark.parametrize("value", ["abc", "-1", "1.5", ""])
def test_what_is_no_count_is_refused(cast, field, value):
    answer = cast.alice.get(f"{LOG}?{field}={value}")
    assert (answer.status, answer.json["code"]) == (400, 400.11)
    assert answer.json["details"] == {"field": field, "expected": "integer"}


# Who may.


def test_the_log_is_for_administrators(cast, api):
    assert (api.get(LOG).status, api.get(LOG).json) == (401, ANONYMOUS)
    for who in (cast.bob, cast.vera, cast.colin, cast.chelsea):
        for query in ("", "?start=bogus"):
            answer = who.get(f"{LOG}{query}")
            assert (answer.status, answer.json) == (403, FORBIDDEN)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert cast.alice.request(method, LOG).json == NOT_FOUND
    assert cast.alice.head(LOG).status == 200


# What it costs.


def cost(cast, query, rows):
    with Wire() as wire:
        assert len(log(cast, query, headers=EXTENDED)) == rows
    return sorted(wire.names), wire.depth


def test_a_page_costs_the_same_however_long_the_log_is(cast):
    short = cost(cast, "?limit=10", 10)
    for number in range(40):
        assert cast.bob.post(PATH, xml(f"n{number}")).status == 200
    assert cost(cast, "?limit=40", 40) == short
    names, depth = short
    # Whatever there is in forms and projects, too.
    assert names.count("Query") == 50
    assert names.count("BatchGetItem") == 4
    assert depth == 5


def test_who_asks_for_one_kind_reads_no_other(cast):
    names, _ = cost(cast, "?action=project.create", 1)
    assert names.count("Query") == 1
    names, _ = cost(cast, "?action=submission.delete", 0)
    assert names.count("Query") == 8
