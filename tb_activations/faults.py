"""Faults: what goes wrong while training runs is said once, or raised where that was asked for."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable


class ActivationWarning(UserWarning):
    """A log, or a part of one, that could not be written or was left out; training went on."""


class Faults:
    """strict: raise faults, those of the background thread at the next call, instead of warning once and going on."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._lock = threading.Lock()
        self._said: set[str] = set()
        self._pending: BaseException | None = None

    def fail(self, what: str, error: Exception) -> None:
        """A fault in the calling thread."""
        if self._strict:
            raise error
        self.report(what, error)

    def report(self, what: str, error: Exception, where: str = "") -> None:
        """A fault in the background: kept for the next call when strict, else said once per place and cause."""
        if self._strict:
            self._keep(error)
            return
        # Without numbers: a cause that names the step is the same cause at every step.
        cause = re.sub(r"\d+", "", f"{type(error).__name__}: {error}")
        self.say(
            f"{what}: {type(error).__name__}: {error}. Training goes on; this is said once (strict=True raises "
            "instead).",
            f"{where or what.split(' at step')[0]}: {cause}",
        )

    def say(self, text: str, kind: str) -> None:
        """Warn, once per kind."""
        with self._lock:
            if kind in self._said:
                return
            self._said.add(kind)
        try:
            warnings.warn(f"tb_activations: {text}", ActivationWarning, stacklevel=5)
        except ActivationWarning as raised:
            # Warnings are errors here (python -W error). Raised in the background it would end the thread, and the
            # training thread would wait for it forever.
            self._keep(raised)

    def guarded(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            self.fail(what, error)

    def raise_pending(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, None
        if pending is not None:
            raise pending

    def _keep(self, error: BaseException) -> None:
        with self._lock:
            self._pending = self._pending or error
