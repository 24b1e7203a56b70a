"""`os.environ` as one process shows it to several functions, each with variables of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from types import MappingProxyType

OWN: ContextVar[Mapping[str, str]] = ContextVar("own variables", default=MappingProxyType({}))


class FunctionEnvironment(MutableMapping[str, str]):
    """The process's variables under those of the function that runs in this context.

    What a function writes goes to the process, as it has nowhere else to go.
    """

    def __init__(self, process: MutableMapping[str, str]) -> None:
        self._process = process

    def __getitem__(self, name: str) -> str:
        own = OWN.get()
        return own[name] if name in own else self._process[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._process[name] = value

    def __delitem__(self, name: str) -> None:
        del self._process[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._process, **OWN.get()})

    def __len__(self) -> int:
        return len({**self._process, **OWN.get()})

    def copy(self) -> dict[str, str]:
        """Return the variables as a plain dictionary, as `os.environ.copy` does."""
        return dict(self)
