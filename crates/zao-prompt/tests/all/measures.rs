//! What counts which noun in Chinese, however the noun is described, and what only looks as if it were counted wrongly.

use zao_prompt::{Code, Options, check};

use crate::finds;

/// Asserts what a prompt is mended to.
fn mends(prompt: &str, mended: &str) {
    assert_eq!(check(prompt, &Options::default()).fixed, mended);
}

#[test]
fn a_noun_is_counted_as_what_it_ends_in() {
    mends("一条胡桃木摇椅", "一把胡桃木摇椅");
    mends("两条布偶猫隔着玻璃张望", "两只布偶猫隔着玻璃张望");
    mends("一辆三桅帆船在海上航行", "一艘三桅帆船在海上航行");
    mends("一颗参天古柏", "一棵参天古柏");
    mends("一本彩色的贺卡", "一张彩色的贺卡");
    for prompt in ["一把轮椅", "一个雪人", "一只招财猫", "一列火车，一辆火车", "一匹木马"]
    {
        finds(Code::MeasureWord, prompt, &[]);
    }
}

#[test]
fn what_describes_a_noun_is_read_through() {
    mends("一枚姑姑留下的珍珠项链", "一条姑姑留下的珍珠项链");
    mends("一只开往北方的火车", "一列开往北方的火车");
    mends("一条年久失修的教堂", "一座年久失修的教堂");
    mends("一张爬满青苔的砖墙", "一面爬满青苔的砖墙");
    mends("一只蓝屋顶的房子", "一座蓝屋顶的房子");
    mends("一把落满灰尘的钢琴", "一架落满灰尘的钢琴");
    finds(Code::MeasureWord, "一条刚擦亮的怀表的商业摄影", &["一条"]);
    for prompt in [
        "一只嘴里叼着鱼的猫坐在红色的垫子上",
        "一个手里拿着花的女孩",
        "一栋外墙爬满藤蔓的老房子",
        "一辆停在路边的红色汽车",
        "一位卖土豆和西红柿的大叔",
        "一支由十人组成的乐队",
        "一个装满苹果的篮子",
        "一条从雪山流下来的小溪",
    ] {
        finds(Code::MeasureWord, prompt, &[]);
    }
}

#[test]
fn of_a_noun_that_no_table_knows_nothing_is_said() {
    for prompt in [
        "一条围脖儿挂在红色的椅子上",
        "一个coser站在开满花的树下",
        "一个神秘的身影穿过森林",
        "一条细长的石槽流进水池",
        "一个牵着白色的马，一个抱着红色的伞",
        "一位提着鞋，一位抱着用牛皮纸包的礼物",
    ] {
        finds(Code::MeasureWord, prompt, &[]);
    }
}

#[test]
fn a_picture_of_something_is_counted_as_a_picture() {
    for prompt in [
        "一张猫坐在窗台上的照片",
        "一张老人抱着猫的照片",
        "一张车里的自拍",
        "一张人像摄影，一尊石像",
        "一座城堡模型",
        "一部关于猫的电影",
    ] {
        finds(Code::MeasureWord, prompt, &[]);
    }
}

#[test]
fn what_is_unusual_and_right_is_left_alone() {
    for prompt in [
        "小猫咬了一口鱼干，喝了一口汤",
        "地狱三头犬守在门前，九头蛇",
        "一张弓、一壶箭挂在帐篷里，好几幅未完成的作品",
        "一头扎进水里的少年，一把抓住绳子的水手",
        "一面是海，一面是山",
        "三个月大的小猫，一个雨天的街道",
        "七仙女，三剑客，七彩云朵，五彩气球，三门冰箱，四孔插座，三轮车夫",
        "一叶扁舟，一弯新月，一袭长裙，一泓清泉，一抹斜阳，一缕炊烟，一盏茶，一方砚台",
        "一头黑发，一身白衣，一脸笑容，一地落叶，一桌子菜",
        "路边放着一个超大杯冰可乐",
        "一把米，一把零钱，一匹花布",
        "1:1构图，2K屏幕，85毫米镜头，3D打印机",
    ] {
        finds(Code::MeasureWord, prompt, &[]);
    }
}

#[test]
fn what_is_counted_by_nothing_lacks_it() {
    mends("三树懒挂在树枝上", "三只树懒挂在树枝上");
    mends("两毛衣叠在椅子上", "两件毛衣叠在椅子上");
}
