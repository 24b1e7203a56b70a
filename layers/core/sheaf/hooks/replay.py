"""Sending again: what a client may ask for, how much that is, and the work of the job that does it.

A *retry* goes through a hook's deliveries of some states. A *replay* goes through what has
happened, whether or not the hook was there: it makes the deliveries that are missing, and may send
those again that exist. Either way there is one delivery for a hook and an event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from sheaf import clock, fields
from sheaf.access.auth import Auth
from sheaf.db import keys
from sheaf.hooks import deliveries, events, jobs, pattern
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.events import Event
from sheaf.hooks.feeds import Feed, Span
from sheaf.hooks.jobs import REPLAY, RETRY, HookJob
from sheaf.hooks.pattern import PatternError
from sheaf.hooks.records import Hook
from sheaf.problems import HookTurnedOff, InvalidDataType, TooMuch, UnexpectedValue

# How many deliveries one request may be about.
MOST = 10_000
MISSING, FAILED, ALL = "missing", "failed", "all"
MODES = (MISSING, FAILED, ALL)
# Deliveries that ended without success: what a retry is about unless it is told, and what the mode
# "failed" of a replay sends again besides making what is missing.
UNDONE = (deliveries.FAILED, deliveries.BLOCKED, deliveries.CANCELLED)
# What a retry may be about: what is settled, and what waits for an attempt that may be hours away.
AGAIN = (*deliveries.SETTLED, deliveries.RETRYING)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be sent again.

    `states` are those of which deliveries are sent again. A replay has `types` of events, and may
    have a `pattern` that they must fit; without types it is a retry, and nothing is made anew.
    """

    span: Span
    states: Collection[str]
    types: tuple[str, ...] | None = None
    pattern: Mapping[str, Any] | None = None
    mode: str | None = None
    dry: bool = False

    @classmethod
    def retry(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON of a retry: `state`, `start`, `end`.

        Raises:
            InvalidDataType, UnexpectedValue: a member is wrong.
        """
        states = fields.texts(body, "state") or list(UNDONE)
        for state in states:
            fields.choice(state, "state", AGAIN, "only what is settled or retrying is sent again")
        return cls(Span.of(body), tuple(dict.fromkeys(states)))

    @classmethod
    def replay(cls, body: Mapping[str, Any], hook: Hook) -> Self:
        """Read the JSON of a replay: `start`, `end`, `events`, `filter`, `mode`, `dryRun`.

        Raises:
            InvalidDataType, UnexpectedValue: a member is wrong.
        """
        mode = body.get("mode", MISSING)
        fields.choice(mode, "mode", MODES, "must be missing, failed or all")
        types = fields.texts(body, "events") or list(hook.events)
        for each in types:
            fields.choice(each, "events", events.TYPES, "not a type of event")
        return cls(
            Span.of(body),
            {MISSING: (), FAILED: UNDONE, ALL: deliveries.SETTLED}[mode],
            types=tuple(each for each in events.TYPES if each in types),
            pattern=_pattern(body) if "filter" in body else hook.options["filter"],
            mode=mode,
            dry=bool(fields.optional_flag(body, "dryRun")),
        )

    @classmethod
    def of(cls, job: HookJob) -> Self:
        """Read what a job was asked for."""
        told = job.asked
        types = told.get("events")
        return cls(
            Span(told["start"], told["end"]),
            told["states"],
            types=None if types is None else tuple(types),
            pattern=told.get("filter"),
            mode=told.get("mode"),
            dry=told.get("dryRun", False),
        )

    def to_job(self) -> dict[str, Any]:
        """Give it as a job keeps it."""
        told = {"start": self.span.start, "end": self.span.end, "states": list(self.states)}
        if self.types is None:
            return told
        more = {"events": list(self.types), "filter": self.pattern, "mode": self.mode}
        return told | more | {"dryRun": self.dry}


@dataclass(frozen=True, slots=True)
class Step:
    """An event of which something is to be done, and its delivery where there is one."""

    key: str
    event: Event | None
    delivery: Delivery | None


def start(hook: Hook, asked: Asked, *, by: Auth) -> HookJob:
    """Count what was asked for, and let a job do it.

    Raises:
        HookTurnedOff: the hook is told of nothing.
        TooMuch: it is more than one request may be about.
    """
    if not hook.active:
        raise HookTurnedOff
    matched = 0
    walk = Walk(hook, asked)
    for step in walk:
        matched += 1
        if matched > MOST:
            raise TooMuch(limit=MOST, until=clock.iso(keys.micros(step.key)))
    if walk.until < asked.span.end:
        raise TooMuch(limit=MOST, until=clock.iso(walk.until))
    kind = RETRY if asked.types is None else REPLAY
    # What a filter lets through, the job finds out.
    known = None if asked.pattern is not None else matched
    return jobs.create(hook, kind, asked.to_job(), known, by=by)


@dataclass(slots=True)
class Walk:
    """What was asked for, event by event, the oldest first; what a filter says is not known yet.

    `place` is the event after which to begin, `job` whose deliveries count as not done.
    `until` is how far (micros) everything has been seen.
    """

    hook: Hook
    asked: Asked
    place: str = ""
    job: str | None = None
    until: int = 0

    def __iter__(self) -> Iterator[Step]:
        """Give the steps."""
        for step in self._records() if self.asked.types is None else self._events():
            if step.key > self.place and self._wanted(step.delivery):
                yield step

    def _wanted(self, delivery: Delivery | None) -> bool:
        if delivery is None:
            return True
        mine = self.job is not None and delivery.job == self.job
        return mine or delivery.state in self.asked.states

    def _records(self) -> Iterator[Step]:
        for delivery in deliveries.between(self.hook.id, self._keys):
            yield Step(delivery.sk, None, delivery)
        self.until = self.asked.span.end

    def _events(self) -> Iterator[Step]:
        """Join what has happened with the deliveries there are: both come in the same order."""
        records = iter(deliveries.between(self.hook.id, self._keys))
        record = next(records, None)
        feed = Feed(self.hook, self._span, self.asked.types or ())
        for event in feed:
            key = events.key(event)
            while record is not None and record.sk < key:
                record = next(records, None)
            there = record if record is not None and record.sk == key else None
            yield Step(key, event, there)
        self.until = feed.until

    @property
    def _span(self) -> Span:
        """What is left of the span."""
        begun = keys.micros(self.place) if self.place else 0
        return Span(max(self.asked.span.start, begun), self.asked.span.end)

    @property
    def _keys(self) -> tuple[str, str]:
        return self._span.keys


def _pattern(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    wanted = body["filter"]
    if wanted is None:
        return None
    try:
        pattern.check(wanted)
    except PatternError as error:
        path = ".".join(filter(None, ("filter", error.path)))
        raise UnexpectedValue(field=path, value=wanted, reason=str(error)) from None
    if not isinstance(wanted, dict):
        raise InvalidDataType("object", field="filter")
    return wanted
