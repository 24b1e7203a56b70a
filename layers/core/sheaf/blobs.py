"""Files in S3: media, spreadsheets, and texts too large for an item.

A blob's key begins with what it belongs to, holds the SHA-256 of its content, and is never
written twice with other content, so a reference never changes what it means. Removing a thing
removes all blobs under its prefix, those of uploads that never committed too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from sheaf import aws, clock, settings
from sheaf.telemetry import logger

# What a synchronous Lambda response can carry as base64, with room for headers.
INLINE_LIMIT = 4_400_000
# What a request brings at most that we answer ourselves; API Gateway refuses what Lambda cannot be
# handed (6 MB, as base64) without asking.
REQUEST_LIMIT = 4_500_000
# How much of a large file is read at a time.
PIECE = 8 << 20
# Long enough for any client to follow a redirect, too short to pass a link around.
LINK_LIFE = 60
# What S3 takes in one PUT, and how long a link for one is good, in seconds.
LARGEST_UPLOAD = 5 * 1024**3
UPLOAD_LIFE = 60 * 60
# How the keys end of files that clients send to the bucket themselves. template.yaml names it.
UPLOADED = ".upload"
# What S3 says with an answer that is handed out: its parameters, and the headers they stand for.
_CONTENT_HEADERS = {
    "ResponseContentType": "Content-Type",
    "ResponseContentEncoding": "Content-Encoding",
    "ResponseContentDisposition": "Content-Disposition",
}
# What sanitize-filename (which Central uses) drops: separators, quotes, control characters, and
# whatever makes a name that some system cannot store. DEL cannot stand in a header.
_DROPPED = re.compile(r'[/\\?<>:*|"\x00-\x1f\x7f-\x9f]')
_RESERVED = re.compile(r"\.+|(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
LONGEST_NAME = 255
_INLINE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif"})


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored file: key in the bucket, type, size in bytes, MD5 in hexadecimal, and a number."""

    key: str
    content_type: str
    size: int
    md5: str
    id: int

    def to_item(self) -> dict[str, Any]:
        """Give it as an item holds it."""
        return {"k": self.key, "t": self.content_type, "z": self.size, "m": self.md5, "i": self.id}

    @classmethod
    def from_item(cls, value: dict[str, Any]) -> Blob:
        """Read it from an item."""
        return cls(value["k"], value["t"], int(value["z"]), value["m"], int(value["i"]))


def submission_prefix(submission_id: str) -> str:
    """Where all files of a submission lie."""
    return f"submissions/{submission_id}/"


def form_prefix(form_id: int) -> str:
    """Where all files of a form lie."""
    return f"forms/{form_id}/"


def store(prefix: str, data: bytes, content_type: str) -> Blob:
    """Store a file and give what to remember of it.

    Each call makes a key of its own, so that removing one upload can never take another's bytes.
    """
    digest = hashlib.sha256(data).hexdigest()
    key = f"{prefix}{digest}-{clock.letters(6)}"
    aws.client("s3").put_object(
        Bucket=settings.BUCKET_NAME, Key=key, Body=data, ContentType=content_type
    )
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Blob(key, content_type, len(data), md5, clock.micros())


def place_for_upload(submission_id: str, name: str, kind: str) -> tuple[str, str, dict[str, str]]:
    """Give a client a place to send one file of up to 5 GB to, once.

    Returns:
        The key in the bucket, a presigned URL for a PUT, and the headers that must go with it.
    """
    key = f"{submission_prefix(submission_id)}{name}{UPLOADED}"
    # A second file under the key would change what refers to the first.
    headers = {"Content-Type": kind, "If-None-Match": "*"}
    place = {"Bucket": settings.BUCKET_NAME, "Key": key}
    url = aws.client("s3").generate_presigned_url(
        "put_object",
        Params=place | {"ContentType": kind, "IfNoneMatch": "*"},
        ExpiresIn=UPLOAD_LIFE,
    )
    return key, url, headers


def uploaded(key: str, kind: str) -> Blob:
    """Give what to remember of a file that a client has sent to the bucket itself.

    Its ETag is its MD5, as the bucket is encrypted with S3's own keys and it came in one PUT.
    """
    found = aws.client("s3").head_object(Bucket=settings.BUCKET_NAME, Key=key)
    md5 = found["ETag"].strip('"')
    return Blob(key, kind, found["ContentLength"], md5, clock.micros())


