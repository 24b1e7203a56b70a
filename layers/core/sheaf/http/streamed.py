"""Answers that are written by and by.

They are held while they are small; then they go into the bucket as they are written, so memory
stays the same however large they get. What takes longer than a request may is left to a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from sheaf import blobs, clock
from sheaf.forms.forms import Form
from sheaf.http.request import Request
from sheaf.http.response import JSON, Response, takes_gzip

if TYPE_CHECKING:
    from sheaf.odata.reading import Heed

# So many bytes are held; compressed they may still fit into an answer (`blobs.INLINE_LIMIT`).
HELD = 16 << 20
# How long a request may read, in micros, of the 30 seconds that API Gateway gives.
TIME = 10_000_000


class Answer(Protocol):
    """What is written. Both ETags are alike, and None where data alone can tell."""

    def look(self) -> str | None:
        """Give the ETag without reading any data."""

    def write(self) -> Iterator[str]:
        """Give it in pieces."""

    def etag(self) -> str | None:
        """Give the ETag of what was written."""


Make = Callable[["Heed"], Answer]


class OutgrownError(Exception):
    """The answer takes longer than its request may."""


def give(request: Request, form: Form, make: Make) -> Response:
    """Give what is written of a form's submissions; where that takes too long, where it will be.

    A client that has it already is told so (304), from what the server knows of the submissions.
    """
    until = clock.micros() + TIME

    def heed() -> None:
        if clock.micros() > until:
            raise OutgrownError

    try:
        answer = make(heed)
        if request.method == "GET" and "if-none-match" in request.headers:
            etag = answer.look()
            if request.has(etag):
                return Response(status=304, headers={"ETag": str(etag)})
        return _written(request, answer)
    except OutgrownError:
        if request.method == "HEAD":
            return Response(content_type=JSON)
        return _left_to_a_worker(request, form)


def _written(request: Request, answer: Answer) -> Response:
    held, pieces = bytearray(), (piece.encode() for piece in answer.write())
    for piece in pieces:
        held += piece
        if len(held) > HELD:
            break
    else:
        etag = answer.etag()
        return Response(bytes(held), JSON, headers={} if etag is None else {"ETag": etag})
    if request.method == "HEAD":
        return Response(content_type=JSON)
    return _handed_out(request, chain((bytes(held),), pieces))


def _handed_out(request: Request, pieces: Iterator[bytes]) -> Response:
    """Leave an answer in the bucket for a day at most, and send the client there."""
    from sheaf.exports import bucket  # which few answers need

    key, compressed = f"responses/{clock.uuid()}", takes_gzip(request)
    bucket.fill(bucket.Result(key, lambda: None), pieces, compressed=compressed)
    return Response.redirect(blobs.link_to(key, content_headers(compressed)), status=303)


def content_headers(compressed: bool) -> dict[str, str]:
    """Give the headers of an answer that lies in the bucket."""
    return {"Content-Type": JSON} | ({"Content-Encoding": "gzip"} if compressed else {})


def _left_to_a_worker(request: Request, form: Form) -> Response:
    from sheaf.odata import outgrown  # which hardly any answer needs

    way = request.path.get("proxy")
    compressed = takes_gzip(request)
    kept = outgrown.Kept(way, request.origin, request.raw_path, request.raw_query, compressed)
    job = outgrown.start(form, kept, draft=request.draft)
    path = request.quoted_path
    base = path.rpartition("/")[0] if way is None else path.partition(".svc/")[0]
    return Response.redirect(f"{base}/exports/{job.id}", status=303)
