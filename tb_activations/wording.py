"""Wording: numbers as a person reads them."""

from __future__ import annotations


def readable_size(size: float) -> str:
    """size: bytes."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{round(size / 1e3)} kB" if size >= 1e3 else f"{size:.0f} B"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def readable_share(share: float) -> str:
    """In per cent, of two digits or as many as it has: 12%, 1.5%, 0.05%."""
    return f"{share * 100:.2g}%" if share < 1 else f"{share:.0%}"
