"""GET /v1/hooks/{token}/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/attachments/{filename}: give a file to who has a hook's link to it."""

from __future__ import annotations

from sheaf.db import reads
from sheaf.hooks import links
from sheaf.http import files
from sheaf.http.endpoint import anonymous
from sheaf.http.request import Request
from sheaf.http.response import Response


@anonymous
def handler(request: Request) -> Response:
    (found,) = reads.gather(links.lookup(request.path))
    return files.download(request, *found)
