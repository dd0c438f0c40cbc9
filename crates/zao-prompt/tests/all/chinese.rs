//! Chinese prompts, rule by rule.

use zao_prompt::Code;

use crate::{becomes, finds, found};

#[test]
fn empty_intensifiers_go() {
    becomes("非常美丽的湖，超级可爱的猫，特别漂亮", "美丽的湖，可爱的猫，漂亮");
    becomes("很美的风景，无比壮观的山", "美的风景，壮观的山");
    for prompt in [
        "超级英雄和超级马里奥",
        "香港特别行政区",
        "天空很蓝，树很多",
        "十分钟后的车站",
        "太阳照着太湖",
        "相当于一层楼高",
        "墙上写着“非常好吃”",
    ] {
        finds(Code::Intensifier, prompt, &[]);
    }
}

#[test]
fn piles_of_praise_and_repetitions_shrink() {
    becomes("杰作，最佳质量，超高清，8K，一个女孩", "杰作，一个女孩");
    becomes("蓝天，白云，蓝天", "蓝天，白云");
    becomes("可爱可爱的小狗", "可爱的小狗");
    for prompt in
        ["慢慢地走过高高的墙", "一层一层的雪", "雪白雪白的花", "干干净净的街", "很多很多灯"]
    {
        finds(Code::Repetition, prompt, &[]);
    }
}

#[test]
fn contradictions_are_told_unless_they_are_meant() {
    finds(Code::Contradiction, "白天的街道，满天星斗", &["白天的街道，满天星斗"]);
    finds(Code::Contradiction, "室内，露天的桌子", &["室内，露天"]);
    for prompt in [
        "昼夜对比的海报，白天和黑夜",
        "黑白相间的猫，五颜六色的花",
        "无人机飞过人群",
        "长发的女孩和短发的男孩",
    ] {
        finds(Code::Contradiction, prompt, &[]);
    }
}

#[test]
fn text_on_signs_gets_quotes() {
    becomes("门上写着欢迎光临", "门上写着“欢迎光临”");
    becomes("写着新年快乐的红色横幅", "写着“新年快乐”的红色横幅");
    becomes("蛋糕上写着生日快乐四个字", "蛋糕上写着“生日快乐”四个字");
    becomes("T恤上印着我爱北京字样", "T恤上印着“我爱北京”字样");
    becomes("海报，标题：春日限定", "海报，标题：“春日限定”");
    for prompt in [
        "招牌上写着“欢迎光临”",
        "少女写着信",
        "杯子上印着小猫图案",
        "他正在写着作业",
        "写着密密麻麻的字",
    ] {
        finds(Code::UnquotedText, prompt, &[]);
    }
}

#[test]
fn words_with_two_readings_get_their_pinyin_once() {
    becomes("她戴着发簪", "她戴着发簪(fà zān)");
    becomes("重檐下的乐师", "重檐(chóng yán)下的乐师(yuè shī)");
    for prompt in ["发簪(fà zān)", "发簪（fà zān）", "长发少女", "散发着光", "朝阳区"]
    {
        finds(Code::Homograph, prompt, &[]);
    }
}

#[test]
fn idioms_and_dialect_become_plain() {
    becomes("车水马龙的街道", "车辆川流不息的街道");
    becomes("他在旮旯里唠嗑", "他在角落里聊天");
    finds(Code::Idiom, "鸟语花香，波光粼粼", &[]);
    finds(Code::Dialect, "阿拉丁和阿拉伯马，黑白相间", &[]);
}

#[test]
fn nouns_are_counted_by_what_counts_them() {
    becomes("一个马站在桥上", "一匹马站在桥上");
    becomes("三个奔跑的马，一张书", "三匹奔跑的马，一本书");
    becomes("两苹果，五气球", "两个苹果，五个气球");
    for prompt in [
        "一个骑马的人",
        "一个女孩骑着白色的马",
        "一人一马",
        "一个苹果，两颗苹果",
        "一群马",
        "第三个马",
        "一个马戏团",
        "一辆接一辆的街道",
    ] {
        finds(Code::MeasureWord, prompt, &[]);
    }
}

#[test]
fn punctuation_is_of_one_width_and_single() {
    becomes("一只猫, 坐着，看着窗外.下雨了", "一只猫，坐着，看着窗外。下雨了");
    becomes("一只猫，，坐着。。看、、窗外", "一只猫，坐着。看、窗外");
    becomes("一只猫，。", "一只猫。");
    becomes("８Ｋ的屏幕（大)", "8K的屏幕（大）");
    for prompt in ["红苹果,蓝背景,黄灯", "远方……的山——", "使用f/1.8，1,000盏灯", "16:9，横幅"]
    {
        finds(Code::Punctuation, prompt, &[]);
    }
}

#[test]
fn scripts_are_not_mixed() {
    becomes("一个女孩站在樹下，花园里", "一个女孩站在树下，花园里");
    becomes("一個女孩站在樹下，花園裡開滿鮮花，阳光", "一個女孩站在樹下，花園裡開滿鮮花，陽光");
    for prompt in ["一個女孩站在樹下，花園裡開滿鮮花", "一个女孩，书法“龍”", "桜の下の女の子、国"]
    {
        finds(Code::Script, prompt, &[]);
    }
    // Tables hold for traditional prompts as well.
    finds(Code::Intensifier, "非常漂亮的貓，極其安靜", &["非常", "極其"]);
}

#[test]
fn both_languages_say_the_same() {
    for (prompt, count) in [
        ("一只红色的猫 // a blue cat", 1),
        ("三只狗 // two dogs", 1),
        ("一只黑猫 // a white cat", 1),
        ("北京的春天 // spring in Shanghai", 1),
        ("一只红色的猫坐在窗边 // a red cat sits by the window at dusk", 0),
        ("两只猫和一只狗 // two cats and a dog", 0),
        ("三只狗 // three puppies", 0),
        ("a red cat // a blue cat", 0),
    ] {
        assert_eq!(crate::found(Code::Bilingual, prompt).len(), count, "{prompt}");
    }
}

#[test]
fn a_mended_clause_reads_as_one() {
    becomes(
        "一个女孩穿着红裙子,站在海边，背景是夕阳。。",
        "一个女孩穿着红裙子，站在海边，背景是夕阳。",
    );
    becomes("一张超级可爱的柴犬照片", "一张可爱的柴犬照片");
    becomes("海报，标题为恭喜发财", "海报，标题为“恭喜发财”");
}

#[test]
fn as_many_characters_as_are_counted_are_text() {
    assert_eq!(found(Code::UnquotedText, "石碑旁的小径，清风明月四个字"), ["清风明月"]);
    assert_eq!(found(Code::UnquotedText, "纸上一共四个字，看不清"), [""; 0]);
}
