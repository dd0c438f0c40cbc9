//! Ten prompts for each rule that have what it looks for, and no fault. What is a fault is tested elsewhere.

use zao_prompt::Code;

use crate::found;

/// Prompts in which a rule finds nothing.
const INNOCENT: [(Code, [&str; 10]); 14] = [
    (
        Code::Intensifier,
        [
            "The Very Large Array under storm clouds",
            "a very long exposure of a pier",
            "super mario on a skateboard",
            "the very top of a pine",
            "a crowd dancing wildly",
            "a total eclipse over a field",
            "超级英雄站在楼顶",
            "特别行政区的街头",
            "十分钟后的站台",
            "逼真的蜡像，天真的孩子",
        ],
    ),
    (
        Code::Repetition,
        [
            "a red apple, a red apple tree",
            "a man in a black coat, a woman in a black coat",
            "bora bora lagoon at dusk",
            "a fox on the left, a fox on the right",
            "one green pear, one yellow pear",
            "cobalt, lilac, red and cream stripes, a lilac bush",
            "慢慢走过高高的墙",
            "一层一层的雪",
            "目的的地图",
            "左边一只白猫，右边一只白猫",
        ],
    ),
    (
        Code::QualityTags,
        [
            "a cat asleep on a 4k tv",
            "a quality control inspector holds a lens",
            "a detailed map of an island",
            "an 8k run through a park",
            "a premium bottle on a slab",
            "a trending hashtag on a phone",
            "4k电视挂在墙上",
            "高清摄像头装在门口",
            "一幅杰作挂在展厅里",
            "精品店的橱窗",
        ],
    ),
    (
        Code::Contradiction,
        [
            "left half in daylight, right half at night",
            "a young woman helps an old woman",
            "a black and white cat between vivid flowers",
            "an empty chair in a crowded hall",
            "sunbeams through thick fog in a forest",
            "a bald man holds a doll with long hair",
            "a man in swimming trunks beside a knight in full armor",
            "一只黑白相间的猫趴在五颜六色的毯子上",
            "一位年轻人扶着一位老人",
            "窗外是雪地，室内开着空调的人穿短袖",
        ],
    ),
    (
        Code::Abstract,
        [
            "the Statue of Liberty in fog",
            "a girl named Hope beside a well",
            "tears of joy on her cheeks",
            "a puppy, extremely happy, tongue out",
            "a beauty salon at noon",
            "a dove of peace on a wall",
            "地球大气层的蓝色弧线",
            "希望小学的操场",
            "她脸上洋溢着幸福",
            "孤独的老人坐在长椅上",
        ],
    ),
    (
        Code::UnquotedText,
        [
            "a woman reading a newspaper",
            "a man shouting at the sea",
            "a girl named Rose waters a plant",
            "a poster with text overlay",
            "a labeled diagram of a heart",
            "a sign that says \"OPEN\"",
            "他在黑板上写字",
            "墙上写着“欢迎”",
            "杯子上印着小猫图案",
            "画家在山上写生",
        ],
    ),
    (
        Code::Homograph,
        [
            "长发少女站在桥上",
            "朝阳区的街道",
            "快乐师傅和徒弟",
            "银行门口的石阶",
            "一件旧藏品收藏在柜中",
            "发簪(fà zān)插在头上",
            "音乐响起，人们跳舞",
            "头发带着卷",
            "自行车行驶在路上",
            "他怒发冲冠地站着",
        ],
    ),
    (
        Code::Idiom,
        [
            "鸟语花香的山谷",
            "波光粼粼的湖面",
            "春暖花开的公园",
            "张灯结彩的街",
            "成语故事的插图",
            "亭台楼阁和假山",
            "落英缤纷的小路",
            "雕梁画栋的大殿",
            "山清水秀的村子",
            "唇红齿白的少年",
        ],
    ),
    (
        Code::MeasureWord,
        [
            "一个骑马的人",
            "画一张雪山日出",
            "万家灯火",
            "一辆接一辆的街道",
            "一个马戏团",
            "这匹马站着，那条狗趴着",
            "一池荷花，一头白发",
            "一碗鸡蛋炒饭",
            "三个细路仔在公园里",
            "设计一张手摇饮的菜单",
        ],
    ),
    (
        Code::Dialect,
        [
            "雨后生长的竹笋",
            "靓丽的街景",
            "老爷爷唠叨",
            "步行街上的银行",
            "戴护目镜的工程师",
            "阿拉伯马站着",
            "黑白相间的猫",
            "共享单车停在路边",
            "星辰光芒下的沙漠",
            "粮食饭碗摆在桌上",
        ],
    ),
    (
        Code::Punctuation,
        [
            "红苹果,蓝背景,黄灯",
            "远方……的山——",
            "使用f/1.8，1,000盏灯",
            "16:9，横幅",
            "wait... what?!",
            "(apple:1.2), a::2",
            "Mr. Smith, Ph.D., etc., at work",
            "他说：“好！”",
            "node.js and 3.5 litres",
            "苹果、梨、桃，和一只碗。",
        ],
    ),
    (
        Code::Script,
        [
            "一個女孩站在樹下，花園裡開滿鮮花",
            "一个女孩，书法“龍”",
            "桜の下の女の子、国",
            "皇后坐在里屋",
            "午后的阳光照在台阶上",
            "一朵云，一座山",
            "卷曲的头发，茂密的松树",
            "作曲家和他的仆人",
            "後面是山，雲在動",
            "a girl under a tree, calligraphy “龍馬”",
        ],
    ),
    (
        Code::Invisible,
        [
            "👨\u{200d}👩\u{200d}👧 at the sea",
            "❤\u{fe0f} on a card",
            "a\ttab\nand a line",
            "café and naïve",
            "“quotes” — and dashes…",
            "🏴\u{e0067}\u{e0062}\u{e007f} flag",
            "שלום\u{200f} on a wall",
            "Ö and ß and Ł",
            "￥100，（价格）",
            "½ cup, 20 °C, ±5",
        ],
    ),
    (
        Code::Bilingual,
        [
            "一只红色的猫 // a red cat by the window",
            "三只狗 // three puppies",
            "一双筷子 // a pair of chopsticks",
            "钟指向三点 // the clock shows three o'clock",
            "一打玫瑰和两只杯子 // twelve roses and two cups",
            "埃菲尔铁塔 // the Eiffel Tower at dusk",
            "一盘春卷 // a plate of spring rolls",
            "满月下的灯塔 // a lighthouse under a full moon",
            "a red cat // a blue cat",
            "木桌上的一杯茶 // a cup of tea on a wooden table",
        ],
    ),
];

