"""Writer: takes activations from the training thread, and encodes and writes them on another."""

from __future__ import annotations

import atexit
import collections
import dataclasses
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tb_activations.announcement import announcement
from tb_activations.budget import Budget
from tb_activations.capture import Capture, Plan, Probe, make_probe
from tb_activations.channels import Pick, as_json, channels_by_path, check_channels
from tb_activations.cost import Meter, WriterStats
from tb_activations.encode import Limits
from tb_activations.faults import Faults
from tb_activations.input_pictures import check_input_image, pictures_of
from tb_activations.options import (
    check_class_names,
    check_count,
    check_flags,
    checked_bytes,
    checked_share,
    checked_step,
    label_texts,
    names_by_class,
    run_directory,
)
from tb_activations.probe import FixedInputs
from tb_activations.run_file import Log, RunFile, as_log
from tb_activations.selection import Choices
from tb_activations.wording import readable_share

DEFAULT_QUEUE_BYTES = 1 << 29


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
        max_overhead: the share of training time that logging may hold the calling thread, e.g. 0.01; tracing counts.
            A log that would exceed it is left out (and counted in `stats.left_out`), unless it is `required`. Default
            None: every log is taken.
        keep: a byte budget for the run's directory, e.g. `2e9` or "2 GB". Pictures stop where they would fill more
            than four fifths of it, the rest where the next log would exceed it; no log is half-written, and room is
            held back for one `required` log, pictures included. Default None: no limit.

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
        max_overhead: float | None = None,
        keep: float | str | None = None,
    ) -> None:
        self.directory = run_directory(log_dir, name)
        check_count("max_channels", max_channels, optional=True)
        check_count("max_size", max_size, optional=True)
        check_count("histogram_bins", histogram_bins)
        check_count("queue_bytes", queue_bytes)
        check_count("samples", samples)
        check_flags(training=training, strict=strict)
        check_channels(channels)
        check_input_image(input_image)
        if on_full not in ("wait", "skip"):
            raise ValueError(f'on_full must be "wait" or "skip". Received: on_full={on_full!r}')
        self._labels = label_texts(labels)
        self._class_names = names_by_class(class_names)
        self._names_some_classes = isinstance(class_names, Mapping)
        self._selection = {"layers": layers, "exclude": exclude, "training": training, "channels": channels}
        self._channels = channels
        self._input_image = input_image
        self._fixed = FixedInputs(samples, input_image)
        self._limits = Limits(max_channels, max_size)
        self._bins = histogram_bins
        self._on_full = on_full
        self._max_overhead = checked_share("max_overhead", max_overhead)
        self._queue_bytes = queue_bytes
        self._probes: dict[int, Probe] = {}
        self._options = {
            "max_channels": max_channels,
            "max_size": max_size,
            "histogram_bins": histogram_bins,
            "training": training,
            "channels": as_json(channels),
            "max_overhead": self._max_overhead,
            "keep": checked_bytes("keep", keep),
        }

        self._lock = threading.Condition()
        self._queue: collections.deque[Log] = collections.deque()
        self._waiting_bytes = 0
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._last_step: int | None = None
        self._faults = Faults(strict)
        self._meter = Meter(self._max_overhead)
        self._budget = Budget(self._options["keep"], self.directory, self._faults.say)
        self._run = RunFile(
            self.directory,
            self._limits,
            self._bins,
            self._labels,
            self._class_names,
            self._options,
            self._budget,
            lambda: self.stats,
            self._faults.report,
        )

    def __enter__(self) -> ActivationWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def stats(self) -> WriterStats:
        return self._meter.stats(self._run.bytes_written)

    def log(self, model: Any, probe: Any, step: int, *, required: bool = False) -> bool:
        """Capture the activations of `model` for the inputs `probe` and hand them over for writing.

        probe: an array [batch, …], a list or dictionary of them, a `tf.data.Dataset` or a callable returning one of
        these; the latter two are read once, and again only when another object is given.
        step: a non-negative integer, greater than that of the log before. A fault in capture warns once and the step
        is skipped; with `strict=True` it is raised. required: take this log even where `max_overhead` would leave it
        out, and draw it from what `keep` holds back for it. Returns whether it was handed over.
        """
        started = time.perf_counter()
        step = self._checked(step)
        if not self._is_wanted(required):
            return False
        try:
            inputs = self._fixed.inputs_of(probe, model)
            if id(model) not in self._probes:
                # Apart from the log itself, so that the figures tell one from the other.
                self._probe_of(model).prepare(inputs)
                prepared = time.perf_counter()
                self._meter.add(preparation_seconds=prepared - started)
                started = prepared
            captured = self._probe_of(model)(inputs)
        except Exception as error:
            self._faults.fail(f"capturing activations at step {step} failed", error)
            self._meter.add(skipped=1, stall_seconds=time.perf_counter() - started)
            return False
        pictures = self._drawn_inputs(step, lambda: self._fixed.pictures_of(captured.inputs))
        return self._hand_over(as_log(captured, step, pictures, required), started)

    def prepare(self, model: Any, probe: Any) -> Plan | None:
        """Do now what the first `log` would take time for, and find out what is wrong before training.

        Raises TypeError, ValueError and IndexError, strict or not, for inputs that do not fit the model, a selection
        that matches nothing, channels that a layer does not have, labels that are not one per sample, and class names
        that are not one per class; OSError when the run's directory cannot be made. Any other fault warns, and the plan
        is None: it is not the user's mistake, and training can do without logs.
        """
        started = time.perf_counter()
        self._check_open()
        # So that a directory that cannot be made is known before hours of training.
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            plan = self._probe_of(model).prepare(self._fixed.inputs_of(probe, model))
        except (TypeError, ValueError, IndexError):
            raise
        except Exception as error:
            self._faults.fail("preparing to capture activations failed", error)
            return None
        self._check_labels({plan.samples})
        check_class_names(self._class_names, self._names_some_classes, plan.classes)
        self._meter.add(preparation_seconds=time.perf_counter() - started)
        return plan

    def announcement(self, plan: Plan, cadence: str) -> str:
        """One line that tells what will be logged; cadence: when, in words."""
        if self._max_overhead is not None:
            cadence += f" or less often, within {readable_share(self._max_overhead)} of training time"
        seconds = self.stats.preparation_seconds
        return announcement(plan, self._limits, self._bins, cadence, self.directory, seconds, self._budget.left)

    def _probe_of(self, model: Any) -> Probe:
        if id(model) not in self._probes:
            self._probes[id(model)] = make_probe(model, **self._selection)
        return self._probes[id(model)]

    def write(self, activations: Mapping[str, np.ndarray], step: int, *, required: bool = False) -> bool:
        """Hand over activations that are already there: a `Capture`, or any mapping of name to array [batch, …].

        The arrays are not copied: do not change them afterwards. step, required and what is returned: as in `log`.
        """
        started = time.perf_counter()
        step = self._checked(step)
        if not self._is_wanted(required):
            return False
        pictures: dict[str, np.ndarray] = {}
        if isinstance(activations, Capture):
            pictures = self._drawn_inputs(step, lambda: pictures_of(activations.inputs, self._input_image))
        log = as_log(activations, step, pictures, required)
        if log.source is None:
            log = dataclasses.replace(log, channels=self._picked(log))
        return self._hand_over(log, started)

    def _picked(self, log: Log) -> Mapping[str, Pick]:
        """The channels to draw of arrays that come from no model; a `Capture` brings its own."""
        try:
            return channels_by_path(Choices(log.layers), log.layers, self._channels)
        except Exception as error:
            self._faults.fail(f"choosing channels at step {log.step} failed", error)
            return {}

    def _drawn_inputs(self, step: int, paint: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """What the user's `input_image` makes of the inputs; their own values when it fails."""
        try:
            return paint()
        except Exception as error:
            self._faults.fail(f"drawing the inputs with input_image at step {step} failed", error)
            return {}

    def _check_labels(self, samples: Collection[int]) -> None:
        if self._labels and len(self._labels) not in samples:
            received = f"labels has {len(self._labels)} entries for {' or '.join(map(str, sorted(samples)))} samples"
            raise ValueError(f"expected one label per sample, {received}")

    def _hand_over(self, log: Log, started: float) -> bool:
        """Whether it was taken."""
        step = log.step
        try:
            self._check_labels({len(array) for array in log.arrays.values() if array.ndim})
        except ValueError as misfit:
            self._faults.fail("the labels do not fit the probe", misfit)
        error = None
        with self._lock:
            if self._last_step is not None and step <= self._last_step:
                remedy = (
                    "Hand over what belongs to one step in one call"
                    if step == self._last_step
                    else "To start again from a lower step, close this writer and make a new one"
                )
                error = ValueError(
                    f"steps must increase within a run: step {step} follows step {self._last_step}. {remedy}."
                )
                accepted = False
            else:
                accepted = self._enqueue(log)
        stall = time.perf_counter() - started
        self._meter.add(logs=int(accepted), skipped=int(not accepted), stall_seconds=stall)
        if error is not None:
            self._faults.fail(f"the log at step {step} was skipped", error)
        return accepted

    def flush(self) -> None:
        """Return when everything handed over so far is on the disk."""
        with self._lock:
            while (self._queue or self._busy) and self._thread is not None:
                self._lock.wait()
        self._faults.guarded("flushing the event file failed", lambda: self._run.flush())
        self._faults.raise_pending()

    def close(self) -> None:
        """Write what is waiting, close the file and stop the thread. Closing again does nothing."""
        with self._lock:
            already, self._closed = self._closed, True
            self._lock.notify_all()
        if already:
            return
        atexit.unregister(self.close)
        started = time.perf_counter()
        if self._thread is not None:
            self._thread.join()
        self._meter.add(closing_seconds=time.perf_counter() - started)
        self._meter.end()
        self._faults.guarded("closing the event file failed", lambda: self._run.close())
        self._faults.raise_pending()

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
            written = False
            try:
                written = self._run.write(log, self._free)
            except Exception as error:
                self._faults.report(f"writing the log at step {log.step} to {self.directory} failed", error)
            # What a fault left unwritten.
            self._free(log.nbytes)
            del log
            with self._lock:
                self._busy = False
                self._lock.notify_all()
            lost = int(not written)
            self._meter.add(logs=-lost, skipped=lost, background_seconds=time.perf_counter() - started)

    def _free(self, nbytes: int) -> None:
        with self._lock:
            self._waiting_bytes -= nbytes
            self._lock.notify_all()

    def _checked(self, step: Any) -> int:
        """What every log begins with; raises what an earlier one left behind."""
        self._check_open()
        self._faults.raise_pending()
        return checked_step(step)

    def _is_wanted(self, required: bool) -> bool:
        """Whether a log is to be taken at all; counted when it is not."""
        if required:
            return True
        if self._budget.is_used_up:
            self._meter.add(skipped=1)
        elif self._meter.affords_another():
            return True
        else:
            self._meter.add(left_out=1)
            share = readable_share(self._max_overhead or 0)
            self._faults.say(
                f"logs are taken less often than asked for, so that training waits no more than {share} of its time "
                "for them (max_overhead). Those left out are counted",
                "max_overhead",
            )
        return False

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"this ActivationWriter for {self.directory} is closed; make a new one to go on logging")
