"""Giving a stored file: in the response where it fits, else by a link to the bucket."""

from __future__ import annotations

import re

from botocore.exceptions import ClientError

from sheaf import blobs
from sheaf.blobs import Blob
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import Busy

# One range of bytes (RFC 9110, 14.1.2); of several, clients get the whole, as they must expect.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def download(request: Request, name: str, blob: Blob) -> Response:
    """Give a file under a name, with a strong ETag of its content, or the part asked for.

    A larger file is answered by 307 to the bucket, which knows ranges too.

    Raises:
        Busy: it has gone since it was found; who asks again is told what is there now.
    """
    etag = f'"{blob.md5}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": blobs.disposition(name, blob.content_type),
    }
    if request.has(etag):
        return Response(status=304, headers=headers)
    if blob.size > blobs.INLINE_LIMIT:
        return Response.redirect(blobs.link(blob, name), status=307)
    part = _part(request, etag, blob.size)
    if part is None:
        return Response(_content(blob), blob.content_type, headers=headers)
    first, last = part
    if first > last:
        return Response(status=416, headers=headers | {"Content-Range": f"bytes */{blob.size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{blob.size}"
    return Response(_content(blob, part), blob.content_type, 206, headers)


def _content(blob: Blob, part: tuple[int, int] | None = None) -> bytes:
    try:
        return blobs.load(blob.key, part)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        # Another file has taken its place, or it was taken out, or purged.
        raise Busy from None


def _part(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Give the first and last byte that are asked for; None for all, (1, 0) for what is not there.

    A range counts for GET alone, and with If-Range while the file is still the one it names.
    """
    asked = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if asked is None or request.method != "GET" or request.headers.get("if-range", etag) != etag:
        return None
    first, last = asked.groups()
    if first == last == "":
        return None
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) and size else (1, 0)
    if last and int(last) < int(first):
        return None
    end = min(int(last or size), size - 1)
    return (int(first), end) if int(first) <= end else (1, 0)