/// More of them, for what came later.
const LATER: [(Code, &[&str]); 7] = [
    (
        Code::Repetition,
        &[
            "a snowman in a top hat, a penguin in a bowler hat",
            "red pickup truck, blue barn, green color",
            "a green meadow, a red truck, red color grading",
            "夜晚的城市灯光亮起，夜晚出行的人们",
            "桌上的苹果，桌上一只猫",
            "森林里的小木屋，湖里有两只鹅",
            "the sky is blue and the sea is calm",
            "dust in the air, birds gliding in the air",
            "a cat on the sofa, a cat toy on the floor",
            "好多好多气球，好大好大的雪",
        ],
    ),
    (
        Code::Abstract,
        &[
            "a professional photographer adjusting a tripod",
            "a chef, knife in hand, professional kitchen",
            "the iconic red phone boxes of London",
            "a powerful waterfall over black rocks",
            "a magical staff with a blue stone",
            "古早味蛋糕放在木盘上",
            "自由女神像前的游客",
            "画出老人的快乐表情",
            "北京味道餐厅的门口",
            "城市的灯光和母亲的背影",
            "a harmonica on a wooden table",
        ],
    ),
    (
        Code::Intensifier,
        &["super mario on a kart", "特别有名的桥", "有台湾味的小吃摊", "真的花插在瓶里"],
    ),
    (
        Code::UnquotedText,
        &[
            "a cozy reading nook with a can of paint",
            "Can you draw a reading room with green lamps",
            "initials in bold letters, a red seal below",
            "a birthday card with balloons in big bubble shapes",
            "a page in cursive handwriting, ink blots",
            "a yard sale with a neon sign \"OPEN\"",
            "a couple just married, in a script of vines",
        ],
    ),
    (
        Code::Bilingual,
        &[
            "一辆三轮车停在巷口 // a tricycle parked in a lane",
            "红白条纹的灯塔 // a red-and-white striped lighthouse",
            "飘落的花瓣 // falling petals",
            "布鲁克林大桥 // the Brooklyn Bridge at dusk",
        ],
    ),
    (
        Code::MeasureWord,
        &[
            "一條條金線",
            "旁边三颗青梅",
            "同一棵枫树的四季",
            "同一房间的两面墙",
            "一条牛仔裤平铺在地上",
            "两虎相争的石雕",
        ],
    ),
    (
        Code::Contradiction,
        &[
            "包装盒正面印着果园，侧面留白给成分表",
            "一只黑白毛色的熊猫，花丛颜色鲜艳",
            "a reading nook with a window seat and a sleeping beagle",
            "nothing on the walls, a large painting leaning on the floor",
            "a woman with her back to us, a portrait on the wall staring at the viewer",
        ],
    ),
];

#[test]
fn what_only_looks_like_a_fault_is_none() {
    let mut slips = Vec::new();
    let first = INNOCENT.iter().map(|(code, prompts)| (*code, prompts.as_slice()));
    for (code, prompts) in first.chain(LATER) {
        for prompt in prompts {
            let found = found(code, prompt);
            if !found.is_empty() {
                slips.push(format!("{code}: {found:?} in {prompt}"));
            }
        }
    }
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}
