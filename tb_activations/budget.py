"""Budget: how far a run may still grow, and what is written of a log when it cannot grow much further."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tb_activations.wording import readable_size

_PICTURES_SHARE = 0.8
"""Pictures may fill this much of the budget: they are most of a log, and what is left lasts the rest a good while."""


class Budget:
    """A byte budget per run. Pictures stop at four fifths of it, everything else where the next log would exceed it.

    Neither begins again, so that a run has one place where its pictures end. directory: of the run; what earlier fits
    wrote there counts. keep: bytes, None for no limit. say: told each sentence once, with its kind.
    """

    def __init__(self, keep: int | None, directory: Path, say: Callable[[str, str], None]) -> None:
        self._keep = keep
        self._say = say
        self._before = sum(file.stat().st_size for file in directory.glob("events.out.tfevents.*"))
        self.draws = True
        """Whether pictures are still written."""
        self.is_used_up = False
        self.notes: list[str] = []
        """What happened, in sentences for the manifest."""

    @property
    def is_limited(self) -> bool:
        return self._keep is not None

    def allows(self, size: int, written: int, step: int, pictures: bool) -> bool:
        """Whether a log of `size` bytes may be added to the `written` ones of this file; False is for good.

        pictures: whether it holds pictures; when refused, the same log is asked for again without them.
        """
        if self._keep is None:
            return True
        limit = self._keep * (_PICTURES_SHARE if pictures else 1)
        if self._before + written + size <= limit:
            return True
        if pictures:
            self.draws = False
            self._note(f"no pictures are written from step {step} on; statistics and histograms go on")
        else:
            self.is_used_up = True
            self._note(f"nothing is written from step {step} on")
        return False

    def _note(self, what: str) -> None:
        assert self._keep is not None
        note = f"keep={readable_size(self._keep)} is {'used up' if self.is_used_up else 'nearly used up'}: {what}"
        self.notes.append(note)
        self._say(f"{note}. Training goes on.", "keep used up" if self.is_used_up else "keep nearly used up")
