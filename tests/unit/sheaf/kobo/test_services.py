"""KoBoToolbox's routes for REST services, by what its own tests ask of them."""

from __future__ import annotations

import json

import pytest

from sheaf.kobo import assets
from tests.cast import is_time
from tests.unit.sheaf.kobo.conftest import Kobo, token

ORIGIN = "https://api.example.org"
GONE = "http://127.0.0.1:9/in"
NOT_FOUND = (404, {"detail": "Not found."})
HOOKS = Kobo.HOOKS


def told(answer):
    return answer.status, answer.json


def test_an_asset_is_found_by_its_uid_and_by_nothing_else(scene, kobo):
    scene.form("wörter/ünd ding")
    uid = assets.named(1, "wörter/ünd ding")
    assert assets.place(uid) == {"projectId": "1", "xmlFormId": "wörter/ünd ding"}
    assert told(kobo.get(f"/api/v2/assets/{uid}/"))[0] == 200
    for wrong in ("x", "a", "aMS9", "a" + uid, uid[1:], "aMA", "a!!", assets.named(2**31, "x")):
        assert told(kobo.get(f"/api/v2/assets/{wrong}/hooks/")) == NOT_FOUND, wrong


def test_forms_are_listed_as_assets(scene, kobo, api):
    answer = kobo.get("/api/v2/assets/")
    [asset] = answer.json["results"]
    url = f"{ORIGIN}{Kobo.ASSET}"
    assert answer.json == {"count": 1, "next": None, "previous": None, "results": [asset]}
    assert asset == {
        "url": url,
        "uid": assets.named(1, "simple"),
        "name": "Simple",
        "asset_type": "survey",
        "date_created": asset["date_created"],
        "date_modified": asset["date_modified"],
        "has_deployment": True,
        "deployment__active": True,
        "hooks": f"{url}hooks/",
    }
    assert is_time(asset["date_created"])
    # With or without a slash; one by one, too.
    assert kobo.get("/api/v2/assets?limit=1").json == answer.json
    assert kobo.get(Kobo.ASSET).json == asset
    assert kobo.get(Kobo.ASSET[:-1]).json == asset
    # Who may not manage its hooks is not shown it.
    scene.person("Vera", "viewer")
    assert token(api, "Vera").get("/api/v2/assets/").json["results"] == []
    assert told(token(api, "Vera").get(Kobo.ASSET)) == NOT_FOUND
    assert told(kobo.get("/api/v2/environment")) == NOT_FOUND


def test_whoever_may_not_is_told_that_nothing_is_there(scene, kobo, api):
    hook = kobo.create(GONE)
    one = f"{HOOKS}{hook['uid']}/"
    scene.person("Vera", "viewer")
    scene.person("Colin", "formfill")
    scene.person("Chelsea")
    strangers = [token(api, name) for name in ("Vera", "Colin", "Chelsea")] + [Kobo(api)]
    for who in strangers:
        for path in (HOOKS, one, f"{one}logs/", f"{one}logs/x/"):
            assert told(who.get(path)) == NOT_FOUND, path
        assert told(who.post(HOOKS, {"name": "x", "endpoint": GONE})) == NOT_FOUND
        for path in (one, f"{one}retry/", f"{one}logs/x/retry/"):
            assert told(who.patch(path, {"active": False})) == NOT_FOUND, path
        assert told(who.delete(one)) == NOT_FOUND
        status = {"validation_status.uid": "validation_status_approved"}
        assert told(who.patch(f"{Kobo.DATA}1/validation_status/", status)) == NOT_FOUND
        assert told(who.delete(f"{Kobo.DATA}1/validation_status/")) == NOT_FOUND
    assert kobo.get(one).json["active"] is True
    wrong = token(api, "nobody")
    assert told(wrong.get(HOOKS)) == (401, {"detail": "Invalid token."})
    # The word is KoBoToolbox's alone; ours works on its routes.
    assert api.acting({"authorization": "Token Bob"}).get("/v1/users/current").status == 401
    assert api.bearer("Bob").get(HOOKS).status == 200


def test_a_minimal_service(scene, kobo):
    made = kobo.create(GONE)
    secret = made.pop("secret")
    url = f"{ORIGIN}{HOOKS}{made['uid']}/"
    assert secret.startswith("whsec_")
    assert made == {
        "active": True,
        "asset": made["asset"],
        "auth_level": "no_auth",
        "date_modified": made["date_modified"],
        "email_notification": True,
        "endpoint": GONE,
        "export_type": "json",
        "failed_count": 0,
        "logs_url": f"{url}logs/",
        "name": "some hook",
        "payload_template": None,
        "pending_count": 0,
        "settings": {},
        "subset_fields": [],
        "success_count": 0,
        "uid": made["uid"],
        "url": url,
        "events": ["submission.create"],
    }
    assert kobo.get(f"{HOOKS}{made['uid']}/").json == made
    assert kobo.get(f"{HOOKS}{made['uid']}").json == made
    page = {"count": 1, "next": None, "previous": None, "results": [made]}
    assert kobo.get(HOOKS).json == page
    assert kobo.get(HOOKS[:-1]).json == page
    # It is a hook like others, and sends what KoBoToolbox sends.
    [hook] = scene.bob.get(scene.hooks).json
    assert (hook["id"], hook["bodyFormat"], hook["contentType"]) == (made["uid"], "kobo", "json")


