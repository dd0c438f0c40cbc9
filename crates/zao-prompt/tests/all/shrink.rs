//! How much shorter an overloaded prompt becomes. The advice that asks for it tells of a prompt that went from 528 to 298 characters but
//! not its words; this one is written after that description.

use zao_prompt::{Options, check};

const LONG: &str = "杰作，最佳质量，超高清，8K画质，细节丰富，大师作品，获奖摄影，极致细节，一位非常非常美丽的年轻女子，特别特别漂亮的年轻女子，\
    穿着一件极其精致的红色汉服，穿着一件极其精致的红色汉服，头上戴着一个金色的发簪，手里拿着一个油纸伞，站在一座十分古老的石拱桥上，\
    桥下有非常清澈的河水，河水非常清澈，河面上漂着三朵粉色的荷花，河面上漂着三朵粉色的荷花，岸边有非常非常茂密的柳树，\
    远处是无比壮观的雪山，无比壮观的雪山，天空格外湛蓝，有两只白鹭飞过，有两只白鹭飞过，阳光洒在水面上，阳光洒在水面上，\
    画面右侧的木牌上写着西湖春晓，整体画面超级超级清晰，超高清，高清画质，8K分辨率，最高品质，杰作，大师级，细节拉满，真的很震撼，\
    极致画质，电影级画质，超清，壁纸级，画质清晰，高质量，高品质，超精细，完美构图";

/// What the picture is to show.
const NAMED: [&str; 22] = [
    "年轻女子",
    "红色汉服",
    "金色",
    "发簪",
    "油纸伞",
    "石拱桥",
    "河水",
    "清澈",
    "三朵",
    "粉色",
    "荷花",
    "柳树",
    "茂密",
    "雪山",
    "天空",
    "湛蓝",
    "两只白鹭",
    "阳光",
    "水面",
    "木牌",
    "西湖春晓",
    "右侧",
];

#[test]
fn an_overloaded_prompt_loses_a_third_and_no_thing() {
    let report = check(LONG, &Options::default());
    let fixed = &report.fixed;
    let missing: Vec<&str> = NAMED.into_iter().filter(|name| !fixed.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} are missing in {fixed}");
    let (before, after) = (report.tokens.count, report.tokens.fixed_count);
    assert!(after * 100 <= before * 65, "{before} tokens become {after}: {fixed}");
    assert!(fixed.contains("一把油纸伞") && fixed.contains("“西湖春晓”"), "{fixed}");
}
