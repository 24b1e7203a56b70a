"""A project of its own for each end-to-end test, so that tests share a stack and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.api import Answer, Api, Http
from tests.cast import xform, xml


@dataclass(frozen=True)
class Project:
    """A project with the form `simple`, and an administrator's session."""

    api: Api
    id: int

    @classmethod
    def new(cls, stack: Any) -> Project:
        anonymous = Http(stack.url)
        login = {"email": stack.admin_email, "password": stack.admin_password}
        opened = anonymous.post("/v1/sessions", login)
        assert opened.status == 200, opened.text
        return cls._made(anonymous.bearer(opened.json["token"]))

    @classmethod
    def new_like(cls, other: Project) -> Project:
        """Make another one in the same stack."""
        return cls._made(other.api)

    @classmethod
    def _made(cls, api: Api) -> Project:
        made = api.post("/v1/projects", {"name": "a test's own"})
        assert made.status == 200, made.text
        project = cls(api, made.json["id"])
        form = api.post(f"{project.forms}?publish=true", xform())
        assert form.status == 200, form.text
        return project

    @property
    def forms(self) -> str:
        return f"/v1/projects/{self.id}/forms"

    @property
    def submissions(self) -> str:
        return f"{self.forms}/simple/submissions"

    def path(self, instance_id: str, rest: str = "") -> str:
        return f"{self.submissions}/{quote(instance_id, safe='')}{rest}"

    def submit(self, instance_id: str, **said: str) -> Answer:
        return self.api.post(self.submissions, xml(instance_id, **said))
