"""Submissions as devices send them (OpenRosa): in batches, again and again until it worked.

A device repeats the XML with every batch of files, and the whole after a lost answer. So what is
there already is no conflict but the same submission once more, to which files may be added; what
differs is. Which it is, is judged on what was read; when a write finds that somebody else was
faster (often the same device), it is read and judged again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sheaf import clock
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.db.compression import unpack
from sheaf.db.items import Ref
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.forms import Form
from sheaf.problems import (
    AlreadyExists,
    DeprecatedIdUnknown,
    NotFound,
    OutdatedCopy,
    Problem,
    ResubmittedDifferently,
    SubmissionDeleted,
)
from sheaf.submissions import attachments, location, reception, submissions
from sheaf.submissions.files import File
from sheaf.submissions.reception import Received, Sent
from sheaf.submissions.records import DRAFTS, LIVE, TRASH, Claim, Submission
from sheaf.submissions.submissions import Client

# How often it is judged anew because others keep sending the same.
TRIES = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is when a submission comes in.

    `taken` is the submission that has the posted instanceId, `taken_version` which of its versions
    that names; `old` the one that has the deprecatedID.
    """

    taken: Submission | None
    taken_version: int
    old: Submission | None


def lookup(
    path: Mapping[str, str], read: Callable[[], Sent], *, draft: bool
) -> Lookup[tuple[Form, Received, Standing]]:
    """Find the form that the XML names, its version, and what there is of the submission.

    Args:
        path: the project; for a draft, the form too.
        read: gives the XML. It is called in here, so that who asks comes before what is wrong.
        draft: whether it is for the form's draft.

    Raises:
        MultipartUnparsable, MissingMultipartField: of `read`.
        MissingParameter, NotFound, FormVersionUnknown, FormNotAccepting: see `reception.lookup`.
        UnexpectedValue: it is of another form than the path of a draft says.
    """
    sent = read()
    said = reception.read(sent)
    if draft:
        reception.check_form(path, said)
    place = {**path, "xmlFormId": said.xml_form_id}
    ids = said.instance_id, said.deprecated_id
    world = DRAFTS if draft else LIVE
    project, form, taken, old = yield (*forms.refs(place), *_claim_refs(place, world, ids))
    form = forms.live(project, form, draft=draft)
    if form.use:
        taken, old = yield _claim_refs(place, world, ids, form.use)
    claims = taken, old
    definition, *found = yield (
        reception.definition_ref(form, said, draft=draft),
        *_submission_refs(form, claims, draft=draft),
    )
    received = reception.receive(form, definition, said, sent, draft=draft)
    return form, received, _standing(claims, found)


def submit(
    form: Form,
    received: Received,
    standing: Standing,
    files: Sequence[File],
    client: Client,
    *,
    by: Auth,
) -> None:
    """Make a new submission or a new version of one, or add files to what is there.

    Raises:
        SubmissionDeleted: it is in the trash.
        ResubmittedDifferently: the instanceId is that of another XML.
        DeprecatedIdUnknown: it corrects a submission that is not there.
        OutdatedCopy: it corrects, or is, a version that is not the current one.
        AlreadyExists: a correction bears an instanceId that is taken.
        NotFound: it is being purged.
    """
    problem: Problem | None = None
    for attempt in range(TRIES):
        if attempt:
            clock.wait(min(0.2, 0.01 * 2**attempt))
            (standing,) = reads.gather(_again(form, received))
        try:
            _submit(form, received, standing, files, client, by=by)
        except (AlreadyExists, NotFound, OutdatedCopy) as raised:
            if _final(received, standing):
                raise
            problem = raised
        else:
            return
    assert problem is not None  # noqa: S101 - the loop has run
    raise problem


def _submit(
    form: Form,
    received: Received,
    standing: Standing,
    files: Sequence[File],
    client: Client,
    *,
    by: Auth,
) -> None:
    there = same(received, standing)
    if there is not None:
        attachments.add(form, there, files, by=by)
    elif standing.old is not None:
        submissions.replace(form, standing.old, received, client, by=by, sent=files)
    else:
        submissions.create(form, received, client, by=by, sent=files)


def same(received: Received, standing: Standing) -> Submission | None:
    """Give the submission that was sent once more, None for what is new.

    Raises:
        Problem: what forbids to take it; see `submit`.
    """
    deprecated = received.instance.deprecated_id
    if deprecated is None:
        return _sent_before(received, standing)
    old = standing.old
    if old is None or old.deleted_at is not None:
        raise DeprecatedIdUnknown(deprecatedId=deprecated)
    if old.instance_id == deprecated:
        if standing.taken is not None:
            raise AlreadyExists(instanceID=received.instance_id)
        return None
    if old.instance_id == received.instance_id:
        return _identical(old, received)
    raise OutdatedCopy(deprecatedId=deprecated)


def _sent_before(received: Received, standing: Standing) -> Submission | None:
    taken = standing.taken
    if taken is None:
        return None
    if taken.deleted_at is not None:
        raise SubmissionDeleted
    if standing.taken_version != taken.edits:
        # Central names the copy from a deprecatedID, which there is none of.
        raise OutdatedCopy(deprecatedId="undefined")
    return _identical(taken, received)


def _identical(there: Submission, received: Received) -> Submission:
    if there.xml_packed is None:
        digest = hashlib.sha256(received.raw).hexdigest()
        equal = f"/{digest}-" in (there.xml_key or "")
    else:
        equal = unpack(there.xml_packed) == received.raw
    if not equal:
        raise ResubmittedDifferently
    return there


def _final(received: Received, standing: Standing) -> bool:
    """Whether what was read forbade it, rather than what others have done since."""
    try:
        same(received, standing)
    except Problem:
        return True
    return False


def _again(form: Form, received: Received) -> Lookup[Standing]:
    path = {"projectId": str(form.project_id), "xmlFormId": form.xml_form_id}
    draft = received.partition != LIVE
    ids = received.instance_id, received.instance.deprecated_id
    claims = yield _claim_refs(path, DRAFTS if draft else LIVE, ids, form.use)
    found = yield _submission_refs(form, claims, draft=draft)
    return _standing(claims, found)


def _claim_refs(
    path: Mapping[str, str], world: str, ids: tuple[str | None, str | None], use: int = 0
) -> tuple[Ref[Any], Ref[Any]]:
    """Refer to the claims of the posted and of the deprecated instanceId."""
    one, other = (
        location.NOWHERE
        if each is None
        else location.claim_ref({**path, "instanceId": each}, world, use)
        for each in ids
    )
    return one, other


def _submission_refs(
    form: Form, claims: Sequence[Claim | None], *, draft: bool
) -> tuple[Ref[Any], ...]:
    """Refer to where the submissions of claims may lie: live, or in the trash."""
    partitions = (location.partition_of(form, draft=draft), TRASH)
    return tuple(
        location.NOWHERE
        if claim is None
        else Submission.ref(keys.submission(form.id, partition, claim.submission_id))
        for claim in claims
        for partition in partitions
    )


def _standing(claims: Sequence[Claim | None], found: Sequence[Submission | None]) -> Standing:
    live, trashed, old, old_trashed = found
    taken = claims[0]
    return Standing(live or trashed, 0 if taken is None else taken.version, old or old_trashed)
