"""Sending who names a submission by the id of a later version to where that version is."""

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
    """Spell the address of the version: the route's own, below the submission's first id.

    API Gateway decodes paths, so it is spelt anew from the route.
    """

    def value(variable: re.Match[str]) -> str:
        name = variable[1]
        shown = quote(request.path[name], safe=_PLAIN_TOKEN if name == "token" else _PLAIN)
        return f"{quote(root_id, safe=_PLAIN)}/versions/{shown}" if name == "instanceId" else shown

    path = _VARIABLE.sub(value, request.route.partition(" ")[2])
    return f"{path}?{request.raw_query}" if request.raw_query else path
