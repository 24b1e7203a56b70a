"""pyODK, Central's official Python client, against the local stack: it must not notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pyodk.client import Client
from pyodk.errors import PyODKError

from tests import families, workbooks
from tests.api import Http
from tests.cast import xform, xml
from tests.e2e.project import Project

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def project(stack) -> Project:
    return Project.new(stack)


@pytest.fixture
def client(stack, project, tmp_path: Path) -> Iterator[Client]:
    config = tmp_path / "config.toml"
    config.write_text(
        "[central]\n"
        f'base_url = "{stack.url}"\n'
        f'username = "{stack.admin_email}"\n'
        f'password = "{stack.admin_password}"\n'
        f"default_project_id = {project.id}\n"
    )
    with Client(config_path=config, cache_path=tmp_path / "cache.toml") as opened:
        yield opened


def test_it_lists_and_reads_projects_and_forms(client, project):
    assert project.id in [each.id for each in client.projects.list()]
    assert client.projects.get().name == "a test's own"
    (form,) = client.forms.list()
    assert form == client.forms.get("simple")
    assert (form.xmlFormId, form.version, form.state) == ("simple", "1", "open")


def test_it_creates_edits_and_reviews_submissions(client, project, tmp_path):
    photo = tmp_path / "p.jpg"
    photo.write_bytes(b"a photo" * 1000)
    body = xml("uuid:one", photo="p.jpg").decode()
    made = client.submissions.create(body, form_id="simple", attachments=[photo], device_id="d-1")
    assert (made.instanceId, made.deviceId) == ("uuid:one", "d-1")
    assert [(each.name, each.exists) for each in made.attachments] == [("p.jpg", True)]
    slot = project.path("uuid:one", "/attachments/p.jpg")
    assert project.api.get(slot).body == photo.read_bytes()

    client.submissions.edit(
        "uuid:one", xml("uuid:two", photo="p.jpg", deprecated="uuid:one").decode(), "simple"
    )
    client.submissions.review("uuid:one", "approved", "simple")
    (listed,) = client.submissions.list("simple")
    assert listed == client.submissions.get("uuid:one", "simple")
    assert (listed.instanceId, listed.reviewState) == ("uuid:one", "approved")


def test_it_creates_app_users_whose_tokens_work(client, project, stack):
    made = client.projects.create_app_users(["Tablet 1", "Tablet 2"], forms=["simple"])
    assert [each.displayName for each in made] == ["Tablet 1", "Tablet 2"]
    assert {(each.type, each.projectId) for each in made} == {("field_key", project.id)}
    # Those that are there already, with a token, are not made again.
    (third,) = client.projects.create_app_users(["Tablet 1", "Tablet 3"])
    assert third.displayName == "Tablet 3"

    nobody, token = Http(stack.url), quote(made[0].token or "", safe="")
    place = project.submissions.replace("/v1/", f"/v1/key/{token}/", 1)
    sent = nobody.post(place, xml("uuid:field", photo="p.jpg"))
    assert (sent.status, sent.json["submitterId"]) == (200, made[0].id)
    photo = nobody.post(f"{place}/uuid%3Afield/attachments/p.jpg?st=x", b"a photo")
    assert (photo.status, photo.json) == (200, {"success": True})
    # A path without a twin is sent to the one with the token in its query.
    fields = nobody.get(place.replace("/submissions", "/fields"))
    assert fields.status == 308
    assert nobody.get(fields.headers["location"]).status == 200
    assert nobody.get(f"{project.submissions}?st={token}").json["code"] == 403.1
    unassigned = project.submissions + f"?st={quote(third.token or '', safe='')}"
    assert nobody.post(unassigned, xml("uuid:none")).json["code"] == 403.1
    assert client.submissions.get("uuid:field", "simple").submitterId == made[0].id


def test_it_reads_tables(client, project):
    form = (DATA / "forms/families.xml").read_bytes()
    assert project.api.post(f"{project.forms}?publish=true", form).status == 200
    for number, children in enumerate(({"Ann": ["Ball"], "Bea": []}, {"Cid": []}, {})):
        family = families.xml(f"uuid:{number}", "Zoe", children, age=number).decode()
        client.submissions.create(family, form_id="families")
    table = client.submissions.get_table(form_id="families", count=True, top=2)
    assert [row["__id"] for row in table["value"]] == ["uuid:2", "uuid:1"]
    assert (table["@odata.count"], "@odata.nextLink" in table) == (3, True)
    second = client.submissions.get_table(form_id="families", skip=2, top=2, wkt=True)
    assert [row["__id"] for row in second["value"]] == ["uuid:0"]
    # Links lead on, with whatever follows them.
    link = table["@odata.nextLink"]
    assert link.startswith(f"{client.session.base_url}projects/{project.id}/forms/families.svc/")
    assert client.session.get(link).json()["value"] == second["value"]
    only = client.submissions.get_table(
        form_id="families", filter="age ge 1 and __system/submitterId ne null", expand="*"
    )
    assert [row["age"] for row in only["value"]] == [2, 1]
    assert only["value"][1]["children"]["child"][0]["name"] == "Cid"
    children = client.submissions.get_table("families", table_name="Submissions.children.child")
    assert [row["name"] for row in children["value"]] == ["Cid", "Ann", "Bea"]
    service = client.session.get(f"projects/{project.id}/forms/families.svc")
    assert service.headers["odata-version"] == "4.0"
    for path in ("$metadata", children["value"][1]["toys"]["toy@odata.navigationLink"]):
        found = client.session.get(f"projects/{project.id}/forms/families.svc/{path}")
        assert found.status_code == 200
    assert [row["name"] for row in found.json()["value"]] == ["Ball"]
    with pytest.raises(PyODKError) as caught:
        client.submissions.get_table("families", filter="nothing eq 1")
    assert caught.value.is_central_error("501.5")


def test_it_understands_our_errors(client):
    client.submissions.create(xml("uuid:one").decode(), form_id="simple")
    with pytest.raises(PyODKError) as caught:
        client.submissions.create(xml("uuid:one").decode(), form_id="simple")
    assert caught.value.is_central_error("409.3")
    with pytest.raises(PyODKError) as caught:
        client.submissions.get("uuid:none", "simple")
    assert caught.value.is_central_error("404.1")


def test_an_encoding_that_api_gateway_would_spoil_is_refused(client, project):
    text = '<?xml version="1.0" encoding="utf-16"?>' + xml("uuid:wide", name="Zoë").decode()
    with pytest.raises(PyODKError) as caught:
        client.submissions.create(text, form_id="simple", encoding="utf-16")
    assert caught.value.is_central_error("400.92")
    octets = {"content-type": "application/octet-stream"}
    assert project.api.post(project.submissions, text.encode("utf-16"), octets).status == 200
    assert project.api.get(project.path("uuid:wide", ".xml")).body == text.encode("utf-16")


def test_it_creates_forms_from_xml_and_from_workbooks(client, project, tmp_path):
    made = client.forms.create(definition=xform("trees").decode())
    assert (made.xmlFormId, made.version, made.publishedAt) == ("trees", "1", None)
    now = client.forms.get("trees")
    assert (now.version, now.hash) == ("1", made.hash)
    assert now.publishedAt is not None
    assert client.forms.get_xml("trees").encode() == xform("trees")
    book = client.forms.create(definition=workbooks.xlsx("sheet"))
    assert client.forms.get("sheet").publishedAt is not None
    assert book.xmlFormId == "sheet"
    file = tmp_path / "old-sheet.xls"
    file.write_bytes(workbooks.xls("old-sheet"))
    old = client.forms.create(definition=file)
    assert project.api.get(f"{project.forms}/old-sheet.xls").body == workbooks.xls("old-sheet")
    assert old.xmlFormId == "old-sheet"


def test_it_updates_forms_by_a_definition_or_by_a_version_alone(client, project):
    client.submissions.create(xml("uuid:one").decode(), form_id="simple")
    client.forms.update("simple", definition=xform(version="2").decode())
    assert client.forms.get("simple").version == "2"
    client.forms.update("simple", attachments=[], version_updater=lambda now: f"{now}.1")
    assert client.forms.get("simple").version == "2.1"
    assert client.forms.get_xml("simple").encode() == xform(version="2.1")
    client.forms.update("simple", attachments=[])
    named = client.forms.get("simple").version
    assert named.startswith("20")
    listed = project.api.get(f"{project.forms}/simple/versions").json
    assert [each["version"] for each in listed] == [named, "2.1", "2", "1"]
    # What was sent for the first version stays, and comes still.
    client.submissions.create(xml("uuid:two").decode(), form_id="simple")
    assert len(client.submissions.list("simple")) == 2


def test_it_is_told_that_a_version_was_published_before(client):
    with pytest.raises(PyODKError) as caught:
        client.forms.update("simple", definition=xform(version="1").decode())
    assert caught.value.is_central_error("409.6")
