"""A form with a repeat in a repeat, and submissions of it: what feeds and exports are tried on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api import Answer
from tests.cast import Cast

DATA = Path(__file__).parent / "data"
FORM = f"{Cast.FORMS}/families"
FEED = f"{FORM}.svc"
SOURCE = (DATA / "forms/families.xml").read_bytes()
# The children of a family, each with its toys.
Children = dict[str, list[str]]


def xml(
    instance_id: str,
    name: str = "Vick",
    children: Children | None = None,
    *,
    age: int | str = "",
    deprecated: str | None = None,
) -> bytes:
    """A family."""
    old = f"<orx:deprecatedID>{deprecated}</orx:deprecatedID>" if deprecated else ""
    rows = "".join(
        f"<child><name>{child}</name><toys>"
        + "".join(f"<toy><name>{toy}</name></toy>" for toy in toys)
        + "</toys></child>"
        for child, toys in (children or {}).items()
    )
    return (
        '<data xmlns:orx="http://openrosa.org/xforms" id="families" version="1.0">'
        f"<orx:meta><orx:instanceID>{instance_id}</orx:instanceID>{old}</orx:meta>"
        f"<name>{name}</name><age>{age}</age><children>{rows}</children></data>"
    ).encode()


def form(cast: Cast) -> None:
    """Publish the form."""
    answer = cast.alice.post(f"{cast.FORMS}?publish=true", SOURCE)
    assert answer.status == 200, answer.text


def submit(cast: Cast, instance_id: str, *rest: Any, by: Any = None, **said: Any) -> Answer:
    """Send a family."""
    sent = (by or cast.alice).post(f"{FORM}/submissions", xml(instance_id, *rest, **said))
    assert sent.status == 200, sent.text
    return sent
