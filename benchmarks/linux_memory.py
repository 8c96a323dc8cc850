"""Linux memory: what the kernel says of a process's pages (`man 5 proc`)."""

from __future__ import annotations

from pathlib import Path


def resident_bytes(pid: int | str = "self") -> int:
    return _status("VmRSS", pid)


def peak_resident_bytes(pid: int | str = "self") -> int:
    """Since the last `forget_peak`."""
    return _status("VmHWM", pid)


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def forget_references(pid: int) -> None:
    """No page counts as touched any more."""
    Path(f"/proc/{pid}/clear_refs").write_text("1")


def referenced_bytes(pid: int, address: int) -> int:
    """Of the mapping that begins at `address`: the bytes of the pages touched since `forget_references`."""
    lines = iter(Path(f"/proc/{pid}/smaps").read_text().splitlines())
    for line in lines:
        if line.startswith(f"{address:x}-"):
            break
    else:
        raise ValueError(f"process {pid} has no mapping that begins at {address:#x}")
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Referenced:"))


def _status(field: str, pid: int | str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field + ":"))
