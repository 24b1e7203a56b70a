"""The drill of an outage, as a person starts it, with fewer submissions."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def outage(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.outage", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )


def test_an_outage_leaves_no_gap_and_a_deletion_of_all_leaves_all_whole():
    played = outage("40")
    assert (played.returncode, played.stderr) == (0, "")
    assert "\x1b" not in played.stdout
    for told in (
        "4. The receiver is stopped, and 20 forms are submitted",
        "ok each has failed and waits for its next attempt",
        "ok what came since is held, without attempts",
        "ok 40 bodies have every answer of their submission",
        "reconcile: {'events': 40, 'records': 40, 'succeeded': 40, 'gaps': [], 'unasked': 0}",
        "reconcile: {'events': 80, 'records': 80, 'succeeded': 80, 'gaps': [], 'unasked': 0}",
        "ok a replay of what is missing would send nothing",
        "Everything came out right. 9 steps,",
    ):
        assert told in played.stdout


@pytest.mark.parametrize("count", ["many", "1", "-5", "10001", "²"])
def test_a_count_that_is_none_is_refused_before_anything_starts(count):
    played = outage(count)
    assert (played.returncode, played.stdout) == (2, "")
    assert played.stderr == f"{count} is no number from 2 to 10000.\n"
