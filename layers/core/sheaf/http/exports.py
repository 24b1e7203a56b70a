"""Answering with an export: at once, or by sending the client to where it will be."""

from __future__ import annotations

from sheaf import blobs, clock, fields
from sheaf.db import reads
from sheaf.db.transaction import Transaction
from sheaf.exports import direct, jobs
from sheaf.exports.direct import OutgrownError
from sheaf.exports.jobs import DONE, FAILED, Job
from sheaf.exports.options import Options
from sheaf.exports.plan import Plan
from sheaf.http import streamed
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import ExportFailed, found

# How long a request waits for an export, in micros, of the 30 seconds that API Gateway gives; and
# how long it waits between two looks, in seconds at most.
PATIENCE = 24_000_000
_LOOK = 2.0


def answer(request: Request, plan: Plan, passphrases: dict[int, str]) -> Response:
    """Give an export, or 304 to a client that has it. What is given is audited, but for drafts.

    One that outgrows the request becomes a job, to which the client is sent (303).
    """
    headers = _headers(plan.options, plan.form.xml_form_id)
    if request.method == "HEAD":
        return Response(content_type=plan.options.content_type, headers=headers)
    if request.method == "GET" and "if-none-match" in request.headers:
        etag = plan.etag(plan.selection.look())
        if request.has(etag):
            return Response(status=304, headers=headers | {"ETag": etag})
    if not plan.draft:
        with Transaction() as tx:
            tx.audit("form.submission.export", by=request.auth, on=plan.form.actee_id)
    try:
        body = direct.make(plan)
    except OutgrownError:
        job = jobs.start(plan, passphrases)
        return Response.redirect(
            f"{request.quoted_path.rpartition('/')[0]}/exports/{job.id}", status=303
        )
    etag = plan.etag(plan.selection.seen)
    return Response(body, plan.options.content_type, headers=headers | {"ETag": etag})


def wait(request: Request, job: Job) -> Response | Job:
    """Send the client to an export that is made; until then have it wait, and ask again (303).

    Who asks for progress is told at once how far it has come, and so is who asks for JSON; but what
    a feed has to say is JSON itself.

    Raises:
        ExportFailed: it could not be made.
    """
    asks = fields.flag(request.query, "progress")
    if asks or (job.feed is None and _prefers_json(request)):
        return job
    until = clock.micros() + PATIENCE
    while job.state not in (DONE, FAILED) and clock.micros() < until:
        clock.wait(_LOOK)
        job = found(reads.get(Job.ref((job.pk, job.sk))))
    if job.state == FAILED:
        raise ExportFailed(reason=job.reason)
    if job.state != DONE:
        return Response.redirect(request.quoted_path, status=303)
    return Response.redirect(blobs.link_to(job.result, _content_headers(job)), status=303)


def _prefers_json(request: Request) -> bool:
    first = request.headers.get("accept", "").partition(",")[0].strip()
    return first.startswith("application/json")


def _content_headers(job: Job) -> dict[str, str]:
    if job.feed is not None:
        return streamed.content_headers(job.feed["compressed"])
    return _headers(job.chosen, job.xml_form_id) | {"Content-Type": job.chosen.content_type}


def _headers(options: Options, xml_form_id: str) -> dict[str, str]:
    return {"Content-Disposition": blobs.disposition(options.file_name(xml_form_id))}
