"""Forms with a hook each, 20 of which have quick receivers, and what happens on them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sheaf import settings
from sheaf.hooks import events
from tests.cast import xml
from tests.simulation.cloud import Item
from tests.simulation.traffic import Behaviour, Traffic, quick

HEALTHY, DYING = 20, 5
# Seconds: when the burst comes, how long there are events, and between two of a hook.
BURST_AT, LASTING, PACE = 5.0, 40.0, 2.0


@dataclass
class Field:
    """What is in the table, the hooks and their URLs, and an event for each of them."""

    items: list[Item] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def last(self, count: int) -> list[tuple[str, str]]:
        """The last hooks, each with its URL."""
        return list(zip(self.hooks[-count:], self.urls[-count:], strict=True))


_made = Field()


def of(scene: Any, way: Any, monkeypatch: Any) -> Field:
    """Make the forms, once in a process."""
    monkeypatch.setattr(settings, "DELIVERY_QUEUE_URL", "deliveries")
    monkeypatch.setattr(logging.getLogger("sheaf"), "disabled", True)
    if not _made.items:
        for number in range(HEALTHY + DYING):
            _make(scene, f"form{number}", f"http://127.0.0.1:{20_000 + number}/in")
        _made.events += way.events(events.CREATE)
        _made.items += way.aws.client("dynamodb").scan(TableName=way.table)["Items"]
    return _made


def _make(scene: Any, name: str, url: str) -> None:
    scene.form(name)
    hook = {"name": name, "url": url, "events": [events.CREATE]}
    made = scene.bob.post(f"{scene.FORMS}/{name}/hooks", hook)
    body = xml(f"uuid:{name}", form=name)
    sent = scene.bob.post(f"{scene.FORMS}/{name}/submissions", body)
    assert (made.status, sent.status) == (200, 200), made.text + sent.text
    _made.hooks.append(made.json["id"])
    _made.urls.append(url)


@contextmanager
def traffic(
    ground: Field,
    monkeypatch: Any,
    dying: Sequence[Behaviour],
    *,
    burst: int,
    fair: bool = True,
) -> Iterator[Traffic]:
    """Let the events of a while happen; so many at once are in equal parts for the last hooks."""
    behaviours = dict.fromkeys(ground.urls, quick)
    behaviours |= dict(zip(ground.urls[-len(dying) :], dying, strict=True))
    running = Traffic(ground.items, behaviours, monkeypatch, fair=fair)
    for number, event in enumerate(ground.events[:HEALTHY]):
        for turn in range(int(LASTING / PACE)):
            running.commit(event, turn * PACE + number * PACE / HEALTHY)
    for event in ground.events[-len(dying) :]:
        # So that one which is quick is trusted.
        running.commit(event, 1.0)
        for _ in range(burst // len(dying)):
            running.commit(event, BURST_AT)
    running.run(LASTING + PACE)
    try:
        yield running
    finally:
        running.timeline.close()


def healthy(running: Traffic) -> list[float]:
    """Seconds from commit to arrival at the quick receivers."""
    urls = list(running.behaviours)[:HEALTHY]
    return [each for url in urls for each in running.latencies(url)]
