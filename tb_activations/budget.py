"""Budget: how far a run may still grow, and what is written of a log when it cannot grow much further."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tb_activations.wording import readable_size

_PICTURES_SHARE = 0.8
"""Pictures may fill this much of the budget: they are most of a log, and what is left lasts the rest a good while."""
_MOST_HELD_BACK = 0.2
"""Of the budget, for a last log: it is what one wants to see most, and must not push out half of the others."""


class Budget:
    """A byte budget per run. Pictures stop at four fifths of it, everything else where the next log would exceed it.

    Neither begins again, so that a run has one place where its pictures end; but room for one whole log is held back,
    so that a required one, of the state after training, has its pictures. directory: of the run; what earlier fits
    wrote there counts. keep: bytes, None for no limit. say: told each sentence once, with its kind.
    """

    def __init__(self, keep: int | None, directory: Path, say: Callable[[str, str], None]) -> None:
        self._keep = keep
        self._say = say
        self._held_back = 0.0
        self._before = sum(file.stat().st_size for file in directory.glob("events.out.tfevents.*"))
        self.draws = True
        """Whether pictures are still written."""
        self.is_used_up = False
        self.notes: list[str] = []
        """What happened, in sentences for the manifest."""

    @property
    def left(self) -> int | None:
        """Bytes of the budget that earlier fits left; None for no limit."""
        return None if self._keep is None else max(0, self._keep - self._before)

    @property
    def is_limited(self) -> bool:
        return self._keep is not None

    def allows(self, size: int, written: int, step: int, *, pictures: bool, required: bool) -> bool:
        """Whether a log of `size` bytes may be added to the `written` ones of this file; False is for good.

        pictures: whether it holds pictures; when refused, the same log is asked for again without them.
        """
        if self._keep is None:
            return True
        if pictures and not self._held_back and size <= self._keep * _MOST_HELD_BACK:
            self._held_back = size
        limit = self._keep * (_PICTURES_SHARE if pictures else 1) - self._held_back
        if self._before + written + size <= (self._keep if required else limit):
            return True
        if pictures and self.draws:
            self.draws = False
            self._note(f"no pictures are written from step {step} on; statistics and histograms go on")
        elif not pictures and not self.is_used_up:
            self.is_used_up = True
            self._note(f"nothing is written from step {step} on")
        return False

    def _note(self, what: str) -> None:
        assert self._keep is not None
        note = f"keep={readable_size(self._keep)} is {'used up' if self.is_used_up else 'nearly used up'}: {what}"
        self.notes.append(note)
        room = " There is room for the state after training." if self._held_back else ""
        self._say(f"{note}. Training goes on.{room}", "keep used up" if self.is_used_up else "keep nearly used up")
