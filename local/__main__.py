"""`python -m local`: run the stack until Ctrl-C; `python -m local env`: variables for sam local."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from local.emulator import StartError
from local.options import OptionError, Options
from local.stack import Stack

if TYPE_CHECKING:
    from types import FrameType

_LOOK_SECONDS = 0.5


class _Interrupt(BaseException):
    """Somebody has pressed Ctrl-C or sent SIGTERM."""


def main() -> int:
    """Run the command and return its exit status."""
    try:
        options = Options.read(os.environ)
        if sys.argv[1:] == ["env"]:
            from local.sam import variables

            print(variables(options))
            return 0
        return _run(options)
    except (OptionError, StartError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(options: Options) -> int:
    _listen_to_signals(_stop)
    stack = Stack(
        port=options.port,
        aws_port=options.aws_port,
        state=options.state,
        seed=options.seed,
        strict=options.strict,
        admin_email=options.admin_email,
        admin_password=options.admin_password,
        write=_tell,
        verbose=options.verbose,
    )
    started = time.monotonic()
    try:
        stack.start()
        _tell(_welcome(stack, options, time.monotonic() - started))
        while stack.is_running:
            time.sleep(_LOOK_SECONDS)
    except _Interrupt:
        return 0
    finally:
        _listen_to_signals(signal.SIG_IGN)
        stack.stop()
    print("A process of the stack has ended by itself; its log says why.", file=sys.stderr)
    return 1


def _tell(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(text, flush=True)


def _stop(_number: int, _frame: FrameType | None) -> None:
    _listen_to_signals(signal.SIG_IGN)
    raise _Interrupt


def _listen_to_signals(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _welcome(stack: Stack, options: Options, seconds: float) -> str:
    who = shlex.quote(f"{stack.admin_email}:{stack.admin_password}")
    login = json.dumps({"email": stack.admin_email, "password": stack.admin_password})
    return f"""
Sheaf runs at {stack.url} (ready in {seconds:.1f} s)
  administrator  {stack.admin_email}
  password       {stack.admin_password}
  AWS            {stack.aws_url} (ministack{", IAM enforced" if options.strict else ""})
  data           {options.state or "nothing is kept"}

Try:
  curl -u {who} {stack.url}/v1/projects
  curl -u {who} {stack.url}{stack.sample or "/v1/users/current"}
  curl -H 'content-type: application/json' -d {shlex.quote(login)} {stack.url}/v1/sessions

Ctrl-C stops everything. Requests, events and hook deliveries:
"""


if __name__ == "__main__":
    sys.exit(main())
