"""How much processor time a row costs in exports, lists and feeds, and how much memory they take.

`python -m bench.exports [COUNT …]` (5,000 and 50,000) fills a form of 40 questions, and one with
repeats in repeats besides, with so many submissions, and asks for each format, in a process of its
own: within a request, and where that is another way, by a worker. Processor time is what counts;
what else the machine does is left out as far as it can be. Told apart are the time of the storage
engine (the emulator, a process of its own), that of reading alone (the client of DynamoDB, its
JSON), and the rest, which is the product's own.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.filling import CHECKOUT, Filled, aws, filled

COUNTS = (5_000, 50_000)
PAGE = 250


@dataclass(frozen=True)
class Format:
    """What is asked for, below a form's path; of one row, and of all.

    `rows` is how many it gives, if not all; `job` whether it is left to a worker.
    """

    name: str
    first: str
    path: str
    rows: int | None = None
    job: bool = False


_ONE = "$filter=__id%20eq%20%27uuid:00000001-7b1e-4f2c-9f1d-8a37b5f1c6de%27"
READING = Format("reading", "/submissions?limit=1", "")
FORMATS = (
    Format("csv", f"/submissions.csv?{_ONE}", "/submissions.csv"),
    Format("csv.zip", f"/submissions.csv.zip?{_ONE}", "/submissions.csv.zip"),
    Format("csv.zip, worker", f"/submissions.csv.zip?{_ONE}", "/submissions.csv.zip", job=True),
    Format("list", "/submissions?limit=1", "/submissions"),
    Format("OData, all", ".svc/Submissions?$top=1", ".svc/Submissions"),
    Format("OData, worker", ".svc/Submissions?$top=1", ".svc/Submissions", job=True),
    Format("OData, a page", ".svc/Submissions?$top=1", f".svc/Submissions?$top={PAGE}", rows=PAGE),
)  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """Who measures: with a session's token, and the process id of the storage engine."""

    token: str
    engine: int

    def measure(self, data: Filled, format_: Format) -> dict[str, Any]:
        """Give what a format takes, in a process of its own."""
        asked = {
            "token": self.token,
            "engine": self.engine,
            "form": data.path.rpartition("/")[2],
            "first": data.path + format_.first,
            "path": format_.path and data.path + format_.path,
            "job": format_.job,
        }
        child = [sys.executable, "-m", "bench.measured", json.dumps(asked)]
        done = subprocess.run(child, cwd=CHECKOUT, stdout=subprocess.PIPE, check=True)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def lines(self, data: Filled, kind: str) -> Iterator[str]:
        """Give the lines of the table about a form."""
        alone = self.measure(data, READING)["ours"] / data.count
        for format_ in FORMATS:
            told, rows = self.measure(data, format_), format_.rows or data.count
            own = told["ours"] / rows - alone
            cells = [
                kind,
                f"{rows:,}",
                format_.name,
                *(f"{each * 1e6:.0f}" for each in (own, alone, told["engine"] / rows)),
                f"{1 / own:,.0f}",
                f"{rows / told['wall']:,.0f}",
                f"{told['peak'] / 1e6:.0f}",
            ]
            yield f"| {' | '.join(cells)} |"


def main(counts: list[int]) -> None:
    """Fill, ask, print."""
    with aws() as running:
        logging.disable(logging.INFO)
        from tests.api import InProcess
        from tests.cast import Cast

        cast = Cast(InProcess())
        token = cast.alice.headers["authorization"].removeprefix("Bearer ")
        bench = Bench(token, running.child.pid)
        print("| form | rows | format | own µs a row | reading | engine | rows/s and core, own "
              "| rows/s, all told | MB at most |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|---|")
        for count in counts:
            for repeats, kind in ((False, "40 questions"), (True, "with repeats")):
                name = f"{'deep' if repeats else 'flat'}{count}"
                data = filled(cast, name, count, repeats=repeats)
                for line in bench.lines(data, kind):
                    print(line, flush=True)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or list(COUNTS))
