"""What devices are told of forms: formList and manifest, by session, token and test link."""

import hashlib

import pytest

from sheaf import settings
from tests.answers import ANONYMOUS
from tests.cast import xform
from tests.contract.test_form_drafts import begin
from tests.contract.test_forms import FORM, FORMS

LIST = "/v1/projects/1/formList"
VERSION = {"x-openrosa-version": "1.0"}
HOST = "https://api.example.org"


def entry(base, raw=None, *, form="simple", name="Simple", version="1", url=None):
    digest = hashlib.md5(xform() if raw is None else raw).hexdigest()
    return f"""    <xform>
      <formID>{form}</formID>
      <name>{name}</name>
      <version>{version}</version>
      <hash>md5:{digest}</hash>
      <downloadUrl>{base}/forms/{url or form}.xml</downloadUrl>
    </xform>
"""


def listing(*entries):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '  <xforms xmlns="http://openrosa.org/xforms/xformsList">\n'
        f"{''.join(entries)}"
        "  </xforms>"
    )


EMPTY_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '  <manifest xmlns="http://openrosa.org/xforms/xformsManifest">\n'
    "  </manifest>"
)


def test_open_forms_are_listed_by_name(cast):
    cast.form()
    other = xform("b&b", "2.0").replace(b">Simple<", b">Apples &amp; 'pears'<")
    other = other.replace(b'id="b&b"', b'id="b&amp;b/1"')
    assert cast.bob.post(f"{FORMS}?publish=true", other).status == 200
    answer = cast.bob.get(LIST, headers=VERSION)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert answer.headers["x-openrosa-version"] == "1.0"
    assert answer.headers["x-openrosa-accept-content-length"] == "4400000"
    base = f"{HOST}/v1/projects/1"
    assert answer.text == listing(
        entry(
            base,
            other,
            form="b&amp;b&#x2F;1",
            name="Apples &amp; &#39;pears&#39;",
            version="2.0",
            url="b%26b%2F1",
        ),
        entry(base),
    )


def test_a_device_downloads_what_it_was_told_of(cast):
    cast.form()
    answer = cast.app_user.get(f"{LIST}?deviceID=collect%3Ax", headers=VERSION)
    url = answer.text.partition("<downloadUrl>")[2].partition("<")[0]
    form = cast.app_user.get(url.removeprefix(HOST))
    assert form.body == xform()
    assert hashlib.md5(form.body).hexdigest() in answer.text


def test_links_keep_the_token_that_was_used(cast, api):
    cast.form()
    assert cast.app_user.headers
    token = cast.token("app_user")
    base = f"{HOST}/v1/key/{token}/projects/1"
    for path in (f"/v1/key/{token}/projects/1/formList", f"{LIST}?st={token.replace('$', '%24')}"):
        answer = api.get(path, headers=VERSION)
        assert (answer.status, answer.text) == (200, listing(entry(base)))
    assert api.get(f"/v1/key/{token}/projects/1/forms/simple.xml").body == xform()


def test_links_begin_with_the_stack_s_own_domain_where_it_has_one(cast, monkeypatch):
    monkeypatch.setattr(settings, "ORIGIN", "https://sheaf.example.org")
    cast.form()
    base = "https://sheaf.example.org/v1/projects/1"
    assert cast.bob.get(LIST, headers=VERSION).text == listing(entry(base))


def test_one_form_may_be_asked_for(cast):
    cast.form()
    cast.form("other")
    base = f"{HOST}/v1/projects/1"
    assert cast.bob.get(f"{LIST}?formID=simple", headers=VERSION).text == listing(entry(base))
    for wanted in ("none", "", "a" * 2000):
        assert cast.bob.get(f"{LIST}?formID={wanted}", headers=VERSION).text == listing()


@pytest.mark.parametrize("state", ["closing", "closed"])
def test_what_is_not_open_is_hidden(cast, state):
    cast.form()
    cast.bob.patch(FORM, {"state": state})
    for path in (LIST, f"{LIST}?formID=simple"):
        assert cast.bob.get(path, headers=VERSION).text == listing()


def test_what_was_never_published_or_is_deleted_is_hidden(cast):
    cast.draft()
    cast.form("other")
    cast.bob.delete(f"{FORMS}/other")
    assert cast.bob.get(LIST, headers=VERSION).text == listing()


def test_the_current_version_is_listed_and_not_the_draft(cast):
    cast.form()
    begin(cast)
    base = f"{HOST}/v1/projects/1"
    assert cast.bob.get(LIST, headers=VERSION).text == listing(entry(base))
    cast.bob.post(f"{FORM}/draft/publish")
    expected = listing(entry(base, xform(version="2"), version="2"))
    assert cast.bob.get(LIST, headers=VERSION).text == expected


def test_whoever_may_fill_no_form_is_told_of_none(cast):
    cast.form()
    for api in (cast.chelsea, cast.unassigned):
        answer = api.get(LIST, headers=VERSION)
        assert (answer.status, answer.text) == (200, listing())
    for api in (cast.vera, cast.colin, cast.app_user, cast.link):
        assert "<formID>simple</formID>" in api.get(LIST, headers=VERSION).text


def test_a_draft_is_listed_to_those_who_test_it(cast, api):
    cast.form()
    raw = xform(version="2")
    token = begin(cast, raw)["draftToken"]
    place = f"/v1/test/{token}/projects/1/forms/simple/draft"
    base = f"{HOST}/v1/test/{token}/projects/1"
    answer = api.get(f"{place}/formList", headers=VERSION)
    assert answer.status == 200
    assert answer.text == listing(entry(base, raw, version="2", url="simple/draft"))
    assert api.get(f"{base.removeprefix(HOST)}/forms/simple/draft.xml").body == raw
    assert api.get(f"{place}/manifest", headers=VERSION).text == EMPTY_MANIFEST


def test_a_test_link_that_is_over_is_told_as_such(cast, api):
    cast.form()
    token = begin(cast)["draftToken"]
    cast.bob.delete(f"{FORM}/draft")
    place = f"/v1/test/{token}/projects/1/forms/simple/draft"
    answer = api.get(f"{place}/formList", headers=VERSION)
    assert answer.status == 404
    assert "You tried to access a draft testing endpoint, but it does not exist" in answer.text
    assert 'nature="error"' in answer.text
    gone = api.get(f"{place}/manifest", headers=VERSION)
    assert gone.status == 404
    assert "Could not find the resource you were looking for." in gone.text


def test_a_manifest_names_no_media(cast):
    cast.form()
    answer = cast.app_user.get(f"{FORM}/manifest", headers=VERSION)
    assert (answer.status, answer.text) == (200, EMPTY_MANIFEST)
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert cast.chelsea.get(f"{FORM}/manifest", headers=VERSION).status == 403
    assert cast.bob.get(f"{FORMS}/none/manifest", headers=VERSION).status == 404


@pytest.mark.parametrize("path", [LIST, f"{FORM}/manifest"])
def test_the_version_of_the_protocol_is_asked_for_before_all_else(cast, path):
    cast.form()
    for api in (cast.bob, cast.api):
        answer = api.get(path)
        assert answer.status == 400
        assert "An expected header field (X-OpenRosa-Version)" in answer.text
    refused = cast.api.get(path, headers=VERSION)
    assert refused.status == 401
    assert ANONYMOUS["message"] in refused.text
    assert "x-openrosa-version" not in refused.headers


def test_a_project_that_is_not_there(cast):
    cast.form()
    assert cast.bob.get("/v1/projects/9/formList", headers=VERSION).status == 404
