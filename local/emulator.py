"""The AWS of the local stack: ministack in a process of its own, and clients for it."""

from __future__ import annotations

import functools
import os
import shutil
import socket
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from local.child import Child
from local.options import CHECKOUT

if TYPE_CHECKING:
    from local.folder import Folder

REGION = "us-east-1"
ACCOUNT = "000000000000"
# The emulator takes these for the account's root, which may do anything even with IAM enforced.
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
_START_SECONDS = 30
_STOP_SECONDS = 30


class StartError(RuntimeError):
    """Something that the stack needs did not start; the message is for a person."""


class Emulator:
    """A running ministack that listens on 127.0.0.1 only.

    Args:
        port: Where to listen.
        folder: Where it writes its log, its temporary files and, if the folder is kept, its state.
        strict: Whether IAM policies are enforced.
    """

    def __init__(self, *, port: int, folder: Folder, strict: bool) -> None:
        self.url = _url(port)
        self._saved = threading.Event()
        _move(folder, port)
        self._log = folder.path / "emulator.log"
        self._temporary = folder.path / "tmp"
        self._temporary.mkdir(exist_ok=True)
        self.child = Child(
            "local.emulate",
            environment=clean_environment()
            | {
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "TMPDIR": str(self._temporary),
                "AUTH": "true" if strict else "false",
                "LOG_LEVEL": "WARNING",
                **_state(folder),
            },
            log=folder.log(self._log.name),
            folder=CHECKOUT,
            on_message=lambda _: self._saved.set(),
            # It holds the folder's lock too, for as long as it may still write there.
            descriptors=(folder.lock.fileno(),),
        )

    def wait(self) -> None:
        """Return once it answers.

        Raises:
            StartError: It ended, or said nothing for 30 s.
        """
        deadline = time.monotonic() + _START_SECONDS
        while self.child.is_running and time.monotonic() < deadline:
            try:
                health = f"{self.url}/_ministack/health"
                with urllib.request.urlopen(health, timeout=1):  # noqa: S310 - it is http
                    return
            except OSError:
                time.sleep(0.02)
        said = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
        raise StartError(f"The AWS emulator did not start: {said or 'it said nothing.'}")

    def client(self, service: str) -> Any:
        """Return a boto3 client with the rights of the account's root."""
        return client(self.url, service)

    def save(self) -> None:
        """Write the state now.

        Raises:
            StartError: It does not answer.
        """
        self._saved.clear()
        self.child.channel.send({"kind": "save"})
        if not self._saved.wait(_STOP_SECONDS):
            raise StartError("The AWS emulator does not save its state.")

    def stop(self) -> None:
        """End it gracefully: it writes its state first."""
        self.child.stop(_STOP_SECONDS)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def kill(self) -> None:
        """End it as a crash would: what it has not saved is lost."""
        self.child.kill()


@functools.cache
def client(url: str, service: str) -> Any:
    """Return a boto3 client for the emulator at that address."""
    import boto3

    session = boto3.session.Session(region_name=REGION, **ROOT)
    return session.client(service, endpoint_url=url)


def clean_environment() -> dict[str, str]:
    """Return this process's environment without anything that would lead to a real AWS account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    kept |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return kept | {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}


def listen(port: int, name: str) -> socket.socket:
    """Open a listening socket on 127.0.0.1; port 0 takes any free one.

    Raises:
        StartError: The port is taken; the message says which option (`name`) changes it.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(("127.0.0.1", port))
    except OSError as error:
        opened.close()
        raise StartError(
            f"Port {port} is in use ({error.strerror}): choose another with {name}=…, "
            "or 0 for any free one."
        ) from error
    opened.listen(128)
    return opened


def free_port(port: int, name: str) -> int:
    """Return the port if it is free, or any free one for 0.

    Raises:
        StartError: The port is taken.
    """
    with listen(port, name) as probe:
        return int(probe.getsockname()[1])


def _move(folder: Folder, port: int) -> None:
    """Let the saved state name this port: queue URLs hold the one that they were made on."""
    before = folder.port("aws", port)
    folder.remember_port("aws", port)
    if before != port:
        for saved in (folder.path / "aws").glob("*.json"):
            text = saved.read_text()
            saved.write_text(text.replace(f"http://127.0.0.1:{before}/", f"{_url(port)}/"))


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _state(folder: Folder) -> dict[str, str]:
    if not folder.is_kept:
        return {"LOCAL_TEMPORARY_FOLDER": str(folder.path)}
    return {
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "STATE_DIR": str(folder.path / "aws"),
        "S3_DATA_DIR": str(folder.path / "s3"),
    }