def test_a_full_service_without_its_password(scene, kobo):
    said = {
        "active": False,
        "subset_fields": ["_id", "group/q"],
        "email_notification": False,
        "export_type": "xml",
        "auth_level": "basic_auth",
        "settings": {
            "username": "foo",
            "password": "bar-secret",
            "custom_headers": {"X-Hook-Test-Header": "test"},
        },
    }
    made = kobo.create(GONE, **said)
    # Headers often hold keys, so nobody is shown what they say, either.
    hidden = {"password": None, "custom_headers": {"X-Hook-Test-Header": None}}
    shown = {**said, "settings": {**said["settings"], **hidden}}
    assert {name: made[name] for name in said} == shown
    one = f"{HOOKS}{made['uid']}/"
    assert "bar-secret" not in kobo.get(one).text
    assert "test" not in kobo.get(one).json["settings"]["custom_headers"].values()
    # What its client sends back unchanged changes nothing.
    again = kobo.patch(one, kobo.get(one).json)
    assert again.status == 200
    assert {name: again.json[name] for name in said} == shown


def test_the_password_that_was_not_told_again_still_goes_out(scene, kobo, way, receiver):
    made = kobo.create(
        f"{receiver.url}/in",
        auth_level="basic_auth",
        settings={"username": "foo", "password": "bar"},
    )
    one = f"{HOOKS}{made['uid']}/"
    assert kobo.patch(one, kobo.get(one).json | {"name": "new"}).status == 200
    scene.submit("uuid:one")
    way.match_all()
    way.deliver_all()
    [request] = receiver.requests
    assert request.headers["authorization"] == "Basic Zm9vOmJhcg=="
    # And none is sent once there is to be none.
    assert kobo.patch(one, {"auth_level": "no_auth"}).json["settings"] == {}
    scene.submit("uuid:two")
    way.match_all()
    way.deliver_all()
    assert "authorization" not in receiver.requests[-1].headers


def test_a_part_of_a_service_is_changed(scene, kobo):
    made = kobo.create(GONE, subset_fields=["q"])
    made.pop("secret")
    one = f"{HOOKS}{made['uid']}/"
    answer = kobo.patch(one, {"name": "some disabled external service", "active": False})
    assert answer.status == 200
    changed = {"name": "some disabled external service", "active": False}
    modified = answer.json["date_modified"]
    assert answer.json == {**made, **changed, "date_modified": modified}
    assert modified > made["date_modified"]
    assert kobo.get(one).json == answer.json


def test_what_kobotoolbox_does_not_know_stays(scene, kobo):
    hook = scene.hook(
        GONE, filter={"data": {"type": ["submission.create"]}}, rateLimit={"perSecond": 5}
    )
    one = f"{HOOKS}{hook['id']}/"
    before = scene.bob.get(f"{scene.hooks}/{hook['id']}").json
    assert kobo.patch(one, {"name": "renamed"}).status == 200
    after = scene.bob.get(f"{scene.hooks}/{hook['id']}").json
    assert after == {**before, "name": "renamed", "updatedAt": after["updatedAt"]}
    # The body follows the kind of export, when that changes.
    assert kobo.patch(one, {"export_type": "xml"}).json["export_type"] == "xml"
    after = scene.bob.get(f"{scene.hooks}/{hook['id']}").json
    assert (after["contentType"], after["bodyFormat"]) == ("xml", "raw")


def test_a_service_is_deleted(scene, kobo):
    made = kobo.create(GONE)
    answer = kobo.delete(f"{HOOKS}{made['uid']}")
    assert (answer.status, answer.body) == (204, b"")
    assert told(kobo.delete(f"{HOOKS}{made['uid']}/")) == NOT_FOUND
    assert told(kobo.get(f"{HOOKS}{made['uid']}/")) == NOT_FOUND
    assert scene.bob.get(scene.hooks).json == []
    kobo.create(GONE)
    assert told(kobo.delete(f"{HOOKS}x/logs/")) == NOT_FOUND


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"endpoint": None}, {"endpoint": ["This field is required."]}),
        ({"name": None}, {"name": ["This field is required."]}),
        ({"endpoint": "foo://x"}, {"endpoint": ["Invalid scheme"]}),
        ({"endpoint": "httpfoo:x"}, {"endpoint": ["Invalid scheme"]}),
        ({"payload_template": "{foo: %SUBMISSION%}"}, {"payload_template": ["Invalid JSON"]}),
        (
            {"payload_template": '{"foo": %SUBMISSION%}', "export_type": "xml"},
            {"payload_template": ["Can be used only with JSON submission format"]},
        ),
        ({"auth_level": "oauth"}, {"auth_level": ['"oauth" is not a valid choice.']}),
        ({"settings": "x"}, {"settings": ["Value must be valid JSON."]}),
    ],
)
def test_what_is_wrong_is_said_as_kobotoolbox_does(scene, kobo, said, refused):
    whole = {"name": "some hook", "endpoint": GONE, **said}
    body = {name: value for name, value in whole.items() if value is not None}
    assert told(kobo.post(HOOKS, body)) == (400, refused)
    assert kobo.get(HOOKS).json["count"] == 0


