"""Sending clients to where a thing is: a version, or what takes a token in the query."""

from __future__ import annotations

import re
from urllib.parse import quote

from sheaf.http.request import Request
from sheaf.http.response import MovedError
from sheaf.problems import found
from sheaf.submissions.records import Submission

# What encodeURIComponent leaves as it is, besides letters, digits, `_`, `.`, `-` and `~`; and a
# token's `$`, which clients send as it is.
_PLAIN = "!*'()"
_PLAIN_TOKEN = f"{_PLAIN}$"
_VARIABLE = re.compile(r"\{(\w+)\}")


def rooted(request: Request, submission: Submission | None, named: str) -> Submission:
    """Give the submission that a path has named by its first id.

    To be asked once the rights are clear: the address tells which submission it is.

    Raises:
        NotFound: there is none.
        MovedError: the id is that of a later version.
    """
    submission = found(submission)
    if named == submission.root_id:
        return submission
    raise MovedError(_versioned(request, submission.root_id))


def _versioned(request: Request, root_id: str) -> str:
    """Spell the address of the version: the route's own, below the submission's first id."""
    version = quote(request.path["instanceId"], safe=_PLAIN)
    path = path_of(request, instanceId=f"{quote(root_id, safe=_PLAIN)}/versions/{version}")
    return f"{path}?{request.raw_query}" if request.raw_query else path


def with_token_asked(request: Request) -> str:
    """Spell the address of a request whose token is in the path, with the token in the query."""
    token = quote(request.path["token"], safe=_PLAIN_TOKEN)
    path = path_of(request).replace(f"/key/{token}", "", 1)
    return f"{path}?{request.raw_query}{'&' * bool(request.raw_query)}st={token}"


def path_of(request: Request, **spelt: str) -> str:
    """Spell the path of a request, encoded: API Gateway decodes paths, so from its route.

    Args:
        request: whose path.
        spelt: variables that are to be spelt otherwise.
    """

    def value(variable: re.Match[str]) -> str:
        name = variable[1]
        safe = _PLAIN_TOKEN if name == "token" else _PLAIN
        return spelt.get(name) or quote(request.path[name], safe=safe)

    return _VARIABLE.sub(value, request.route.partition(" ")[2])
