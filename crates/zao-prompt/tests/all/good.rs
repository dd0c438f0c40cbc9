//! Good prompts, of which nothing is said. Many hold words that a rule looks for and that are right where they stand.

use zao_prompt::{Options, check};

#[test]
fn nothing_is_said_of_good_prompts() {
    for prompt in GOOD {
        let report = check(prompt, &Options::default());
        assert!(report.findings.is_empty(), "{prompt}: {:?}", report.findings);
        assert_eq!(report.fixed, prompt);
    }
}

const GOOD: [&str; 40] = [
    "A young woman with shoulder-length chestnut hair stands at a rain-streaked window, warm lamp light on her left cheek, a steaming mug in both hands, shallow depth of field, 50mm lens.",
    "A weathered lighthouse on a basalt cliff, storm waves breaking below, grey clouds, one lit window, long exposure, muted blue palette",
    "Product photo of a matte black perfume bottle with a brushed gold cap on a travertine slab, soft side light, long shadow to the right, beige background",
    "A poster with the title \"VERY VERY GOOD COFFEE\" in bold red sans-serif letters, a cream background and a steaming cup drawn in thin black lines",
    "A red fox curled up asleep in fresh snow, its tail over its nose, birch trunks behind, overcast light, close-up from ground level",
    "A very long exposure of a motorway at night, red and white light trails curve around a hill, stars above",
    "Super Mario figurine on a wooden desk next to a coffee cup, macro photo, window light",
    "A day and night contrast poster: the left half of a city in noon sun, the right half under stars, a clock in the middle",
    "An isometric illustration of a small bakery, pink walls, striped awning, three croissants in the window, a bicycle leaning on the door",
    "Two sisters, one with long black hair and one with short red hair, sit on a stone wall and share an orange",
    "A black cat and a white dog asleep on the same blue rug, afternoon sun through blinds",
    "Interior of a library with oak shelves up to the ceiling, a brass ladder, green desk lamps, dust in the light from a tall window",
    "A samurai in red lacquered armour kneels in falling cherry petals, mist, mountain temple in the distance, ink wash style",
    "An old fisherman mends a green net on a pier, wrinkled hands in focus, boats out of focus behind him",
    "A bowl of ramen with two soft egg halves, sliced pork, spring onions, steam, chopsticks resting on the rim, dark wood table, overhead view",
    "A watercolor map of an island with a volcano, a harbour, and a compass rose, handwritten labels in brown ink",
    "A hand-drawn sign that reads \"Back in 5 minutes\" taped to a glass door, reflection of a street with yellow taxis",
    "Portrait of a man in his sixties, silver beard, tweed jacket, plain grey background, one softbox from above, black and white film grain",
    "The word \"zao\" spelled out in fresh strawberries on a white plate, top view",
    "A girl in a yellow raincoat jumps into a puddle, drops frozen in the air, red boots, wet cobblestones, shop lights behind",
    "一位穿青色汉服的年轻女子坐在木窗边，手里捧着一本翻开的书，窗外是细雨和芭蕉叶，侧光，浅景深",
    "傍晚的海边，一艘旧木船停在退潮的沙滩上，远处有三只海鸥，天空由橙色过渡到紫色",
    "海报中央写着“非常好喝”四个红色大字，下面是一杯冒着热气的乌龙茶，米色背景",
    "超级英雄披着红色斗篷站在楼顶，俯视雨夜的城市，霓虹灯映在湿漉漉的地面上",
    "一只橘猫慢慢走过高高的院墙，墙头落着薄雪，清晨的阳光照在猫的背上",
    "香港特别行政区的街头，双层巴士驶过，招牌上写着“明记茶餐厅”，胶片质感",
    "老人戴着草帽蹲在稻田边，手里拿着一把镰刀，身后是一排排金黄的稻穗",
    "一匹白马在草原上奔跑，鬃毛被风吹起，远处是连绵的雪山，低角度拍摄",
    "俯视一张原木餐桌，桌上有两碗牛肉面、一双筷子和一碟红油，蒸汽升起",
    "江南水乡的石拱桥，河面上有一条乌篷船，船夫戴着斗笠，白墙黑瓦，薄雾",
    "一张电影海报，标题是“长夜将尽”，一个人背对镜头站在公路中央，远处有车灯",
    "小女孩把脸贴在水族馆的玻璃上，一条鲸鲨从她面前游过，蓝色的光照在她的脸上",
    "青花瓷瓶里插着三枝红梅，背景是素色的屏风，柔和的侧光",
    "夜市的小吃摊，摊主正在翻烤鱿鱼，油烟升起，暖黄色的灯泡一串串挂在棚顶",
    "赛博朋克风格的巷子，雨水顺着电线滴下来，紫色和青色的霓虹灯，撑伞的行人只有剪影",
    "一個穿旗袍的女子站在老上海的街頭，手裡拿著一把油紙傘，路燈剛剛亮起",
    "古代将军骑在马上，铠甲上有龙纹，身后旗帜飘扬，大漠黄沙，逆光",
    "冬天的北海道，一列红色的火车穿过雪原，车窗透出暖黄的灯光，天色将暗",
    "厨房的台面上放着半个切开的石榴，籽粒散落，旁边是一把银色的小刀，晨光",
    "一只戴着圆框眼镜的水獭坐在书桌前写信，桌上有一盏绿色台灯 // An otter with round glasses sits at a desk writing a letter, a green lamp on the desk",
];
