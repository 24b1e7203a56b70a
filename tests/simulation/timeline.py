"""Simulated time: tasks that take turns, and sleep without anybody waiting.

Each task is a thread, so that the product's code needs no other form; only one runs at a time, and
the clock stands still while it does. When all sleep, it jumps to the first that wakes up. So what
happens depends on nothing but the order of those moments.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any

# Where the clock begins (seconds since 1970).
START = 2_000_000_000.0

# Real seconds after which nothing can be under way any more.
_STUCK = 300


class EndError(BaseException):
    """The simulation is over: what still sleeps ends here."""


class Task:
    """Some work, with what came of it; as `concurrent.futures.Future` for those who wait for it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.begun = self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.waiting: list[Task] = []
        # Held while it sleeps.
        self.turn = threading.Lock()
        # Which sleep it is in: an alarm of an earlier one is void.
        self.sleep = 0

    def result(self) -> Any:
        assert self.done
        if self.error is not None:
            raise self.error
        return self.value


class Timeline:
    """The clock, and whose turn it is. `now` is in seconds from the start."""

    def __init__(self) -> None:
        self.now = self._until = 0.0
        self._over = False
        self._alarms: list[tuple[float, int, Task, int]] = []
        self._numbers = itertools.count()
        # Threads that have nothing to do, each with where its next task is put.
        self._idle: list[tuple[threading.Lock, list[Task]]] = []
        self._paused = threading.Lock()
        self._paused.acquire()
        self._running: Task | None = None
        self._micros = 0
        self._errors: list[Exception] = []

    def micros(self) -> int:
        """As `clock.micros`: growing with every call."""
        self._micros = max(self._micros + 1, int((START + self.now) * 1_000_000))
        return self._micros

    def spawn(self, work: Callable[[], Any], after: float = 0.0) -> Task:
        """Let a task begin that nobody waits for: what it raises, `run` does."""
        task = Task(partial(self._watch, work))
        self.alarm(task, after)
        return task

    def _watch(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:
            self._errors.append(error)
            raise

    def alarm(self, task: Task, seconds: float) -> None:
        """Let a task begin or wake up in so many seconds."""
        self._alarm_at(task, self.now + max(seconds, 0.0))

    def _alarm_at(self, task: Task, moment: float) -> None:
        heapq.heappush(self._alarms, (moment, next(self._numbers), task, task.sleep))

    def sleep(self, seconds: float) -> None:
        """Let the running task sleep."""
        self.alarm(self._me, seconds)
        self._rest()

    def wait(self, tasks: Iterable[Task], timeout: float | None, *, first: bool) -> Any:
        """As `concurrent.futures.wait`."""
        tasks, end = set(tasks), None if timeout is None else self.now + timeout
        me = self._me
        while True:
            left = {task for task in tasks if not task.done}
            enough = first and len(left) < len(tasks)
            if not left or enough or (end is not None and self.now >= end):
                return SimpleNamespace(done=tasks - left, not_done=left)
            for task in left:
                task.waiting.append(me)
            if end is not None:
                self._alarm_at(me, end)
            self._rest()

    def run(self, until: float) -> None:
        """Let time pass; called from outside.

        Raises:
            Exception: what a task that was spawned has raised.
        """
        self._until = until
        self._go_on(None)
        assert self._paused.acquire(timeout=_STUCK), "a task waits for what is outside of this time"
        if self._errors:
            raise self._errors[0]
        self.now = until

    def close(self) -> None:
        """End what still sleeps, and the threads."""
        self._over, self._errors = True, []
        self._go_on(None)
        self._paused.acquire()
        for turn, _ in self._idle:
            turn.release()

    @property
    def _me(self) -> Task:
        assert self._running is not None
        return self._running

    def _rest(self) -> None:
        me = self._me
        if not me.turn.locked():
            me.turn.acquire()
        self._go_on(me)
        me.turn.acquire()
        self._running = me
        if self._over:
            raise EndError

    def _next(self) -> Task | None:
        """Give whose turn it is, and put the clock forward to it."""
        while self._alarms and not self._errors:
            moment, _, task, sleep = self._alarms[0]
            if moment > self._until and not self._over:
                return None
            heapq.heappop(self._alarms)
            if not task.done and task.sleep == sleep:
                self.now = max(self.now, moment)
                task.sleep += 1
                return task
        return None

    def _go_on(self, me: Task | None) -> None:
        """Hand the turn on; to itself, if it is first."""
        task = self._next()
        if task is None:
            self._paused.release()
        elif task.begun:
            task.turn.release()
        elif self._idle:
            turn, box = self._idle.pop()
            box.append(task)
            turn.release()
        else:
            threading.Thread(target=self._serve, args=(task,), daemon=True).start()

    def _serve(self, task: Task | None) -> None:
        turn, box = threading.Lock(), []
        turn.acquire()
        while task is not None:
            self._perform(task)
            task = self._next()
            if task is not None and not task.begun:
                continue
            self._idle.append((turn, box))
            (self._paused if task is None else task.turn).release()
            turn.acquire()
            task = box.pop() if box else None

    def _perform(self, task: Task) -> None:
        task.begun, self._running = True, task
        try:
            if not self._over:
                task.value = task.work()
        except BaseException as error:
            task.error = error
        task.done = True
        for waiting in task.waiting:
            self.alarm(waiting, 0)


class Pool:
    """As `concurrent.futures.ThreadPoolExecutor`."""

    def __init__(self, timeline: Timeline, max_workers: int) -> None:
        self._timeline, self._free = timeline, max_workers
        self._queue: deque[Task] = deque()
        self._all: list[Task] = []

    def submit(self, work: Callable[..., Any], /, *args: Any) -> Task:
        task = Task(lambda: self._run(work, args))
        self._all.append(task)
        if self._free:
            self._free -= 1
            self._timeline.alarm(task, 0)
        else:
            self._queue.append(task)
        return task

    def map(self, work: Callable[..., Any], each: Iterable[Any]) -> list[Any]:
        tasks = [self.submit(work, one) for one in each]
        self._timeline.wait(tasks, None, first=False)
        return [task.result() for task in tasks]

    def _run(self, work: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        try:
            return work(*args)
        finally:
            if self._queue:
                self._timeline.alarm(self._queue.popleft(), 0)
            else:
                self._free += 1

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._timeline.wait(self._all, None, first=False)


class Timer:
    """As `threading.Timer`."""

    def __init__(self, timeline: Timeline, seconds: float, work: Any, args: Any) -> None:
        self._timeline, self._seconds = timeline, seconds
        self._work, self._args = work, args
        self._task: Task | None = None
        self._cancelled = self.daemon = False

    @property
    def ident(self) -> int | None:
        return None if self._task is None else id(self._task)

    def start(self) -> None:
        self._task = self._timeline.spawn(self._run, self._seconds)

    def _run(self) -> None:
        if not self._cancelled:
            self._work(*self._args)

    def cancel(self) -> None:
        self._cancelled = True
        if self._task is not None and not self._task.begun:
            self._task.done = True

    def join(self) -> None:
        self._timeline.wait([] if self._task is None else [self._task], None, first=False)
