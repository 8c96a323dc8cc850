"""The demo: TensorBoard with the Activations tab, and training that it follows live."""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

START_SECONDS = 60
RELOAD_SECONDS = 2


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_tensorboard(logdir: Path, port: int) -> subprocess.Popen[bytes]:
    """A serving TensorBoard; RuntimeError when it does not answer within a minute."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--host", "127.0.0.1"]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--reload_interval", str(RELOAD_SECONDS)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/data/environment", timeout=5).close()
            return server
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    stop(server)
    raise RuntimeError(f"TensorBoard did not start:\n{server.communicate()[1].decode(errors='replace')}")


def stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()


def link(port: int, run: str, layer: str) -> str:
    state = urllib.parse.urlencode({"run": run, "layer": layer}, quote_via=urllib.parse.quote, safe="/")
    return f"http://127.0.0.1:{port}/#activations&{state}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logdir", type=Path, default=Path("runs"), help="where TensorBoard looks; default runs")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--log-freq", type=int, default=25)
    parser.add_argument("--exit", action="store_true", help="end when training ends, instead of serving on")
    arguments = parser.parse_args()
    # kill ends the demo as Ctrl-C does, TensorBoard included.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    run = time.strftime("demo-%Y%m%d-%H%M%S")
    arguments.logdir.mkdir(parents=True, exist_ok=True)
    port = free_port()
    server = start_tensorboard(arguments.logdir, port)
    try:
        address = link(port, f"{run}/activations", "conv_intermediate")
        print(f"\n  The Activations tab, live while the network trains:\n\n    {address}\n", flush=True)
        # A process of its own: training and TensorBoard meet in event files only.
        trainer = [sys.executable, str(Path(__file__).with_name("train.py")), "--log-dir", str(arguments.logdir / run)]
        options = ["--epochs", str(arguments.epochs), "--log-freq", str(arguments.log_freq)]
        # And a session of its own: Ctrl-C reaches us only, and we end it, instead of TensorFlow printing a traceback.
        result = subprocess.run([*trainer, *options], check=False, start_new_session=True)
        if result.returncode:
            sys.exit(f"training failed with exit status {result.returncode}")
        if not arguments.exit:
            print(f"\n  Trained. TensorBoard serves on until Ctrl-C:\n\n    {address}\n", flush=True)
            server.wait()
    except KeyboardInterrupt:
        print("\n  Stopped.")
    finally:
        stop(server)


if __name__ == "__main__":
    main()
