"""The whole local stack, put together: emulator, function hosts, front."""

from __future__ import annotations

import json
import secrets
import threading
from typing import TYPE_CHECKING, Any, Self

from local import deploy, emulator, template
from local.folder import Folder
from local.front import Front
from local.hosts import Hosts, Invocation
from local.journal import Journal
from local.options import CHECKOUT
from local.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

NAME = "sheaf-local"
_PASSWORD = f"/{NAME}/admin-password"


class FunctionError(Exception):
    """A function that was invoked by hand has failed; the message is its error."""


class Stack:
    """A local stack; as a context manager it stands from entry to exit.

    Args:
        port: Where the API listens on 127.0.0.1; 0 takes any free port.
        aws_port: Where the emulator listens; 0 takes any free port.
        state: The folder that keeps the data; None keeps nothing.
        seed: "sample" loads the sample project into a new stack, "none" loads nothing.
        strict: Whether IAM is enforced, each function under the role that the template gives it.
        admin_email: The first administrator's address.
        admin_password: Its password in a new stack; generated if not given.
        parameters: Further parameters of the template.
        source: The template to run.
        write: Gets each line of the journal.
        verbose: Whether the functions' output goes to the terminal instead of functions.log.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        aws_port: int = 0,
        state: Path | None = None,
        seed: str = "none",
        strict: bool = False,
        admin_email: str = "admin@example.org",
        admin_password: str | None = None,
        parameters: Mapping[str, str] | None = None,
        source: Path = CHECKOUT / "template.yaml",
        write: Callable[[str], object] | None = None,
        verbose: bool = False,
    ) -> None:
        self._port, self._aws_port = port, aws_port
        self._state, self._seed, self._strict = state, seed, strict
        self._parameters = {"AdminEmail": admin_email, "HookTargets": "any", **(parameters or {})}
        self._wanted_password = admin_password
        self._source, self._verbose = source, verbose
        self.journal = Journal(write)
        self.admin_email = admin_email
        self.admin_password = ""
        # The path of the sample project's submissions, where this start has loaded it.
        self.sample: str | None = None
        self.deployed = deploy.Deployed({}, {}, is_new=False)

    def start(self) -> None:
        """Bring the stack up and return when it answers.

        Raises:
            StartError: A port is taken, or the template cannot be deployed; for a person to read.
        """
        self._folder = Folder(self._state)
        try:
            self._open()
        except BaseException:
            self.stop()
            raise

    def _open(self) -> None:
        self._front = Front(emulator.listen(self._port, "PORT"), self.journal)
        self._port = self._front.server_address[1]
        self._aws_port = emulator.free_port(self._aws_port, "AWS_PORT")
        self._aws = emulator.Emulator(port=self._aws_port, folder=self._folder, strict=self._strict)
        application = template.load(self._source, self._parameters, CHECKOUT / ".state" / "cache")
        self._hosts = Hosts(
            application,
            aws=self._aws.url,
            strict=self._strict,
            journal=self.journal,
            log=None if self._verbose else self._folder.log("functions.log"),
            folder=self._folder,
        )
        self._aws.wait()
        self.admin_password = self._password()
        self.deployed = deploy.deploy(self._aws, NAME, application, self._hosts.urls, self.url)
        (api,) = application.routes
        prefix = f"/_aws/execute-api/{self.physical(api)}/$default"
        self._front.gateway = (self._aws_port, prefix)
        threading.Thread(target=self._front.serve_forever, args=(0.05,), daemon=True).start()
        self._watch = Watch(template.sources(self._source), self.journal)
        self._load_seed()
        # A crash from here on finds the whole stack, and not half of what was being made.
        self._aws.save()

    def _password(self) -> str:
        """Return the administrator's password; in a new stack, set it before bootstrap reads it."""
        ssm = self._aws.client("ssm")
        try:
            ssm.put_parameter(
                Name=_PASSWORD,
                Type="SecureString",
                Value=self._wanted_password or secrets.token_urlsafe(12),
            )
        except ssm.exceptions.ParameterAlreadyExists:
            """The administrator was made with it: it stays."""
        kept = ssm.get_parameter(Name=_PASSWORD, WithDecryption=True)["Parameter"]["Value"]
        return str(kept)

    def _load_seed(self) -> None:
        if self._seed == "sample" and self.deployed.is_new:
            from local import seed

            with self.journal.muted():
                loaded = seed.load(self.url, self.admin_email, self.admin_password)
                self.sample = loaded.path
                self._hosts.drain()

    @property
    def url(self) -> str:
        """The API's address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def aws_url(self) -> str:
        """The emulator's address: what AWS_ENDPOINT_URL is set to."""
        return self._aws.url

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return self.deployed.outputs

    def physical(self, logical_id: str) -> str:
        """Return the physical id (for a function: the name) of a resource of the template."""
        return self.deployed.physical[logical_id]

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator with the rights of the account's root."""
        return self._aws.client(service)

    @property
    def calls(self) -> list[Invocation]:
        """The invocations that have ended since the start or the last `forget_calls`, in order."""
        self._hosts.settle()
        return list(self._hosts.invocations)

    def forget_calls(self) -> None:
        """Empty `calls`."""
        self._hosts.settle()
        self._hosts.invocations.clear()

    def fail(self, function: str, call: int, when: str) -> None:
        """Let AWS call number `call` (from 1) of the function's next invocation crash.

        Args:
            function: The logical id.
            call: Which of its calls.
            when: "before" (the call is not made) or "after" (its answer is lost).
        """
        self._hosts.fail(function, call, when)

    def withdraw_failures(self) -> None:
        """Forget the failures that were ordered and have not happened."""
        self._hosts.withdraw()

    def invoke(self, logical_id: str, event: Any = None) -> Any:
        """Invoke a function by hand, as a schedule would, and return its result.

        Raises:
            FunctionError: It has failed.
        """
        if event and "id" in event:
            self._hosts.expect(event["id"])
        answer = self.client("lambda").invoke(
            FunctionName=self.physical(logical_id), Payload=json.dumps(event or {}).encode()
        )
        result = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise FunctionError(result.get("errorMessage", ""))
        return result

    @property
    def is_running(self) -> bool:
        """Whether all processes are alive."""
        return self._aws.child.is_running and self._hosts.are_running

    @property
    def pids(self) -> list[int]:
        """The ids of the processes, the emulator's first."""
        return [self._aws.child.pid, *self._hosts.pids]

    def stop(self) -> None:
        """End everything gracefully: what is under way is finished, the state is written."""
        self._close_front()
        try:
            if "_hosts" in self.__dict__:
                self._hosts.drain()
        finally:
            self._close("stop")

    def kill(self) -> None:
        """End everything as a crash would; `start` brings it up again from what was saved."""
        self._close_front()
        self._close("kill")

    def _close_front(self) -> None:
        if watch := self.__dict__.pop("_watch", None):
            watch.stop()
        if front := self.__dict__.pop("_front", None):
            if front.gateway:
                front.shutdown()
            front.server_close()

    def _close(self, how: str) -> None:
        # The emulator first: what it still hands out while it ends, the hosts still take.
        if aws := self.__dict__.pop("_aws", None):
            getattr(aws, how)()
        if hosts := self.__dict__.pop("_hosts", None):
            getattr(hosts, how)()
        if folder := self.__dict__.pop("_folder", None):
            folder.close()

    def restart(self) -> None:
        """Stop and start again on the same ports; with a state folder the data stays."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
