"""Scenes in words, English and Chinese, in many orders; and captions with words that mean nothing here. Does not decide what is shown (`scenes.py`)."""

import random as randoms

from scenes import BACKGROUNDS, BOTTOM, COLOURED, COUNT, LARGE, LEFT, MIDDLE, MONOCHROME, PAIR, PIXELS, RIGHT, SINGLE, SMALL, TOP, UNNAMED, USUAL
from things import Thing

COLOURS = list(BACKGROUNDS)
CHINESE_COLOURS = {
    "white": ["白色"], "black": ["黑色"], "red": ["红色"], "orange": ["橙色", "橘色"], "yellow": ["黄色"], "green": ["绿色"], "blue": ["蓝色"],
    "purple": ["紫色"], "pink": ["粉色", "粉红色"], "brown": ["棕色", "褐色"], "grey": ["灰色"], "sky blue": ["天蓝色"],
}  # fmt: skip
ENGLISH_SIZES = {SMALL: ["small", "little", "tiny"], LARGE: ["large", "big", "huge"]}
CHINESE_SIZES = {SMALL: ["小小的", "很小的", "小号的"], LARGE: ["大大的", "很大的", "巨大的"]}
ENGLISH_PLACES = {
    LEFT: ["on the left", "on the left side", "at the left", "to the left"],
    RIGHT: ["on the right", "on the right side", "at the right", "to the right"],
    TOP: ["at the top", "in the upper part", "at the top of the picture", "up high"],
    BOTTOM: ["at the bottom", "in the lower part", "at the bottom of the picture", "down low"],
}
CHINESE_PLACES = {LEFT: ["左边", "左侧"], RIGHT: ["右边", "右侧"], TOP: ["上方", "上面", "顶部"], BOTTOM: ["下方", "下面", "底部"]}
NUMBERS = {2: ("two", "两"), 3: ("three", "三"), 4: ("four", "四")}
OPENINGS = ["a picture of", "an image of", "a drawing of", "an illustration of", "a painting of", "a photo of", "an emoji of", "draw", "an icon of"]
CHINESE_OPENINGS = ["画一张", "画", "一张图片：", "一幅画，", "请画", "生成"]
ADJECTIVES = ["cute", "lovely", "beautiful", "nice", "pretty", "simple", "happy", "funny", "shiny", "adorable", "fresh", "old", "new", "colorful"]
CHINESE_ADJECTIVES = ["可爱的", "漂亮的", "美丽的", "好看的", "简单的", "快乐的", "有趣的", "闪亮的", "新鲜的", "彩色的"]
PIXELS_BEFORE = ["pixel art of {}", "pixel art of {}", "a pixel art drawing of {}", "pixel art, {}", "pixel art {}", "a pixel art picture of {}"]
PIXELS_AFTER = ["{}, pixel art style", "{}, pixel art", "{} in pixel art style", "{} as pixel art"]
CHINESE_PIXELS_BEFORE = ["像素风的{}", "像素风格的{}", "像素画，{}", "像素艺术，{}", "像素风{}", "{}的像素画"]
CHINESE_PIXELS_AFTER = ["{}，像素画", "{}，像素风", "{}，像素风格"]
TAILS = [
    "highly detailed", "4k", "best quality", "in the sunshine", "in the garden", "at night", "on the table", "by the window", "in space", "in the snow",
    "sitting on a windowsill", "under the stars", "with soft light", "in the forest", "near the sea", "masterpiece", "studio lighting", "in the morning",
]  # fmt: skip
CHINESE_TAILS = [
    "高清", "细节丰富", "阳光", "在花园里", "夜晚", "放在桌子上", "坐在窗台上", "在太空中", "在雪地里", "星空下", "柔和的光线", "在森林里", "海边", "杰作", "早晨", "阳光明媚",
]  # fmt: skip
SYLLABLES = "ba be bi bo bu ca co da de di do du fa fi fo ga go gu ha he hi ho ja jo ka ke ki ko la le li lo lu ma me mi mo mu na ne ni no pa pe pi po ra re ri ro sa se si so ta te ti to va vi wa wo za zo".split()
CHARACTERS = "天地人山水火木金土日月星云风雨雪电石田心手口目耳足大小多少上下左右前后里外东西南北春夏秋冬红黄蓝绿白黑花草树林鸟鱼虫马牛羊车船刀门窗书笔纸灯床桌衣食住行爱乐美好新旧高低长短明亮古今城市河海江湖宇宙梦想英雄公主国王骑士医生老师孩子朋友舞蹈音乐科学"  # fmt: skip


