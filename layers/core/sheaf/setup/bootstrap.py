"""The first deployment: secrets in SSM, project 1, and an administrator.

Every step asks whether its result is there, so running it again, or after a crash, completes what
is missing and changes nothing else. Secrets are generated here, go to SSM Parameter Store as
SecureStrings, and are never printed or returned.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from sheaf import aws, settings
from sheaf.access import users
from sheaf.access.auth import SYSTEM
from sheaf.access.roles import ADMIN
from sheaf.problems import AlreadyExists
from sheaf.projects import projects

ADMIN_PASSWORD = "admin-password"  # noqa: S105 - a parameter's name
SEALING_KEY = "sealing-key"


def run(properties: Mapping[str, Any]) -> None:
    """Make what a new stack needs.

    Args:
        properties: `AdminEmail`, the administrator's address.
    """
    _secret(SEALING_KEY, b64encode(secrets.token_bytes(32)).decode())
    password = _secret(ADMIN_PASSWORD, secrets.token_urlsafe(24))
    draft = users.Draft(properties["AdminEmail"], None, password)
    for step in (
        lambda: users.create(draft, by=SYSTEM, role=ADMIN),
        lambda: projects.create(projects.Draft.named("Project 1"), by=SYSTEM, number=1),
    ):
        try:
            step()
        except AlreadyExists:
            continue


def _secret(name: str, value: str) -> str:
    """Store a secret unless there is one, and give the one that holds."""
    ssm = aws.client("ssm")
    path = f"{settings.SECRETS_PREFIX}{name}"
    try:
        ssm.put_parameter(Name=path, Value=value, Type="SecureString")
    except ssm.exceptions.ParameterAlreadyExists:
        answer = ssm.get_parameter(Name=path, WithDecryption=True)
        return str(answer["Parameter"]["Value"])
    return value
