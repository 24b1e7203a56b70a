"""The URLs of a feed: its context, and the link to the next page, as ODK Central writes them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from sheaf.odata.tokens import Token

_SERVICE = ".svc"


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the URLs of an answer.

    Attributes:
        origin: scheme and host.
        path: of the request, decoded.
        query: of the request, encoded.
    """

    origin: str
    path: str
    query: str

    @property
    def service(self) -> str:
        """The URL of the service that the request is about."""
        service, parted, _ = self.path.partition(f"{_SERVICE}/")
        return self.origin + _coded(service + (_SERVICE if parted else ""))

    def context(self, table: str) -> str:
        """Give the URL that describes a table's rows."""
        return f"{self.service}/$metadata#{table}"

    def following(self, token: Token) -> str:
        """Give the request's own URL, for what comes after a row."""
        said = dict(parse_qsl(self.query, keep_blank_values=True))
        said.pop("$skip", None)
        # What URLSearchParams of JavaScript escapes, and urlencode does not.
        query = urlencode(said | {"$skiptoken": token.write()}, safe="*").replace("~", "%7E")
        return f"{self.origin}{_coded(self.path)}?{query}"


def _coded(path: str) -> str:
    """Encode a path that API Gateway has decoded."""
    return "/".join(quote(part, safe="!$&()*+,;=~@") for part in path.split("/"))
