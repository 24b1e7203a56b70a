"""Answers that outgrow their request: what is kept of it, and the answer that is written later."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl

from sheaf import fields
from sheaf.db import reads
from sheaf.exports import jobs
from sheaf.exports.feeding import Reached, Written
from sheaf.exports.jobs import Job
from sheaf.forms.forms import Form
from sheaf.odata import feed, geojson
from sheaf.odata.answer import Answer
from sheaf.odata.links import Links
from sheaf.odata.options import Options
from sheaf.odata.reading import Heed


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a request.

    Attributes:
        way: what its path has after the service's; None for a map.
        origin, path, query: see Links.
        compressed: whether the client takes gzip.
    """

    way: str | None
    origin: str
    path: str
    query: str
    compressed: bool


def start(form: Form, kept: Kept, *, draft: bool) -> Job:
    """Leave an answer to a worker."""
    return jobs.start_feed(form, asdict(kept), draft=draft)


def write(job: Job, heed: Heed, reached: Reached | None) -> Written:
    """Give the answer, or what is left of it.

    Raises:
        Problem: it cannot be given any more.
    """
    kept = Kept(**job.feed)
    query = dict(parse_qsl(kept.query, keep_blank_values=True))
    path = {"projectId": str(job.project_id), "xmlFormId": job.xml_form_id}
    if kept.way is None:
        form, known = reads.gather(geojson.lookup(path))[0]
        chosen = dict(parse_qsl(kept.query)).get("fieldpath")
        shown = geojson.Map(form, () if chosen is None else (chosen,))
        only, limit = query.get("$filter"), fields.count(query, "limit")
        return geojson.Features(shown, known, only, limit, heed, reached=reached)
    draft = job.draft_id is not None
    (asked,) = reads.gather(feed.lookup({**path, "proxy": kept.way}, draft=draft))
    links = Links(kept.origin, kept.path, kept.query)
    return Answer(asked, Options.read(query), links, heed, reached)
