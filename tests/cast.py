"""The cast of the tests, and the things that they do things to."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from tests.api import Answer, Api

PASSWORD = "correct horse battery staple"
FORM = "simple"

XFORM = """<?xml version="1.0"?>
<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
  xmlns:orx="http://openrosa.org/xforms">
  <h:head><h:title>Simple</h:title><model>
    <instance><data id="{id}" version="{version}">
      <name/><age/><photo/><orx:meta><orx:instanceID/><orx:instanceName/></orx:meta>
    </data></instance>
    <bind nodeset="/data/name" type="string"/>
    <bind nodeset="/data/age" type="int"/>
    <bind nodeset="/data/photo" type="binary"/>
    <bind nodeset="/data/meta/instanceID" type="string"/>
  {key}</model></h:head>
  <h:body><input ref="/data/name"/><input ref="/data/age"/><upload ref="/data/photo"/></h:body>
</h:html>"""


def xform(xml_form_id: str = FORM, version: str = "1", key: str | None = None) -> bytes:
    """A form of a name, an age and a photo; with a public key, if it is to be filled encrypted."""
    submission = f'<submission base64RsaPublicKey="{key}"/>' if key else ""
    return XFORM.format(id=xml_form_id, version=version, key=submission).encode()


def xml(
    instance_id: str,
    *,
    name: str = "Alan",
    age: str = "30",
    photo: str = "",
    version: str = "1",
    deprecated: str | None = None,
    form: str = FORM,
) -> bytes:
    """A filled form."""
    old = f"<orx:deprecatedID>{deprecated}</orx:deprecatedID>" if deprecated else ""
    return (
        f'<data xmlns:orx="http://openrosa.org/xforms" id="{form}" version="{version}">'
        f"<name>{name}</name><age>{age}</age><photo>{photo}</photo>"
        f"<orx:meta><orx:instanceID>{instance_id}</orx:instanceID>{old}</orx:meta></data>"
    ).encode()


BOUNDARY = "----cast"
MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
OPENROSA = {"x-openrosa-version": "1.0"} | MULTIPART


def multipart(body: bytes | None, files: dict[str, bytes] | None = None, **fields: str) -> bytes:
    """What a device posts: the XML, files by the names of their fields, text fields."""
    parts = [] if body is None else [("xml_submission_file", "s.xml", "text/xml", body)]
    parts += [(name, "x.jpg", "image/jpeg", data) for name, data in (files or {}).items()]
    written = b""
    for name, filename, kind, data in parts:
        head = f'form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {kind}'
        written += f"--{BOUNDARY}\r\nContent-Disposition: {head}\r\n\r\n".encode() + data + b"\r\n"
    for name, text in fields.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        written += f"--{BOUNDARY}\r\n{head}\r\n\r\n{text}\r\n".encode()
    return written + f"--{BOUNDARY}--\r\n".encode()


def is_time(value: Any) -> bool:
    """Whether a value is a time as Central writes it."""
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value))


def stored(prefix: str = "") -> list[dict[str, Any]]:
    """What the table holds under partition keys that begin so, as DynamoDB tells it."""
    from sheaf.db.items import Item, connection

    pages = (
        connection()
        .client.get_paginator("scan")
        .paginate(TableName=Item.Meta.table_name, ConsistentRead=True)
    )
    items = [item for page in pages for item in page["Items"]]
    return [item for item in items if item["pk"]["S"].startswith(prefix)]


def audits(*actions: str) -> list[dict[str, Any]]:
    """The audit rows of these actions (or of all), in the order in which they were written."""
    from sheaf.db import keys
    from sheaf.db.audit import Audit

    told_alone = keys.feeds(keys.kind("", hidden=True))
    items = [item for item in stored(keys.FEED) if item["pk"]["S"] not in told_alone]
    rows = [Audit.ref(("", "")).read(item) for item in items]
    rows.sort(key=lambda row: row.sk)
    return [row.to_api() for row in rows if row.action in actions or not actions]


class Cast:
    """People, app users and links with sessions, in a stack that has project 1.

    What the API said of each, when it was made, is in `users`; app users and links have their
    `token` there.
    """

    FORMS = "/v1/projects/1/forms"
    SUBMISSIONS = f"{FORMS}/{FORM}/submissions"

    def __init__(self, api: Api) -> None:
        self.api = api
        self.users: dict[str, dict[str, Any]] = {}
        # The tokens by which the drafts of forms may be tested.
        self.drafts: dict[str, str] = {}

    @cached_property
    def alice(self) -> Api:
        """The administrator."""
        from sheaf.access import users
        from sheaf.access.auth import SYSTEM
        from sheaf.access.roles import ADMIN
        from sheaf.projects import projects

        draft = users.Draft("alice@example.org", "Alice", PASSWORD)
        self.users["alice"] = users.to_api(users.create(draft, by=SYSTEM, role=ADMIN))
        projects.create(projects.Draft.named("Project 1"), by=SYSTEM, number=1)
        return self.login("alice")

    @cached_property
    def bob(self) -> Api:
        """The manager of project 1."""
        return self._person("bob", "manager")

    @cached_property
    def vera(self) -> Api:
        """A viewer of project 1."""
        return self._person("vera", "viewer")

    @cached_property
    def colin(self) -> Api:
        """A data collector of project 1."""
        return self._person("colin", "formfill")

    @cached_property
    def chelsea(self) -> Api:
        """Somebody without any rights."""
        return self._person("chelsea", None)

    @cached_property
    def app_user(self) -> Api:
        """An app user of project 1 that may use the form `simple`."""
        app_user = self._bearer("app_user", "/v1/projects/1/app-users")
        number = self.users["app_user"]["id"]
        granted = self.alice.post(f"{self.FORMS}/{FORM}/assignments/app-user/{number}")
        assert granted.status == 200, granted.text
        return app_user

    @cached_property
    def unassigned(self) -> Api:
        """An app user of project 1 that may not use any form."""
        return self._bearer("unassigned", "/v1/projects/1/app-users")

    @cached_property
    def link(self) -> Api:
        """A public link of the form `simple`."""
        return self._bearer("link", f"{self.FORMS}/{FORM}/public-links")

    @cached_property
    def once(self) -> Api:
        """A public link of the form `simple` that takes one submission from each device."""
        return self._bearer("once", f"{self.FORMS}/{FORM}/public-links", once=True)

    def token(self, name: str) -> str:
        """The token of somebody's session, made if need be."""
        header: str = getattr(self, name).headers["authorization"]
        return header.removeprefix("Bearer ")

    def login(self, name: str) -> Api:
        """Open a session."""
        body = {"email": f"{name}@example.org", "password": PASSWORD}
        answer = self.api.post("/v1/sessions", body)
        assert answer.status == 200, answer.text
        return self.api.bearer(answer.json["token"])

    def form(self, xml_form_id: str = FORM, version: str = "1") -> dict[str, Any]:
        """Publish a form in project 1."""
        answer = self.alice.post(f"{self.FORMS}?publish=true", xform(xml_form_id, version))
        assert answer.status == 200, answer.text
        return answer.json

    def draft(self, xml_form_id: str = FORM, version: str = "1") -> dict[str, Any]:
        """Create a form in project 1 without publishing it."""
        answer = self.alice.post(self.FORMS, xform(xml_form_id, version))
        assert answer.status == 200, answer.text
        self.drafts[xml_form_id] = answer.json["draftToken"]
        return answer.json

    def submit(self, instance_id: str, by: Api | None = None, **said: str) -> Answer:
        """Create a submission of `simple`."""
        return (by or self.alice).post(self.SUBMISSIONS, xml(instance_id, **said))

    def _bearer(self, name: str, path: str, **more: Any) -> Api:
        answer = self.alice.post(path, {"displayName": name} | more)
        assert answer.status == 200, answer.text
        self.users[name] = answer.json
        return self.api.bearer(answer.json["token"])

    def send(
        self, body: bytes, files: dict[str, bytes] | None = None, by: Api | None = None
    ) -> Answer:
        """Post a submission as a device does."""
        return (by or self.alice).post(
            "/v1/projects/1/submission", multipart(body, files), dict(OPENROSA)
        )

    def _person(self, name: str, role: str | None) -> Api:
        answer = self.alice.post(
            "/v1/users", {"email": f"{name}@example.org", "password": PASSWORD}
        )
        assert answer.status == 200, answer.text
        self.users[name] = answer.json
        if role is not None:
            path = f"/v1/projects/1/assignments/{role}/{answer.json['id']}"
            assert self.alice.post(path).json == {"success": True}
        return self.login(name)
