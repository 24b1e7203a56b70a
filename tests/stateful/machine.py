"""What may happen, step by step, in any order."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.stateful import model
from tests.stateful.checks import Inspection
from tests.stateful.cloud import Message
from tests.stateful.model import Hook, Submission
from tests.stateful.people import FORMS, People
from tests.stateful.receiver import REPLIES
from tests.stateful.work import AFTER, BEFORE, CRASH, PAUSE, REFUSE, Fate

NONE = Fate()
FATES = st.one_of(
    st.just(NONE),
    st.just(NONE),
    st.builds(
        Fate,
        st.sampled_from([CRASH, CRASH, PAUSE, PAUSE, REFUSE]),
        st.integers(1, 9),
        st.sampled_from([BEFORE, AFTER]),
    ),
)
ALL, CHANGES, DEFAULT = list(model.TYPES), list(model.IN_ORDER), [model.CREATE]
WISHES = st.builds(
    lambda kinds, active, approved: {
        "events": kinds,
        "active": active,
        "filter": model.APPROVED if approved else None,
    },
    st.sampled_from([ALL, ALL, CHANGES, CHANGES, DEFAULT]),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([False, False, False, True]),
)
# How a hook wants it.
WAYS = st.fixed_dictionaries(
    {},
    optional={
        "ordering": st.just("perSubmission"),
        "retry": st.sampled_from(
            [{"schedule": [5, 60]}, {"schedule": "none"}, {"schedule": [5, 1000, 4000]}]
        ),
        "rateLimit": st.just({"perSecond": 0.2}),
        "contentType": st.just("xml"),
    },
)
SCRIPT = st.lists(st.sampled_from(list(REPLIES)), min_size=1, max_size=4)
MODES = ["one", "one", "many", "missing", "failed", "all"]
STATES = st.sampled_from([None, "hasIssues", "approved", "rejected"])
SECONDS = st.sampled_from([1, 5, 20, 59, 61, 100, 130, 400, 950, 4000, 100_000, 100_000])
WHICH = st.integers(0, 2**16)


# How often a function comes to no good end, and how often it is called twice.
_FAILS, _TWICE = 0.3, 0.2


def _fate(lot: Random) -> Fate:
    if lot.random() > _FAILS:
        return NONE
    kind = lot.choice([CRASH, CRASH, PAUSE, PAUSE, REFUSE])
    return Fate(kind, lot.randint(1, 9), lot.choice([BEFORE, AFTER]))


def _pick(things: list[Any], which: int) -> Any:
    return things[which % len(things)]


class Hooks(RuleBasedStateMachine):
    """A project with two forms, its hooks and their receivers, and all between them."""

    def __init__(self, people: People) -> None:
        super().__init__()
        self.people, self.cloud = people, people.cloud
        self.world, self.receivers = people.world, people.receivers
        self.clock = people.cloud.clock
        # Whether somebody empties the queue before the end.
        self.emptied = False

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                Inspection(self.people, emptied=self.emptied).run()
        finally:
            self.cloud.close()

    # What a step picks.

    def live(self) -> list[Submission]:
        return [each for each in self.world.submissions.values() if each.live]

    def trash(self) -> list[Submission]:
        found = self.world.submissions.values()
        return [
            each for each in found if each.born and each.deleted and not (each.purged or each.busy)
        ]

    def hooks(self) -> list[Hook]:
        return [each for each in self.world.hooks.values() if not (each.gone or each.busy)]

    def messages(self) -> list[Message]:
        return self.cloud.visible()

    # What people do.

    @initialize(
        kinds=st.sampled_from([ALL, CHANGES]),
        way=WAYS,
        replies=SCRIPT,
        emptied=st.booleans(),
    )
    def begin(
        self, kinds: list[str], way: dict[str, Any], replies: list[str], emptied: bool
    ) -> None:
        self.emptied = emptied
        self.people.hook(FORMS[0], NONE, {"events": kinds, "active": True, "filter": None}, **way)
        [hook] = self.hooks()
        self.receivers.scripts[hook.place].extend(REPLIES[each] for each in replies)
        self.people.create(FORMS[0], NONE, photo=True, device=False)
        [one] = self.live()
        self.people.edit(one, NONE, photo=True)
        self.people.review(one, "approved", NONE)

    @rule(
        form=st.sampled_from([FORMS[0], *FORMS]),
        fate=FATES,
        photo=st.booleans(),
        device=st.booleans(),
    )
    def create(self, form: str, fate: Fate, photo: bool, device: bool) -> None:
        self.people.create(form, fate, photo=photo, device=device)

    @precondition(lambda self: self.live())
    @rule(which=WHICH, fate=FATES, photo=st.booleans())
    def edit(self, which: int, fate: Fate, photo: bool) -> None:
        self.people.edit(_pick(self.live(), which), fate, photo=photo)

    @precondition(lambda self: self.live())
    @rule(which=WHICH, fate=FATES, state=STATES)
    def review(self, which: int, fate: Fate, state: str | None) -> None:
        self.people.review(_pick(self.live(), which), state, fate)

    @precondition(lambda self: self.live())
    @rule(which=WHICH, fate=FATES)
    def approve_all(self, which: int, fate: Fate) -> None:
        self.people.approve_all(_pick(self.live(), which).form, fate)

    @precondition(lambda self: any(each.photo for each in self.live()))
    @rule(which=WHICH, fate=FATES, content=st.sampled_from([b"", b" two"]))
    def attach(self, which: int, fate: Fate, content: bytes) -> None:
        one = _pick([each for each in self.live() if each.photo], which)
        self.people.attach(one, content, fate)

    @precondition(lambda self: any(each.file for each in self.live()))
    @rule(which=WHICH, fate=FATES)
    def clear(self, which: int, fate: Fate) -> None:
        self.people.clear(_pick([each for each in self.live() if each.file], which), fate)

    @precondition(lambda self: self.live())
    @rule(which=WHICH, fate=FATES)
    def comment(self, which: int, fate: Fate) -> None:
        self.people.comment(_pick(self.live(), which), fate)

    @precondition(lambda self: self.live())
    @rule(which=WHICH, fate=FATES)
    def delete(self, which: int, fate: Fate) -> None:
        self.people.delete(_pick(self.live(), which), fate)

    @precondition(lambda self: self.trash())
    @rule(which=WHICH, fate=FATES)
    def restore(self, which: int, fate: Fate) -> None:
        self.people.restore(_pick(self.trash(), which), fate)

    # Who restores at this moment may come before it or after it: nobody could tell.
    @precondition(lambda self: self.people.due() and not any(one.busy for one in self.people.due()))
    @rule(fate=FATES)
    def purge(self, fate: Fate) -> None:
        self.people.purge(fate)

    @rule(form=st.sampled_from(FORMS), fate=FATES)
    def publish_form(self, form: str, fate: Fate) -> None:
        self.people.publish(form, fate)

    # What they do with hooks.

    @precondition(lambda self: len(self.world.hooks) < 4)
    @rule(form=st.sampled_from([FORMS[0], *FORMS, None]), fate=FATES, wish=WISHES, way=WAYS)
    def create_hook(
        self, form: str | None, fate: Fate, wish: dict[str, Any], way: dict[str, Any]
    ) -> None:
        self.people.hook(form, fate, wish, **way)

    @precondition(lambda self: self.hooks())
    @rule(
        which=WHICH,
        fate=FATES,
        wish=WISHES,
        what=st.sampled_from(["change", "change", "disable", "enable", "remove"]),
    )
    def touch_hook(self, which: int, fate: Fate, wish: dict[str, Any], what: str) -> None:
        hook = _pick(self.hooks(), which)
        if what == "change":
            self.people.change(hook, fate, wish)
        elif what == "remove":
            self.people.remove(hook, fate)
        else:
            self.people.switch(hook, what, fate)

    @precondition(lambda self: self.hooks())
    @rule(which=WHICH, fate=FATES, mode=st.sampled_from(MODES))
    def send_again(self, which: int, fate: Fate, mode: str) -> None:
        hook = _pick(self.hooks(), which)
        if mode == "one":
            listed = self.people.api.get(f"{hook.path}/deliveries").json
            if listed:
                self.people.retry(hook, _pick(listed, which), fate)
        elif mode == "many":
            self.people.retry_all(hook, fate)
        else:
            self.people.replay(hook, mode, fate)

    @precondition(lambda self: self.hooks())
    @rule(which=WHICH, replies=SCRIPT)
    def tell_receiver(self, which: int, replies: list[str]) -> None:
        script = self.receivers.scripts[_pick(self.hooks(), which).place]
        script.extend(REPLIES[each] for each in replies)

    # What AWS does.

    @precondition(lambda self: any(self.shards()))
    @rule(which=WHICH, count=st.integers(1, 12), fate=FATES, again=st.booleans())
    def publish(self, which: int, count: int, fate: Fate, again: bool) -> None:
        shard = _pick([n for n, there in enumerate(self.shards()) if there], which)
        self.cloud.publish(shard, count, fate, again=again and fate == NONE)

    def shards(self) -> list[bool]:
        pairs = zip(self.cloud.stream, self.cloud.busy, strict=True)
        return [bool(records) and not busy for records, busy in pairs]

    @precondition(lambda self: self.cloud.bus)
    @rule(which=WHICH, fate=FATES, twice=st.booleans())
    def match(self, which: int, fate: Fate, twice: bool) -> None:
        self.cloud.match(which % len(self.cloud.bus), fate, twice=twice and fate == NONE)

    @precondition(lambda self: self.messages())
    @rule(which=WHICH, count=st.integers(1, 3), fate=FATES, twice=st.booleans())
    def deliver(self, which: int, count: int, fate: Fate, twice: bool) -> None:
        shown = self.messages()
        first = which % len(shown)
        self.cloud.deliver(
            (shown + shown)[first : first + min(count, len(shown))], fate, twice=twice
        )

    @rule(fate=FATES)
    def sweep(self, fate: Fate) -> None:
        self.cloud.sweep(fate)

    @rule()
    def all_goes_well(self) -> None:
        """A moment in which nothing goes wrong."""
        for shard, there in enumerate(self.shards()):
            if there:
                self.cloud.publish(shard, 100, NONE)
        for _ in range(len(self.cloud.bus)):
            self.cloud.match(0, NONE)
        for message in self.messages():
            self.cloud.deliver([message], NONE)

    @rule(seed=st.integers(0, 2**32))
    def all_goes_as_it_may(self, seed: int) -> None:
        """A moment in which each function is called, and each may fail."""
        lot = Random(seed)
        for _ in self.cloud.stream:
            if any(self.shards()):
                self.publish(
                    lot.randrange(2**16), lot.randint(1, 12), _fate(lot), lot.random() < _TWICE
                )
        for _ in range(len(self.cloud.bus)):
            if self.cloud.bus:
                self.match(lot.randrange(2**16), _fate(lot), lot.random() < _TWICE)
        for _ in range(len(self.messages())):
            if self.messages():
                self.deliver(lot.randrange(2**16), 1, _fate(lot), lot.random() < _TWICE)
        self.cloud.sweep(_fate(lot))

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds)
        self.cloud.kill_late()

    @precondition(lambda self: self.cloud.standing)
    @rule(which=WHICH, killed=st.sampled_from([False, False, True]))
    def go_on(self, which: int, killed: bool) -> None:
        number = which % len(self.cloud.standing)
        self.cloud.kill(number) if killed else self.cloud.go_on(number)

    @rule(which=WHICH, lost=st.booleans())
    def forget(self, which: int, lost: bool) -> None:
        """Processes that are idle go; and somebody may have emptied the queue."""
        self.cloud.forget()
        if lost and self.cloud.queue:
            self.cloud.queue.pop(which % len(self.cloud.queue))
