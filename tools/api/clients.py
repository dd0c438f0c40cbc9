"""What people use with the interface, against a server: OpenAI's own client, and every example of the README as it is printed."""

import argparse
import base64
import concurrent.futures
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

import openai
from openai import OpenAI

from server import serving

README = pathlib.Path(__file__).parents[2] / "README.md"
# Where the README's examples look for a server.
PRINTED = "localhost:7860"

# How long anything may take. It is there for what hangs; a busy machine needs a small part of it.
PATIENCE = 600.0

SMALL = {"size": "64x64", "extra_body": {"num_inference_steps": 2, "seed": 7}}


def sides(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:8]
    return struct.unpack(">II", png[16:24])


def models(client, _):
    listed = client.models.list().data
    assert [model.id for model in listed] == ["demo"], listed
    assert client.models.retrieve("demo").owned_by == "zao"


def one_picture(client, _):
    answer = client.images.generate(model="demo", prompt="a red apple", **SMALL)
    assert sides(base64.b64decode(answer.data[0].b64_json)) == (64, 64)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    again = client.images.generate(model="gpt-image-1", prompt="a red apple", **SMALL)
    assert again.data[0].b64_json == answer.data[0].b64_json, "the same seed is the same picture"


def several(client, _):
    answer = client.images.generate(
        model="demo", prompt="a red apple", n=2, output_format="jpeg", output_compression=60, **SMALL)
    pictures = [base64.b64decode(image.b64_json) for image in answer.data]
    assert len(pictures) == 2 and pictures[0] != pictures[1]
    assert all(picture[:2] == b"\xff\xd8" for picture in pictures)
    assert answer.output_format == "jpeg"


def numbers(client, _):
    """What SGLang's load tester reads, in the body and the headers."""
    raw = client.images.with_raw_response.generate(prompt="a red apple", **SMALL)
    body, headers = json.loads(raw.text), raw.headers
    assert body["inference_time_s"] > 0 and abs(body["inference_time_s"] - float(headers["x-inference-time"])) < 1e-3, body
    assert body["peak_memory_mb"] > 1 and abs(body["peak_memory_mb"] - float(headers["x-peak-memory-mb"])) < 1e-2, body
    assert headers["x-seed"] == "7"


def qualities(client, _):
    for asked, told, size, steps in [
        ("low", "low", (192, 192), 6), ("medium", "medium", (256, 256), 8),
        ("high", "high", (320, 320), 10), ("auto", "medium", (256, 256), 8),
    ]:
        answer = client.images.generate(prompt="a red apple", quality=asked)
        assert sides(base64.b64decode(answer.data[0].b64_json)) == size, asked
        assert (answer.quality, answer.size) == (told, "x".join(map(str, size))), answer
        job = client.get(f"/jobs/{answer.job}", cast_to=object)
        assert job["steps"] == steps, (asked, job["steps"])


def without_a_recipe(client, address):
    texts = lambda png: b"iTXt" in png or b"tEXt" in png
    drawn = {}
    for metadata in (True, False):
        body = SMALL["extra_body"] | {"metadata": metadata}
        answer = client.images.generate(prompt="a red apple", response_format="url", **SMALL | {"extra_body": body})
        with urllib.request.urlopen(answer.data[0].url, timeout=PATIENCE) as response:
            drawn[metadata] = response.read()
        assert texts(drawn[metadata]) == metadata, "the file itself, whichever way it is fetched"
    assert len(drawn[True]) > len(drawn[False])


def in_vain(client, _):
    answer = client.images.generate(
        prompt="a red apple", output_compression=50, user="me", **SMALL | {"extra_body": SMALL["extra_body"] | {"partial_images": 2}})
    assert sorted(answer.ignored) == ["output_compression", "partial_images", "user"], answer.ignored
    assert any(line.startswith("output_compression has no effect") for line in answer.warnings), answer.warnings
    events = list(client.images.generate(prompt="an owl", stream=True, size="64x64", response_format="url"))
    assert events[-1].b64_json and events[-1].ignored == ["response_format"], events[-1].ignored


def the_same_again(client, _):
    """One key is one job, also while the first request is under way and when pictures come in a stream."""
    draw = lambda key, **more: client.images.generate(
        prompt="a red apple", size="256x256", extra_headers={"Idempotency-Key": key}, **more)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answers = [waiting.result() for waiting in [pool.submit(draw, "one") for _ in range(4)]]
    answers.append(draw("one"))
    assert len({answer.job for answer in answers}) == 1
    assert all(answer == answers[0] for answer in answers), "the same answer"
    refused(openai.ConflictError, lambda: draw("one", n=2), code="idempotency_conflict", param="Idempotency-Key")
    refused(openai.ConflictError, lambda: draw("one", output_format="webp"), code="idempotency_conflict")
    streams = [list(draw("two", stream=True, partial_images=1)) for _ in range(2)]
    last = [events[-1] for events in streams]
    assert last[0].type == "image_generation.completed" and last[0] == last[1]
    hasty = client.with_options(timeout=openai.Timeout(30, read=0.05))
    slow = dict(prompt="an owl", size="256x256", extra_headers={"Idempotency-Key": "three"}, extra_body={"steps": 40, "seed": 1})
    try:
        hasty.images.generate(**slow)
        raise AssertionError("it was too quick to hang up on")
    except openai.APITimeoutError:
        pass
    assert client.images.generate(**slow).data[0].b64_json, "who hangs up with a key may come again"


