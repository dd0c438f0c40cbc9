"""What the tool promises about its data and its schedule; `python test_tool.py THINGS`. Trains nothing, draws nothing."""

import random as randoms
import sys
from pathlib import Path

import numpy as np

import captions
import sample
import scenes
import things
from clock import Clock, cosine
from scenes import BOTTOM, CELLS, COUNT, LEFT, MONOCHROME, PAIR, PIXELS, RIGHT, TOP, UNNAMED
from things import Thing, plural_of


def held_out_scenes_are_never_trained_on() -> None:
    random = np.random.default_rng(0)
    assert not scenes.held_out(scenes.draw(random, 4000, 497)).any()
    assert scenes.held_out(scenes.draw(random, 200, 497, examined=True)).all()


def one_combination_of_sixteen_is_held_out() -> None:
    share = scenes.held_out(scenes.draw_any(np.random.default_rng(1), 40_000, 497)).mean()
    assert abs(share - 1 / scenes.HELD_OUT) < 0.006, share


def everything_stands_inside_the_canvas_and_apart() -> None:
    random = np.random.default_rng(2)
    for height, width in ((256, 256), (192, 320), (384, 256), (192, 384), (384, 384)):
        boxes = scenes.arrange(scenes.draw(random, 2000, 497), height, width, random)
        there = boxes.thing >= 0
        # A drawing may touch the edge, its middle may not come near it.
        assert (boxes.x[there] > boxes.side[there] * 0.42).all() and (boxes.x[there] < width - boxes.side[there] * 0.42).all()
        assert (boxes.y[there] > boxes.side[there] * 0.42).all() and (boxes.y[there] < height - boxes.side[there] * 0.42).all()
        for a in range(scenes.SLOTS):
            for b in range(a):
                both = there[:, a] & there[:, b]
                far = np.hypot(boxes.x[both, a] - boxes.x[both, b], boxes.y[both, a] - boxes.y[both, b])
                assert (far > boxes.side[both, a]).all(), (height, width)


def captions_name_what_is_there(names: list[Thing]) -> None:
    random, words = np.random.default_rng(3), randoms.Random(3)
    drawn = scenes.draw(random, 600, len(names))
    for index in range(len(drawn)):
        scene = drawn[index]
        first = names[int(scene.first)]
        english, chinese = captions.english(scene, names, words).lower(), captions.chinese(scene, names, words)
        assert any(part.lower() in english for name in first.english for part in name), (english, first.label)
        assert any(name in chinese for name in first.chinese), (chinese, first.label)
        if scene.background != UNNAMED:
            assert captions.COLOURS[int(scene.background)] in english, english
        if scene.kind == PAIR:
            second = names[int(scene.second)]
            assert any(part.lower() in english for name in second.english for part in name), (english, second.label)
            assert any(name in chinese for name in second.chinese), (chinese, second.label)
        if scene.kind == COUNT:
            assert any(number in chinese for number in (captions.NUMBERS[int(scene.count)][1], str(int(scene.count)))), chinese


def a_thing_on_the_left_stands_on_the_left(names: list[Thing]) -> None:
    drawn = scenes.draw(np.random.default_rng(4), 4000, len(names))
    boxes = scenes.arrange(drawn, 256, 256, None)
    for place, (along, low) in {LEFT: (boxes.x, True), RIGHT: (boxes.x, False), TOP: (boxes.y, True), BOTTOM: (boxes.y, False)}.items():
        there = along[drawn.place == place, 0]
        assert len(there) > 20 and ((there < 118) if low else (there > 138)).all(), place
    assert (drawn.style[drawn.kind != scenes.SINGLE] != MONOCHROME).all()


def pixel_art_stands_on_whole_pixels_and_is_named(names: list[Thing]) -> None:
    random, words = np.random.default_rng(6), randoms.Random(6)
    drawn = scenes.draw(random, 6000, len(names))
    assert 0.07 < (drawn.style == PIXELS).mean() < 0.12
    for height, width in ((256, 256), (192, 320), (336, 208), (384, 384)):
        boxes = scenes.arrange(drawn, height, width, random)
        there = (drawn.style == PIXELS)[:, None] & (boxes.thing >= 0)
        cell = boxes.side[there] / CELLS
        assert (cell == np.round(cell)).all() and (cell >= 2).all() and (boxes.angle[there] == 0).all()
        for middle in (boxes.x, boxes.y):
            assert ((middle[there] - boxes.side[there] / 2) % cell == 0).all(), (height, width)
    for index in np.flatnonzero(drawn.style == PIXELS)[:200]:
        assert "pixel art" in captions.english(drawn[index], names, words).lower()
        assert "像素" in captions.chinese(drawn[index], names, words)


def plurals_are_regular() -> None:
    expected = {"cat": "cats", "box": "boxes", "puppy": "puppies", "toy": "toys", "bus": "buses", "peach": "peaches"}
    assert {word: plural_of(word) for word in expected} == expected


def steps_are_those_of_the_pipeline() -> None:
    levels = sample.schedule(4)
    assert np.allclose(levels, [1, 6 / 7, 3 / 5, 0, 0]), levels


def rates_rise_and_fall_and_time_counts_on() -> None:
    assert cosine(0) == 0 and cosine(0.02) == 1 and abs(cosine(1) - 0.01) < 1e-9
    assert Clock(10, spent=10).share() == 1


def main() -> None:
    names = things.load(Path(sys.argv[1]))
    held_out_scenes_are_never_trained_on()
    one_combination_of_sixteen_is_held_out()
    everything_stands_inside_the_canvas_and_apart()
    captions_name_what_is_there(names)
    a_thing_on_the_left_stands_on_the_left(names)
    pixel_art_stands_on_whole_pixels_and_is_named(names)
    plurals_are_regular()
    steps_are_those_of_the_pipeline()
    rates_rise_and_fall_and_time_counts_on()
    print("9 passed, 0 failed")


if __name__ == "__main__":
    main()
