"""A server of our own for as long as a script runs. It does NOT ask it anything but whether it is ready."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

# One that fits the demo model.
LORA = pathlib.Path(__file__).parents[2] / "crates/zao-engine/tests/goldens/adapters/kohya.safetensors"

# A worker that has to be started and to open the demo model takes a second or two; a busy machine more.
PATIENCE = 60.0


@contextlib.contextmanager
def serving(zao, *options, port=None):
    """Runs `zao serve` with nothing of this machine's own in it; gives its address, and ends it."""
    with tempfile.TemporaryDirectory() as home, open(os.path.join(home, "log"), "w+") as log:
        port = port or free_port()
        os.mkdir(os.path.join(home, "loras"))
        shutil.copy(LORA, os.path.join(home, "loras", "ink.safetensors"))
        environment = os.environ | {"ZAO_HOME": home, "HF_HUB_CACHE": os.path.join(home, "hub")}
        command = [zao, "serve", "--port", str(port), "--folder", os.path.join(home, "jobs"), *options]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        try:
            wait(address, process)
            yield address
            if process.poll() is not None:
                raise SystemExit(f"the server ended by itself with {process.returncode}")
        except BaseException:
            log.seek(0)
            print(log.read()[-4000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def wait(address, process):
    """Until the server says that a job would be drawn."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the server ended by itself with {process.returncode}")
        try:
            if get(f"{address}/health/ready")["status"] == "ready":
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"the server is not ready after {PATIENCE} s")


def get(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
