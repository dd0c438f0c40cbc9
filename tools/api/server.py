"""A server of our own for as long as a script runs. It does NOT ask it anything but whether it is ready."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

# One that fits the demo model.
LORA = pathlib.Path(__file__).parents[2] / "crates/zao-engine/tests/goldens/adapters/kohya.safetensors"

# A worker that has to be started and to open the demo model takes a second or two; a busy machine more, and much more
# where it builds something beside it.
PATIENCE = 180.0

# What is drawn when the server is told to end has so many seconds to be finished, and the process half a minute more.
DRAIN = 30


@contextlib.contextmanager
def serving(zao, *options):
    """Runs `zao serve` with nothing of this machine's own in it; gives its address, and ends it."""
    with tempfile.TemporaryDirectory() as home, open(os.path.join(home, "log"), "w+") as log:
        os.mkdir(os.path.join(home, "loras"))
        shutil.copy(LORA, os.path.join(home, "loras", "ink.safetensors"))
        environment = os.environ | {"ZAO_HOME": home, "HF_HUB_CACHE": os.path.join(home, "hub")}
        command = [zao, "serve", "--port", "0", "--folder", os.path.join(home, "jobs"), "--drain", str(DRAIN), *options]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            end = time.monotonic() + PATIENCE
            address = wait(lambda: printed(log.name), process, end)
            wait(lambda: ready(address), process, end)
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
                process.wait(timeout=DRAIN + 30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def wait(ask, process, end):
    """Until `ask` has an answer, which is given; for no longer than until `end`, nor than the server runs."""
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the server ended by itself with {process.returncode}")
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise SystemExit(f"the server is not ready after {PATIENCE:.0f} s")


def printed(log):
    """Where the server says that it listens: at a port that was free."""
    found = re.search(r"at (http://[\d.]+:\d+);", pathlib.Path(log).read_text(errors="replace"))
    return found and found[1]


def ready(address):
    """Whether a job would be drawn."""
    try:
        with urllib.request.urlopen(f"{address}/health/ready", timeout=10) as response:
            return json.load(response)["status"] == "ready"
    # What is not there yet is refused, not answered in time, or cut off.
    except (OSError, http.client.HTTPException):
        return False
