"""Form definitions: the versions of a form, each fixed once it is published.

What a submission needs of its version (the fields) is kept apart from what was uploaded (the XML
and a spreadsheet), because the one is read with every submission and the other seldom.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from pynamodb.attributes import BinaryAttribute, JSONAttribute, UnicodeAttribute

from sheaf import blobs, clock
from sheaf.blobs import Blob
from sheaf.db import keys, reads
from sheaf.db.compression import pack, unpack
from sheaf.db.items import IntegerAttribute, Item
from sheaf.forms import schema
from sheaf.forms.schema import Field
from sheaf.problems import NotFound, UnexpectedValue, found

if TYPE_CHECKING:
    from sheaf.forms.upload import Upload  # reads forms with lxml, which few functions need

# Types of spreadsheets that forms are made of.
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
SPREADSHEETS = {".xlsx": XLSX, ".xls": XLS}
# An item may hold 400 KB. A definition's XML, compressed, is almost never near this, and its list
# of fields never, but for a form that nobody could fill; a title beyond reason is cut.
LARGEST_INLINE = 350_000
LONGEST_NAME = 2_000


class Definition(Item):
    """A version of a form (key: `D#<form>`, published `V#<version>`, of a draft `W#<draft>`).

    Its number (micros) stays when a draft is published. `dataset` is the entity list that it feeds.
    """

    id = IntegerAttribute(attr_name="i")
    version = UnicodeAttribute(attr_name="v")
    name = UnicodeAttribute(attr_name="n", null=True)
    md5 = UnicodeAttribute(attr_name="m")
    sha1 = UnicodeAttribute(attr_name="h1")
    sha256 = UnicodeAttribute(attr_name="h2")
    fields_packed = BinaryAttribute(attr_name="f", legacy_encoding=False)
    spreadsheet: JSONAttribute = JSONAttribute(attr_name="x", null=True)
    key_id = IntegerAttribute(attr_name="k", null=True)
    dataset = UnicodeAttribute(attr_name="ds", null=True)
    published_at = IntegerAttribute(attr_name="p", null=True)
    published_by = IntegerAttribute(attr_name="by", null=True)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The fields of this version, in the order of the form."""
        return schema.load(unpack(self.fields_packed).decode())

    @property
    def sheet(self) -> Blob | None:
        """The spreadsheet that it was made from, if it was."""
        return None if self.spreadsheet is None else Blob.from_item(self.spreadsheet)

    @property
    def spreadsheet_type(self) -> str | None:
        """The type of that spreadsheet."""
        return None if self.sheet is None else self.sheet.content_type


class DefinitionSource(Item):
    """The XML of definitions (key: `D#<form>`, `XML#<sha256>`), here or in S3.

    Several definitions may have the same; `definition_id` is the last of them that was made.
    """

    definition_id = IntegerAttribute(attr_name="i")
    packed = BinaryAttribute(attr_name="x", null=True, legacy_encoding=False)
    blob_key = UnicodeAttribute(attr_name="b", null=True)


def make(
    form_id: int, upload: Upload, version: str, *, publish: bool
) -> tuple[Definition, DefinitionSource]:
    """Make the items of an uploaded definition; what is too large for one goes to S3 first.

    Args:
        form_id: the form's number.
        upload: what was sent.
        version: what it is to be called.
        publish: whether this is a published version, and else a draft.

    Raises:
        UnexpectedValue: its fields are too many for one item.
    """
    xml, prefix = upload.xml, blobs.form_prefix(form_id)
    now = clock.micros()
    name, fields = upload.definition.name, upload.definition.fields
    packed = pack(schema.dump(fields).encode())
    if len(packed) > LARGEST_INLINE:
        raise UnexpectedValue(
            field="form XML", value=len(fields), reason="a form cannot have so many fields"
        )
    sheet = upload.sheet
    if upload.spreadsheet is not None:
        sheet = blobs.store(prefix, upload.spreadsheet, upload.content_type)
    key = keys.definition(form_id, version) if publish else keys.working_definition(form_id, now)
    definition = Definition(
        *key,
        id=now,
        version=version,
        name=name and name[:LONGEST_NAME],
        md5=hashlib.md5(xml, usedforsecurity=False).hexdigest(),
        sha1=hashlib.sha1(xml, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(xml).hexdigest(),
        fields_packed=packed,
        spreadsheet=None if sheet is None else sheet.to_item(),
        dataset=upload.definition.dataset,
        key_id=upload.key and upload.key.id,
        published_at=now if publish else None,
    )
    return definition, _source(form_id, definition, xml)


def _source(form_id: int, definition: Definition, xml: bytes) -> DefinitionSource:
    key = keys.definition_source(form_id, definition.sha256)
    source = DefinitionSource(*key, definition_id=definition.id)
    packed = pack(xml)
    if len(packed) <= LARGEST_INLINE:
        source.packed = packed
    else:
        source.blob_key = blobs.store(blobs.form_prefix(form_id), xml, "application/xml").key
    return source


def get(form_id: int, version: str) -> Definition:
    """Read a published version.

    Raises:
        NotFound: it does not exist.
    """
    return found(reads.get(Definition.ref(keys.definition(form_id, version))))


def published(form_id: int) -> list[Definition]:
    """Give all published versions of a form, newest first."""
    found = _listed(form_id, keys.DEFINITION)
    return sorted(found, key=lambda each: each.published_at, reverse=True)


def every(form_id: int) -> list[Definition]:
    """Read all published versions, and the definitions of drafts."""
    return [*_listed(form_id, keys.DEFINITION), *_listed(form_id, keys.WORKING)]


def _listed(form_id: int, beginning: str) -> Iterator[Definition]:
    of_kind = Definition.sk.startswith(beginning)
    return iter(Definition.query(keys.definitions(form_id), of_kind, consistent_read=True))


def publish(form_id: int, working: Definition) -> Definition:
    """Make of a draft's definition a published version, as of now."""
    definition = Definition()
    definition.deserialize(working.serialize())
    definition.pk, definition.sk = keys.definition(form_id, working.version)
    definition.published_at = clock.micros()
    return definition


def remove_all(form_id: int) -> None:
    """Remove all definitions of a form, but for its versions (`publication.withdraw`)."""
    for item in Item.query(keys.definitions(form_id), consistent_read=True):
        if item.sk.startswith((keys.WORKING, keys.SOURCE)):
            item.delete()


def xml(form_id: int, sha256: str) -> bytes:
    """Read the XML of a definition, byte for byte as it was uploaded or converted."""
    source = found(reads.get(DefinitionSource.ref(keys.definition_source(form_id, sha256))))
    return blobs.load(source.blob_key) if source.packed is None else unpack(source.packed)


def spreadsheet(definition: Definition, suffix: str) -> Blob:
    """Give the spreadsheet that a definition was made from.

    Raises:
        NotFound: it was not made from one of this kind (".xlsx" or ".xls").
    """
    sheet = found(definition.sheet)
    if sheet.content_type != SPREADSHEETS[suffix]:
        raise NotFound
    return sheet
