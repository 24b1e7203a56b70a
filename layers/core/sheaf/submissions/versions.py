"""The versions of a submission: the current one, and those that edits have put aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sheaf.access import actors
from sheaf.db import keys
from sheaf.db.items import Ref
from sheaf.db.reads import Lookup
from sheaf.forms.forms import Form
from sheaf.submissions import location
from sheaf.submissions.records import Submission, SubmissionVersion


def lookup(path: Mapping[str, str], *, draft: bool = False) -> Lookup[tuple[Form, Any, Any]]:
    """Find the form, the submission, and its version of `{versionId}`.

    The last two are None where there is no such version of that submission.

    Raises:
        NotFound: no such form, or it has no draft.
    """
    ids = path["instanceId"], path["versionId"]
    form, (root, wanted) = yield from location.claimed(path, *ids, draft=draft)
    if wanted is None or root is None or wanted.submission_id != root.submission_id:
        return form, None, None
    aside: Ref[Any] = SubmissionVersion.ref(keys.version(wanted.submission_id, wanted.version))
    submission, version = yield location.target(form, root, draft=draft), aside
    if submission is None:
        return form, None, None
    if submission.edits == wanted.version:
        return form, submission, submission
    if version is None:
        # A batch of reads is not one moment: an edit was about to put it aside.
        (version,) = yield (aside,)
    return form, submission, version


def newest(submission: Submission) -> Iterator[SubmissionVersion]:
    """Give all versions of a submission, newest first."""
    yield submission
    if submission.edits:
        first, last = (keys.version(submission.id, nr)[1] for nr in (0, submission.edits - 1))
        yield from SubmissionVersion.query(
            keys.collection(submission.id),
            SubmissionVersion.sk.between(first, last),
            scan_index_forward=False,
            consistent_read=True,
        )


def describe(listed: Iterable[SubmissionVersion], *, extended: bool) -> list[dict[str, Any]]:
    """Give versions as the API shows them; with submitter and form version when extended."""
    versions = list(listed)
    if not extended:
        return [each.version_to_api(current=_current(each)) for each in versions]
    numbers = (each.submitter_id for each in versions)
    known = actors.by_id({int(number) for number in numbers if number is not None})
    return [
        each.version_to_api(known, current=_current(each)) | {"formVersion": each.form_version}
        for each in versions
    ]


def _current(version: SubmissionVersion) -> bool:
    return isinstance(version, Submission)
