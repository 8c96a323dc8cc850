"""Real TensorBoard processes, on both of its loading paths."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

ROOT = "/data/plugin/activations"
_START_SECONDS = 180
_URL = re.compile(r"(http://[^/\s]+:\d+)/")


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class TensorBoard:
    """A running server. url: its address, without a slash at the end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.output: list[str] = []
        self.url = ""
        self._found = threading.Event()
        # Read to the end, or a full pipe would stop the server.
        threading.Thread(target=self._collect, daemon=True).start()
        if not self._found.wait(_START_SECONDS) or not self.url:
            raise RuntimeError("TensorBoard did not start:\n" + "".join(self.output))

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            match = _URL.search(line)
            if match and not self.url:
                self.url = match[1]
                self._found.set()
        self._found.set()

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        """path: absolute, or one of our routes."""
        address = self.url + (path if path.startswith("/") else f"{ROOT}/{path}")
        if query:
            address += "?" + urllib.parse.urlencode(query)
        try:
            with urllib.request.urlopen(
                urllib.request.Request(address, headers=dict(headers or {})), timeout=180
            ) as got:
                return Answer(got.status, got.read(), got.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), error.headers)

    def wait_for(
        self, condition: Callable[[dict[str, Any]], bool], seconds: float = 180, path: str = "runs"
    ) -> dict[str, Any]:
        """The answer of a route as soon as it fulfils the condition."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = self.get(path)
            if answer.status == 200 and condition(answer.json):
                return answer.json
            time.sleep(0.2)
        raise TimeoutError(f"{path} stayed at {answer}\n" + "".join(self.output))


@contextlib.contextmanager
def running(
    logdir: pathlib.Path, *arguments: str, prelude: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[TensorBoard]:
    """prelude: Python that runs in the server's process before TensorBoard."""
    script = f"{prelude}\nimport sys\nfrom tensorboard import main\nsys.exit(main.run_main())"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", script, f"--logdir={logdir}", "--host=127.0.0.1", "--port=0"),
            *("--reload_interval=1", "--window_title=test", *arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", **(environment or {})},
    )
    try:
        yield TensorBoard(process)
    finally:
        # By its id; the data server ends with its parent's stdin.
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
