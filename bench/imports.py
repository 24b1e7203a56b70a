"""How long each function takes to load, as a ratio to what every one of them needs anyway.

`python -m bench.imports [RUNS] [FUNCTION …]` loads every function in fresh processes, interleaved
with the yardstick (pynamodb with its client), and prints the least of each over all runs. Processor
time is what counts: a Lambda has a share of one, and what else this machine does is left out. The
differences carry over to Lambda, where most requests of a small project meet a cold start; the
absolute numbers do not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = 1.25
RUNS = 9
YARDSTICK = "pynamodb with its client"

# What a process is asked to do: load something, and tell how long that took.
_TIMED = """
import time
began = time.process_time()
{work}
print(time.process_time() - began)
"""
_PYNAMODB = """
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model
class Thing(Model):
    class Meta:
        table_name = "sheaf"
    pk = UnicodeAttribute(hash_key=True)
Thing._get_connection().connection.client
"""


def functions() -> list[str]:
    """All functions, as "<resource>/<verb>"."""
    return sorted(f"{app.parent.parent.name}/{app.parent.name}" for app in apps())


def apps() -> list[Path]:
    """Their files."""
    return list((ROOT / "functions").glob("*/*/app.py"))


def environment() -> dict[str, str]:
    """What Lambda would set, so that clients are made as they are there."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "layers" / "core"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TABLE_NAME": "sheaf",
        "BUCKET_NAME": "sheaf",
    }


def loading(function: str) -> str:
    """Code that loads a function as Lambda does."""
    folder = str(ROOT / "functions" / function)
    return f"import sys; sys.path.insert(0, {folder!r}); import app"


def run(code: str) -> str:
    """Run code in a fresh process and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def measure(names: list[str], runs: int) -> dict[str, float]:
    """Give the least seconds of each, and of the yardstick; runs are interleaved."""
    works = {YARDSTICK: _PYNAMODB} | {name: loading(name) for name in names}
    least = dict.fromkeys(works, float("inf"))
    for _ in range(runs):
        for name, work in works.items():
            least[name] = min(least[name], float(run(_TIMED.format(work=work))))
    return least


def main(arguments: list[str]) -> None:
    """Print the table."""
    runs = int(arguments.pop(0)) if arguments and arguments[0].isdecimal() else RUNS
    least = measure(arguments or functions(), runs)
    base = least.pop(YARDSTICK)
    print(f"{YARDSTICK}: {base * 1000:.0f} ms (least of {runs})")
    for name, seconds in sorted(least.items(), key=lambda each: -each[1]):
        mark = "" if seconds <= TARGET * base else f"  over {TARGET}"
        print(f"{seconds / base:5.2f}  {seconds * 1000:4.0f} ms  {name}{mark}")


if __name__ == "__main__":
    main(sys.argv[1:])