def english(scene, things: list[Thing], random: randoms.Random) -> str:
    """One caption of a scene, which is one row of `Scenes`."""
    first = things[int(scene.first)]
    background = "" if scene.background == UNNAMED else COLOURS[int(scene.background)]
    if scene.kind == PAIR:
        core = english_pair(first, things[int(scene.second)], bool(scene.vertical), random)
    elif scene.kind == COUNT:
        number = NUMBERS[int(scene.count)][0] if random.random() < 0.8 else str(int(scene.count))
        core = f"{number} {random.choice(first.english)[1]}"
    else:
        core = english_single(scene, first, random)
    if scene.style == MONOCHROME:
        core = random.choice(["a black and white drawing of {}", "{} in black and white", "black and white {}", "monochrome {}"]).format(core)
    elif scene.style == PIXELS:
        if random.random() < 0.35:
            return finish(random.choice(PIXELS_AFTER).format(with_background(core, background, random)), random)
        core = random.choice(PIXELS_BEFORE + PIXELS_AFTER).format(core)
    elif random.random() < 0.12:
        core = f"{random.choice(OPENINGS)} {core}"
    return finish(with_background(core, background, random), random)


def english_single(scene, thing: Thing, random: randoms.Random) -> str:
    words = []
    if scene.size != USUAL:
        words.append(random.choice(ENGLISH_SIZES[int(scene.size)]))
    if random.random() < 0.06:
        words.append(random.choice(ADJECTIVES))
    name = random.choice(thing.english)
    core = with_article(words, name, random)
    if scene.place != MIDDLE:
        place = random.choice(ENGLISH_PLACES[int(scene.place)])
        core = f"{core} {place}" if random.random() < 0.75 else f"{place}, {core}"
    elif random.random() < 0.04:
        core = f"{core} in the middle"
    return core


def english_pair(first: Thing, second: Thing, vertical: bool, random: randoms.Random) -> str:
    a, b = (with_article([], random.choice(thing.english), random) for thing in (first, second))
    if vertical:
        forms = ["{a} above {b}", "{b} below {a}", "{a} over {b}", "{a} at the top and {b} at the bottom", "{b} under {a}"]
    else:
        forms = ["{a} and {b}"] * 5 + [
            "{a} next to {b}", "{a} beside {b}", "{a} to the left of {b}", "{b} to the right of {a}", "{a} on the left and {b} on the right",
            "{a} with {b}", "{a}, {b}",
        ]  # fmt: skip
    return random.choice(forms).format(a=a, b=b)


def with_article(words: list[str], name: tuple[str, str], random: randoms.Random) -> str:
    singular, plural = name
    phrase = " ".join([*words, singular])
    if plural.startswith("pairs of "):
        return f"a {' '.join([*words, 'pair of', singular])}" if random.random() < 0.5 else phrase
    if (plural == singular and singular.endswith("s")) or random.random() < 0.22:
        return phrase
    article = "the" if random.random() < 0.08 else "one" if random.random() < 0.06 else article_of(phrase)
    return f"{article} {phrase}"


def article_of(phrase: str) -> str:
    if phrase.lower().startswith(("unic", "unif", "uf", "one", "eu")):
        return "a"
    return "an" if phrase[0].lower() in "aeiou" or phrase.startswith(("SUV", "hour")) else "a"


def with_background(core: str, background: str, random: randoms.Random) -> str:
    if not background:
        return core
    forms = ["{core} on {article} {colour} background"] * 6 + [
        "{core} against {article} {colour} background", "{core} with {article} {colour} background", "{core}, {colour} background",
        "{core} on {colour}", "{colour} background, {core}", "on {article} {colour} background, {core}", "{core} in front of {article} {colour} background",
    ]  # fmt: skip
    return random.choice(forms).format(core=core, colour=background, article=article_of(background))


def finish(text: str, random: randoms.Random) -> str:
    """Capitals and full stops as people type them."""
    chance = random.random()
    if chance < 0.12:
        text = text[0].upper() + text[1:]
    elif chance < 0.15:
        text = text.lower()
    return text + "." if random.random() < 0.05 else text


