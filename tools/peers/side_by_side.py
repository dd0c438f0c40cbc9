"""Times one forward of zao and of PyTorch in one sitting and prints a Markdown table with the ratios.

    .venv/bin/python tools/peers/side_by_side.py target/release/zao --size 512 --threads 2 --repeat 3

zao runs before and after PyTorch, so that a machine that changes its speed in between is seen, and one program at a
time, because two models do not fit in memory. It judges no result: which commit, and what else ran on the machine, is
for the reader to write beside the table.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

TORCH_CPU = Path(__file__).with_name("torch_cpu.py")
# Both count products and attention; small things (the time embedding, a refined caption kept) may differ.
SAME_WORK = 0.02


def main() -> None:
    arguments = parse()
    before = {precision: zao(arguments, precision) for precision in arguments.precisions}
    peer = torch(arguments)
    after = {precision: zao(arguments, precision) for precision in arguments.precisions}
    runs = {precision: [before[precision], after[precision]] for precision in arguments.precisions}
    if arguments.save:
        arguments.save.write_text(json.dumps({"zao": runs, "torch": peer}, indent=2) + "\n")
    print(table(runs, peer))
    for line in remarks(runs, peer):
        print(f"\n{line}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Times one forward of zao and of PyTorch, and prints the ratios.")
    parser.add_argument("zao", type=Path, help="the zao binary")
    parser.add_argument("--size", type=int, default=512, help="side of the picture in pixels")
    parser.add_argument("--tokens", type=int, default=64, help="caption tokens of PyTorch; zao has 64")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=3, help="timed runs of each program after its warm-up")
    parser.add_argument("--precisions", nargs="+", default=["int8", "bf16"], help="of zao")
    parser.add_argument("--dtype", choices=("bf16", "f32"), default="bf16", help="of PyTorch")
    parser.add_argument("--save", type=Path, help="also write what every run printed to this JSON file")
    return parser.parse_args()


def zao(arguments: argparse.Namespace, precision: str) -> dict:
    model = ["--synthetic", "z-image-turbo", "--precision", precision]
    return run([arguments.zao.resolve(), "bench", "forward", *model, "--json"], arguments)


def torch(arguments: argparse.Namespace) -> dict:
    command = [sys.executable, TORCH_CPU, "forward", "--tokens", arguments.tokens, "--dtype", arguments.dtype]
    return run(command, arguments)


def run(command: list, arguments: argparse.Namespace) -> dict:
    """What the command prints as JSON; size, threads and repeats are the same for both programs."""
    shared = ["--size", arguments.size, "--threads", arguments.threads, "--repeat", arguments.repeat]
    words = [str(word) for word in command + shared]
    print("running", " ".join(words), file=sys.stderr, flush=True)
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{words[0]} ended with {done.returncode}; its message is above")
    return json.loads(done.stdout)


def table(runs: dict[str, list[dict]], peer: dict) -> str:
    lines = [
        "| | seconds, median | again | TFLOP/s | share of peak | peak memory, GB | torch / zao |",
        "|---|---|---|---|---|---|---|",
    ]
    for precision, pair in runs.items():
        first, second = (result["seconds"]["median"] for result in pair)
        rate = statistics.mean(result["tflops"] for result in pair)
        share = statistics.mean(result["share_of_peak"] for result in pair)
        memory = max(result["peak_rss_bytes"] for result in pair) / 1e9
        ratio = peer["seconds"]["median"] / statistics.mean((first, second))
        cells = f"{first:.2f} | {second:.2f} | {rate:.2f} | {share:.0%} | {memory:.1f} | {ratio:.2f}"
        lines.append(f"| zao {precision} | {cells} |")
    seconds, memory = peer["seconds"]["median"], peer["peak_rss_bytes"] / 1e9
    lines.append(f"| PyTorch {peer['dtype']} | {seconds:.2f} | | {peer['tflops']:.2f} | | {memory:.1f} | 1 |")
    return "\n".join(lines)


def remarks(runs: dict[str, list[dict]], peer: dict) -> list[str]:
    """The setting, and a warning when the two programs do not count the same work."""
    size, count = peer["size"], peer["seconds"]["n"]
    work = f"{size}x{size}, {peer['tokens']} caption tokens, {peer['tflop']:.2f} TFLOP"
    machine = f"{peer['cpu']['model']} ({', '.join(peer['cpu']['instructions'])}), {peer['threads']} threads"
    libraries = ", ".join(f"{name} {version}" for name, version in peer["versions"].items())
    lines = [f"{work}; median of {count}; {machine}; {libraries}."]
    for precision, pair in runs.items():
        counted = pair[0]["tflop"]
        if abs(counted / peer["tflop"] - 1) > SAME_WORK:
            lines.append(f"zao {precision} counts {counted:.2f} TFLOP: the two forwards are not the same work.")
    return lines


if __name__ == "__main__":
    main()
