"""Telling of a form: as JSON, or by its XML or spreadsheet where the path ends so."""

from __future__ import annotations

from typing import Any

from sheaf.forms.views import View
from sheaf.http import files
from sheaf.http.request import Request
from sheaf.http.response import Response

SUFFIXES = (".xml", ".xlsx", ".xls")


def answer(request: Request, view: View, suffix: str) -> dict[str, Any] | Response:
    """Give a form in the way that a suffix of SUFFIXES asks for; without one, as JSON.

    Raises:
        NotFound: there is no such spreadsheet.
    """
    if suffix == ".xml":
        return Response.xml(view.xml())
    if suffix:
        return files.download(request, *view.spreadsheet(suffix))
    if not request.extended:
        return view.to_api()
    from sheaf.data import overview  # which counts, and few clients ask for it

    return overview.extended([view], draft=request.draft)[0]
