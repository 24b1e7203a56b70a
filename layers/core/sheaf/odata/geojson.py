"""Submissions on a map: a GeoJSON feature for each that tells a place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from sheaf.data import filter as filters
from sheaf.data import geometry, tables, values
from sheaf.data.eventhash import Seen
from sheaf.data.extraction import Extraction
from sheaf.data.geometry import Geometry
from sheaf.data.record import Stored
from sheaf.data.tables import Column, Table
from sheaf.data.values import Record
from sheaf.db import keys, reads
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.definitions import Definition
from sheaf.forms.forms import Form
from sheaf.forms.schema import Field
from sheaf.odata import chunks
from sheaf.odata.order import Order
from sheaf.odata.reading import Heed, Many
from sheaf.odata.tokens import Token
from sheaf.problems import found
from sheaf.submissions import markup
from sheaf.submissions.records import SubmissionVersion

_BEGIN, _END = '{"type":"FeatureCollection","features":[', "]}"


@dataclass(frozen=True)
class Mapped:
    """How a version of a form tells places: in the fields that were chosen, or by itself.

    By itself it is the first field for a place that stands outside repeats.
    """

    fields: tuple[Field, ...]
    chosen: tuple[str, ...]

    @cached_property
    def root(self) -> Table:
        """The table of submissions."""
        return tables.of(self.fields)

    @cached_property
    def extraction(self) -> Extraction:
        """What takes out their values."""
        return Extraction(self.root)

    @cached_property
    def columns(self) -> list[tuple[Table, Column]]:
        """The columns that tell places, with their tables."""
        found = [
            (table, column)
            for table in self.root.all()
            for column in table.columns
            if column.field.type in geometry.TYPES
        ]
        if self.chosen:
            return [each for each in found if each[1].field.path in self.chosen]
        return [each for each in found if each[0] is self.root][:1]

    def feature(self, text: str, instance_id: str) -> dict[str, Any] | None:
        """Give the feature of a submission's text; None when that tells no place."""
        record = self.extraction.read(text) if self.columns else None
        if record is None:
            return None
        geometries = [
            place for place in (_geometry(record, *each) for each in self.columns) if place
        ]
        if not geometries:
            return None
        path = self.columns[0][1].field.path
        return {
            "type": "Feature",
            "id": instance_id,
            "geometry": geometries[0] if len(geometries) == 1 else _collected(geometries),
            "properties": None if self.chosen else {"fieldpath": path},
        }


def _collected(geometries: list[Geometry]) -> Geometry:
    return {"type": "GeometryCollection", "geometries": geometries}


def lookup(path: Mapping[str, str]) -> Lookup[tuple[Form, tuple[Field, ...]]]:
    """Find the form of `{xmlFormId}`, and the fields of its published version, if there is one.

    Raises:
        NotFound: no such form.
    """
    form = yield from forms.lookup(path)
    if form.version is None:
        return form, ()
    (definition,) = yield (Definition.ref(keys.definition(form.id, form.version)),)
    return form, found(definition).fields


class Map:
    """The places that a form's submissions tell, each as its own version of the form has it.

    Args:
        form: which.
        chosen: the paths of the fields (`/group/place`); none for the first of each version.
    """

    def __init__(self, form: Form, chosen: tuple[str, ...]) -> None:
        self.form, self.chosen = form, chosen
        self._versions: dict[str, Mapped] = {}

    def of_one(self, version: SubmissionVersion) -> Iterator[str]:
        """Give the collection of a submission, or of a version of it: under the version's id."""
        text = markup.decode(version.xml, version.charset)
        feature = self.mapped(version.form_version).feature(text, version.instance_id)
        return _collection(iter([] if feature is None else [feature]))

    def mapped(self, version: str) -> Mapped:
        """Tell how a version of the form tells places."""
        if version not in self._versions:
            definition = reads.get(Definition.ref(keys.definition(self.form.id, version)))
            fields = () if definition is None else definition.fields
            self._versions[version] = Mapped(fields, self.chosen)
        return self._versions[version]


