"""What a route is about: the site, a project or a form, as its path says.

Some routes stand on all three levels: `/v1/assignments`, `/v1/projects/{projectId}/assignments`,
`/v1/projects/{projectId}/forms/{xmlFormId}/assignments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sheaf.access.assignments import Actee
from sheaf.access.auth import SITE
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.projects import projects


@dataclass(frozen=True, slots=True)
class Site:
    """The whole stack."""

    actee_id: str = SITE
    actees: tuple[str, ...] = (SITE,)


def lookup(path: Mapping[str, str]) -> Lookup[Actee]:
    """Find the form of `{xmlFormId}`, or the project of `{projectId}`, or the site.

    Raises:
        NotFound: there is none.
    """
    if "xmlFormId" in path:
        return (yield from forms.lookup(path))
    if "projectId" in path:
        return (yield from projects.lookup(path))
    return Site()
