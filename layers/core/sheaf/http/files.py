"""Giving a stored file: in the response where it fits, else by a link to the bucket."""

from __future__ import annotations

from sheaf import blobs
from sheaf.blobs import Blob
from sheaf.http.request import Request
from sheaf.http.response import Response


def download(request: Request, name: str, blob: Blob) -> Response:
    """Give a file under a name, with a strong ETag of its content; a larger one by 307."""
    etag = f'"{blob.md5}"'
    headers = {
        "ETag": etag,
        "Content-Disposition": blobs.disposition(name, blob.content_type),
    }
    if request.has(etag):
        return Response(status=304, headers=headers)
    if blob.size > blobs.INLINE_LIMIT:
        return Response.redirect(blobs.link(blob, name), status=307)
    return Response(blobs.load(blob.key), blob.content_type, headers=headers)
