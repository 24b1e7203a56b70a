"""A hook's secrets: the keys it signs with, and the words by which its receiver knows it.

They lie sealed in the hook's item (`sheaf.sealing`), and no answer of the API shows them but the
one that makes a key.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from sheaf import sealing
from sheaf.hooks import signature

# Old keys that may sign beside the newest one.
MOST_OLD = 5


@dataclass(frozen=True, slots=True)
class Keyring:
    """What a hook keeps secret.

    `keys` are `[key, until]`, the newest first: those with a moment (micros) sign until then.
    `words` are the secret members of its `auth`, `headers` the values of its headers, by name.
    """

    keys: tuple[tuple[str, int | None], ...]
    words: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def new(cls) -> Self:
        """Make one with a key of its own."""
        return cls(((signature.new_secret(), None),))

    @classmethod
    def unseal(cls, hook_id: str, sealed: bytes) -> Self:
        """Read what was sealed for a hook."""
        held: dict[str, Any] = sealing.unseal(hook_id, sealed)
        keys = tuple((key, until) for key, until in held.pop("keys"))
        return cls(keys, **held)

    def seal(self, hook_id: str) -> bytes:
        """Seal it for a hook."""
        return sealing.seal(hook_id, asdict(self))

    @property
    def newest(self) -> str:
        """The key that stays."""
        return self.keys[0][0]

    def signing(self, now: int) -> list[str]:
        """Give the keys that sign at a moment (micros), the newest first."""
        return [key for key, until in self.keys if until is None or until > now]

    def rotated(self, now: int, expire_after: int) -> Self:
        """Put a new key first; the one before signs for so many more seconds beside it."""
        (current, _), *old = self.keys
        outgoing = [(current, now + expire_after * 1_000_000), *old]
        still = [(key, until) for key, until in outgoing if until is not None and until > now]
        return replace(self, keys=((signature.new_secret(), None), *still[:MOST_OLD]))
