"""Writer: takes activations from the training thread, and encodes and writes them on another."""

from __future__ import annotations

import atexit
import collections
import dataclasses
import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tb_activations.announcement import announcement
from tb_activations.capture import Capture, Plan, Probe, make_probe
from tb_activations.channels import Pick, as_json, channels_by_path, check_channels
from tb_activations.encode import Limits
from tb_activations.input_pictures import check_input_image, pictures_of
from tb_activations.options import check_count, checked_step, label_texts, names_by_class, run_directory
from tb_activations.probe import FixedInputs
from tb_activations.run_file import Log, RunFile, as_log
from tb_activations.selection import Choices

DEFAULT_QUEUE_BYTES = 1 << 29


class ActivationWarning(UserWarning):
    """A log, or a part of one, that could not be written; training went on."""


@dataclasses.dataclass(frozen=True)
class WriterStats:
    """logs: handed over; skipped: not taken because the queue was full or something failed; bytes_written: of the
    event file; preparation_seconds: what `prepare` took, once; stall_seconds: how long logs held the calling thread;
    background_seconds: encoding and writing."""

    logs: int = 0
    skipped: int = 0
    bytes_written: int = 0
    preparation_seconds: float = 0.0
    stall_seconds: float = 0.0
    background_seconds: float = 0.0


