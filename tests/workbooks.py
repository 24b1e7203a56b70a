"""Spreadsheet forms for tests."""

from __future__ import annotations

import struct
from io import BytesIO

from openpyxl import Workbook

Sheets = dict[str, list[tuple[str, ...]]]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"


def sheets(xml_form_id: str) -> Sheets:
    """The rows of the sheets of a form of one question."""
    return {
        "survey": [("type", "name", "label"), ("text", "name", "Name")],
        "settings": [("form_id", "version"), (xml_form_id, "1")],
    }


def xlsx(xml_form_id: str) -> bytes:
    """A form of one question, as Excel has written workbooks since 2007."""
    return written(sheets(xml_form_id))


def written(named: Sheets) -> bytes:
    """A workbook of these sheets."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in named.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    into = BytesIO()
    book.save(into)
    return into.getvalue()


def xls(xml_form_id: str) -> bytes:
    """The same as Excel wrote workbooks before: the records of BIFF8, without what wraps them."""
    named = sheets(xml_form_id)
    streams = [_begin(0x10) + b"".join(_labels(rows)) + _END for rows in named.values()]
    position = len(_begin(0x05)) + sum(len(_bound(0, name)) for name in named) + len(_END)
    bounds = b""
    for name, stream in zip(named, streams, strict=True):
        bounds += _bound(position, name)
        position += len(stream)
    return _begin(0x05) + bounds + _END + b"".join(streams)


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


_END = _record(0x0A, b"")


def _begin(kind: int) -> bytes:
    return _record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))


def _bound(position: int, name: str) -> bytes:
    return _record(0x85, struct.pack("<IHBB", position, 0, len(name), 1) + _wide(name))


def _labels(rows: list[tuple[str, ...]]) -> list[bytes]:
    return [
        _record(0x0204, struct.pack("<HHHHB", y, x, 0, len(value), 1) + _wide(value))
        for y, row in enumerate(rows)
        for x, value in enumerate(row)
    ]


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le")
