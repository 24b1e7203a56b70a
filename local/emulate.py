"""The emulator's process: ministack, made to keep its state better and to end with the launcher.

ministack saves its state only when it is stopped gracefully, and what stands in a DynamoDB stream
not at all, while the readers' positions in it are saved. Here the state is saved while it runs,
and the unread part of each stream with it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import ministack.app as ministack
from ministack.core import persistence
from ministack.core.persistence import save_all
from ministack.services import dynamodb, lambda_svc

from local.child import Channel, channel_of_child

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds from a change to its save, and how many times longer than a save the pause after it is:
# saving stops the emulator, so it may take a tenth of the time at most.
_DELAY = 1.0
_PAUSE = 10
_STREAMS = "unread_streams"
_GRACE = 15

_changed = threading.Event()
_orphaned = threading.Event()


def main() -> None:
    """Run ministack until the launcher stops it or is gone."""
    threading.Thread(target=_end_with_launcher, args=(channel_of_child(),), daemon=True).start()
    if persistence.PERSIST_STATE:
        _keep_streams()
        _notice_changes()
        threading.Thread(target=_save_changes, daemon=True).start()
    # It reads the command line too.
    del sys.argv[1:]
    try:
        ministack.main()
    finally:
        folder = os.environ.get("LOCAL_TEMPORARY_FOLDER")
        if _orphaned.is_set() and folder:
            shutil.rmtree(folder, ignore_errors=True)


def _end_with_launcher(channel: Channel) -> None:
    for _ in channel:
        # All that the launcher ever asks for.
        _save_now()
        channel.send({"kind": "saved"})
    _orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


def _notice_changes() -> None:
    serve = ministack.app

    async def noticing(scope: Any, receive: Any, send: Any) -> None:
        await serve(scope, receive, send)
        _changed.set()

    ministack.app = noticing


def _save_changes() -> None:
    while _changed.wait():
        time.sleep(_DELAY)
        _changed.clear()
        started = time.monotonic()
        _save_now()
        time.sleep(_PAUSE * (time.monotonic() - started))


def _save_now() -> None:
    """Save on the loop itself, where every DynamoDB request runs: no transaction by half."""
    asyncio.run_coroutine_threadsafe(_save(), ministack._MAIN_LOOP).result()


async def _save() -> None:
    save_all(ministack._build_persistence_save_dict())


def _keep_streams() -> None:
    """Save the unread stream records with the rest, and read them back before anything runs."""
    rest_of_state = ministack._build_persistence_save_dict
    load_rest = ministack._load_persisted_state

    def all_state() -> dict[str, Callable[[], Any]]:
        return {_STREAMS: _unread, **rest_of_state()}

    def load_all() -> None:
        load_rest()
        _restore(persistence.load_state(_STREAMS) or {})

    ministack._build_persistence_save_dict = all_state
    ministack._load_persisted_state = load_all


def _unread() -> dict[str, list[Any]]:
    """List, by account, region and table, the records that some reader has yet to handle."""
    starts: dict[tuple[str, str, str], int] = {}
    for (account, region, mapping), position in _positions():
        source = lambda_svc._esms.get_scoped(account, region, mapping, {}).get("EventSourceArn", "")
        if "/stream/" in source:
            table = (account, region, source.split("/stream/")[0].rpartition("/")[2])
            starts[table] = min(position, starts.get(table, position))
    return {
        "/".join(table): _records(table)[max(0, start - _trimmed(table)) :]
        for table, start in starts.items()
    }


def _positions() -> list[tuple[tuple[str, str, str], int]]:
    with lambda_svc._dynamodb_stream_positions_lock:
        return list(lambda_svc._dynamodb_stream_positions.all_items())


def _records(table: tuple[str, str, str]) -> list[Any]:
    return list(dynamodb._stream_records.get_scoped(*table, []))


def _trimmed(table: tuple[str, str, str]) -> int:
    return int(dynamodb._stream_trimmed.get_scoped(*table, 0))


def _restore(unread: dict[str, list[Any]]) -> None:
    """Put the unread records back, with every reader at the first of them."""
    for table, records in unread.items():
        dynamodb._stream_records.set_scoped(*table.split("/", 2), records)
    with lambda_svc._dynamodb_stream_positions_lock:
        for mapping, _ in list(lambda_svc._dynamodb_stream_positions.all_items()):
            lambda_svc._dynamodb_stream_positions.set_scoped(*mapping, 0)


if __name__ == "__main__":
    main()
