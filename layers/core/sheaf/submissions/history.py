"""What each version of a submission changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sheaf.db import keys
from sheaf.db.items import Ref
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.definitions import Definition
from sheaf.forms.forms import Form
from sheaf.forms.schema import Field
from sheaf.submissions import diff, location, markup, versions
from sheaf.submissions.location import NOWHERE
from sheaf.submissions.records import Submission


def lookup(
    path: Mapping[str, str], *, draft: bool = False
) -> Lookup[tuple[Form, Any, tuple[Field, ...]]]:
    """Find the form, the submission (None: there is none), and the fields that tell its structure.

    As in Central those are the fields of the form as it is published now, or of its draft.

    Raises:
        NotFound: no such form, or it has no draft.
    """
    form, target = yield from location.target_of(path, draft=draft)
    submission, definition = yield target, _structure(form, draft=draft)
    return form, submission, () if definition is None else definition.fields


def diffs(submission: Submission, fields: Iterable[Field]) -> dict[str, list[dict[str, Any]]]:
    """Tell what each version changed, newest first, by its instanceId; see `diff`.

    Raises:
        UnexpectedValue: unreasonable depth (see `markup.scan`).
    """
    if not submission.edits:
        return {}
    texts = (
        (each.instance_id, markup.decode(each.xml, each.charset))
        for each in versions.newest(submission)
    )
    return diff.history(texts, fields)


def _structure(form: Form, *, draft: bool) -> Ref[Any]:
    if draft:
        return forms.working_ref(form)
    if form.version is None:
        return NOWHERE
    return Definition.ref(keys.definition(form.id, form.version))
