"""A request, as handlers see it: read from API Gateway's event (payload 2.0), parsed when asked."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from sheaf import settings
from sheaf.access.auth import Auth
from sheaf.db import reads
from sheaf.db.reads import Lookup
from sheaf.http import authenticate
from sheaf.problems import BadEncoding, BadHeader, BodyTooLarge, NotUtf8, Unparsable

if TYPE_CHECKING:
    from sheaf.http.multipart import Part

_T = TypeVar("_T")

# Central's limit for JSON bodies.
JSON_LIMIT = 250 * 1024
# No client nests deeper, and what handles the parsed body may recurse.
JSON_DEPTH = 100
# Central cuts what clients say of themselves to this many characters.
CLIENT_LIMIT = 255
_HOPS = re.compile("[0-9]{1,4}")


@dataclass(slots=True)
class _State:
    auth: Auth | None = None


@dataclass(frozen=True)
class Request:
    """What was asked. `path` holds the route's variables, decoded; header names are lower-case."""

    method: str
    raw_path: str
    raw_query: str
    route: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    raw_body: bytes
    exact: bool
    id: str
    _state: _State = field(default_factory=_State, repr=False)

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Request:
        """Read an HTTP API event. Its path is decoded, its query is not."""
        context = event["requestContext"]
        headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
        body = event.get("body") or ""
        return cls(
            method=context["http"]["method"],
            raw_path=event["rawPath"],
            raw_query=event.get("rawQueryString", ""),
            route=event.get("routeKey", "$default"),
            path=event.get("pathParameters") or {},
            headers=headers,
            cookies=_cookies(event.get("cookies") or [headers.get("cookie", "")]),
            raw_body=b64decode(body) if event.get("isBase64Encoded") else body.encode(),
            exact=event.get("isBase64Encoded") or "\ufffd" not in body,
            id=context.get("requestId", ""),
        )

    def authenticate(self) -> Auth:
        """Find out who asks, unless that is known already.

        Raises:
            AuthenticationFailed, HttpsOnly, Forbidden: see `http.authenticate`.
            BadHeader: the notes that are to be kept with what the actor does do not decode.
        """
        if self._state.auth is None:
            reads.gather(self._authenticate())
        return self._state.auth  # type: ignore[return-value]

    @property
    def content(self) -> bytes:
        """The body where every byte counts: XML and files.

        API Gateway hands text types (`text/*`, XML, JSON) over as text. Bytes that are no UTF-8 are
        lost on the way, so what may have lost some is refused rather than kept.

        Raises:
            NotUtf8: the body holds replacement characters and came as text.
        """
        if not self.exact:
            raise NotUtf8
        return self.raw_body

    @property
    def auth(self) -> Auth:
        """Who asks; see `authenticate`."""
        return self.authenticate()

    @property
    def authenticated(self) -> bool:
        """Whether the handler has learnt who asks."""
        return self._state.auth is not None

    def find(self, lookup: Lookup[_T]) -> _T:
        """Run a lookup, in the same calls that tell who asks where that is not known yet.

        Raises:
            Problem: of `authenticate` before any of the lookup itself.
        """
        if self._state.auth is not None:
            (found,) = reads.gather(lookup)
        else:
            _, found = reads.gather(self._authenticate(), lookup)
        return found  # type: ignore[no-any-return]

    def _authenticate(self) -> Lookup[None]:
        identity = yield from authenticate.lookup(self)
        self._state.auth = Auth(
            identity.actor, identity.session, self.notes, identity.tests, self.hops
        )

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters; of a repeated one, the last."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def values(self, name: str) -> tuple[str, ...]:
        """Give all that a query parameter says, each once; what is empty says nothing."""
        pairs = parse_qsl(self.raw_query)
        return tuple(dict.fromkeys(value for key, value in pairs if key == name))

    @property
    def quoted_path(self) -> str:
        """The path as clients write it."""
        return quote(self.raw_path, safe="/:@!$&'()*+,;=~")

    @property
    def origin(self) -> str:
        """Scheme and host of the API, as its links show them: the stack's own, if it has one."""
        if settings.ORIGIN:
            return settings.ORIGIN
        scheme = self.headers.get("x-forwarded-proto", "https")
        return f"{scheme}://{self.headers.get('host', '')}"

    @property
    def draft(self) -> bool:
        """Whether the route is about a form's draft and what was sent to it."""
        return "/forms/{xmlFormId}/draft" in self.route

    @property
    def extended(self) -> bool:
        """Whether the client wants extended metadata."""
        return self.headers.get("x-extended-metadata", "").lower() == "true"

    @cached_property
    def notes(self) -> str | None:
        """The percent-encoded notes that go into every audit row of this request.

        Raises:
            BadHeader: they do not decode.
        """
        value = self.headers.get("x-action-notes")
        if value is None:
            return None
        try:
            notes = unquote_to_bytes(value.encode()).decode()
        except UnicodeError:
            notes = None
        if notes is None or not all(_escape(part) for part in value.split("%")[1:]):
            raise BadHeader("x-action-notes")
        return notes

    @property
    def hops(self) -> int:
        """How many systems the request is the echo of; a receiver of hooks passes it on."""
        said = self.headers.get("webhook-hops", "")
        return int(said) if _HOPS.fullmatch(said) else 0

    @property
    def content_type(self) -> str:
        """The media type of the body, in lower case and without parameters; empty if not said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The charset that the Content-Type names."""
        return self.parameter("charset")

    def parameter(self, wanted: str) -> str | None:
        """Give a parameter of the Content-Type."""
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.strip().partition("=")
            if name.lower() == wanted:
                return value.strip("\"' ")
        return None

    @cached_property
    def json(self) -> dict[str, Any]:
        """The JSON body, an object; an absent or other body is an empty one, as in Central.

        Raises:
            BadEncoding: it is compressed.
            BodyTooLarge: over 250 kB.
            Unparsable: it says that it is JSON and is not.
        """
        if "json" not in (self.content_type or "json"):
            return {}
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadEncoding
        if len(self.raw_body) > JSON_LIMIT:
            raise BodyTooLarge
        text = self.raw_body.decode(errors="replace")
        if not text.strip():
            return {}
        try:
            body = _parse(text)
        except (ValueError, RecursionError):
            # JavaScript counts UTF-16 units.
            length = len(text.encode("utf-16-le")) // 2
            raise Unparsable(format="json", rawLength=length) from None
        return body if isinstance(body, dict) else {}

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts of a multipart form; none, where the body is no such form.

        Raises:
            MultipartUnparsable: it is broken.
        """
        boundary = self.parameter("boundary")
        if self.content_type != "multipart/form-data" or not boundary:
            return ()
        from sheaf.http import multipart  # which most requests are not

        return multipart.read(self.content, boundary)

    @property
    def members(self) -> dict[str, Any]:
        """The members of the body, which is JSON or urlencoded as HTML forms are.

        Raises:
            BadEncoding, BodyTooLarge, Unparsable: see `json`.
        """
        if self.content_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(self.raw_body.decode(errors="replace"), keep_blank_values=True))
        return self.json

    @property
    def device_id(self) -> str | None:
        """The device that `?deviceID=` names."""
        return self.query.get("deviceID", "")[:CLIENT_LIMIT] or None

    @property
    def user_agent(self) -> str | None:
        """What the client calls itself, with the form engine inside it (`ODK-Client`) first."""
        names = (self.headers.get("odk-client"), self.headers.get("user-agent"))
        return " ".join(name for name in names if name).strip()[:CLIENT_LIMIT] or None

    def has(self, etag: str | None) -> bool:
        """Whether If-None-Match names an ETag, compared weakly (RFC 9110, 13.1.2)."""
        given = self.headers.get("if-none-match")
        if given is None or etag is None:
            return False
        candidates = {candidate.strip().removeprefix("W/") for candidate in given.split(",")}
        return "*" in candidates or etag.removeprefix("W/") in candidates

    def suffixed(self, variable: str, *suffixes: str) -> tuple[dict[str, str], str]:
        """Split a suffix off a path variable: HTTP APIs have no routes like `{id}.xml`.

        Returns:
            The path variables without it, and the suffix, or an empty one.
        """
        value = self.path[variable]
        for suffix in suffixes:
            if value.endswith(suffix) and value != suffix:
                return {**self.path, variable: value.removesuffix(suffix)}, suffix
        return dict(self.path), ""


def _cookies(lines: list[str]) -> dict[str, str]:
    pairs = (pair.split("=", 1) for line in lines for pair in line.split(";") if "=" in pair)
    return {name.strip(): value.strip() for name, value in pairs}


def _escape(part: str) -> bool:
    return len(part) >= 2 and all(digit in "0123456789abcdefABCDEF" for digit in part[:2])


def _parse(text: str) -> Any:
    """Parse JSON that can be stored and given back.

    Raises:
        ValueError, RecursionError: it is none, or no object or list, or what JSON allows and
            nothing else does: lone surrogates, numbers beyond a double, nesting without end.
    """
    body = json.loads(text, parse_constant=_refuse)
    json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    level = [body] if isinstance(body, (dict, list)) else []
    for _ in range(JSON_DEPTH):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [child for part in inner for child in part if isinstance(child, (dict, list))]
    if level or not isinstance(body, (dict, list)):
        raise ValueError(text[:20])
    return body


def _refuse(constant: str) -> None:
    raise ValueError(constant)
