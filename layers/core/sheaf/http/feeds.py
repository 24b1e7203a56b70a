"""Giving a form's feed: its documents, and the rows of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sheaf.http import streamed
from sheaf.http.endpoint import ODATA_HEADERS
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.odata import documents, feed, protocol
from sheaf.odata.answer import Answer
from sheaf.odata.feed import Asked
from sheaf.odata.links import Links
from sheaf.odata.options import Options
from sheaf.odata.resource import METADATA

_MINIMAL = "application/json; charset=utf-8; odata.metadata=minimal"


def service(request: Request, path: Mapping[str, str]) -> Response:
    """Give the service document of the form that a path names.

    Raises:
        NotFound: it does not exist, or is not published.
        Forbidden: one may not read what was sent to it.
    """
    protocol.check(request.query, request.headers, xml=False)
    asked = request.find(feed.lookup(path, draft=False))
    request.auth.require("submission.read", on=asked.feed.form)
    return replace(give(request, asked), headers=ODATA_HEADERS)


def give(request: Request, asked: Asked) -> Response:
    """Give what is asked of a feed.

    Raises:
        Problem: of an option that cannot be followed, or because nothing is there.
    """
    links = Links(request.origin, request.raw_path, request.raw_query)
    if asked.document == METADATA:
        return Response.xml(documents.metadata(asked.feed.fields, asked.feed.form.xml_form_id))
    if asked.document is not None:
        told = Response.json(documents.service(asked.feed.fields, links.service))
        return replace(told, content_type=_MINIMAL)
    options = Options.read(request.query)
    return streamed.give(request, asked.feed.form, lambda heed: Answer(asked, options, links, heed))
