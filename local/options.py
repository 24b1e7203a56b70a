"""What a person may choose about the local stack, read from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).resolve().parent.parent
SEEDS = ("sample", "none")


class OptionError(ValueError):
    """An option has a value that means nothing; the message is for the person who set it."""


@dataclass(frozen=True, slots=True)
class Options:
    """The choices: ports (0 takes any free one), state folder (None keeps nothing) and the rest."""

    port: int = 3000
    aws_port: int = 4566
    state: Path | None = CHECKOUT / ".state"
    seed: str = "sample"
    admin_email: str = "admin@example.org"
    admin_password: str | None = None
    strict: bool = False
    verbose: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Options:
        """Read PORT, AWS_PORT, STATE, SEED, ADMIN_EMAIL, ADMIN_PASSWORD, STRICT and VERBOSE."""
        chosen = {name: value for name, value in environment.items() if value}
        return cls(
            port=_port(chosen, "PORT", 3000),
            aws_port=_port(chosen, "AWS_PORT", 4566),
            state=_state(chosen.get("STATE", ".state")),
            seed=_one_of(chosen, "SEED", SEEDS),
            admin_email=chosen.get("ADMIN_EMAIL", "admin@example.org"),
            admin_password=chosen.get("ADMIN_PASSWORD"),
            strict=_flag(chosen, "STRICT"),
            verbose=_flag(chosen, "VERBOSE"),
        )


def _port(chosen: Mapping[str, str], name: str, default: int) -> int:
    text = chosen.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise OptionError(f"{name} must be a number from 0 to 65535, not {text!r}.")
    return int(text)


def _state(text: str) -> Path | None:
    return None if text == "none" else (CHECKOUT / text).resolve()


def _one_of(chosen: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    text = chosen.get(name, values[0])
    if text not in values:
        raise OptionError(f"{name} must be {' or '.join(values)}, not {text!r}.")
    return text


def _flag(chosen: Mapping[str, str], name: str) -> bool:
    text = chosen.get(name, "false").lower()
    if text not in ("1", "true", "yes", "0", "false", "no"):
        raise OptionError(f"{name} must be true or false, not {text!r}.")
    return text in ("1", "true", "yes")
