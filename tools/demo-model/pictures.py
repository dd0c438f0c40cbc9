"""Draws, with zao and the model that is built into it, the pictures of the documents and of the page's mock that show that model.

    python pictures.py ZAO        writes docs/images/apple.png, docs/images/edits.png, web/mock/pictures/*.png

Does not take the page's own pictures (`npm run shots` in web/), nor the contact sheet, which is the examination's.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGES = REPOSITORY / "docs" / "images"
MASK = REPOSITORY / "crates" / "zao-engine" / "tests" / "goldens" / "edits" / "soft.png"
MOCK = REPOSITORY / "web" / "mock" / "pictures"
APPLE = "a red apple on a blue background"

# Words and seeds as in web/mock/history.mjs.
MOCKED = {
    "apple": (APPLE, 7),
    "blossom": ("樱花，白色背景", 315),
    "cat": ("a cat face on a pink background", 9),
    "fox": ("a fox on a sky blue background", 7),
    "green-apple": ("红苹果，绿色背景", 21),
    "moon-cake": ("月饼，红色背景", 815),
    "mushroom": ("a mushroom on a grey background", 12),
    "owl": ("an owl on a black background", 77),
    "panda": ("a panda on a green background", 88),
    "penguin": ("a penguin on a sky blue background", 2),
    "rocket": ("a rocket on a sky blue background", 1905),
    "sailboat": ("a sailboat on a blue background", 3001),
    "teapot": ("a teapot on an orange background", 404),
    "tiger": ("a tiger face on a black background", 64),
}
SIDE, GAP = 160, 8


def main() -> None:
    (zao,) = sys.argv[1:]

    def draw(prompt: str, seed: int, output: Path, *more: str | Path) -> Path:
        chosen = ["--model", "demo", "--device", "cpu", "--seed", str(seed), "--quiet", "--output", output]
        subprocess.run([zao, "generate", prompt, *chosen, *more], check=True)
        return output

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        apple = draw(APPLE, 42, IMAGES / "apple.png")
        green = draw("a green apple on a blue background", 1, folder / "green.png", "--image", apple)
        owl = draw("an owl on a black background", 1000, folder / "owl.png")
        both = draw(APPLE, 8, folder / "both.png", "--image", owl, "--mask", MASK)
        beside([apple, green, owl, MASK, both]).save(IMAGES / "edits.png", optimize=True)
        for name, (prompt, seed) in MOCKED.items():
            picture = Image.open(draw(prompt, seed, folder / "mock.png")).convert("RGB")
            picture.quantize(256, dither=Image.Dither.NONE).save(MOCK / f"{name}.png", optimize=True)


def beside(files: list[Path]) -> Image.Image:
    row = Image.new("RGB", (len(files) * (SIDE + GAP) - GAP, SIDE), "white")
    for index, file in enumerate(files):
        row.paste(Image.open(file).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS), (index * (SIDE + GAP), 0))
    return row


if __name__ == "__main__":
    main()
