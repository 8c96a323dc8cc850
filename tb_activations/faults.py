"""Faults: what goes wrong while training runs is said once, or raised where that was asked for."""

from __future__ import annotations

import re
import sys
import threading
import warnings
from collections.abc import Callable

# What a person does not look into when a warning names a line.
_NOT_THE_USERS = frozenset({"tb_activations", "keras", "tensorflow", "threading", "contextlib"})


class ActivationWarning(UserWarning):
    """A log, or a part of one, that could not be written or was left out; training went on."""


class Faults:
    """Of one writer. strict: raise faults, those of the background thread at the next call, instead of warning once and
    going on."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._line = _users_line()
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
        said = f"{type(error).__name__}: {str(error).rstrip('.')}"
        cause = re.sub(r"\d+", "", said)
        self.say(
            f"{what}: {said}. Training goes on; this is said once (strict=True raises instead).",
            f"{where or what.split(' at step')[0]}: {cause}",
        )

    def say(self, text: str, kind: str) -> None:
        """Warn, once per kind. The line it names is the user's that made the writer: the background thread has none."""
        with self._lock:
            if kind in self._said:
                return
            self._said.add(kind)
        try:
            # Without a registry, in which Python would remember the text, and not show it again for another writer.
            warnings.warn_explicit(f"tb_activations: {text}", ActivationWarning, *self._line)
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


def _users_line() -> tuple[str, int, str]:
    """File, line and module of the innermost call that is not ours or a framework's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).split(".")[0] in _NOT_THE_USERS:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno, str(frame.f_globals.get("__name__"))
