//! Prompts with a fault, each beside one that only looks as if it had it. Prompts without any fault are in `innocent.rs`.

use zao_prompt::Code;

use crate::found;

#[track_caller]
fn tells_apart(code: Code, twins: &[(&str, &str)]) {
    for (faulty, sound) in twins {
        assert!(!found(code, faulty).is_empty(), "{code} misses something in {faulty}");
        assert_eq!(found(code, sound), [""; 0], "{code} in {sound}");
    }
}

#[test]
fn a_background_has_one_colour() {
    tells_apart(
        Code::Contradiction,
        &[
            ("手机壁纸，纯白背景，背景是深蓝色星空", "手机壁纸，纯白背景，背景是干净的白色"),
            ("商品图，白色背景，背景是深灰色水泥墙", "商品图，白色背景，背景墙是灰色"),
            (
                "a bottle on a white background, pink backdrop",
                "a bottle on a white background, white backdrop",
            ),
            (
                "a fox, blue background, the background is red",
                "a fox, red and blue background, blue background light",
            ),
            ("小金龙贴纸，白色底，透明背景", "白底蓝花的瓷碗，透明背景"),
            (
                "a poster, green background, purple background",
                "a poster, green background, purple dress",
            ),
        ],
    );
}

#[test]
fn what_is_denied_is_not_there() {
    tells_apart(
        Code::Contradiction,
        &[
            ("屋里没有任何植物，角落里摆一盆龟背竹", "屋里没有任何植物，角落里摆一盏落地灯"),
            ("没有家具的客厅，靠墙一张皮沙发", "没有家具的客厅，没有沙发，也没有椅子"),
            (
                "an empty lane without cars, a red car on the shoulder",
                "an empty lane, no cars, no trucks",
            ),
            ("湖面上没有一条船，远处一艘渔船亮着灯", "湖面上没有一条船，墙上挂着画，画中一艘渔船"),
            (
                "a woman without any jewelry, pearl necklace",
                "a woman without any jewelry, grey coat",
            ),
            (
                "jazz trio playing in a club, nobody on the stage",
                "a band on a poster, nobody on the stage",
            ),
        ],
    );
}

#[test]
fn a_group_is_counted_once() {
    tells_apart(
        Code::Contradiction,
        &[
            (
                "five friends around a campfire on a beach, all seven people laughing",
                "three cats and a dog, all four asleep",
            ),
            (
                "three cats on a sofa, all five cats asleep",
                "three cats in a room, all four walls green",
            ),
            (
                "seven friends at a table, all five laughing",
                "seven people at a table, all three women laughing",
            ),
            ("四个孩子围着火堆，六个孩子都举着棉花糖", "两个女孩和一个男孩坐着，三个人都在吃冰棍"),
            ("a single apple on a plate, three apples", "a single apple beside three pears"),
            ("三个女孩在跑，五个女孩都穿红裙", "五个人站成一排，两个人都戴着帽子"),
        ],
    );
}

#[test]
fn the_picture_as_a_whole_is_near_or_far_full_or_empty() {
    tells_apart(
        Code::Contradiction,
        &[
            (
                "close-up of a hummingbird's eye, a flower reflected in it, the whole bird visible from beak to tail",
                "close-up of an eye, the whole city visible in its reflection",
            ),
            ("蜂鸟眼睛特写，整只鸟都要入镜", "蜂鸟眼睛特写，羽毛清晰"),
            (
                "The diner is empty except for one man. Every booth is full",
                "The room is empty except for a chair",
            ),
            (
                "a toy train shot from directly above, low-angle view from the floor",
                "a lamp directly above a table, eye level",
            ),
            ("新娘，黑白照片，红蓝光落在裙上", "新娘，黑白照片，只有口红是红色"),
            ("一只小象，坐姿，四条腿站立", "一只小象，坐姿，四条腿粗壮"),
            ("logo，单色深绿，彩虹渐变", "logo，深绿到浅绿的渐变"),
        ],
    );
}

#[test]
fn a_posture_in_front_of_another_being_is_its_own() {
    tells_apart(
        Code::Contradiction,
        &[
            ("一只熊站在河边，趴着睡觉", "武松站在松树下，对面趴着一只老虎"),
            (
                "a man with both hands in his pockets, holding an umbrella",
                "two men, hands in pockets, one holding an umbrella",
            ),
            ("一个孩子没穿鞋，脚上一双红色运动鞋", "一个孩子没穿鞋，坐在门槛上"),
            ("一位老人坐姿端正，站在窗前", "一个骑士站在桥上，对岸坐着一头狮子"),
        ],
    );
}

