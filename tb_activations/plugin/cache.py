"""A cache of what was read, for as long as its signature stays the same."""

from __future__ import annotations

import collections
import threading
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class Cache(Generic[_T]):
    """The newest value per key, valid for one signature; the least recently used key goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: collections.OrderedDict[Any, tuple[Any, _T]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def entry(self, key: Any) -> tuple[Any, _T] | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def get(self, key: Any, signature: Any) -> _T | None:
        entry = self.entry(key)
        return entry[1] if entry is not None and entry[0] == signature else None

    def put(self, key: Any, signature: Any, value: _T) -> _T:
        with self._lock:
            self._entries[key] = (signature, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return value
