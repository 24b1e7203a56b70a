"""Giving submissions as GeoJSON."""

from __future__ import annotations

from sheaf.forms.forms import Form
from sheaf.http.request import Request
from sheaf.http.response import JSON, Response
from sheaf.odata import geojson
from sheaf.problems import InvalidQueryCombination, NotFound
from sheaf.submissions.records import SubmissionVersion


def chosen(request: Request) -> tuple[str, ...]:
    """Give the path of the field that is to tell the place, if one is named.

    Raises:
        InvalidQueryCombination (400.41): several are.
    """
    paths = request.values("fieldpath")
    if len(paths) > 1:
        violation = "at most one fieldpath may be specified"
        raise InvalidQueryCombination(paramSet=list(paths), violationText=violation)
    return paths


def one(request: Request, form: Form, version: SubmissionVersion) -> Response:
    """Give the collection of a submission, or of a version of it; of several fields if asked.

    Raises:
        NotFound: it is of a draft. Central has no maps of those.
    """
    if request.draft:
        raise NotFound
    shown = geojson.Map(form, request.values("fieldpath")).of_one(version)
    return Response("".join(shown).encode(), JSON)
