"""What may be said of a hook besides where it leads and what it hears of: all of it has a default.

Kept is what was said, so that a default which depends on another member (`bodyFormat`) follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sheaf.hooks import pattern, template
from sheaf.hooks.pattern import PatternError
from sheaf.hooks.reading import choice, count, flag, invalid, members, number, text

JSON, XML = "json", "xml"
STANDARD, KOBO, RAW = "standard", "kobo", "raw"
FULL, THIN = "full", "thin"
PER_SUBMISSION = "perSubmission"
# Seconds from one try to the next; the first is made at once. The standard one is what Standard
# Webhooks gives as an example: ten tries in about 75 hours.
SCHEDULES: Mapping[str, tuple[int, ...]] = {
    "standard": (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),
    "none": (0,),
}
# Seconds that an attempt may take; Standard Webhooks advises 15 to 30.
LONGEST_TIMEOUT = 30
MOST_RETRIES = 20
LONGEST_WAIT = 86_400
# KoBoToolbox's limit of a name; and how many there may be.
LONGEST_FIELD, MOST_FIELDS = 500, 200

DEFAULTS: Mapping[str, Any] = {
    "contentType": JSON,
    "bodyFormat": STANDARD,
    "payloadMode": FULL,
    "fields": [],
    "template": None,
    "filter": None,
    "include": {"changes": True, "previous": False, "attachmentUrls": True, "xml": False},
    "rateLimit": None,
    "ordering": "none",
    "timeoutSeconds": 15,
    "retry": {"schedule": "standard"},
    "notify": {"email": True},
}
# Of these, what is not named keeps its value.
_FLAGS = ("include", "notify")


def merge(body: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was said in all: null takes a member back to its default.

    Raises:
        InvalidHook: a member is wrong, or does not go with another.
    """
    said = {name: value for name, value in held.items() if name not in body}
    for name, read in _READERS.items():
        if body.get(name) is not None:
            said[name] = read(body[name], name)
    for name in _FLAGS:
        if name in held and name in said:
            said[name] = {**held[name], **said[name]}
    _check(shown(said))
    return said


def shown(said: Mapping[str, Any]) -> dict[str, Any]:
    """Give all members, with the defaults of those of which nothing was said."""
    whole = {**DEFAULTS, **said}
    if whole["contentType"] == XML and "bodyFormat" not in said:
        whole["bodyFormat"] = RAW
    return whole | {name: {**DEFAULTS[name], **whole[name]} for name in _FLAGS}


def schedule(said: Mapping[str, Any]) -> tuple[int, ...]:
    """Give the seconds from one try to the next, beginning with the first."""
    told = shown(said)["retry"]["schedule"]
    return (0, *told) if isinstance(told, list) else SCHEDULES[told]


def _check(whole: Mapping[str, Any]) -> None:
    """See that the members go together."""
    if whole["contentType"] == XML:
        if whole["bodyFormat"] != RAW:
            raise invalid("bodyFormat", "must be raw where contentType is xml")
        if whole["template"] is not None:
            raise invalid("template", "can be used only where contentType is json")
    if whole["payloadMode"] == THIN and whole["bodyFormat"] != STANDARD:
        raise invalid("payloadMode", "can be thin only where bodyFormat is standard")


def _choice_of(*allowed: str) -> Callable[[Any, str], str]:
    return lambda value, name: choice(value, name, allowed)


def _fields(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_FIELDS:
        raise invalid(name, f"must be a list of {MOST_FIELDS} names at most")
    return [text(each, f"{name}.{place}", LONGEST_FIELD) for place, each in enumerate(value)]


def _template(value: Any, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= template.LONGEST:
        raise invalid(name, f"must be a text of 1 to {template.LONGEST} characters")
    if not template.is_json(value):
        raise invalid(name, f"must be JSON once {template.PLACEHOLDER} is filled in")
    return value


def _filter(value: Any, name: str) -> Any:
    try:
        pattern.check(value)
    except PatternError as error:
        raise invalid(".".join(filter(None, (name, error.path))), str(error)) from None
    return value


def _flags(value: Any, name: str) -> dict[str, bool]:
    given = members(value, name, DEFAULTS[name])
    return {each: flag(on, f"{name}.{each}") for each, on in given.items()}


def _rate(value: Any, name: str) -> dict[str, float]:
    given = members(value, name, ("perSecond",))
    return {"perSecond": number(given.get("perSecond"), f"{name}.perSecond", 0.01, 1000)}


def _retry(value: Any, name: str) -> dict[str, Any]:
    told, field = members(value, name, ("schedule",)).get("schedule"), f"{name}.schedule"
    if not isinstance(told, list):
        return {"schedule": choice(told, field, SCHEDULES)}
    if not 0 < len(told) <= MOST_RETRIES:
        raise invalid(field, f"must have 1 to {MOST_RETRIES} waits, in seconds")
    waits = [count(wait, f"{field}.{place}", 1, LONGEST_WAIT) for place, wait in enumerate(told)]
    return {"schedule": waits}


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "contentType": _choice_of(JSON, XML),
    "bodyFormat": _choice_of(STANDARD, KOBO, RAW),
    "payloadMode": _choice_of(FULL, THIN),
    "fields": _fields,
    "template": _template,
    "filter": _filter,
    "include": _flags,
    "rateLimit": _rate,
    "ordering": _choice_of("none", PER_SUBMISSION),
    "timeoutSeconds": lambda value, name: count(value, name, 1, LONGEST_TIMEOUT),
    "retry": _retry,
    "notify": _flags,
}
