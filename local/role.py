"""The function host's own access to the emulator, and the role that its functions run under."""

from __future__ import annotations

import threading
from typing import Any

from local.emulator import REGION, ROOT

Json = dict[str, Any]


class Role:
    """Asks the emulator as the account's root; with IAM enforced, also for the role's credentials.

    All functions of one host have one role, so the first function that is asked for decides it.
    `functions` is a Lambda client.
    """

    def __init__(self, endpoint: str, *, strict: bool) -> None:
        import botocore.session

        session = botocore.session.Session()
        self.functions = session.create_client("lambda", REGION, endpoint_url=endpoint, **ROOT)
        self._sts = session.create_client("sts", REGION, endpoint_url=endpoint, **ROOT)
        self._strict = strict
        self._arn = ""
        self._lock = threading.Lock()

    def configuration(self, function: str) -> Json:
        """Return the configuration of the function with that physical name."""
        with self._lock:
            found: Json = self.functions.get_function_configuration(FunctionName=function)
            self._arn = found["Role"]
        return found

    def credentials(self) -> Json:
        """Open a session of the role, in the form of botocore's container credentials."""
        opened = self._sts.assume_role(RoleArn=self._arn, RoleSessionName="local")["Credentials"]
        return {
            "AccessKeyId": opened["AccessKeyId"],
            "SecretAccessKey": opened["SecretAccessKey"],
            "Token": opened["SessionToken"],
            "Expiration": opened["Expiration"].isoformat(),
        }
