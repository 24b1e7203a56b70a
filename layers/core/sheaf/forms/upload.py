"""An uploaded form definition: XML as it is, or a spreadsheet converted to XML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.blobs import Blob
from sheaf.forms import xform
from sheaf.forms.definitions import XLS, XLSX
from sheaf.forms.xform import FormDefinition

if TYPE_CHECKING:
    from sheaf.encryption.keyring import Key


@dataclass(frozen=True, slots=True)
class Upload:
    """What was sent: the XML, what it says, and the spreadsheet it was made from, with warnings.

    `sheet` is a spreadsheet that is stored already, where a definition is made of another. `key`
    is what the form is encrypted for (`encryption.applied` finds out), and `key_known` whether that
    is stored already.
    """

    xml: bytes
    definition: FormDefinition
    spreadsheet: bytes | None
    content_type: str
    warnings: tuple[str, ...] = ()
    sheet: Blob | None = None
    key: Key | None = None
    key_known: bool = True


def expected(content_type: str) -> bool:
    """Whether a media type says that a form follows, even when nothing does."""
    return content_type in (XLSX, XLS) or content_type.endswith("xml")


def read(body: bytes, content_type: str, *, fallback_id: str) -> Upload:
    """Read a form from a request.

    Args:
        body: the XML or the spreadsheet.
        content_type: the media type, which tells a spreadsheet (XLSX or XLS) from XML.
        fallback_id: the form id of a spreadsheet that names none itself.

    Raises:
        MissingParameter: the XML is none, or no form.
        MissingMeta: the form has no meta block.
        XlsFormRejected: the spreadsheet cannot be converted.
    """
    if content_type not in (XLSX, XLS):
        return Upload(body, xform.read(body), None, content_type)
    from sheaf.forms import xlsform  # loads pyxform, which takes a second

    converted = xlsform.convert(body, fallback_id, legacy_xls=content_type == XLS)
    xml = converted.xml.encode()
    return Upload(xml, xform.read(xml), body, content_type, converted.warnings)
