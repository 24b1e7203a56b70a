"""The context object that a handler gets, with the attributes of the Lambda runtime's own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Identity:
    """The Cognito identity of a caller: there is none here."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


@dataclass(slots=True)
class Context:
    """What the Lambda runtime tells a handler about the invocation."""

    function_name: str
    function_version: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    aws_request_id: str
    deadline_ms: int
    log_stream_name: str
    tenant_id: str | None = None
    client_context: Any = None
    identity: Identity = field(default_factory=Identity)

    @property
    def log_group_name(self) -> str:
        """The log group's name."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function is out of time, 0 when it is."""
        return max(0, self.deadline_ms - int(time.time() * 1000))

    def log(self, message: str) -> None:
        """Write to the function's log, as the runtime's context does."""
        print(message, end="", flush=True)
