"""What OData asks of a request before anybody asks who sends it (Central's `odataPreprocessor`)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sheaf.problems import (
    ExpandUnsupported,
    NotAcceptable,
    NotFound,
    NotSupported,
    SelectWithExpand,
)

# What a client may say in the query. `$search` and `viewAs` mean nothing here; `st` is a token.
_KNOWN = frozenset(
    {
        "$count",
        "$expand",
        "$filter",
        "$format",
        "$orderby",
        "$search",
        "$select",
        "$skip",
        "$skiptoken",
        "$top",
        "$wkt",
        "st",
        "viewAs",
    }
)
_JSON = re.compile(r"(?:^|,)\s*(?:application/json|json)\s*(?:$|;|,)", re.IGNORECASE)
_XML = re.compile(
    r"(?:^|,)\s*(?:application/(?:atom(?:svc)?\+)?xml|atom|xml)\s*(?:$|;|,)", re.IGNORECASE
)
_ANY = re.compile(r"(?:^|,)\s*(?:\*|application)/\*")
_MAX_VERSION = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)")


def check(query: Mapping[str, str], headers: Mapping[str, str], *, xml: bool) -> None:
    """Refuse what no OData resource here can give.

    Args:
        query: the query parameters.
        headers: by their names in lower case.
        xml: whether the answer is XML (`$metadata`), and else JSON.

    Raises:
        NotAcceptable (406.1): the client takes nothing but the other format. Unlike Central we do
            not mind if it would take both: Power Query and others list all that they know.
        NotFound (404.1): it takes nothing but an older version of OData.
        NotSupported (501.1), ExpandUnsupported (501.6), SelectWithExpand (501.11): it asks for
            what there is not.
    """
    _check_format(query.get("$format") or headers.get("accept", ""), xml=xml)
    version = _MAX_VERSION.match(headers.get("odata-maxversion", ""))
    if version and float(version[1]) < 4:
        raise NotFound
    for name in query:
        if name not in _KNOWN:
            raise NotSupported(feature=name)
    expand = query.get("$expand")
    if expand and expand != "*":
        raise ExpandUnsupported(text=expand)
    if expand and query.get("$select"):
        raise SelectWithExpand


def _check_format(accepted: str, *, xml: bool) -> None:
    ours, other = (_XML, _JSON) if xml else (_JSON, _XML)
    if other.search(accepted) and not (ours.search(accepted) or _ANY.search(accepted)):
        allowed = ["application/xml", "atom"] if xml else ["application/json", "json"]
        raise NotAcceptable(allowed=allowed, got=accepted)
