"""The demo, as a person starts it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.tab import SECONDS

RUN = Path(__file__).parents[2] / "demo/run.py"
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/#\S+")


class RunningDemo:
    def __init__(self, directory: Path, epochs: int) -> None:
        self.directory = directory
        self._log = directory / "output.txt"
        options = ["--logdir", str(directory / "runs"), "--epochs", str(epochs), "--log-freq", "30"]
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(RUN), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Ctrl-C is ignored by what a shell runs in the background, and by all that starts from it.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, pattern: re.Pattern[str], seconds: float = 300) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if found := pattern.search(self.output):
                return found[0]
            time.sleep(0.2)
        raise AssertionError(f"{pattern.pattern!r} did not appear in:\n{self.output}")

    def press_ctrl_c(self) -> int:
        """The exit status. A terminal signals the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(SECONDS)


@pytest.fixture
def running_demo(request, tmp_path):
    demo = RunningDemo(tmp_path, epochs=request.param)
    yield demo
    demo.close()


def processes_left(directory: Path) -> list[str]:
    """Those whose command line names the directory, as trainer, TensorBoard and its data server do. Linux only."""
    end = time.monotonic() + SECONDS
    while True:
        left = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            # One that ends while we look has no command line any more.
            with contextlib.suppress(OSError):
                left.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        left = [command for command in left if str(directory) in command]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.2)


@pytest.mark.parametrize("running_demo", [2], indirect=True)
def test_the_printed_link_follows_the_training_and_ctrl_c_ends_everything(page, running_demo):
    page.goto(running_demo.wait_for(ADDRESS))
    grid = page.frame_locator("iframe").get_by_test_id("grid")
    expect(grid).to_have_attribute("data-layer", "conv_intermediate")
    running_demo.wait_for(re.compile("serves on until Ctrl-C"))
    expect(grid).to_have_attribute("data-step", "282")
    page.goto("about:blank")
    assert running_demo.press_ctrl_c() == 0
    assert processes_left(running_demo.directory) == []


# So many epochs that training cannot end before the signal arrives.
@pytest.mark.parametrize("running_demo", [100], indirect=True)
def test_ctrl_c_during_training_ends_without_a_traceback(running_demo):
    running_demo.wait_for(re.compile("s/step"))
    assert running_demo.press_ctrl_c() == 0
    assert running_demo.output.endswith("Stopped.\n")
    assert "Traceback" not in running_demo.output
    assert processes_left(running_demo.directory) == []


def test_the_demo_prints_a_sensible_accuracy(demo):
    found = re.search(r"Validation accuracy: ([\d.]+)%", demo.output)
    assert found is not None, demo.output
    assert float(found[1]) > 90
