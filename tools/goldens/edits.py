"""Pictures that begin with a picture: image to image and inpainting with the demo model, settings in edits.json."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from diffusers import ZImageImg2ImgPipeline, ZImageInpaintPipeline
from PIL import Image, ImageDraw, ImageFilter

import pipeline
from golden import versions
from models import DEMO


@dataclass(frozen=True)
class Edit:
    """The arguments of one pipeline call. The picture is resized to `height` and `width` before the call, where
    they are given, as the pipelines' own image processor resizes; else the pipeline rounds its size down."""

    prompt: str
    image: str
    strength: float
    seed: int
    steps: int
    mask: str | None = None
    height: int | None = None
    width: int | None = None
    guidance_scale: float = 0.0
    negative_prompt: str | None = None
    cfg_normalization: float = 0.0
    cfg_truncation: float = 1.0


EDITS = {
    "recoloured": Edit("a green apple on a blue background", "../pictures/apple.png", 0.6, seed=1, steps=8),
    "touched": Edit("a red apple on a blue background", "../pictures/apple.png", 0.3, seed=2, steps=7),
    "from-noise": Edit("a cat on a pink background", "../pictures/apple.png", 1.0, seed=3, steps=5),
    "wide": Edit("an orange rocket on a yellow background", "../pictures/wide.png", 0.75, seed=4, steps=6),
    "resized": Edit("a panda and a cake", "../pictures/panda.png", 0.5, seed=5, steps=8, height=160, width=208),
    "odd": Edit("an owl on a green background", "odd-sized.png", 0.7, seed=6, steps=8),
    "guided": Edit(
        "a tiger on a pink background",
        "../pictures/guided.png",
        0.8,
        seed=7,
        steps=5,
        guidance_scale=2.0,
        negative_prompt="a dog on a green background",
        cfg_truncation=0.6,
    ),
    "inpainted": Edit("a red apple on a blue background", "../pictures/owl.png", 1.0, seed=8, steps=8, mask="soft.png"),
    "inpainted-weakly": Edit(
        "a green apple on a blue background", "../pictures/apple.png", 0.7, seed=9, steps=7, mask="soft.png", guidance_scale=1.0
    ),
    "inpainted-small": Edit("a star", "../pictures/wide.png", 0.9, seed=10, steps=6, mask="colour.png"),
}


def make(folder: Path, checkpoint: Path) -> None:
    """Writes inputs, results and `edits.json` into `folder`; most pictures to begin with are in `../pictures`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in inputs(folder.parent / "pictures").items():
        picture.save(folder / name, optimize=True)
    components = pipeline.load(checkpoint).components
    to_image, to_inpaint = ZImageImg2ImgPipeline(**components), ZImageInpaintPipeline(**components)
    entries = []
    for name, edit in EDITS.items():
        result = call(to_image if edit.mask is None else to_inpaint, edit, folder)
        result.save(folder / f"{name}.png", optimize=True)
        entries.append({"file": f"{name}.png", **asdict(edit), "height": result.height, "width": result.width})
    description = {
        "command": "python tools/goldens/make.py edits",
        "checkpoint": DEMO,
        "dtype": "float32",
        "generator": "torch.Generator('cpu')",
        "versions": versions(),
        "edits": entries,
    }
    (folder / "edits.json").write_text(json.dumps(description, ensure_ascii=False, indent=2) + "\n")


def inputs(pictures: Path) -> dict[str, Image.Image]:
    """A picture of an odd size, and masks: one with soft edges, one in colour and of another size than its picture."""
    odd = Image.open(pictures / "owl.png").crop((3, 20, 253, 223))
    soft = Image.new("L", (256, 256))
    ImageDraw.Draw(soft).ellipse((60, 70, 200, 220), fill=255)
    soft = soft.filter(ImageFilter.GaussianBlur(9))
    colour = Image.new("RGB", (100, 90), (20, 40, 90))
    ImageDraw.Draw(colour).polygon([(10, 10), (60, 5), (48, 70)], fill=(255, 240, 120))
    return {"odd-sized.png": odd, "soft.png": soft, "colour.png": colour}


def call(pipe: ZImageImg2ImgPipeline | ZImageInpaintPipeline, edit: Edit, folder: Path) -> Image.Image:
    pipe.set_progress_bar_config(disable=True)
    arguments = asdict(edit)
    generator = torch.Generator("cpu").manual_seed(arguments.pop("seed"))
    steps, mask = arguments.pop("steps"), arguments.pop("mask")
    height, width = arguments.pop("height"), arguments.pop("width")
    picture = Image.open(folder / arguments.pop("image"))
    if height is not None and width is not None:
        picture = pipe.image_processor.resize(picture, height, width)
    if mask is not None:
        arguments["mask_image"] = Image.open(folder / mask)
    output = pipe(**arguments, image=picture, num_inference_steps=steps, generator=generator)
    return output.images[0]
