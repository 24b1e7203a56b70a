"""KoBoToolbox's routes for REST services, beyond what its own tests ask of them (test_parity)."""

from __future__ import annotations

import pytest

from sheaf.kobo import assets
from tests.cast import is_time
from tests.contract.kobo.conftest import GONE, NOT_FOUND, ORIGIN, Kobo, token, told

HOOKS = Kobo.HOOKS


def test_assets_are_sorted_and_chosen(scene, kobo):
    for name in ("alpha", "zulu"):
        scene.form(name)

    def listed(query):
        found = kobo.get(f"/api/v2/assets/?{query}").json["results"]
        return [assets.place(each["uid"])["xmlFormId"] for each in found]

    # They all have the same name; the dates are their own.
    assert listed("ordering=date_created") == ["simple", "alpha", "zulu"]
    assert listed("ordering=-date_created") == ["zulu", "alpha", "simple"]
    assert len(listed("ordering=nothing&q=asset_type:survey&format=json")) == 3
    assert len(listed("asset_type=survey&limit=3000")) == 3
    assert listed("asset_type=block") == listed("q=asset_type:template") == []


def test_a_deployment_is_the_published_version(scene, kobo):
    asset = kobo.get(Kobo.ASSET).json
    answer = kobo.get(f"{Kobo.ASSET}deployment/")
    assert told(answer) == (
        200,
        {
            "backend": "openrosa",
            "identifier": f"{ORIGIN}/v1/projects/1/forms/simple",
            "active": True,
            "version_id": "1",
            "asset": asset,
        },
    )
    assert kobo.get(f"{Kobo.ASSET}deployment").json == answer.json
    scene.bob.patch(f"{scene.FORMS}/simple", {"state": "closed"})
    assert kobo.get(f"{Kobo.ASSET}deployment/").json["active"] is False


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
        "data": f"{url}data/",
        "hooks": f"{url}hooks/",
    }
    assert is_time(asset["date_created"])
    # With or without a slash; one by one, too.
    assert kobo.get("/api/v2/assets?limit=1").json == answer.json
    assert kobo.get(Kobo.ASSET).json == asset
    assert kobo.get(Kobo.ASSET[:-1]).json == asset
    # So it is to who may see what was submitted; who may only submit is shown nothing.
    for name, role, listed in (("Vera", "viewer", [asset]), ("Colin", "formfill", [])):
        scene.person(name, role)
        assert token(api, name).get("/api/v2/assets/").json["results"] == listed
        assert told(token(api, name).get(Kobo.ASSET)) == ((200, asset) if listed else NOT_FOUND)
    assert told(kobo.get("/api/v2/environment")) == NOT_FOUND


def test_what_a_client_sends_back_unchanged_changes_nothing(scene, kobo):
    settings = {
        "username": "foo",
        "password": "bar-secret",
        "custom_headers": {"X-Hook-Test-Header": "test"},
    }
    made = kobo.create(GONE, auth_level="basic_auth", export_type="xml", settings=settings)
    shown = kobo.get(kobo.one(made)).json
    again = kobo.patch(kobo.one(made), shown)
    modified = again.json["date_modified"]
    assert told(again) == (200, {**shown, "date_modified": modified})


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