def test_a_template_cannot_come_to_xml_by_two_requests(scene, kobo):
    made = kobo.create(GONE, payload_template='{"fields": %SUBMISSION%}')
    one = f"{HOOKS}{made['uid']}/"
    wrong = {"payload_template": ["Can be used only with JSON submission format"]}
    assert told(kobo.patch(one, {"export_type": "xml"})) == (400, wrong)
    assert kobo.patch(one, {"export_type": "xml", "payload_template": ""}).status == 200


def test_a_plain_endpoint_is_refused_where_targets_are_judged(scene, kobo, monkeypatch):
    from sheaf import settings

    monkeypatch.setattr(settings, "HOOK_TARGETS", "public")
    answer = kobo.post(HOOKS, {"name": "x", "endpoint": "http://example.org/in"})
    assert told(answer) == (400, {"endpoint": ["Unsecured endpoint is not allowed"]})


def test_the_full_number_of_services(scene, kobo):
    for number in range(20):
        kobo.create(GONE, name=str(number))
    answer = kobo.post(HOOKS, {"name": "one more", "endpoint": GONE})
    assert answer.status == 400
    assert "20 hooks" in answer.json["detail"]
    page = kobo.get(f"{HOOKS}?limit=8&offset=8").json
    assert [hook["name"] for hook in page["results"]] == [str(n) for n in range(8, 16)]
    assert page["count"] == 20
    assert page["next"] == f"{ORIGIN}{HOOKS}?limit=8&start=16"
    assert page["previous"] == f"{ORIGIN}{HOOKS}?limit=8&start=0"
    last = kobo.get(page["next"].removeprefix(ORIGIN)).json
    assert (len(last["results"]), last["next"]) == (4, None)


def test_another_forms_service_is_not_found_here(scene, kobo):
    scene.form("other")
    made = kobo.create(GONE)
    other = f"/api/v2/assets/{assets.named(1, 'other')}/hooks/"
    assert kobo.get(other).json["results"] == []
    assert told(kobo.get(f"{other}{made['uid']}/")) == NOT_FOUND
    assert told(kobo.patch(f"{other}{made['uid']}/", {"active": False})) == NOT_FOUND
    assert told(kobo.delete(f"{other}{made['uid']}/")) == NOT_FOUND


def test_changes_go_to_the_audit_log(scene, kobo):
    made = kobo.create(GONE)
    one = f"{HOOKS}{made['uid']}/"
    kobo.patch(one, {"name": "new"})
    kobo.delete(one)
    answer = scene.bob.get(f"{scene.FORMS}/simple")
    assert answer.status == 200
    from tests.cast import stored

    kinds = [item["a"]["S"] for item in stored("E#") if item["a"]["S"].startswith("hook.")]
    assert sorted(kinds) == ["hook.create", "hook.delete", "hook.update"]


# --- n8n ---------------------------------------------------------------------------------------


def test_n8n_turns_its_trigger_on_and_off(scene, kobo, way, receiver):
    """What its node does, in order: look for the hook, make it, be told, and delete it again."""
    webhook = f"{receiver.url}/webhook/4f1c"
    found = kobo.get(HOOKS)
    assert [each for each in found.json["results"] if each["endpoint"] == webhook] == []
    made = kobo.post(
        HOOKS,
        {"name": f"n8n webhook - {webhook}", "endpoint": webhook, "email_notification": True},
    )
    assert made.status == 201
    [known] = [
        each
        for each in kobo.get(HOOKS).json["results"]
        if each["endpoint"] == webhook and each["active"]
    ]
    assert known["uid"] == made.json["uid"]
    scene.submit("uuid:one", name="Ada")
    way.match_all()
    way.deliver_all()
    [request] = receiver.requests
    record = json.loads(request.body)
    assert (record["name"], record["_uuid"]) == ("Ada", "one")
    assert kobo.delete(f"{HOOKS}{known['uid']}").status == 204
    assert kobo.get(HOOKS).json["results"] == []
