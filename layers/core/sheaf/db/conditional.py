"""Single writes under a condition, where a change is not told of and so needs no transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pynamodb.exceptions import DeleteError, PutError, UpdateError


def held(write: Callable[[], Any]) -> bool:
    """Make a conditional write; give whether its condition held."""
    try:
        write()
    except (DeleteError, PutError, UpdateError) as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        return False
    return True
