"""Load a sample project into a running server, so that a person has something to try.

`load` may be called again at any time: what is there stays as it is, what is missing is added.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.client import XML, Answer, Client, quoted
from local.filler import fill

SAMPLES = Path(__file__).parents[1] / "samples"
PROJECT = "Sample project"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMS = {"water-point": "water-point.xml", "household-nutrition": "household-nutrition.xlsx"}
SUBMISSIONS = 3
# 409.3: the instanceID is taken. The seed makes the same ones each time.
TAKEN = 409.3


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is there to try: the project's id, its forms' ids, and a submission with files."""

    project: int
    forms: tuple[str, ...]
    instance_id: str

    @property
    def path(self) -> str:
        """The path of the first form's submissions."""
        return f"/v1/projects/{self.project}/forms/{self.forms[0]}/submissions"


class SeedError(Exception):
    """The server did not take something of the sample project; the message says what."""


def load(url: str, email: str, password: str) -> Loaded:
    """Make sure that the sample project is there, with both sample forms and some submissions.

    Args:
        url: the server's address without a path.
        email: the administrator's.
        password: the administrator's.

    Raises:
        SeedError: if the server refuses something.
        ConnectionError: if it refuses the administrator or cannot be reached.
    """
    admin = Client(url, user_agent="sheaf-seed/1").log_in(email, password)
    project = _project(admin)
    photo = (SAMPLES / "water-point.jpg").read_bytes()
    first = ""
    for form, file in FORMS.items():
        base = f"/v1/projects/{project}/forms/{form}"
        _publish(admin, base, SAMPLES / file)
        xml = _taken(admin.get(f"{base}.xml")).body
        for seed in range(SUBMISSIONS):
            instance_id = _submit(admin, base, xml, seed, photo)
            first = first or instance_id
    return Loaded(project, tuple(FORMS), first)


def _project(admin: Client) -> int:
    projects: list[dict[str, Any]] = _taken(admin.get("/v1/projects")).json()
    found = next((project for project in projects if project["name"] == PROJECT), None)
    return int((found or _taken(admin.post("/v1/projects", {"name": PROJECT})).json())["id"])


def _publish(admin: Client, base: str, path: Path) -> None:
    if admin.get(base).status == 200:
        return
    forms = base.rpartition("/")[0]
    kind = XML if path.suffix == ".xml" else XLSX
    _taken(admin.post(f"{forms}?publish=true", path.read_bytes(), Content_Type=kind))


def _submit(admin: Client, base: str, xml: bytes, seed: int, photo: bytes) -> str:
    """Submit what a seed gives, and the files that its slots lack; return its instanceID.

    A sample that somebody has deleted stays deleted.
    """
    filled = fill(xml, seed=seed, media={"image/jpeg": photo})
    at = f"{base}/submissions/{quoted(filled.instance_id)}/attachments"
    answer = admin.post(f"{base}/submissions?deviceID=sample", filled.xml, Content_Type=XML)
    if answer.status != 409 or answer.json()["code"] != TAKEN:
        _taken(answer)
    slots = admin.get(at)
    for slot in slots.json() if slots.status == 200 else []:
        if not slot["exists"] and slot["name"] in filled.attachments:
            data, kind = filled.attachments[slot["name"]]
            _taken(admin.post(f"{at}/{quoted(slot['name'])}", data, Content_Type=kind))
    return filled.instance_id


def _taken(answer: Answer) -> Answer:
    if answer.status != 200:
        raise SeedError(f"{answer.method} {answer.path}: {answer.status} {answer.body[:300]!r}")
    return answer
