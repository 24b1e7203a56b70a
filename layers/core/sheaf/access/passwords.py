"""Passwords: what is demanded of them, and how they rest."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

from sheaf.problems import PasswordTooLong, PasswordTooShort, PasswordTooWeak

SHORTEST = 10  # characters
LONGEST = 72  # bytes, as Central's bcrypt takes
# One of the settings that OWASP's password storage cheat sheet holds equal: 16 MB of memory.
_N, _R, _P = 2**14, 8, 5
# Sealed in the form of `seal`, but of no password: no hash is all zeros.
_NOBODYS = f"scrypt${'A' * 22}==${'A' * 86}=="
# zxcvbn rates 0 to 4; Central refuses 2 and less.
_STRONG_ENOUGH = 3


def check(password: str) -> None:
    """Raise what is wrong with a new password, if anything is."""
    if len(password) < SHORTEST:
        raise PasswordTooShort
    if len(password.encode()) > LONGEST:
        raise PasswordTooLong
    from zxcvbn import zxcvbn  # a dictionary of its own, needed only where passwords are set

    if zxcvbn(password)["score"] < _STRONG_ENOUGH:
        raise PasswordTooWeak


def seal(password: str) -> str:
    """Hash a password for storage: `scrypt$<salt>$<hash>`."""
    salt = secrets.token_bytes(16)
    return f"scrypt${b64encode(salt).decode()}${b64encode(_hash(password, salt)).decode()}"


def matches(password: str, sealed: str | None) -> bool:
    """Whether a password is the one that was sealed.

    Where there is none to compare with (no such user, no password set) it takes as long, so that
    nobody learns from the time which addresses have accounts.
    """
    _, salt, digest = (sealed or _NOBODYS).split("$")
    return hmac.compare_digest(_hash(password, b64decode(salt)), b64decode(digest))


def _hash(password: str, salt: bytes) -> bytes:
    # scrypt begins with HMAC, for which a key and the same with zeros behind it are one, up to the
    # length of its block. A digest of that length leaves no room for zeros.
    key = hashlib.sha512(password.encode()).digest()
    return hashlib.scrypt(key, salt=salt, n=_N, r=_R, p=_P)
