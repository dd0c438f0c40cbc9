"""Sends a server what its own document allows and what it does not, and holds every answer against it (schemathesis)."""

import argparse
import pathlib
import subprocess
import sys
import tempfile

from server import serving

HERE = pathlib.Path(__file__).resolve().parent

# The queue's events have no end. A server that was told to stop accepts nothing more, and the others would be tested for that.
EXCLUDED = ["--exclude-path", "/v1/queue/events", "--exclude-path", "/admin/drain"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("zao", type=lambda path: pathlib.Path(path).resolve(), help="the program, as target/release/zao")
    arguments.add_argument("--examples", type=int, default=20, help="how many requests of a kind to each operation: the same on any machine")
    arguments.add_argument("--seconds", type=int, default=600, help="how long at most")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--more", nargs=argparse.REMAINDER, default=[], help="options for schemathesis")
    given = arguments.parse_args()
    # With a token, so that what has no right to come in is tried as well. Few steps and small pictures, so that the time goes into requests,
    # and none waits long for those before it.
    token = "probe"
    options = ["--token", token, "--max-count", "1", "--max-steps", "2", "--max-pixels", "65536", "--queue", "4"]
    with serving(given.zao, *options) as address:
        command = [
            pathlib.Path(sys.executable).with_name("schemathesis"),
            "--config-file", HERE / "schemathesis.toml",
            "run", f"{address}/openapi.json",
            "--header", f"Authorization: Bearer {token}",
            "--seed", str(given.seed), "--max-examples", str(given.examples), "--max-time", str(given.seconds), "--generation-database", "none",
            *EXCLUDED, *given.more,
        ]
        # It keeps what it found beside where it runs.
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(command, cwd=folder, timeout=given.seconds + 300).returncode


if __name__ == "__main__":
    sys.exit(main())
