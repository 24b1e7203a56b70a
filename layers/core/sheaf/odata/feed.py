"""A form's feed, and finding what a request wants of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sheaf.data import filter as filters
from sheaf.data import tables
from sheaf.data.extraction import Extraction
from sheaf.data.record import Stored
from sheaf.data.tables import Table
from sheaf.db import keys
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.definitions import Definition
from sheaf.forms.forms import Form
from sheaf.forms.schema import Field
from sheaf.odata import order, resource
from sheaf.odata.options import Options
from sheaf.odata.order import Order
from sheaf.odata.paging import Paging
from sheaf.odata.reading import Candidate, Heed, Many, One, Source
from sheaf.odata.resource import METADATA, Resource
from sheaf.problems import NotFound, found
from sheaf.submissions import location
from sheaf.submissions.location import NOWHERE
from sheaf.submissions.records import Submission


@dataclass(frozen=True)
class Feed:
    """What a form gives: its fields are those of its published version, or of its draft."""

    form: Form
    draft: bool
    fields: tuple[Field, ...]

    @cached_property
    def root(self) -> Table:
        """The table of submissions."""
        return tables.of(self.fields)

    def table(self, name: str) -> Table:
        """Give a table by its name.

        Raises:
            NotFound: the form has no such repeat.
        """
        return found(next((table for table in self.root.all() if table.name == name), None))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about.

    Attributes:
        feed: of which form.
        document: `''` for the service document, `$metadata`; None when rows are asked.
        resource: the rows that are asked.
        submission: the one that they are of, None if there is no such; unless they are of all.
    """

    feed: Feed
    document: str | None
    resource: Resource
    submission: Submission | None


def lookup(path: Mapping[str, str], *, draft: bool) -> Lookup[Asked]:
    """Find the form of `{projectId}` and `{xmlFormId}`, and what `{proxy}` leads to.

    Raises:
        NotFound: there is no such form, or it is not published, or has no draft when that is asked;
            or the path leads nowhere.
    """
    way = path.get("proxy", "")
    document = way if way in ("", METADATA) else None
    asked = resource.read(way)
    form, target = yield from _form_and_target(path, asked.instance_id, draft=draft)
    if draft:
        ref = forms.working_ref(form)
    else:
        ref = Definition.ref(keys.definition(form.id, found(form.version)))
    definition, submission = yield ref, target
    feed = Feed(form, draft, found(definition).fields)
    return Asked(feed, document, asked, submission)


def _form_and_target(
    path: Mapping[str, str], instance_id: str | None, *, draft: bool
) -> Lookup[tuple[Form, Any]]:
    if instance_id is None:
        return (yield from forms.lookup(path, draft=draft)), NOWHERE
    return (yield from location.target_of({**path, "instanceId": instance_id}, draft=draft))


def paging(asked: Asked, options: Options, heed: Heed) -> Paging:
    """Give the rows that are asked.

    Raises:
        NotFound: there is no such table, or no such submission.
        Problem: of a filter or an order that cannot be followed.
    """
    feed = asked.feed
    table = feed.table(asked.resource.table)
    chosen = None if options.filter is None else filters.read(options.filter, table)
    # Rows of one submission are told apart only by a filter that looks at the data.
    by_row = chosen is not None and bool(chosen.paths) and table.parent is not None
    by_submission = None if by_row else chosen
    extraction = Extraction(feed.root)
    ordered = order.read(options.order, rooted=table.parent is None)
    bounds = None if chosen is None else chosen.bounds
    source: Source = Many(feed.form, feed.draft, extraction, bounds, by_submission, ordered, heed)
    if asked.resource.instance_id is not None:
        told = Stored.of(found(asked.submission))
        source = One(Candidate(told, extraction), by_submission, Order())
    return Paging(table, source, chosen if by_row else None, within(table, asked.resource))


def within(table: Table, asked: Resource) -> tuple[int, str] | None:
    """Give how deep the table of the row lies within which rows are asked, and the row's id."""
    if asked.within is None:
        return None
    name, id_ = asked.within
    above = [table]
    while above[0].parent is not None:
        above.insert(0, above[0].parent)
    names = [each.name for each in above]
    if name not in names:
        raise NotFound
    return names.index(name), id_
