"""One format of one form, measured in a process of its own: `python -m bench.measured JSON`.

So what one takes of memory is not what another has left there. The process is asked for the format
twice: of one row, so that all is loaded and connected, and of all, which is what counts. Without a
path, submissions are read, and no more.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.filling import CHECKOUT

_TICKS = os.sysconf("SC_CLK_TCK")


def spent(work: Callable[[], Any], engine: int) -> dict[str, float]:
    """Do something; give the seconds that it took: of this process, the engine's, and all told."""
    ours, theirs, clock = time.process_time(), _seconds(engine), time.monotonic()
    work()
    return {
        "ours": time.process_time() - ours,
        "engine": _seconds(engine) - theirs,
        "wall": time.monotonic() - clock,
    }


def _seconds(pid: int) -> float:
    """The processor time of another process so far."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / _TICKS


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    # getrusage() would tell that of whoever has started this one, if that was more.
    told = Path("/proc/self/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) * 1024


def read(form: Any) -> None:
    """Read all submissions, and no more."""
    from sheaf.data import stored

    for _ in stored.newest(stored.Range(form, [""])):
        pass


def ask(api: Any, path: str) -> None:
    """Ask for a format; where that is left to a worker, work."""
    answer = api.get(path)
    assert answer.status in (200, 303), answer.text  # noqa: S101
    location = answer.headers.get("location", "")
    if "/exports/" in location:
        from tests.exporting import work

        work(location.rpartition("/")[2])
        done = api.get(location)
        assert done.status == 303, done.text  # noqa: S101


def main(asked: dict[str, Any]) -> None:
    """Measure, and print what came out as JSON."""
    sys.path.insert(0, str(CHECKOUT / "layers" / "core"))
    logging.disable(logging.INFO)
    from sheaf.db import keys, reads
    from sheaf.exports import direct
    from sheaf.forms.forms import Form
    from sheaf.http import streamed
    from tests.api import InProcess

    api = InProcess().bearer(asked["token"])
    ask(api, asked["first"])
    # All in one request, however large, or nothing.
    streamed.TIME = direct.TIME = -1 if asked["job"] else 1 << 60
    direct.ROWS = direct.BYTES = 1 << 60
    form = reads.get(Form.ref(keys.form(1, asked["form"])))
    work = partial(ask, api, asked["path"]) if asked["path"] else partial(read, form)
    print(json.dumps(spent(work, asked["engine"]) | {"peak": peak()}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
