"""Picture files of every kind that zao reads, and what Pillow makes of them; resized pictures."""

import json
from pathlib import Path

import numpy
from PIL import Image, ImageFilter, ImageOps

from golden import versions

# Largest difference of a sample from Pillow's: decoders of JPEG may round in their own ways, and in the blurred
# colours of subsampled files each step of enlarging adds to it.
EXACT, ROUNDED, SUBSAMPLED = 0, 1, 4
SIZES = [(24, 20), (64, 48), (50, 19), (31, 41), (7, 5), (45, 10), (45, 31), (200, 3), (1, 1)]


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cases = [case(folder, name, tolerance) for name, tolerance in save_inputs(folder).items()]
    noise = Image.open(folder / "noise.png")
    resized = []
    for width, height in SIZES:
        name = f"noise-{width}x{height}.png"
        noise.resize((width, height), Image.Resampling.LANCZOS).save(folder / name)
        resized.append({"file": "noise.png", "width": width, "height": height, "expected": name})
    description = {
        "command": "python tools/goldens/make.py images",
        "versions": versions(),
        "pillow": Image.__version__,
        "decoded": cases,
        "resized": resized,
    }
    (folder / "images.json").write_text(json.dumps(description, indent=2) + "\n")


def save_inputs(folder: Path) -> dict[str, int]:
    """One file of each kind, by name, with how far from Pillow's its samples may be."""
    random = numpy.random.Generator(numpy.random.PCG64(1))
    noise = Image.fromarray(random.integers(0, 256, (41, 50, 3), dtype=numpy.uint8))
    noise.save(folder / "noise.png")
    smooth = noise.resize((40, 24), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(3))
    smooth = ImageOps.autocontrast(smooth)
    ramp = Image.linear_gradient("L").resize((40, 24))
    clear = smooth.copy()
    clear.putalpha(ramp)
    deep = numpy.linspace(0, 65535, 40 * 24).astype(numpy.uint16).reshape(24, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth.save(folder / "rgb.jpg", quality=92)
    smooth.save(folder / "progressive.jpg", quality=92, progressive=True)
    smooth.save(folder / "turned.jpg", quality=92, exif=exif)
    smooth.convert("L").save(folder / "grey.jpg", quality=92)
    smooth.convert("CMYK").save(folder / "cmyk.jpg", quality=92)
    smooth.save(folder / "lossy.webp", quality=90)
    clear.save(folder / "lossless.webp", lossless=True, exact=True)
    clear.save(folder / "alpha.png")
    smooth.convert("L").save(folder / "grey.png")
    smooth.convert("1").save(folder / "bits.png")
    smooth.quantize(16).save(folder / "palette.png")
    smooth.save(folder / "turned.png", exif=exif)
    Image.fromarray(deep).save(folder / "deep.png")
    return {
        "rgb.jpg": SUBSAMPLED,
        "progressive.jpg": SUBSAMPLED,
        "turned.jpg": SUBSAMPLED,
        "grey.jpg": ROUNDED,
        "cmyk.jpg": ROUNDED,
        "lossy.webp": EXACT,
        "lossless.webp": EXACT,
        "alpha.png": EXACT,
        "grey.png": EXACT,
        "bits.png": EXACT,
        "palette.png": EXACT,
        "turned.png": EXACT,
        "deep.png": EXACT,
    }


def case(folder: Path, name: str, tolerance: int) -> dict:
    """Writes the picture as RGB, upright and over white."""
    picture = ImageOps.exif_transpose(Image.open(folder / name))
    if picture.mode.startswith("I"):
        values = numpy.asarray(picture).astype(numpy.float64)
        picture = Image.fromarray((values / 257).round().astype(numpy.uint8))
    if picture.mode == "RGBA":
        # Not alpha_composite, which rounds twice.
        values = numpy.asarray(picture).astype(numpy.int64)
        colours, alpha = values[..., :3], values[..., 3:]
        mixed = (colours * alpha + 255 * (255 - alpha) + 127) // 255
        picture = Image.fromarray(mixed.astype(numpy.uint8))
    expected = f"{name.replace('.', '-')}.expected.png"
    picture.convert("RGB").save(folder / expected)
    return {"file": name, "expected": expected, "tolerance": tolerance}