def a_link(client, address):
    answer = client.images.generate(prompt="a red apple", response_format="url", **SMALL)
    assert answer.data[0].url.startswith(f"{address}/v1/images/img_"), answer.data[0].url


def a_stream(client, _):
    events = list(client.images.generate(prompt="an owl", stream=True, partial_images=2, size="64x64"))
    kinds = [event.type for event in events]
    assert kinds[-1] == "image_generation.completed", kinds
    partial = [event for event in events if event.type == "image_generation.partial_image"]
    assert [event.partial_image_index for event in partial] == [0, 1], kinds
    assert all(base64.b64decode(event.b64_json) for event in partial)
    for event in partial:
        assert (event.size, event.output_format) == ("64x64", "png"), event
        assert sides(base64.b64decode(event.b64_json))[0] > 0
    assert sides(base64.b64decode(events[-1].b64_json)) == (64, 64)
    assert events[-1].usage.total_tokens > 0 and events[-1].created_at > 1_700_000_000


def refused(error, call, **about):
    try:
        call()
    except error as caught:
        for name, value in about.items():
            assert getattr(caught, name) == value, (name, getattr(caught, name), value)
        assert caught.request_id, "every answer has an id"
        return
    raise AssertionError(f"{error.__name__} was not raised")


def errors(client, address):
    draw = client.images.generate
    refused(openai.BadRequestError, lambda: draw(prompt="a", size="50x50"), code="invalid_size", param="width")
    refused(openai.BadRequestError, lambda: draw(prompt="a", n=11), code="invalid_request", param="n")
    refused(openai.BadRequestError, lambda: draw(prompt="x" * 100_000), code="prompt_too_long", param="prompt")
    refused(openai.NotFoundError, lambda: draw(prompt="a", model="sdxl"), code="unknown_model", param="model")
    refused(openai.NotFoundError, lambda: client.models.retrieve("none"), code="unknown_model")
    stranger = OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0)
    refused(openai.AuthenticationError, stranger.models.list, code="unauthorized")


def a_lora(client, _):
    """Loaded before it is wanted, then followed, then given up."""
    look = lambda: client.get("/loras", cast_to=object)["loras"][0]
    lora = look()
    assert (lora["name"], lora["kind"], lora["loaded"]) == ("ink", "LoRA", False) and lora["rank"] > 0, lora
    plain = client.images.generate(prompt="an owl", **SMALL).data[0].b64_json
    client.post("/loras/ink/load", cast_to=object)
    until(lambda: look()["loaded"])
    body = SMALL["extra_body"] | {"lora": [{"name": "ink", "scale": 0.8}]}
    followed = client.images.generate(prompt="an owl", **SMALL | {"extra_body": body}).data[0].b64_json
    assert followed != plain
    client.post("/loras/ink/unload", cast_to=object)
    until(lambda: not look()["loaded"])


def until(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


def readme(folder, zao):
    """Runs the README's Python as it stands, and what it has curl do, with a server at another port."""
    text = README.read_text()
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert programs, "the README has no Python any more"
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    curls = [line for line in lines if line.startswith("curl ")]
    assert curls, "the README has no curl any more"
    assert all(PRINTED in example for example in programs + curls), f"an example of the README that does not ask {PRINTED}"
    with serving(zao) as address:
        here = lambda example: example.replace(PRINTED, address.removeprefix("http://"))
        for program in programs:
            subprocess.run([sys.executable, "-c", here(program)], cwd=folder, check=True, timeout=PATIENCE)
        assert sides((folder / "apple.png").read_bytes()) == (256, 256)
        for line in curls:
            subprocess.run(["bash", "-euo", "pipefail", "-c", here(line)], cwd=folder, check=True, timeout=PATIENCE, capture_output=True)
    print(f"ok  the README: {len(programs)} programs, {len(curls)} lines of curl")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("zao", type=pathlib.Path, help="the program, as target/release/zao")
    zao = arguments.parse_args().zao.resolve()
    with serving(zao, "--token", "secret") as address:
        client = OpenAI(base_url=f"{address}/v1", api_key="secret", max_retries=0, timeout=PATIENCE)
        checks = (
            models, one_picture, several, numbers, qualities, without_a_recipe, in_vain, the_same_again, a_link, a_stream, a_lora, errors)
        for check in checks:
            check(client, address)
            print(f"ok  {check.__name__}")
    with tempfile.TemporaryDirectory() as folder:
        readme(pathlib.Path(folder), zao)


if __name__ == "__main__":
    main()