def same(blob: Blob | None, data: bytes, content_type: str) -> bool:
    """Whether a blob already is this file."""
    if blob is None or blob.content_type != content_type:
        return False
    return f"/{hashlib.sha256(data).hexdigest()}-" in blob.key


def load(key: str, part: tuple[int, int] | None = None) -> bytes:
    """Read a file, or a part of it: from one byte to another, both included."""
    place = {"Bucket": settings.BUCKET_NAME, "Key": key}
    if part is not None:
        place["Range"] = f"bytes={part[0]}-{part[1]}"
    return aws.client("s3").get_object(**place)["Body"].read()  # type: ignore[no-any-return]


def pieces(blob: Blob) -> Iterator[bytes]:
    """Read a file piece by piece, so that never more than one is held.

    Raises:
        ClientError: it is gone (NoSuchKey).
    """
    for start in range(0, blob.size, PIECE):
        yield load(blob.key, (start, min(start + PIECE, blob.size) - 1))


def forget(key: str) -> None:
    """Remove a file that nothing refers to any more.

    What fails is left for `remove_all`: the change that made the file superfluous stands.
    """
    try:
        aws.client("s3").delete_object(Bucket=settings.BUCKET_NAME, Key=key)
    except (BotoCoreError, ClientError):
        logger.warning("blob left behind", extra={"key": key})


def remove_all(prefix: str) -> None:
    """Remove every file under a prefix, its older versions too; doing it again does no harm.

    The bucket keeps versions against mishaps; what is purged must not be among them.

    Raises:
        RuntimeError: S3 would not remove some of them.
    """
    s3 = aws.client("s3")
    for versions in _pages(prefix):
        answer = s3.delete_objects(
            Bucket=settings.BUCKET_NAME,
            Delete={"Objects": versions, "Quiet": True},
        )
        # S3 answers 200 to a batch of which it removed but a part.
        if answer.get("Errors"):
            raise RuntimeError(f"not removed: {answer['Errors'][:3]}")


def _pages(prefix: str) -> Iterator[list[dict[str, str]]]:
    """Give all versions under a prefix, and the marks of those deleted, by pages of up to 1,000."""
    pages = aws.client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=settings.BUCKET_NAME, Prefix=prefix):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def link(blob: Blob, name: str) -> str:
    """Give a presigned URL that keeps the file's type and name."""
    return aws.client("s3").generate_presigned_url(  # type: ignore[no-any-return]
        "get_object",
        Params={
            "Bucket": settings.BUCKET_NAME,
            "Key": blob.key,
            "ResponseContentType": blob.content_type,
            "ResponseContentDisposition": disposition(name, blob.content_type),
        },
        ExpiresIn=LINK_LIFE,
    )


def hand_out(data: bytes, headers: Mapping[str, str]) -> str:
    """Leave an answer in the bucket for a day at most, and give a presigned URL to it.

    Args:
        data: the body, encoded as `Content-Encoding` says.
        headers: the answer's; those of its content are kept.
    """
    key = f"responses/{clock.uuid()}"
    aws.client("s3").put_object(Bucket=settings.BUCKET_NAME, Key=key, Body=data)
    return link_to(key, headers)


def link_to(key: str, headers: Mapping[str, str]) -> str:
    """Give a presigned URL to a file, with which S3 says those headers that are of its content."""
    said = {name: headers[header] for name, header in _CONTENT_HEADERS.items() if header in headers}
    place = {"Bucket": settings.BUCKET_NAME, "Key": key}
    return aws.client("s3").generate_presigned_url(  # type: ignore[no-any-return]
        "get_object", Params=place | said, ExpiresIn=LINK_LIFE
    )


def disposition(name: str, content_type: str | None = None) -> str:
    """Give the Content-Disposition of a file, as Central words it (its `http.js`)."""
    way = "inline" if content_type in _INLINE_TYPES else "attachment"
    safe = safe_name(name)
    plain = re.sub(r"[^\x00-\x7f]+", "-", safe)
    # encodeURIComponent leaves !'()*~ alone; RFC 5987 does not allow the quote, star and brackets.
    coded = quote(safe, safe="!~-._")
    return f"{way}; filename=\"{plain}\"; filename*=UTF-8''{coded}"


def safe_name(name: str) -> str:
    """Give a name that every file system can hold; '' where nothing is left of it."""
    safe = _DROPPED.sub("", name)
    safe = "" if _RESERVED.fullmatch(safe) else safe.rstrip(". ")
    return safe.encode(errors="replace")[:LONGEST_NAME].decode(errors="ignore")
