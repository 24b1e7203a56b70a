"""The functions' code: imported when first needed, and again when a file has changed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.template import Function

Handler = Callable[[Any, Any], Any]
_Stamp = dict[str, tuple[int, int]]


class Code:
    """The handlers of all functions, over the layers that they share.

    Args:
        layers: Folders that stand on the import path, as /opt/python does in Lambda.
        on_reload: Called with the names of the changed files, before they are imported again.
    """

    def __init__(self, layers: list[str], on_reload: Callable[[list[str]], None]) -> None:
        self._layers = layers
        self._on_reload = on_reload
        self._lock = threading.RLock()
        self._handlers: dict[str, Handler] = {}
        self._stamps: dict[str, _Stamp] = {}
        self._layer_stamp = self._stamp(layers)
        sys.path[:0] = layers

    def handler(self, function: Function) -> Handler:
        """Return the function's handler, made of the files as they are now."""
        with self._lock:
            self._forget_changed(function)
            if function.logical_id not in self._handlers:
                self._stamps[function.logical_id] = self._stamp([function.code])
                self._handlers[function.logical_id] = _import(function)
            return self._handlers[function.logical_id]

    def _forget_changed(self, function: Function) -> None:
        layer = self._stamp(self._layers)
        if changed := _differences(self._layer_stamp, layer):
            self._layer_stamp = layer
            self._handlers.clear()
            self._reload(changed)
        known = self._stamps.get(function.logical_id)
        if known is None:
            return
        if changed := _differences(known, self._stamp([function.code])):
            self._handlers.pop(function.logical_id, None)
            self._stamps.pop(function.logical_id)
            self._reload(changed)

    def _reload(self, changed: list[str]) -> None:
        for path in changed:
            # Bytecode is matched by whole seconds and size: two quick edits would look the same.
            Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
        for name, module in list(sys.modules.items()):
            if _lies_in(module, self._layers):
                del sys.modules[name]
        importlib.invalidate_caches()
        self._on_reload(sorted({Path(path).name for path in changed}))

    @staticmethod
    def _stamp(folders: list[str]) -> _Stamp:
        """Return time and size of each Python file under the folders."""
        return {
            path: (status.st_mtime_ns, status.st_size)
            for folder in folders
            for path, status in _python_files(folder)
        }


def _python_files(folder: str) -> list[tuple[str, os.stat_result]]:
    found = []
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                found += _python_files(entry.path)
        elif entry.name.endswith(".py"):
            found.append((entry.path, entry.stat()))
    return found


def _differences(old: _Stamp, new: _Stamp) -> list[str]:
    return [path for path in {**old, **new} if old.get(path) != new.get(path)]


def _lies_in(module: Any, folders: list[str]) -> bool:
    path = getattr(module, "__file__", None) or ""
    return any(path.startswith(folder + os.sep) for folder in folders)


def _import(function: Function) -> Handler:
    """Import the handler's file under a name of its own: ninety of them are called app.py."""
    module, _, attribute = function.handler.rpartition(".")
    path = Path(function.code, *module.split("/")[-1].split(".")).with_suffix(".py")
    name = f"function_{function.logical_id}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file.")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    handler: Handler = getattr(loaded, attribute)
    return handler
