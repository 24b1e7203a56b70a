"""What a client may say of a hook, and when it makes sense.

A change is judged on the hook that would result, never on the members alone that were sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sheaf.hooks import credentials, events, options, targets
from sheaf.hooks.credentials import Credentials, Held
from sheaf.hooks.reading import flag, invalid, text
from sheaf.hooks.targets import RefusedError

if TYPE_CHECKING:
    from sheaf.hooks.keyring import Keyring
    from sheaf.hooks.records import Hook

LONGEST_NAME = 255
MEMBERS = ("name", "url", "active", "events", *options.DEFAULTS, "auth", "headers")


@dataclass(frozen=True, slots=True)
class Draft:
    """A hook as it is to be; `options` are those of which something was said."""

    name: str
    url: str
    active: bool
    events: tuple[str, ...]
    options: Mapping[str, Any]
    credentials: Credentials

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON of a new hook: name and url are required.

        Raises:
            InvalidHook: a member is unknown, absent or wrong.
        """
        return cls._read(body, {}, {}, None)

    @classmethod
    def merged(cls, body: Mapping[str, Any], hook: Hook, keyring: Keyring) -> Self:
        """Read the JSON of a change to a hook that has these secrets.

        Raises:
            InvalidHook: a member is unknown, or the hook would be wrong.
        """
        before = {"name": hook.name, "url": hook.url, "active": hook.active}
        held = Held(hook.auth, keyring.words, keyring.headers, hook.url)
        return cls._read(body, before | {"events": list(hook.events)}, hook.said, held)

    @classmethod
    def _read(
        cls,
        body: Mapping[str, Any],
        before: Mapping[str, Any],
        said: Mapping[str, Any],
        held: Held | None,
    ) -> Self:
        for name in body:
            if name not in MEMBERS:
                raise invalid(name, "is not a member of a hook")
        whole = {"active": True, "events": list(events.DEFAULT), **before, **body}
        url = _url(whole.get("url"), before.get("url"))
        return cls(
            text(whole.get("name"), "name", LONGEST_NAME),
            url,
            flag(whole["active"], "active"),
            _events(whole["events"]),
            options.merge(body, said),
            credentials.read(body, url, held),
        )


def _url(value: Any, before: str | None) -> str:
    url = text(value, "url", targets.LONGEST)
    # One that stays is not resolved anew: a receiver whose name is gone can still be renamed.
    try:
        targets.parse(url) if url == before else targets.check(url)
    except RefusedError as refused:
        raise invalid("url", str(refused)) from None
    return url


def _events(value: Any) -> tuple[str, ...]:
    """Read a list of types; each is kept once, in the order in which they happen."""
    if not isinstance(value, list) or not value:
        raise invalid("events", "must be a list of at least one type of event")
    for each in value:
        if each not in events.TYPES:
            raise invalid("events", f"must be of {', '.join(events.TYPES)}")
    return tuple(each for each in events.TYPES if each in value)
