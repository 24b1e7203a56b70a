"""The demo, as a person starts it, and the sample project, over the local stack."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import seed
from local.client import Client, quoted
from local.stack import Stack

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"


def demo(*forms: Path | str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.demo", *map(str, forms)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def given(refused: bool) -> list[Path]:
    folder = os.environ.get("SHEAF_SAMPLES")
    found = sorted(p for p in Path(folder).rglob("*.x*") if p.is_file()) if folder else []
    return [path for path in found if ("without-meta" in path.name) is refused]


@pytest.fixture(scope="module")
def played() -> subprocess.CompletedProcess[str]:
    return demo()


def test_every_step_comes_out_right(played):
    assert (played.returncode, played.stderr) == (0, "")
    assert "Everything came out right." in played.stdout


def test_it_tells_what_happens_in_plain_text(played):
    assert "\x1b" not in played.stdout
    for told in (
        "1. A stack of its own starts",
        "The manager publishes water-point.xml",
        "The manager publishes household-nutrition.xlsx",
        "hook submission.delete came to /all/water-point.xml",
        "answered 500",
        "photo-1.jpg comes back byte for byte",
        "The server says: 409.9",
    ):
        assert told in played.stdout


def test_two_forms_make_fourteen_events_and_nineteen_deliveries(played):
    # Per form: six events and a seventh after the purge, all for the hook that listens to
    # everything, two of them for the one that listens to what is new. One is sent twice.
    assert "14 events, 19 hook deliveries" in played.stdout


def test_a_missing_file_is_named_before_anything_starts():
    played = demo("nowhere.xml")
    assert played.returncode == 2
    assert played.stdout == ""
    assert played.stderr == "nowhere.xml is no file that ends in .xml, .xls, .xlsx.\n"


def test_a_form_that_is_none_is_refused_with_a_clear_line(tmp_path):
    form = tmp_path / "garbage.xml"
    form.write_text("hello")
    played = demo(form)
    assert played.returncode == 1
    assert played.stderr.startswith("\nThe server refuses garbage.xml: 400.2, Required parameter")


@pytest.mark.skipif(not given(refused=False), reason="SHEAF_SAMPLES names no folder of forms")
def test_forms_of_the_field_play_to_the_end():
    played = demo(*given(refused=False))
    assert (played.returncode, played.stderr) == (0, "")


@pytest.mark.skipif(not given(refused=True), reason="SHEAF_SAMPLES names no folder of forms")
def test_an_old_form_without_meta_is_refused_with_a_clear_line():
    [path] = given(refused=True)
    played = demo(path)
    assert played.returncode == 1
    assert played.stderr.startswith(f"\nThe server refuses {path.name}: 400.27, ")


def test_the_sample_project_is_loaded_once_however_often_it_is_asked_for():
    with Stack(port=0, aws_port=0, state=None, seed="none") as stack:
        who = (stack.url, stack.admin_email, stack.admin_password)
        loaded = seed.load(*who)
        admin = Client(stack.url).log_in(*who[1:])
        before = admin.get(loaded.path).json()
        assert seed.load(*who) == loaded
        assert admin.get(loaded.path).json() == before
        assert len(before) == seed.SUBMISSIONS
        projects = [project["name"] for project in admin.get("/v1/projects").json()]
        assert projects.count(seed.PROJECT) == 1
        slots = admin.get(f"{loaded.path}/{quoted(loaded.instance_id)}/attachments").json()
        assert slots
        assert all(slot["exists"] for slot in slots)
