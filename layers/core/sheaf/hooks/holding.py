"""Holding a hook's deliveries, and letting them go, because people ask for it.

Where a receiver fails or asks for it, attempts do the same (`sheaf.hooks.gates`).
"""

from __future__ import annotations

from typing import Any

from sheaf.access.auth import Auth
from sheaf.hooks import backlog, gates, hooks
from sheaf.hooks.records import Hook


def disable(hook: Hook, *, by: Auth) -> dict[str, Any]:
    """Hold what a hook would be sent from now on; give the hook.

    Raises:
        Busy: others kept changing its gate.
    """
    gates.disable(gates.of(hook.id), hook, "Somebody asked for it.", by=by)
    return hooks.describe([hook])[0]


def enable(hook: Hook, *, by: Auth) -> dict[str, Any]:
    """Let what was held go, the oldest events first, and what comes from now on; give the hook.

    Raises:
        Busy: others kept changing its gate.
    """
    gate = gates.enable(gates.of(hook.id), hook, by=by)
    # Should this end here, the sweep does it within a minute.
    backlog.pump(gate, patience=0, most=backlog.FIRST)
    return hooks.describe([hook])[0]
