//! Prompts whose two sides disagree, each beside one whose sides say the same in other words.

use zao_prompt::{Code, Options, Rules, check};

use crate::found;

#[track_caller]
fn disagree(prompt: &str) {
    assert!(!found(Code::Bilingual, prompt).is_empty(), "nothing in {prompt}");
}

#[track_caller]
fn agree(prompt: &str) {
    assert_eq!(found(Code::Bilingual, prompt), [""; 0], "{prompt}");
}

#[test]
fn another_thing_of_a_kind_is_another_thing() {
    for prompt in [
        "一只比熊犬在沙发上 // a beagle on the sofa",
        "穿百褶裙的女孩 // a girl in jeans",
        "桌上一盆仙人掌 // a potted fern on the table",
        "瑞典的小镇，雨天 // a small town in Poland, rain",
        "周二的早市 // a Thursday morning market",
        "山谷里的葡萄园 // a rice field in the valley",
        "一枚红宝石戒指 // a sapphire ring",
        "橡木书桌 // a marble desk",
        "仰拍一座钟楼 // a clock tower from a bird's-eye view",
        "孩子们在打雪仗 // children building a snowman",
        "母亲和儿子 // a mother and her daughter's doll",
    ] {
        disagree(prompt);
    }
}

#[test]
fn a_kind_of_it_or_another_word_for_it_is_the_same() {
    for prompt in [
        "一只比熊犬在沙发上 // a small dog on the couch",
        "一辆小轿车驶过大桥 // a car crossing the bridge",
        "大地色的客厅 // a living room in brown",
        "金黄的麦浪 // golden wheat",
        "棕色的皮鞋 // tan leather shoes",
        "山坡上的村庄 // a village on the hillside",
        "白发的奶奶 // a silver-haired grandmother",
        "蓝天下的绿树 // green trees under a blue sky",
        "蓝天下的树 // trees in the sun",
        "元宵节的灯会 // the Lantern Festival",
        "一条小溪 // a brook",
    ] {
        agree(prompt);
    }
}

#[test]
fn a_kind_that_both_sides_name_is_no_name_of_another() {
    disagree("宠物摄影，一只柯基 // pet photography, a poodle");
    agree("一只柯基，白色背景 // a cute pet, white background");
}

#[test]
fn things_of_any_kind_disagree_where_nothing_else_does() {
    disagree("一位老人拿着扫帚，白墙 // an old man holding a telescope, white wall");
    disagree("骑着骆驼的商人，沙漠 // a merchant riding a motorcycle, the desert");
    // Who leaves out two things and adds one says more, and not the same otherwise.
    agree("一位老人拿着扫帚和水桶，白墙 // an old man with a telescope, white wall");
}

#[test]
fn numbers_are_read_in_either_way() {
    for prompt in [
        "一家四口在海边野餐 // a family of four having a picnic by the sea",
        "二十名士兵 // a score of soldiers",
        "半打鸡蛋 // six eggs",
        "二十三只鸽子 // twenty-three pigeons",
        "八岁的女孩，三只猫 // an eight-year-old girl, three cats",
        "八十年代的街头，三个男孩 // a street in the 1980s, three boys",
        "一对老夫妻 // an elderly couple",
    ] {
        agree(prompt);
    }
    for prompt in [
        "二十三只鸽子 // twenty-five pigeons",
        "八岁的女孩 // a six-year-old girl",
        "七号球衣 // a number 9 jersey",
        "半打鸡蛋 // a dozen eggs",
        "一家四口 // a family of five",
    ] {
        disagree(prompt);
    }
}

#[test]
fn a_table_of_ones_own_names_more_things() {
    let own = "[kinds]\nanimal = [{ zh = [\"噜噜兽\"], en = [\"lulu\"], under = [\"猫\"] }]";
    let rules = Rules::extended([("bilingual.toml", own)]).unwrap();
    let options = Options { rules: Some(&rules), ..Options::default() };
    let count = |prompt| {
        let findings = check(prompt, &options).findings;
        findings.iter().filter(|finding| finding.code == Code::Bilingual).count()
    };
    assert_eq!(count("一只噜噜兽 // a dog"), 1);
    assert_eq!(count("一只噜噜兽 // a lulu"), 0);
    assert_eq!(count("一只噜噜兽 // a cat, twelve lulus"), 0);
}

#[test]
fn what_is_held_is_another_thing_where_only_one_is_held() {
    disagree("少女手持团扇站在廊下 // a girl standing in the corridor with a flute in her hand");
    disagree("雪地靴，木地板 // sandals, wooden floor");
    agree("少女手持团扇站在廊下 // a girl standing in the corridor");
    agree("女法师举着法杖 // a sorceress raising her staff");
}
