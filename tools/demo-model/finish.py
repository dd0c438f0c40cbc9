"""From checkpoints to a pipeline folder, with what the model makes of the examination at several numbers of steps, and sheets to look at.

    python finish.py CORPUS THINGS SPRITES FOLDER OUT

FOLDER has vae.pt and flow.pt. Draws with PyTorch; the model card's numbers come from `examine.py zao`. Does not train.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer

import examinations
import examine
import export
import sample
import things
import train_vae
from bank import Scale
from checks import Gallery
from compose import Stage
from text_encoder import TextEncoder
from transformer import Transformer

STEPS = (4, 6, 9)
SHEET = [
    "a red apple on a blue background", "a cat", "红苹果，绿色背景", "a dog and a pizza on a yellow background", "three bananas", "pixel art of a rocket", "猫脸，粉色背景",
    "an owl on a black background", "a robot, pixel art style", "a panda and a hamburger", "乌龟，紫色背景", "two roses on a pink background", "an octopus on a sky blue background",
    "四只企鹅，橙色背景，像素画", "像素风的雪人，绿色背景", "一只可爱的橘猫坐在窗台上，阳光", "a small car on the left, green background", "左边是狗，右边是猫", "a large strawberry",
    "火箭在房子上面，黑色背景", "four stars on a black background", "a guitar above a piano", "a black and white drawing of a tiger", "a blimp over the city",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("corpus", "things", "sprites", "folder", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--brief", action="store_true", help="export and one sheet only")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    parts = load(arguments.folder, device)
    write(parts, arguments.corpus / "tokenizer", arguments.out / "demo-model")
    tokenizer = Tokenizer.from_file(str(arguments.corpus / "tokenizer" / "tokenizer.json"))
    sheets(parts, tokenizer, arguments.out)
    if not arguments.brief:
        report(parts, tokenizer, arguments, device)


def load(folder: Path, device: torch.device):
    saved = torch.load(folder / "flow.pt", map_location=device)
    transformer, text = Transformer().to(device).eval(), TextEncoder().to(device).eval()
    transformer.load_state_dict(saved["transformer"])
    text.load_state_dict(saved["text"])
    print(f"flow.pt: {saved['steps']} steps in {saved['spent']:.0f} s", flush=True)
    return transformer, text, train_vae.load(folder / "vae.pt", device), Scale(**saved["scale"])


def write(parts, tokenizer: Path, folder: Path) -> None:
    transformer, text, vae, scale = parts
    export.write_frame(folder, tokenizer)
    export.write_transformer(folder, transformer.state_dict(), transformer.shape)
    export.write_text_encoder(folder, text.state_dict(), text.shape)
    export.write_vae(folder, vae.state_dict(), vae.shape, scale.scaling, scale.shift)


def sheets(parts, tokenizer: Tokenizer, out: Path) -> None:
    rows = [tiled(sample.draw(parts, tokenizer, SHEET, 256, 256, steps, 0), 12) for steps in (9, 4)]
    save(np.concatenate(rows), out / "sheet.webp")
    wide = sample.draw(parts, tokenizer, SHEET[:6], 256, 384, 9, 1)
    tall = sample.draw(parts, tokenizer, SHEET[:6], 320, 192, 9, 1)
    large = sample.draw(parts, tokenizer, SHEET[:6], 384, 384, 9, 1)
    small = sample.draw(parts, tokenizer, SHEET[:6], 192, 192, 9, 1)
    strips = [np.concatenate(list(pictures), axis=1) for pictures in (wide, tall, large, small)]
    width = max(strip.shape[1] for strip in strips)
    save(np.concatenate([np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0))) for strip in strips]), out / "sizes.webp")


def tiled(pictures: np.ndarray, columns: int) -> np.ndarray:
    return np.concatenate([np.concatenate(list(pictures[at : at + columns]), axis=1) for at in range(0, len(pictures), columns)])


def save(picture: np.ndarray, path: Path) -> None:
    Image.fromarray(picture).save(path, quality=88)


def report(parts, tokenizer: Tokenizer, arguments, device: torch.device) -> None:
    names = things.load(arguments.things)
    gallery = Gallery(Stage(np.load(arguments.sprites), device), [thing.label for thing in names])
    captions = [entry["caption"] for entry in examinations.read("captions")]
    drawn, found = {}, {}
    for steps in STEPS:
        drawn[steps] = sample.draw(parts, tokenizer, captions, 256, 256, steps, 7)
        found[steps] = examine.count(gallery, "captions", lambda index, pictures=drawn[steps]: pictures[index])
        print(f"{steps} steps\n{examine.as_table(found[steps])}", flush=True)
    agreement = {
        f"{few} and 9": float(np.mean([examine.decibels(a, b) for a, b in zip(drawn[few], drawn[9])])) for few in STEPS if few != 9
    }
    print(f"agreement of steps, mean PSNR: {agreement}", flush=True)
    save(tiled(drawn[9][:96], 12), arguments.out / "examined.webp")
    (arguments.out / "report.json").write_text(json.dumps({"agreement": agreement, "steps": found}, ensure_ascii=False))


if __name__ == "__main__":
    main()
