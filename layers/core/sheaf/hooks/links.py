"""Links for receivers: to a submission on the API, and to files that its bearer may fetch.

A receiver has no account, so the link to a file carries the right to it: a signature over what it
leads to, for which hook, and until when. It opens that one file and nothing else, as long as the
hook is there and the submission is not deleted, and for at most as long as deliveries are kept.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from sheaf import clock, fields, sealing, settings
from sheaf.blobs import Blob
from sheaf.db import keys
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.hooks import events
from sheaf.hooks.events import Event
from sheaf.hooks.records import ALL_FORMS, PREFIX, Hook
from sheaf.problems import NotFound
from sheaf.submissions.records import LIVE, Claim, Submission, SubmissionVersion

# Seconds that a link lives: as long as the body that holds it can be sent.
LIFE = 90 * 24 * 60 * 60
_PURPOSE = "hook-file"
_TOKEN = re.compile(r"([0-9a-z]{10})\.([0-9]{1,12})\.([A-Za-z0-9_-]{32})")


def submission(event: Event) -> str:
    """Give a submission's URL on the API; where the stack does not know its origin, the path."""
    return f"{_origin(event)}/v1/{_path(event, event['instanceId'])}"


def file(event: Event, name: str, hook_id: str) -> str:
    """Give a URL by which the receiver of a hook can fetch a file of a submission's version."""
    # From the event's time on, so that the same event always makes the same link.
    until = events.micros(event) // 1_000_000 + LIFE
    version = event["version"]
    token = _token(hook_id, until, event["submissionId"], version, name)
    path = f"{_path(event, event['currentInstanceId'])}/attachments/{quote(name, safe='')}"
    return f"{_origin(event)}/v1/hooks/{token}/{path}"


def lookup(path: Mapping[str, str]) -> Lookup[tuple[str, Blob]]:
    """Find the file that a link leads to: its name, and where it lies.

    Raises:
        NotFound: the link is forged, too old, or ended by a deletion; or the file is not there.
    """
    said = _Said.read(path["token"])
    project, form, claim = yield (*forms.refs(path), _claim_ref(path, 0))
    form = forms.live(project, form)
    if form.use:
        (claim,) = yield (_claim_ref(path, form.use),)
    if claim is None:
        raise NotFound
    said.check(claim, path["filename"])
    found = yield (
        Submission.ref(keys.submission(form.id, LIVE, claim.submission_id)),
        SubmissionVersion.ref(keys.version(claim.submission_id, claim.version)),
        Hook.ref(keys.hook(form.project_id, form.id, said.hook_id)),
        Hook.ref(keys.hook(form.project_id, ALL_FORMS, said.hook_id)),
    )
    current, kept, *hooks = found
    if current is None or not any(hooks):
        raise NotFound
    version = current if current.edits == claim.version else kept
    return _file_of(version, path["filename"])


@dataclass(frozen=True, slots=True)
class _Said:
    """What the token of a link says."""

    hook_id: str
    until: int
    token: str

    @classmethod
    def read(cls, token: str) -> Self:
        found = _TOKEN.fullmatch(token)
        if found is None or int(found[2]) < clock.micros() // 1_000_000:
            raise NotFound
        return cls(PREFIX + found[1], int(found[2]), token)

    def check(self, claim: Claim, name: str) -> None:
        """Raise unless the link was made for this file."""
        made = _token(self.hook_id, self.until, claim.submission_id, claim.version, name)
        if not hmac.compare_digest(made, self.token):
            raise NotFound


def _token(hook_id: str, until: int, submission_id: str, version: int, name: str) -> str:
    message = json.dumps([hook_id, until, submission_id, version, name]).encode()
    mac = urlsafe_b64encode(sealing.mac(_PURPOSE, message)[:24]).decode()
    return f"{hook_id.removeprefix(PREFIX)}.{until}.{mac}"


def _origin(event: Event) -> str:
    """Give what links begin with; who looks at what would be sent says it, as he sees it."""
    return str(event.get("origin", settings.ORIGIN))


def _path(event: Event, instance_id: str) -> str:
    form, instance = quote(event["xmlFormId"], safe=""), quote(instance_id, safe="")
    return f"projects/{event['projectId']}/forms/{form}/submissions/{instance}"


def _claim_ref(path: Mapping[str, str], use: int) -> Any:
    project_id, name = fields.number(path["projectId"]), path["xmlFormId"]
    return Claim.ref(keys.claim(project_id, name, use, LIVE, path["instanceId"]))


def _file_of(version: SubmissionVersion | None, name: str) -> tuple[str, Blob]:
    for spelt, blob in () if version is None else version.attachments:
        if spelt == name and blob is not None:
            return spelt, blob
    raise NotFound
