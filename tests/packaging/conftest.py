"""What `sam build` makes, and the tools that judge and run it."""

import fcntl
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.emulator import clean_environment

ROOT = Path(__file__).parents[2]
SECONDS = 60


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.packaging)


def program(name):
    """The path of a tool. Some have environments of their own, for what they pin."""
    folders = [ROOT / ".venv-sam/bin", ROOT / ".venv-checkov/bin", Path(sys.executable).parent]
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    found = shutil.which(name, path=path)
    assert found, f"{name} is not installed: make setup"
    return found


def packages():
    """Where the packages of the SAM CLI's environment lie."""
    [folder] = Path(program("sam")).parent.parent.glob("lib/python*/site-packages")
    return folder


def environment(**more):
    """Variables of a program that must neither reach AWS nor tell anybody that it ran."""
    found = clean_environment()
    # Tools that a tool starts are those of this environment too.
    path = f"{Path(sys.executable).parent}{os.pathsep}{found['PATH']}"
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return found | keys | {"PATH": path, "SAM_CLI_TELEMETRY": "0"} | more


def run(*command, **more):
    """Run a tool in the checkout and give what it said; it must succeed."""
    done = subprocess.run(
        [program(command[0]), *map(str, command[1:])],
        cwd=ROOT, env=environment(**more), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@contextmanager
def running(command, *, log, until, **options):
    """Start a program in a process group of its own, wait until it answers, and end all of it."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, start_new_session=True, **options
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not until():
            assert process.poll() is None, log.read_text()[-5000:]
            assert time.monotonic() < deadline, log.read_text()[-5000:]
            time.sleep(0.02)
        yield process
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait(10)


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of `sam build`, for the Python and the machine that run the tests."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # all workers share one build
    folder = base / "built"
    with (base / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "template.yaml").exists():
            run(
                "sam", "build", "--build-dir", folder, "--cache-dir", base / "cache",
                LAYER_PYTHON=f"{sys.version_info.major}.{sys.version_info.minor}",
                LAYER_ARCHITECTURE=architecture(),
                PYTHON=sys.executable,
            )  # fmt: skip
    return folder


def architecture():
    """This machine's architecture, as Lambda names it."""
    return {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