def chinese(scene, things: list[Thing], random: randoms.Random) -> str:
    first = things[int(scene.first)]
    # 一只猫，红色背景，像素画 as well as 一只猫，像素画，红色背景.
    style_is_last = scene.style == PIXELS and random.random() < 0.35
    if scene.kind == PAIR:
        core = chinese_pair(first, things[int(scene.second)], bool(scene.vertical), random)
    elif scene.kind == COUNT:
        number = NUMBERS[int(scene.count)][1] if random.random() < 0.8 else str(int(scene.count))
        measure = first.measure if random.random() < 0.75 else "个"
        core = f"{number}{measure}{random.choice(first.chinese)}"
    else:
        core = chinese_single(scene, first, random)
    if scene.style == MONOCHROME:
        core = random.choice(["黑白的{}", "黑白画，{}", "{}，黑白", "黑白风格的{}"]).format(core)
    elif scene.style == PIXELS and not style_is_last:
        core = random.choice(CHINESE_PIXELS_BEFORE + CHINESE_PIXELS_AFTER).format(core)
    elif random.random() < 0.1:
        core = random.choice(CHINESE_OPENINGS) + core
    if scene.background != UNNAMED:
        colour = random.choice(CHINESE_COLOURS[COLOURS[int(scene.background)]])
        forms = ["{core}，{colour}背景"] * 4 + ["{colour}背景上的{core}"] * 3 + ["{colour}背景，{core}", "{core}在{colour}背景上", "{core}，{colour}的背景", "{colour}底，{core}"]
        core = random.choice(forms).format(core=core, colour=colour)
    if style_is_last:
        core = random.choice(CHINESE_PIXELS_AFTER).format(core)
    return core + ("。" if random.random() < 0.05 else "")


def chinese_single(scene, thing: Thing, random: randoms.Random) -> str:
    words = ""
    if scene.size != USUAL:
        words += random.choice(CHINESE_SIZES[int(scene.size)])
    if random.random() < 0.06:
        words += random.choice(CHINESE_ADJECTIVES)
    core = counted(thing, words, random)
    if scene.place != MIDDLE:
        place = random.choice(CHINESE_PLACES[int(scene.place)])
        return random.choice(["{place}有{core}", "{core}在{place}", "{place}的{core}", "在{place}的{core}"]).format(place=place, core=core)
    return core


def counted(thing: Thing, words: str, random: randoms.Random) -> str:
    """猫, 一只猫 or 一个猫."""
    name = words + random.choice(thing.chinese)
    chance = random.random()
    if chance < 0.5:
        return name
    return f"一{thing.measure if chance < 0.9 else '个'}{name}"


def chinese_pair(first: Thing, second: Thing, vertical: bool, random: randoms.Random) -> str:
    a, b = (counted(thing, "", random) for thing in (first, second))
    if vertical:
        forms = ["{a}在{b}上面", "{b}在{a}下面", "上面是{a}，下面是{b}", "{a}在{b}的上方", "{b}上面有{a}"]
    else:
        forms = ["{a}和{b}"] * 5 + ["{a}与{b}", "{a}、{b}", "左边是{a}，右边是{b}", "{a}在{b}的左边", "{b}在{a}的右边", "{a}旁边有{b}", "{a}跟{b}"]
    return random.choice(forms).format(a=a, b=b)


def lengthened(caption: str, is_chinese: bool, random: randoms.Random, pieces: int) -> str:
    """The caption with words after it that change nothing in the picture, as people write them."""
    tails = random.sample(CHINESE_TAILS if is_chinese else TAILS, pieces)
    return ("，" if is_chinese else ", ").join([caption.rstrip(".。"), *tails])


def unknown(is_chinese: bool, random: randoms.Random) -> str:
    """A caption about something that does not exist, so that words never seen lead to some thing rather than to mud."""
    if is_chinese:
        name = "".join(random.choices(CHARACTERS, k=random.randint(1, 4)))
        return random.choice(["{}", "一个{}", "一只{}", "{}的画"]).format(name)
    name = " ".join("".join(random.choices(SYLLABLES, k=random.randint(1, 3))) + random.choice(["", "n", "r", "s", "t", "x"]) for _ in range(random.randint(1, 2)))
    return random.choice(["{}", "a {}", "the {}", "a picture of {}"]).format(name)


def describe(scene, things: list[Thing], is_chinese: bool, random: randoms.Random) -> str:
    """A caption to train on: mostly of the scene, sometimes longer than needed, of nothing known, or empty.

    Captions of nothing known are kept to single things on white in the usual style, so that they do not unteach backgrounds and counts.
    """
    chance = random.random()
    if scene.style == COLOURED and chance < 0.04:
        return ""
    plain = scene.style == COLOURED and scene.kind == SINGLE and scene.background == UNNAMED and scene.place == MIDDLE and scene.size == USUAL
    if plain and chance < 0.24:
        return unknown(is_chinese, random)
    caption = chinese(scene, things, random) if is_chinese else english(scene, things, random)
    if chance > 0.96:
        caption = lengthened(caption, is_chinese, random, random.randint(1, 2))
    return caption
