//! Text that a thing carries, told by the thing, by what put it there, and by what kind of text it is; and what only looks like it.

use zao_prompt::Code;

use crate::found;

#[track_caller]
fn finds_all(cases: &[(&str, &[&str])]) {
    let slips: Vec<String> = cases
        .iter()
        .filter(|(prompt, texts)| found(Code::UnquotedText, prompt) != *texts)
        .map(|(prompt, _)| format!("{:?} in {prompt}", found(Code::UnquotedText, prompt)))
        .collect();
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}

#[track_caller]
fn finds_nothing(prompts: &[&str]) {
    let slips: Vec<String> = prompts
        .iter()
        .filter(|prompt| !found(Code::UnquotedText, prompt).is_empty())
        .map(|prompt| format!("{:?} in {prompt}", found(Code::UnquotedText, prompt)))
        .collect();
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}

#[test]
fn deeds_put_names_and_patterns_on_things() {
    finds_all(&[
        (
            "denim jacket, front view, embroidered with Wild Hearts Club in red thread",
            &["Wild Hearts Club"],
        ),
        ("a locket engraved with forever yours", &["forever yours"]),
        ("a dog tag stamped Rex, macro", &["Rex"]),
        ("a rowing eight, its name Silver Heron painted along the hull", &["Silver Heron"]),
    ]);
    finds_nothing(&[
        "a shirt embroidered with red roses",
        "a ring engraved with Celtic knots",
        "wrapping paper printed with Santa hats and holly",
        "a bag stamped with leaf patterns",
        "a lantern painted with Mount Fuji",
    ]);
}

#[test]
fn the_kind_of_a_text_stands_in_front_of_it() {
    finds_all(&[
        (
            "a heist poster, tagline at the bottom reads Nobody counts twice",
            &["Nobody counts twice"],
        ),
        ("tip jar with a yellow price tag that says $4.50/kg", &["$4.50/kg"]),
        ("latte art spelling love in the foam", &["love"]),
        ("杯垫上的字是好好吃饭，木桌", &["好好吃饭"]),
        ("小臂纹身，哥特体英文No Regrets，黑灰", &["No Regrets"]),
        ("茶叶罐，正面烫金字样云顶红袍，木盒", &["云顶红袍"]),
        ("奶茶杯，杯身一行小字今日份的甜，粉色", &["今日份的甜"]),
        ("一家叫山月小馆的餐厅招牌，木质", &["山月小馆"]),
    ]);
    finds_nothing(&[
        "title: none, a clean bottle on white",
        "two kids in a tent reading comics by flashlight",
        "标题居中，字体醒目",
        "文案策划和同事讨论",
        "英文字母积木散落一地",
        "一对白瓷茶杯",
        "招牌上的字迹已经模糊",
        "她的名字叫小雨，站在樱花树下",
    ]);
}

#[test]
fn what_a_thing_is_marked_with_is_text_unless_it_is_a_picture() {
    finds_all(&[
        ("一辆白色面包车，车门喷着顺达搬家，城中村", &["顺达搬家"]),
        ("村口石碑上刻着桃花坞，晨雾", &["桃花坞"]),
        ("山顶的牌子上标着海拔3180米，云海", &["海拔3180米"]),
        ("印着青春不散场的T恤，操场上的学生", &["青春不散场"]),
        ("手机弹窗显示电量不足，深色模式", &["电量不足"]),
    ]);
    finds_nothing(&[
        "瓷碗上印着缠枝莲纹，青花",
        "T恤胸前印着熊猫吃竹子，白底",
        "巨龙喷着熊熊烈焰，山谷",
        "墙上刷着白色石灰，老屋",
        "石壁上刻着飞天仙女，敦煌",
        "仪表盘显示车速和转速，夜路",
        "屏幕上显示股票走势图，办公室",
        "山腰的瓦房亮起第一盏灯",
    ]);
}

#[test]
fn a_list_goes_on_behind_text_that_is_sure() {
    finds_all(&[
        (
            "movie poster, title: The Long Silence, director: Mara Quinn",
            &["The Long Silence", "Mara Quinn"],
        ),
        ("电影海报，片名叫风起长安，主演：陈舟", &["风起长安", "陈舟"]),
    ]);
    finds_nothing(&[
        "artist: Van Gogh, location: Kyoto, time: dawn",
        "主题：春日花园，时间：清晨，地点：海边",
    ]);
}

#[test]
fn words_in_capitals_stand_in_front_of_their_sign() {
    finds_all(&[("a red neon OPEN ALL NIGHT sign in a diner", &["OPEN ALL NIGHT"])]);
    finds_nothing(&["an OLED sign over a bar", "a NASA badge on a blue jacket"]);
}
