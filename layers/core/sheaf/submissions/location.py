"""Finding a submission by the URL that names it, in two rounds of reads.

The claim's key follows from the URL alone, so it comes with the form; the submission comes next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sheaf import fields
from sheaf.db import keys
from sheaf.db.items import Ref
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.forms import Form
from sheaf.problems import found
from sheaf.submissions.records import DRAFTS, LIVE, TRASH, Claim, Submission

# A place where nothing is, for a submission that no claim leads to.
NOWHERE: Ref[Any] = Submission.ref(("", ""))


def lookup(
    path: Mapping[str, str], *, draft: bool = False, deleted: bool = False, later: bool = False
) -> Lookup[tuple[Form, Any]]:
    """Find the form and the submission of `{xmlFormId}` and `{instanceId}` (None: there is none).

    Args:
        path: the route's variables.
        draft: among those of the form's draft.
        deleted: in the trash instead.
        later: also by the id of a later version, which else does not name the submission.

    Raises:
        NotFound: no such form, or it has no draft.
    """
    form, target = yield from target_of(path, draft=draft, deleted=deleted, later=later)
    (submission,) = yield (target,)
    return form, submission


def target_of(
    path: Mapping[str, str], *, draft: bool = False, deleted: bool = False, later: bool = False
) -> Lookup[tuple[Form, Ref[Any]]]:
    """Find the form of a path, and where its submission lies."""
    form, (claim,) = yield from claimed(path, path["instanceId"], draft=draft)
    return form, target(form, claim, draft=draft, deleted=deleted, later=later)


def claimed(
    path: Mapping[str, str], *instance_ids: str, draft: bool = False
) -> Lookup[tuple[Form, tuple[Claim | None, ...]]]:
    """Find the form of a path, and who has taken some instanceIds there.

    Raises:
        NotFound: no such form, or it has no draft.
    """
    world = DRAFTS if draft else LIVE
    project, form, *claims = yield (*forms.refs(path), *_refs(path, world, instance_ids))
    form = forms.live(project, form, draft=draft)
    if form.use:
        claims = [*(yield _refs(path, world, instance_ids, form.use))]
    return form, tuple(claims)


def target(
    form: Form,
    claim: Claim | None,
    *,
    draft: bool = False,
    deleted: bool = False,
    later: bool = False,
) -> Ref[Any]:
    """Refer to the submission that a claim leads to; see `lookup`."""
    if claim is None or (claim.version and not later):
        return NOWHERE
    partition = TRASH if deleted else partition_of(form, draft=draft)
    return Submission.ref(keys.submission(form.id, partition, claim.submission_id))


def partition_of(form: Form, *, draft: bool) -> str:
    """Name the partition of what is live: the form's, or its draft's."""
    return keys.draft_partition(found(form.draft).id) if draft else LIVE


def claim_ref(path: Mapping[str, str], world: str = LIVE, use: int = 0) -> Ref[Claim]:
    """Refer to the claim of the instanceId of a path."""
    project_id = fields.number(path["projectId"])
    return Claim.ref(keys.claim(project_id, path["xmlFormId"], use, world, path["instanceId"]))


def _refs(
    path: Mapping[str, str], world: str, instance_ids: tuple[str, ...], use: int = 0
) -> tuple[Ref[Claim], ...]:
    """Refer to the claims of instanceIds in the form of a path."""
    return tuple(claim_ref({**path, "instanceId": each}, world, use) for each in instance_ids)