#[test]
fn text_is_told_from_what_is_drawn() {
    tells_apart(
        Code::UnquotedText,
        &[
            ("a raccoon holds a placard with TRASH BANDIT on it", "a mug with Hello Kitty on it"),
            ("小说封面，书名剑断九霄竖排在右侧", "海报，标题醒目，放在顶部"),
            ("奶茶店海报，店名茶语时光居中", "一本没有书名的旧书放在桌上"),
            ("桌垫上印着英文good vibes only", "桌垫上印着英文logo"),
            ("a wall with KEEP OUT on it", "a wall with an IBM PC on it"),
            ("a crate stamped FRAGILE", "a stone engraved Celtic fashion, marked by rain"),
            ("the headline is Big News", "the title is in red letters"),
            ("酒瓶标签写山海酒业", "酒瓶标签写得密密麻麻"),
            ("木匾上书天下第一", "男生合上书本站起来"),
        ],
    );
}

#[test]
fn what_is_to_be_read_on_a_sign_is_not_judged() {
    assert_eq!(found(Code::Abstract, "桌垫上印着英文good vibes only"), [""; 0]);
    assert_eq!(found(Code::Abstract, "a room full of good vibes"), ["good vibes"]);
}

#[test]
fn words_are_told_from_longer_ones() {
    tells_apart(
        Code::QualityTags,
        &[
            (
                "a cat, award winning, professional quality",
                "a professional photographer on a cliff",
            ),
            ("耳机产品图，商业级精修，顶级画质", "专业摄影师站在山顶"),
        ],
    );
    tells_apart(
        Code::Abstract,
        &[
            ("a general on horseback, majestic", "an eternal flame in a bronze bowl"),
            ("一碗牛肉面，看起来超诱人", "一碗牛肉面，汤面浮着红油"),
        ],
    );
    tells_apart(
        Code::Intensifier,
        &[("十分可爱的小狗", "挂钟指向九点十分"), ("十分安静的院子", "差十分八点的站台")],
    );
    tells_apart(
        Code::MeasureWord,
        &[
            ("手里撑着一顶油纸伞", "手里撑着一把油纸伞，头上一顶草帽"),
            ("头顶吊着一把电风扇", "头顶吊着一台电风扇"),
        ],
    );
    tells_apart(
        Code::Homograph,
        &[("屋檐下的斗拱（低机位）", "屋檐下的斗拱（dǒu gǒng）"), ("山里一座古刹", "山里一座古庙")],
    );
    tells_apart(
        Code::Punctuation,
        &[
            ("一只猫。.一条狗", "苹果、梨、etc.。"),
            ("a fern in watercolor., aged paper", "Dr., St., U.S., etc., at J., work"),
        ],
    );
    tells_apart(
        Code::Bilingual,
        &[
            (
                "一位老教授在写字 // an old nurse writing",
                "一位教授和一位护士 // a professor and a nurse",
            ),
            ("两头大蒜 // a bowl of rice", "两头大蒜 // two heads of garlic"),
        ],
    );
}

#[test]
fn one_thing_is_one_way() {
    tells_apart(
        Code::Contradiction,
        &[
            (
                "a woman in a red dress dancing, her blue dress flowing",
                "a woman in a red dress, her scarf is blue",
            ),
            ("a book, closed book with open pages", "a closed book beside an open window"),
            (
                "an empty glass, brimming with orange juice",
                "an empty glass, a jug brimming with juice",
            ),
            ("紧闭的木门大开着，门外是雪", "紧闭的木门上贴着门神"),
            ("一扇紧闭的门，门敞开着", "一扇紧闭的门，窗户敞开着"),
            ("一只白色的黑猫", "一只黑白花的猫"),
            (
                "a knight without a helmet, his helmet visor closed",
                "a knight without a helmet, his squire rests",
            ),
            ("屋顶上只有一只猫，五只猫排成一排", "屋顶上只有一只猫，五只鸟排成一排"),
            (
                "a single candle, dozens of candles on the shelf",
                "a single candle, dozens of books on the shelf",
            ),
        ],
    );
}

#[test]
fn text_is_told_by_its_neighbours() {
    tells_apart(
        Code::UnquotedText,
        &[
            (
                "Across the top, in bold red letters, THE LAST DEPOSIT",
                "Across the top, in bold red strokes, a mountain",
            ),
            (
                "a fishing boat with Santa Maria painted on the hull",
                "a fishing boat with Santa Maria island behind it",
            ),
            (
                "logo for a plumbing company called Drip Brothers",
                "a girl called Rose Brown beside a logo",
            ),
            (
                "a hand-lettered sign, Fresh Eggs Sold Here, nailed to a fence",
                "a wooden sign, Mount Fuji behind it",
            ),
            ("在图片底部加上新年快乐四个字", "墙上有几个大字，看不清"),
            ("警示牌：前方施工请绕行", "海报：一只狐狸站在雪地里"),
            ("把小雨这个名字写在书包上", "把手贴在玻璃上，把名字写在纸上"),
            ("T恤上印着我爱北京", "T恤上印着一只小猫"),
        ],
    );
}