class Features:
    """The collection of a form's submissions, newest first, or what is left of it.

    Args:
        shown: the places that are told.
        fields: those of the form, by which it is filtered.
        text: a filter.
        limit: how many submissions are looked at, of those whose version has the field.
        heed: see Heed.
        reached: how far it has come, as `reached` told it.

    Raises:
        Problem: the filter cannot be followed.
    """

    def __init__(
        self,
        shown: Map,
        fields: tuple[Field, ...],
        text: str | None,
        limit: int | None,
        heed: Heed,
        *,
        reached: Mapping[str, Any] | None = None,
    ) -> None:
        root = tables.of(fields)
        only = None if text is None else filters.read(text, root)
        bounds = None if only is None else only.bounds
        self._source = Many(shown.form, False, Extraction(root), bounds, only, Order(), heed)
        self._shown, self._limit, self._seen = shown, limit, Seen()
        self._asked = (shown.chosen, text, limit)
        told = reached or {}
        self._until: str = told.get("until", "")
        self._looks: int = told.get("looks", 0)
        self._written: int = told.get("written", 0)
        self._ended: bool = told.get("ended", False)

    def look(self) -> str | None:
        """Give the ETag that it will have, without reading data; None if that takes data."""
        if self._source.looks_inside:
            return None
        seen = Seen()
        seen.take(told for told, _ in self._placed(data=False))
        return seen.hash.etag(*self._asked)

    def etag(self) -> str | None:
        """Give the same of what was written."""
        return None if self._source.looks_inside else self._seen.hash.etag(*self._asked)

    def write(self) -> Iterator[str]:
        """Give it in pieces."""
        if self._ended:
            return
        begin = "" if self._until else _BEGIN
        for chunk in chunks.of(self._placed(), lambda placed: placed[0]):
            self._seen.take(told for told, _ in chunk)
            features = [_json(feature) for each in chunk if (feature := _feature(*each))]
            begin += "," if self._written and features else ""
            self._until, self._looks = chunk[-1][0].id, self._looks + len(chunk)
            self._written += len(features)
            yield begin + ",".join(features)
            begin = ""
        self._ended = True
        yield begin + _END

    def reached(self) -> dict[str, Any]:
        """Tell how far the pieces that were given have come."""
        return {
            "until": self._until,
            "looks": self._looks,
            "written": self._written,
            "ended": self._ended,
            "again": 0,
        }

    def expected(self) -> int:
        """Count the submissions that may be looked at."""
        return self._source.expected()

    def _placed(self, *, data: bool = True) -> Iterator[tuple[Stored, Mapped]]:
        """Give the submissions that are looked at, each with how its version tells places."""
        left = None if self._limit is None else self._limit - self._looks
        token = Token(self._until, (), [], {}) if self._until else None
        found = self._source.after(token, within=False, expected=left, data=data)
        told = (candidate.told for candidate in found)
        mapped = ((each, self._shown.mapped(each.form_version)) for each in told)
        return islice(((each, version) for each, version in mapped if version.columns), left)


def _feature(told: Stored, version: Mapped) -> dict[str, Any] | None:
    feature = version.feature(told.text, told.root_id)
    told.release()
    return feature


def _geometry(record: Record, table: Table, column: Column) -> Geometry | None:
    texts = [_text(each, column) for each in values.rows(table, record)]
    if table.parent is not None:
        return geometry.of_many(column.field.type, texts)
    return geometry.of(column.field.type, texts[0])


def _text(record: Record, column: Column) -> str:
    """Give a value; of several of one field the last, as the rows of the feed do."""
    several = (record.several or {}).get(column.index)
    return several[-1] if several else record.cells[column.index]


def _collection(features: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield _BEGIN + ",".join(map(_json, features)) + _END


# Made once: json.dumps would make one for each feature.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