class ActivationWriter:
    """Write activations to `<log_dir>/<name>` for TensorBoard's Activations, Images and Histograms tabs.

    >>> with ActivationWriter("runs/exp1") as writer:  # doctest: +SKIP
    ...     for step, batch in enumerate(batches):
    ...         train_step(batch)
    ...         if step % 100 == 0:
    ...             writer.log(model, probe, step=step)

    Args:
        log_dir: the directory TensorBoard looks at, or one below it.
        name: the sub-directory, our own so that no other writer shares it. Default "activations".
        labels: one string or integer per probe sample, shown beside it.
        class_names: names of the classes that the model's output scores, by class id: a sequence, or a mapping of ids
            to names. Predictions are then shown by name.
        layers, exclude: which layers `log` captures, as in `tb_activations.capture`.
        training: run the probe in training mode; default False.
        channels: which channels are drawn: an index, a list of indices, a slice, or a mapping of layer selectors (as
            in `layers`) to these; default: the first `max_channels`. Statistics and histograms always use all.
        input_image: a function from model inputs [batch, …] to pictures [batch, height, width, 1, 3 or 4] that are
            drawn in their place, to undo a normalisation; a mapping of input names to functions for several inputs.
        samples: how many samples of a `tf.data.Dataset` given as probe are used; default 4.
        max_channels: channels drawn per layer, default 64, None for all.
        max_size: pixels per side of a map, default 64, None for all; larger maps are averaged down.
            Statistics and histograms always use everything.
        histogram_bins: default 64.
        on_full: what to do when data arrive faster than they can be written: "wait" (nothing is lost) or "skip"
            (and count it in `stats.skipped`).
        strict: raise faults instead of warning once and going on. Faults of the background thread are raised by
            the next call.
        queue_bytes: activations waiting to be written, at most; default 512 MiB.

    Raises:
        ValueError, TypeError: an option is out of range or of a wrong type; at once, before anything is written.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        *,
        name: str = "activations",
        labels: Iterable[Any] | None = None,
        class_names: Sequence[str] | Mapping[int, str] | None = None,
        layers: Any = None,
        exclude: Any = None,
        training: bool = False,
        channels: Any = None,
        input_image: Any = None,
        samples: int = 4,
        max_channels: int | None = 64,
        max_size: int | None = 64,
        histogram_bins: int = 64,
        on_full: str = "wait",
        strict: bool = False,
        queue_bytes: int = DEFAULT_QUEUE_BYTES,
    ) -> None:
        self.directory = run_directory(log_dir, name)
        check_count("max_channels", max_channels, optional=True)
        check_count("max_size", max_size, optional=True)
        check_count("histogram_bins", histogram_bins)
        check_count("queue_bytes", queue_bytes)
        check_count("samples", samples)
        check_channels(channels)
        check_input_image(input_image)
        if on_full not in ("wait", "skip"):
            raise ValueError(f'on_full must be "wait" or "skip". Received: on_full={on_full!r}')
        self._labels = label_texts(labels)
        self._selection = {"layers": layers, "exclude": exclude, "training": training, "channels": channels}
        self._channels = channels
        self._input_image = input_image
        self._fixed = FixedInputs(samples, input_image)
        self._limits = Limits(max_channels, max_size)
        self._bins = histogram_bins
        self._on_full = on_full
        self._strict = strict
        self._queue_bytes = queue_bytes
        self._probes: dict[int, Probe] = {}
        self._options = {
            "max_channels": max_channels,
            "max_size": max_size,
            "histogram_bins": histogram_bins,
            "training": training,
            "channels": as_json(channels),
        }

        self._lock = threading.Condition()
        self._queue: collections.deque[Log] = collections.deque()
        self._waiting_bytes = 0
        self._busy = False
        self._closed = False
        self._fault: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._last_step: int | None = None
        self._warned: set[str] = set()
        self._stats = WriterStats()
        self._run = RunFile(
            self.directory,
            self._limits,
            self._bins,
            self._labels,
            names_by_class(class_names),
            self._options,
            self._report,
        )

    def __enter__(self) -> ActivationWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def stats(self) -> WriterStats:
        with self._lock:
            return dataclasses.replace(self._stats, bytes_written=self._run.bytes_written)

    def log(self, model: Any, probe: Any, step: int) -> None:
        """Capture the activations of `model` for the inputs `probe` and hand them over for writing.

        probe: an array [batch, …], a list or dictionary of them, a `tf.data.Dataset` or a callable returning one of
        these; the latter two are read once, and again only when another object is given.
        step: a non-negative integer, greater than that of the log before. A fault in capture warns once and the step
        is skipped; with `strict=True` it is raised.
        """
        started = time.perf_counter()
        self._check_open()
        self._raise_fault()
        step = checked_step(step)
        try:
            captured = self._probe_of(model)(self._fixed.inputs_of(probe, model))
        except Exception as error:
            self._fail(f"capturing activations at step {step} failed", error)
            self._count(skipped=1, stall_seconds=time.perf_counter() - started)
            return
        pictures = self._drawn_inputs(step, lambda: self._fixed.pictures_of(captured.inputs))
        self._hand_over(as_log(captured, step, pictures=pictures), started)

    def prepare(self, model: Any, probe: Any) -> Plan | None:
        """Do now what the first `log` would take time for, and find out what is wrong before training.

        Raises TypeError, ValueError and IndexError, strict or not, for inputs that do not fit the model, a selection
        that matches nothing, channels that a layer does not have, and labels that are not one per sample. Any other
        fault warns, and the plan is None: it is not the user's mistake, and training can do without logs.
        """
        started = time.perf_counter()
        self._check_open()
        try:
            plan = self._probe_of(model).prepare(self._fixed.inputs_of(probe, model))
        except (TypeError, ValueError, IndexError):
            raise
        except Exception as error:
            self._fail("preparing to capture activations failed", error)
            return None
        self._check_labels({plan.samples})
        self._count(preparation_seconds=time.perf_counter() - started)
        return plan

    def announcement(self, plan: Plan, cadence: str) -> str:
        """One line that tells what will be logged; cadence: when, in words."""
        return announcement(plan, self._limits, self._bins, cadence, self.directory)

    def _probe_of(self, model: Any) -> Probe:
        if id(model) not in self._probes:
            self._probes[id(model)] = make_probe(model, **self._selection)
        return self._probes[id(model)]

    def write(self, activations: Mapping[str, np.ndarray], step: int) -> None:
        """Hand over activations that are already there: a `Capture`, or any mapping of name to array [batch, …].

        The arrays are not copied: do not change them afterwards.
        """
        started = time.perf_counter()
        self._check_open()
        self._raise_fault()
        step = checked_step(step)
        pictures: dict[str, np.ndarray] = {}
        if isinstance(activations, Capture):
            pictures = self._drawn_inputs(step, lambda: pictures_of(activations.inputs, self._input_image))
        log = as_log(activations, step, pictures=pictures)
        if log.source is None:
            log = dataclasses.replace(log, channels=self._picked(log))
        self._hand_over(log, started)

    def _picked(self, log: Log) -> Mapping[str, Pick]:
        """The channels to draw of arrays that come from no model; a `Capture` brings its own."""
        try:
            return channels_by_path(Choices(log.layers), log.layers, self._channels)
        except Exception as error:
            self._fail(f"choosing channels at step {log.step} failed", error)
            return {}

    def _drawn_inputs(self, step: int, paint: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """What the user's `input_image` makes of the inputs; their own values when it fails."""
        try:
            return paint()
        except Exception as error:
            self._fail(f"drawing the inputs with input_image at step {step} failed", error)
            return {}

    def _check_labels(self, samples: Collection[int]) -> None:
        if self._labels and len(self._labels) not in samples:
            received = f"labels has {len(self._labels)} entries for {' or '.join(map(str, sorted(samples)))} samples"
            raise ValueError(f"expected one label per sample, {received}")

    def _hand_over(self, log: Log, started: float) -> None:
        step = log.step
        try:
            self._check_labels({len(array) for array in log.arrays.values() if array.ndim})
        except ValueError as misfit:
            self._fail("the labels do not fit the probe", misfit)
        error = None
        with self._lock:
            if self._last_step is not None and step <= self._last_step:
                error = ValueError(
                    f"steps must increase within a run: step {step} follows step {self._last_step}. "
                    "To start again from a lower step, close this writer and make a new one."
                )
                accepted = False
            else:
                accepted = self._enqueue(log)
            self._stats = dataclasses.replace(
                self._stats,
                logs=self._stats.logs + accepted,
                skipped=self._stats.skipped + (not accepted),
                stall_seconds=self._stats.stall_seconds + time.perf_counter() - started,
            )
        if error is not None:
            self._fail(f"the log at step {step} was skipped", error)

    def flush(self) -> None:
        """Return when everything handed over so far is on the disk."""
        with self._lock:
            while (self._queue or self._busy) and self._thread is not None:
                self._lock.wait()
        self._guarded("flushing the event file failed", lambda: self._run.flush())
        self._raise_fault()

    def close(self) -> None:
        """Write what is waiting, close the file and stop the thread. Closing again does nothing."""
        with self._lock:
            already, self._closed = self._closed, True
            self._lock.notify_all()
        if already:
            return
        atexit.unregister(self.close)
        if self._thread is not None:
            self._thread.join()
        self._guarded("closing the event file failed", lambda: self._run.close())
        self._raise_fault()

    def _enqueue(self, log: Log) -> bool:
        """Put a log in the queue (the lock is held); False when it is full and logs are to be skipped."""
        # A log larger than the whole queue passes when nothing else waits, or it could never be written.
        while self._waiting_bytes and self._waiting_bytes + log.nbytes > self._queue_bytes:
            if self._on_full == "skip":
                return False
            self._lock.wait()
        self._last_step = log.step
        self._queue.append(log)
        self._waiting_bytes += log.nbytes
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="tb_activations writer", daemon=True)
            self._thread.start()
            # The thread is a daemon so that a dying program is not kept alive; one that ends normally waits here.
            atexit.register(self.close)
        self._lock.notify_all()
        return True

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._queue and not self._closed:
                    self._lock.wait()
                if not self._queue:
                    return
                log = self._queue.popleft()
                self._busy = True
            started = time.perf_counter()
            try:
                self._run.write(log, self._free)
            except Exception as error:
                self._report(f"writing the log at step {log.step} to {self.directory} failed", error)
            # What a fault left unwritten.
            self._free(log.nbytes)
            del log
            with self._lock:
                self._busy = False
                self._lock.notify_all()
            self._count(background_seconds=time.perf_counter() - started)

    def _free(self, nbytes: int) -> None:
        with self._lock:
            self._waiting_bytes -= nbytes
            self._lock.notify_all()

    def _count(
        self,
        *,
        skipped: int = 0,
        preparation_seconds: float = 0.0,
        stall_seconds: float = 0.0,
        background_seconds: float = 0.0,
    ) -> None:
        with self._lock:
            self._stats = dataclasses.replace(
                self._stats,
                skipped=self._stats.skipped + skipped,
                preparation_seconds=self._stats.preparation_seconds + preparation_seconds,
                stall_seconds=self._stats.stall_seconds + stall_seconds,
                background_seconds=self._stats.background_seconds + background_seconds,
            )

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"this ActivationWriter for {self.directory} is closed; make a new one to go on logging")

    def _guarded(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            self._fail(what, error)

    def _fail(self, what: str, error: Exception) -> None:
        """A fault in the calling thread."""
        if self._strict:
            raise error
        self._report(what, error)

    def _report(self, what: str, error: Exception, where: str = "") -> None:
        """A fault in the background: kept for the next call when strict, else said once per place and cause."""
        if self._strict:
            with self._lock:
                self._fault = self._fault or error
            return
        # Without numbers: a cause that names the step is the same cause at every step.
        cause = re.sub(r"\d+", "", f"{type(error).__name__}: {error}")
        kind = f"{where or what.split(' at step')[0]}: {cause}"
        if kind in self._warned:
            return
        self._warned.add(kind)
        try:
            warnings.warn(
                f"tb_activations: {what}: {type(error).__name__}: {error}. Training goes on; this is said once "
                "(strict=True raises instead).",
                ActivationWarning,
                stacklevel=4,
            )
        except ActivationWarning as raised:
            # Warnings are errors here (python -W error). Raised in the background it would end the thread, and the
            # training thread would wait for it forever.
            with self._lock:
                self._fault = self._fault or raised

    def _raise_fault(self) -> None:
        with self._lock:
            fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
