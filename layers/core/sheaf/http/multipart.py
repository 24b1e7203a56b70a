"""Multipart forms (RFC 7578), as devices and browsers send them.

A submission over OpenRosa is one: the XML in a file field of a name of its own, and the files that
it names in fields that bear their names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from multipart import MultipartError, PushMultipartParser

from sheaf.problems import MissingMultipartField, MultipartUnparsable
from sheaf.submissions.files import File
from sheaf.submissions.reception import Sent

XML_FIELD = "xml_submission_file"

# More than any client puts into the 6 MB of a request.
MOST_PARTS = 5_000


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form: its name, what it holds, and for a file the type that it names."""

    name: str
    data: bytes
    file: bool
    content_type: str | None
    charset: str | None


def read(body: bytes, boundary: str) -> tuple[Part, ...]:
    """Read a form.

    Raises:
        MultipartUnparsable: it is broken or cut off.
    """
    parts: list[Part] = []
    pieces: list[bytes] = []
    segment: Any = None
    try:
        with PushMultipartParser(boundary, max_segment_count=MOST_PARTS) as parser:
            for event in parser.parse(body):
                if isinstance(event, (bytes, bytearray)):
                    pieces.append(bytes(event))
                elif event is not None:
                    segment, pieces = event, []
                else:
                    parts.append(_part(segment, b"".join(pieces)))
    except MultipartError as error:
        raise MultipartUnparsable(str(error)) from None
    return tuple(parts)


def xml(parts: Iterable[Part]) -> Sent:
    """Give the XML of a submission.

    Raises:
        MissingMultipartField: there is none.
    """
    for part in parts:
        if part.file and part.name == XML_FIELD:
            return Sent(part.data, part.charset, "")
    raise MissingMultipartField(field=XML_FIELD)


def files(parts: Iterable[Part]) -> list[File]:
    """Give the files of a submission: all but the XML and the text fields."""
    return [
        File(part.name, part.data, part.content_type)
        for part in parts
        if part.file and part.name != XML_FIELD
    ]


def _part(segment: Any, data: bytes) -> Part:
    # A part is a file when it names one, or is plain bytes (as in busboy, which Central uses).
    file = segment.filename is not None or segment.content_type == "application/octet-stream"
    return Part(segment.name or "", data, file, segment.header("Content-Type"), segment.charset)
