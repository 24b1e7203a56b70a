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
from sheaf.submissions.records import LIVE, Claim, Submission

# A place where nothing is, for a submission that no claim leads to.
NOWHERE: Ref[Any] = Submission.ref(("", ""))


def lookup(path: Mapping[str, str], partition: str = LIVE) -> Lookup[tuple[Form, Any]]:
    """Find the form and the submission of `{xmlFormId}` and `{instanceId}` (None: there is none).

    An id of a later version does not name the submission.

    Raises:
        NotFound: no such form.
    """
    form, target = yield from target_of(path, partition)
    (submission,) = yield (target,)
    return form, submission


def target_of(path: Mapping[str, str], partition: str = LIVE) -> Lookup[tuple[Form, Ref[Any]]]:
    """Find the form of a path, and where its submission lies in a partition."""
    project, form, claim = yield (*forms.refs(path), claim_ref(path))
    form = forms.live(project, form)
    if form.use:
        (claim,) = yield (claim_ref(path, form.use),)
    if claim is None or claim.version:
        return form, NOWHERE
    return form, Submission.ref(keys.submission(form.id, partition, claim.submission_id))


def claim_ref(path: Mapping[str, str], use: int = 0) -> Ref[Claim]:
    """Refer to the claim of the instanceId of a path."""
    project_id = fields.number(path["projectId"])
    return Claim.ref(keys.claim(project_id, path["xmlFormId"], use, LIVE, path["instanceId"]))
