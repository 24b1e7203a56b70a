"""An uploaded form definition: XML as it is, or a spreadsheet converted to XML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.forms import xform
from sheaf.forms.definitions import XLS, XLSX
from sheaf.forms.xform import FormDefinition

if TYPE_CHECKING:
    from sheaf.encryption.keyring import Key


@dataclass(frozen=True, slots=True)
class Upload:
    """What was sent: the XML, what it says, and the spreadsheet it was made from, with warnings.

    `key` is what the form is encrypted for (`encryption.applied` finds out), and `key_known`
    whether that is stored already.
    """

    xml: bytes
    definition: FormDefinition
    spreadsheet: bytes | None
    content_type: str
    warnings: tuple[str, ...] = ()
    key: Key | None = None
    key_known: bool = True


def read(body: bytes, content_type: str, *, fallback_id: str) -> Upload:
    """Read a form from a request.

    Args:
        body: the XML or the spreadsheet.
        content_type: tells a spreadsheet (XLSX or XLS) from XML.
        fallback_id: the form id of a spreadsheet that names none itself.

    Raises:
        MissingParameter: the XML is none, or no form.
        MissingMeta: the form has no meta block.
        XlsFormRejected: the spreadsheet cannot be converted.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (XLSX, XLS):
        return Upload(body, xform.read(body), None, kind)
    from sheaf.forms import xlsform  # loads pyxform, which takes a second

    converted = xlsform.convert(body, fallback_id, legacy_xls=kind == XLS)
    xml = converted.xml.encode()
    return Upload(xml, xform.read(xml), body, kind, converted.warnings)
