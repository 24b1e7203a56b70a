"""Making XForms of spreadsheets (XLSForm) with pyxform, as pyxform-http does for ODK Central.

ODK Validate, which needs Java, is not run: what pyxform itself does not find goes unnoticed.
"""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass
from io import BytesIO

from sheaf.problems import XlsFormRejected

# A workbook is a zip: some kilobytes can claim gigabytes. The largest real ones, with tens of
# thousands of choices, come to some 20 MB.
MAX_INFLATED = 50_000_000
MAX_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class Converted:
    """A form made of a spreadsheet: its XML, its external choices as CSV, pyxform's warnings."""

    xml: str
    itemsets: str | None
    warnings: tuple[str, ...]


def convert(raw: bytes, filename_stem: str, *, legacy_xls: bool) -> Converted:
    """Convert a workbook (`.xls` when `legacy_xls`, else `.xlsx`).

    `filename_stem` is the form's id when the settings sheet has none. Raises XlsFormRejected
    (400.15; details: error, warnings).
    """
    if not legacy_xls:
        _check_size(raw)
    noticed: list[str] = []
    try:
        with warnings.catch_warnings():
            # openpyxl warns of styles and validations that no form uses.
            warnings.simplefilter("ignore")
            return _converted(raw, filename_stem, legacy_xls, noticed)
    except Exception as error:
        # An odd survey or a damaged workbook lets pyxform and the readers below it fail as they
        # may (KeyError, struct.error, ExpatError, …). It all means that the file is not valid.
        raise XlsFormRejected(error=_told(error), warnings=noticed) from error


def _converted(raw: bytes, stem: str, legacy_xls: bool, noticed: list[str]) -> Converted:
    # Imported here: it takes a quarter of a second (measured), and only spreadsheets need it.
    from pyxform.xls2json_backends import Definition, SupportedFileTypes
    from pyxform.xls2xform import convert as pyxform_convert

    file_type = SupportedFileTypes.xls if legacy_xls else SupportedFileTypes.xlsx
    workbook = Definition(BytesIO(raw), file_type, stem or None)
    result = pyxform_convert(workbook, warnings=noticed, file_type=file_type.value)
    return Converted(result.xform, result.itemsets, tuple(result.warnings))


def _told(error: Exception) -> str:
    from pyxform.errors import PyXFormError

    if isinstance(error, PyXFormError):
        return str(error)
    return f"The workbook could not be read: {error!r}"


def _check_size(raw: bytes) -> None:
    """Refuse a workbook that is no zip or would inflate beyond measure.

    The sizes are those that the archive states; zipfile never reads more of a part than it states.
    """
    try:
        with zipfile.ZipFile(BytesIO(raw)) as workbook:
            parts = workbook.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise XlsFormRejected(error=f"Not an .xlsx workbook: {error}", warnings=[]) from error
    size = sum(part.file_size for part in parts)
    if size > MAX_INFLATED or len(parts) > MAX_PARTS:
        told = f"The workbook is too large: {len(parts)} parts, {size} bytes uncompressed."
        raise XlsFormRejected(error=told, warnings=[])
