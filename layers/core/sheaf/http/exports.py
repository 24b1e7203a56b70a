"""Answering with an export."""

from __future__ import annotations

from sheaf import blobs
from sheaf.db.transaction import Transaction
from sheaf.exports import direct
from sheaf.exports.plan import Plan
from sheaf.http.request import Request
from sheaf.http.response import Response


def answer(request: Request, plan: Plan) -> Response:
    """Give an export, or 304 to a client that has it. What is given is audited, but for drafts."""
    headers = {"Content-Disposition": blobs.disposition(plan.file_name)}
    if request.method == "HEAD":
        return Response(content_type=plan.content_type, headers=headers)
    if request.method == "GET" and "if-none-match" in request.headers:
        etag = plan.etag(plan.selection.look())
        if request.has(etag):
            return Response(status=304, headers=headers | {"ETag": etag})
    if not plan.draft:
        with Transaction() as tx:
            tx.audit("form.submission.export", by=request.auth, on=plan.form.actee_id)
    body = direct.make(plan)
    etag = plan.etag(plan.selection.seen)
    return Response(body, plan.content_type, headers=headers | {"ETag": etag})
