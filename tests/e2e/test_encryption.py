"""Encrypting a project on the whole stack: beside others who publish, and over the worker."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from tests import encryptor
from tests.answers import DONE
from tests.archives import members, rows
from tests.cast import OPENROSA, multipart, xform, xml
from tests.e2e.project import Project

PASSPHRASE = {"passphrase": "open, sesame"}
# Of the request's calls, that which gives the project its key: after who asks and what is asked for
# (two rounds), and the number of the key.
GIVING = 4


def test_a_device_encrypts_and_who_has_the_passphrase_reads(stack):
    """The whole way over HTTP: the form as it is downloaded, OpenRosa, both kinds of export."""
    project = Project.new(stack)
    api = project.api
    assert api.post(f"/v1/projects/{project.id}/key", PASSPHRASE).json == DONE
    key = str(api.get(f"/v1/projects/{project.id}").json["keyId"])
    form = api.get(f"{project.forms}/simple.xml").body
    version = api.get(f"{project.forms}/simple").json["version"]
    sent = encryptor.seal(
        xml("uuid:1", name="Ada", photo="p.jpg"),
        encryptor.public_key(form),
        instance_id="uuid:1",
        version=version,
        media={"p.jpg": b"\xff\xd8 secret"},
    )
    path = f"/v1/projects/{project.id}/submission"
    assert api.post(path, multipart(sent.envelope, sent.files), dict(OPENROSA)).status == 201
    (listed,) = api.get(f"{project.submissions}/keys").json
    assert (str(listed["id"]), listed["managed"]) == (key, True)
    assert [each["type"] for each in api.get(f"{project.submissions}/submitters").json] == ["user"]
    secret = {key: PASSPHRASE["passphrase"]}
    shut = api.get(f"{project.submissions}.csv")
    assert [row["Status"] for row in rows(shut.body)] == ["not decrypted"]
    opened = api.get(f"{project.submissions}.csv?{urlencode(secret)}")
    assert [(row["name"], row["Status"]) for row in rows(opened.body)] == [("Ada", "")]
    found = members(api.post(f"{project.submissions}.csv.zip", secret))
    assert found["media/p.jpg"] == b"\xff\xd8 secret"
    refused = api.post(f"{project.submissions}.csv.zip", {key: "wrong"})
    assert refused.json["code"] == 400.12


def encrypted(project):
    return [each["keyId"] is not None for each in project.api.get(project.forms).json]


def wait_until_all_are(project, seconds=30):
    deadline = time.monotonic() + seconds
    while not all(encrypted(project)):
        assert time.monotonic() < deadline, encrypted(project)
        time.sleep(0.1)


def test_the_worker_encrypts_what_a_crashed_request_has_left(stack):
    project = Project.new(stack)
    assert project.api.post(f"{project.forms}?publish=true", xform("second")).status == 200
    stack.fail("ProjectsEncrypt", GIVING, "after")
    answer = project.api.post(f"/v1/projects/{project.id}/key", PASSPHRASE)
    assert answer.status == 500
    wait_until_all_are(project)
    assert project.api.get(f"/v1/projects/{project.id}").json["keyId"] is not None
    versions = [each["version"] for each in project.api.get(project.forms).json]
    assert all(version.startswith("1[encrypted:") for version in versions)


def test_no_form_stays_in_the_clear_however_many_are_made_meanwhile(stack):
    project = Project.new(stack)

    def publish(number):
        made = project.api.post(f"{project.forms}?publish=true", xform(f"f{number}"))
        return made.status, made.json.get("code")

    with ThreadPoolExecutor(9) as pool:
        others = [pool.submit(publish, number) for number in range(16)]
        asked = pool.submit(project.api.post, f"/v1/projects/{project.id}/key", PASSPHRASE)
        assert asked.result().json == DONE
        outcomes = {each.result() for each in others}
    assert outcomes <= {(200, None), (409, 409.5)}
    wait_until_all_are(project)
    assert project.api.get(project.forms).json
