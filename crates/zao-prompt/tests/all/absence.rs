//! What is said not to be there and is, each beside prompts that only look so. Strangers' prompts are judged by the corpus.

use zao_prompt::{Code, Options, check};

fn contradicts(prompt: &str) -> bool {
    let report = check(prompt, &Options::default());
    report.findings.iter().any(|finding| finding.code == Code::Contradiction)
}

#[track_caller]
fn judge(both: &[&str], fine: &[&str]) {
    let missed: Vec<&&str> = both.iter().filter(|prompt| !contradicts(prompt)).collect();
    let alarms: Vec<&&str> = fine.iter().filter(|prompt| contradicts(prompt)).collect();
    assert!(
        missed.is_empty() && alarms.is_empty(),
        "nothing in {missed:#?}, something in {alarms:#?}"
    );
}

#[test]
fn text_that_is_denied_is_not_written() {
    judge(
        &[
            "a wordless poster of a whale, big slogan along the bottom in white capitals",
            "logo mark only, no lettering, the brand name \"Orbit\" set below in sans-serif",
            "book cover, no text at all, bold title \"The Long Winter\" across the top",
            "海报设计，画面无任何文字，正中一行金色大字写着“新年快乐”",
        ],
        &[
            "poster with no text, leave room for a title at the top, teal background",
            "the mug has no lettering, the sign on the wall reads \"OPEN\"",
            "no text except the title \"Dune\"",
            "no text, typewriter on an oak desk, paper",
            "海报不要文字，顶部留白预留标题位置",
            "没有多余的文字，标题写着“春”",
        ],
    );
}

#[test]
fn what_is_not_worn_is_not_on_somebody() {
    judge(
        &[
            "a hatless old farmer squints into the sun, his straw hat casting a shadow over his eyes",
            "portrait of a girl wearing no jewellery, gold hoop earrings catching the light",
            "woman with no makeup, bright red lipstick and smoky eyeshadow",
            "一位没有戴帽子的渔夫，草帽压得很低遮住眼睛",
            "不戴首饰的新娘，珍珠项链在锁骨间闪光",
            "不打伞的行人，手里撑着一把红色油纸伞",
        ],
        &[
            "hatless man holding his hat in his hand, wind in his hair",
            "barefoot girl carrying her shoes along the beach",
            "a bald man next to a woman with long curly hair",
            "a clean-shaven man and his bearded father share a laugh",
            "没有戴帽子的男孩，手里拎着一顶草帽",
            "光头的父亲抱着长发的女儿",
            "没打伞的女孩在雨里跑，路人撑着伞",
            "女孩光脚踩在湿沙上，海边日落",
        ],
    );
}

#[test]
fn what_one_thing_is_without_another_may_have() {
    judge(
        &[
            "ceramic mug without a handle, the curved handle glazed in blue",
            "frameless mirror on a blue wall, ornate gold frame around the mirror",
            "the statue has no wings, its feathered wings spread wide against the sky",
            "a robot without antennas, its antennas blinking red",
            "茶壶没有盖子，壶盖上雕着一只小狮子",
            "素面白瓷瓶，瓶身画满缠枝莲纹",
        ],
        &[
            "cup without a handle next to a door with a brass handle",
            "windowless van parked outside a house with tall windows",
            "a frameless poster beside an oil painting in a gilded frame",
            "no harsh shadows, soft shadows under the chin",
            "plain white tote bag with no print, striped curtains in the background",
            "杯子没有把手，门上有一个铜把手",
            "没有窗户的仓库，对面是开着窗户的居民楼",
        ],
    );
}

#[test]
fn what_a_scene_is_without_is_nowhere_in_it() {
    judge(
        &[
            "an uninhabited island, fishermen mending their nets on the beach",
            "empty birdcage on a windowsill, a yellow canary singing on its perch",
            "a treeless plain, a dense forest of birch covers the whole plain",
            "the only light comes from a campfire, while fluorescent tubes buzz overhead",
            "四周没有陆地，身后就是高高的悬崖和灯塔",
            "唯一的光源是一根蜡烛，天花板上的日光灯把房间照得雪亮",
        ],
        &[
            "lit only by a desk lamp, the desk lamp glows orange",
            "nobody except a guard at the gate, the guard yawns",
            "a leafless tree, fallen leaves on the ground",
            "no traffic, traffic lights blinking yellow",
            "no people, only a statue of a woman in the square",
            "除了一把椅子没有任何家具，椅子上放着一件大衣",
            "没有角落的圆形房间，墙角线条柔和",
        ],
    );
}

#[test]
fn who_is_alone_has_nobody_beside_them() {
    judge(
        &[
            "solo portrait of a violinist, her husband standing beside her, warm light",
            "a lone kayaker crosses the bay. The three of them paddle in step.",
            "孤身一人的登山者，五名登山者系着同一根绳子",
            "单人肖像，一位穿西装的男士，他的妻子站在身旁",
        ],
        &[
            "a lone violinist plays in a crowded subway station",
            "a lone hiker watches two eagles over the valley",
            "独自一人的老人坐在湖边钓鱼，两只鸭子游过",
            "画面中只有一个女孩，她抱着一只猫",
        ],
    );
}

#[test]
fn parts_are_counted_once() {
    judge(
        &[
            "single-storey house with a green door, its five floors towering over the garden",
            "a two-tier wedding cake with white roses, seven tiers of sponge and cream",
            "三层小洋楼，一共七层高，阳台上种满花",
        ],
        &[
            "two-storey house with a red door, three windows upstairs",
            "a single-storey cottage beside a block of nine floors",
            "三层小楼，二层阳台上晾着衣服",
        ],
    );
}

#[test]
fn a_bare_place_has_nothing_on_it() {
    judge(
        &[
            "a table with nothing on it, a stack of plates and a teapot stand on the table",
            "空空的书架，书架上摆满了厚厚的书",
            "桌上什么也没有，桌上摆着一盘水果和两只酒杯",
        ],
        &[
            "an empty plate on a table, a glass of water stands on the table",
            "空空的书架，另一个书架上摆满了书",
        ],
    );
}

#[test]
fn what_is_of_another_thing_place_or_time_is_its_own() {
    judge(
        &[
            "a windless morning on the lake, sailing boats leaning in howling wind",
            "portrait of a nurse, lips pressed together, showing all her teeth",
            "a birthday cake with unlit candles, candle flames dancing in the dark room",
            "a bungalow by the sea, laundry hanging from the second-floor balcony",
            "三只小熊坐在河边，五只小熊都戴着围巾",
            "窗户紧闭的教室，风从敞开的窗户吹进来",
        ],
        &[
            "a crowd in a stadium, nobody looking at the pitch",
            "热闹的集市，没有人看镜头",
            "a singer with her back to us, her face seen from the front in the bathroom mirror",
            "an empty square seen from a packed tram",
            "barefoot girl carrying her boots by the laces",
            "一张爷爷年轻时的照片摆在柜子上",
            "车里灯光明亮，车外一片漆黑",
            "光头的师傅在给长发的姑娘画像",
            "a platter with soft cheese and hard biscuits",
            "窗户紧闭的教室，学生在写字",
        ],
    );
}
