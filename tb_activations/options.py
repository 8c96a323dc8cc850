"""Options: what a person may write for each option of the writer, and the error that says so."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def checked_step(step: Any) -> int:
    # A variable, such as `optimizer.iterations`, or a tensor.
    if hasattr(step, "numpy") and np.ndim(step.numpy()) == 0:
        step = step.numpy()
    if isinstance(step, np.ndarray) and step.ndim == 0:
        step = step[()]
    if isinstance(step, bool) or not isinstance(step, (int, np.integer)):
        raise TypeError(f"step must be an integer. Received: step={step!r} (of type {type(step).__name__})")
    if not 0 <= step < 2**63:
        raise ValueError(f"step must be a non-negative 64-bit integer. Received: step={step!r}")
    return int(step)


def check_count(name: str, value: Any, optional: bool = False) -> None:
    if optional and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        allowed = "a positive integer or None (for all)" if optional else "a positive integer"
        raise ValueError(f"{name} must be {allowed}. Received: {name}={value!r}")


def check_flags(**flags: Any) -> None:
    """`"no"` would count as true."""
    for name, value in flags.items():
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{name} must be True or False. Received: {name}={value!r}")


def checked_share(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not 0 < value <= 1:
        raise ValueError(
            f"{name} must be a share of training time, above 0 and at most 1 (0.01 is one per cent), or None for no "
            f"limit. Received: {name}={value!r}"
        )
    return float(value)


def checked_bytes(name: str, value: Any) -> int | None:
    """A float that is a whole number will do, because people write 2e9, and a text with a unit."""
    if value is None:
        return None
    text = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?)B\s*", value) if isinstance(value, str) else None
    if text:
        return checked_bytes(name, round(float(text[1]) * 1000.0 ** " kMGT".index(text[2] or " ")))
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number or not 1 <= value < 2**63 or value != int(value):
        raise ValueError(
            f'{name} must be a positive whole number of bytes, such as 2e9 or "2 GB", or None for no limit. '
            f"Received: {name}={value!r}"
        )
    return int(value)


def label_texts(labels: Iterable[Any] | None) -> tuple[str, ...]:
    if labels is None:
        return ()
    if isinstance(labels, (str, bytes)):
        raise TypeError(f"labels must hold one label per probe sample. Received a single text: labels={labels!r}")
    return tuple(map(_label_text, labels))


def _label_text(label: Any) -> str:
    """As the tab compares it with a class id or name: `[3]`, a row of a column of labels, and `3.0` are class 3."""
    if isinstance(label, str):
        return label
    value = np.asarray(label)
    if value.size != 1:
        raise ValueError(
            "labels must hold one string or integer per probe sample (for one-hot rows: labels.argmax(axis=1)). "
            f"Received a label of shape {value.shape}: {label!r}"
        )
    item = value.item()
    if isinstance(item, bytes):
        return item.decode(errors="replace")
    return str(int(item)) if isinstance(item, float) and item.is_integer() else str(item)


def names_by_class(class_names: Any) -> tuple[str, ...]:
    if class_names is None:
        return ()
    if isinstance(class_names, Mapping):
        ids = list(class_names)
        if not all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) and one >= 0 for one in ids):
            raise ValueError(f"class_names must have class ids, 0 and up, as its keys. Received: {ids!r}")
        return tuple(str(class_names.get(one, "")) for one in range(max(ids, default=-1) + 1))
    if isinstance(class_names, (str, bytes)) or not isinstance(class_names, Iterable):
        raise TypeError(
            "class_names must be a sequence of names, or a mapping of class ids to names. "
            f"Received: class_names={class_names!r}"
        )
    return tuple(map(str, class_names))


def check_class_names(names: tuple[str, ...], some: bool, classes: int | None) -> None:
    """Raises ValueError where there is not one name per class.

    some: whether they may be fewer, as those from a mapping; classes: how many the model scores, None where that is not
    known. A single score has two classes, that it holds and that it does not.
    """
    if not names or classes is None:
        return
    expected = max(2, classes)
    if some and len(names) > expected:
        last = len(names) - 1
        raise ValueError(f"class_names has a name for class {last}, and the model scores classes 0 to {expected - 1}")
    if not some and len(names) != expected:
        raise ValueError(
            f"expected one class name per class, class_names has {len(names)} for a model that scores {expected} "
            "classes. To name only some, give a mapping of class ids to names"
        )


def run_directory(log_dir: str | os.PathLike[str], name: str) -> Path:
    try:
        text = os.fspath(log_dir)
    except TypeError:
        raise TypeError(f"log_dir must be a path. Received: log_dir={log_dir!r}") from None
    if not isinstance(text, str) or not text:
        raise ValueError(f"log_dir must be a non-empty text path. Received: log_dir={log_dir!r}")
    if "://" in text:
        raise ValueError(
            f"log_dir must be a directory of this machine (a mounted bucket will do). Received: log_dir={log_dir!r}"
        )
    parts = Path(name).parts if isinstance(name, str) else ()
    if len(parts) != 1 or parts[0] in ("..", os.sep):
        raise ValueError(f"name must be a single directory name. Received: name={name!r}")
    directory = Path(text).expanduser() / name
    for existing in (directory, *directory.parents):
        if existing.exists():
            if not existing.is_dir():
                raise NotADirectoryError(f"log_dir must be a directory, and {existing} is a file")
            break
    return directory
