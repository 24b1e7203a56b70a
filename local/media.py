"""Make the files that go with a filled form: answers to media questions and the client's log."""

import base64
import io
import wave
from collections.abc import Mapping, Sequence
from datetime import datetime

JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////"
    "////////////////////////////////wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAA"
    "AAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z"
)
MP4 = bytes.fromhex("0000001c6674797069736f6d0000020069736f6d69736f326d703431000000086d646174")
OSM = b'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="sheaf"/>\n'
CSV = b"parameter,value,unit\nnitrate,12,mg/l\narsenic,0.004,mg/l\n"
EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "video/mp4": ".mp4",
    "application/pdf": ".pdf",
    "application/xml": ".osm",
    "text/csv": ".csv",
}


def media_file(mediatype: str, given: Mapping[str, bytes]) -> tuple[bytes, str, str]:
    """Return (bytes, content type, extension) of a file for a question's mediatype ("image/*").

    Args:
        mediatype: as on the form's upload control.
        given: files to prefer, by content type.
    """
    kind = mediatype.partition("/")[0]
    for content_type, data in given.items():
        if content_type.partition("/")[0] == kind:
            return data, content_type, EXTENSIONS.get(content_type, ".bin")
    made = {
        "image": (JPEG, "image/jpeg"),
        "audio": (_sound(), "audio/wav"),
        "video": (MP4, "video/mp4"),
        "osm": (OSM, "application/xml"),
    }
    data, content_type = made.get(kind, (CSV, "text/csv"))
    return data, content_type, EXTENSIONS[content_type]


def _sound() -> bytes:
    """Return a twentieth of a second of a low square wave, as WAV."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(96 if n % 40 < 20 else 160 for n in range(400)))
    return buffer.getvalue()


def audit_log(
    bind: Mapping[str, str], paths: Sequence[str], moment: datetime, place: Sequence[str]
) -> bytes:
    """Return the CSV that a client keeps of a visit, one row for each question.

    Columns as in the ODK XForms specification, "Audit".

    Args:
        bind: the attributes of the audit's bind, without prefixes; they choose the columns.
        paths: the questions, in the order in which they were answered.
        moment: the start; every row takes four seconds.
        place: latitude, longitude and accuracy.
    """
    located, tracked = "location-priority" in bind, bind.get("track-changes") == "true"
    header = ["event", "node", "start", "end"]
    header += ["latitude", "longitude", "accuracy"] * located + ["old-value", "new-value"] * tracked
    start = int(moment.timestamp() * 1000)
    rows = [("form start", ""), *(("question", path) for path in paths), ("form exit", "")]
    lines = [",".join(header)]
    for number, (event, node) in enumerate(rows):
        row = [event, node, str(start + number * 4000), str(start + number * 4000 + 3500)]
        lines.append(",".join([*row, *[*place] * located, *["", ""] * tracked]))
    return ("\n".join(lines) + "\n").encode()
