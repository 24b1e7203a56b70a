"""How hooks fare: of each one's newest deliveries, how many have ended how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sheaf.db import keys
from sheaf.hooks import deliveries
from sheaf.hooks.deliveries import Delivery

# How many deliveries of a hook are counted; `/stats` counts those of any span of time.
NEWEST = 1_000
_SIDE_BY_SIDE = 8
_COUNTED = {
    deliveries.SUCCEEDED: "succeeded",
    deliveries.FAILED: "failed",
    deliveries.BLOCKED: "failed",
    deliveries.PENDING: "pending",
    deliveries.RETRYING: "pending",
    deliveries.DELIVERING: "pending",
    deliveries.HELD: "pending",
}
NONE = {"succeeded": 0, "failed": 0, "pending": 0}


def of(hook_ids: Sequence[str]) -> list[dict[str, int]]:
    """Count the newest deliveries of each hook: `succeeded`, `failed`, `pending`."""
    if len(hook_ids) < 2:
        return [_of(each) for each in hook_ids]
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        return list(pool.map(_of, hook_ids))


def _of(hook_id: str) -> dict[str, int]:
    newest = Delivery.query(
        keys.deliveries(hook_id),
        scan_index_forward=False,
        limit=NEWEST,
        attributes_to_get=["pk", "sk", "s"],
    )
    found = Counter(_COUNTED.get(each.state) for each in newest)
    return {name: found[name] for name in NONE}
