"""Forms and projects with what is counted of them, for extended metadata."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sheaf import clock
from sheaf.access import actors, bearers
from sheaf.access.auth import Auth
from sheaf.data import stored
from sheaf.data.record import ABOUT, REVISIONS
from sheaf.data.stored import Range
from sheaf.forms import definitions, forms
from sheaf.forms.forms import Form
from sheaf.forms.views import View
from sheaf.projects import projects
from sheaf.projects.projects import Project
from sheaf.submissions import location, tallies
from sheaf.submissions.records import LIVE
from sheaf.submissions.tallies import RECEIVED, Counts

# Forms that are looked into at once, each over all its shards.
AT_ONCE = 8


def extended(views: list[View], *, draft: bool = False) -> list[dict[str, Any]]:
    """Give forms as Central shows them with extended metadata.

    Args:
        views: what is shown of which forms.
        draft: whether to count what was sent to their drafts, and not to them.
    """
    counts = tallies.counts()
    made_by = {view.form.created_by for view in views}
    creators = actors.by_id({int(number) for number in made_by if number is not None})
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        counted = list(pool.map(lambda view: _counted(view, counts, draft=draft), views))
    return [
        view.to_api() | more | {"createdBy": _actor(view.form.created_by, creators)}
        for view, more in zip(views, counted, strict=True)
    ]


def project(project: Project, auth: Auth) -> dict[str, Any]:
    """Give a project with the verbs that one has there, and what is counted in it."""
    listed = forms.list_for(project, auth)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        came = [moment for moment in pool.map(newest, listed) if moment is not None]
    return projects.describe(project, auth) | {
        "forms": len(listed),
        "lastSubmission": clock.iso(max(came, default=None)),
        "appUsers": bearers.count(project),
        "datasets": 0,
        "lastEntity": None,
    }


def versions(form: Form) -> list[dict[str, Any]]:
    """Give the published versions of a form, newest first, with extended metadata."""
    listed = definitions.published(form.id)
    known = actors.by_id({each.published_by for each in listed if each.published_by is not None})
    return [
        form.showing(each)
        | {
            "excelContentType": each.spreadsheet_type,
            "publishedBy": _actor(each.published_by, known),
        }
        for each in listed
    ]


def newest(form: Form, partition: str = LIVE) -> int | None:
    """Give when the newest submission of a partition came (micros)."""
    batch = next(stored.newest(Range(form, [partition]), REVISIONS, size=1), [])
    return max((each.number for each in batch), default=None)


def _counted(view: View, counts: Counts, *, draft: bool) -> dict[str, Any]:
    form, shown = view.form, view.shown
    partition = location.partition_of(form, draft=draft)
    by_state = _of_draft(form, partition) if draft else counts.of(form.id)
    submissions = sum(by_state.values())
    return {
        "submissions": submissions,
        "entityRelated": shown.dataset is not None and shown.key_id is None,
        "reviewStates": {
            "received": by_state.get(RECEIVED, 0),
            "hasIssues": by_state.get("hasIssues", 0),
            "edited": by_state.get("edited", 0),
        },
        "lastSubmission": clock.iso(newest(form, partition) if submissions else None),
        "excelContentType": shown.spreadsheet_type,
        "publicLinks": bearers.count(form),
    }


def _of_draft(form: Form, partition: str) -> dict[str, int]:
    """Count what was sent to a draft, which is little: it is read."""
    batches = stored.newest(Range(form, [partition]), ABOUT)
    return Counter(each.review_state or RECEIVED for batch in batches for each in batch)


def _actor(number: int | None, known: dict[int, actors.Actor]) -> dict[str, Any] | None:
    actor = None if number is None else known.get(number)
    return None if actor is None else actor.to_api()
