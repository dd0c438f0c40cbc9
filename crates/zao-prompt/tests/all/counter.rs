//! What only looks like a fault, rule by rule, and faults beside it that are ones.

use zao_prompt::Code;

use crate::finds;

#[test]
fn abstract_words_that_something_carries_are_seen() {
    for prompt in [
        "the Statue of Liberty in fog",
        "a love letter on a desk",
        "a girl named Hope, Joy sits beside her",
        "a pride of lions",
        "tears of joy on her cheeks",
        "a dream catcher above a bed",
        "a still life with pears",
        "自由女神像，希望小学的操场",
        "孤独的老人坐在长椅上",
        "她脸上洋溢着幸福",
        "可爱的小狗，爱心气球",
    ] {
        finds(Code::Abstract, prompt, &[]);
    }
    finds(Code::Abstract, "the feeling of freedom, a rider on a hill", &["freedom"]);
    finds(Code::Abstract, "孤独，一座灯塔", &["孤独"]);
    finds(Code::Abstract, "充满希望的清晨", &["希望"]);
}

#[test]
fn things_that_look_alike_are_not_repeated() {
    for prompt in [
        "a man in a black coat, a woman in a black coat",
        "a red fox on the left, a red fox on the right",
        "a red apple, a red apple tree",
        "one green pear, one yellow pear",
        "目的的地图",
        "他为了了解星空",
        "左边一只白猫，右边一只白猫",
    ] {
        finds(Code::Repetition, prompt, &[]);
    }
    finds(Code::Repetition, "girl with long hair, a lake, long hair", &[", long hair"]);
    finds(Code::Repetition, "红色的的木桥", &["的"]);
}

#[test]
fn measure_words_that_fit_are_left_alone() {
    for prompt in [
        "万家灯火",
        "这匹马站着，那条狗趴着",
        "一池荷花，一头白发",
        "一个汽车修理工",
        "一碗鸡蛋炒饭",
        "千纸鹤",
        "那个马戏团",
    ] {
        finds(Code::MeasureWord, prompt, &[]);
    }
    finds(Code::MeasureWord, "两只马，一只裤子晾着", &["两只", "一只"]);
    finds(Code::MeasureWord, "这个马在跑", &["这个"]);
}

#[test]
fn contrasts_of_two_things_are_no_contradictions() {
    for prompt in [
        "a young woman helps an old woman",
        "a brand new car and a rusty car",
        "a huge tree with tiny birds",
        "a hot spring in winter",
        "a summer meadow, a painting of winter snow on the wall",
        "一位年轻人扶着一位老人",
    ] {
        finds(Code::Contradiction, prompt, &[]);
    }
    finds(Code::Contradiction, "a brand new rusty car", &["brand new rusty"]);
    finds(
        Code::Contradiction,
        "a street at night, midday sun, high contrast",
        &["at night, midday sun"],
    );
}

#[test]
fn readings_and_dialect_hold_across_scripts_and_not_inside_words() {
    for prompt in ["收藏袍子的人", "头发带着卷", "快乐师傅"] {
        finds(Code::Homograph, prompt, &[]);
    }
    finds(Code::Homograph, "穿藏袍的老人", &["藏袍"]);
    for prompt in ["雨后生长的竹笋", "靓丽的街景", "老爷爷唠叨"] {
        finds(Code::Dialect, prompt, &[]);
    }
    finds(Code::Dialect, "一個靚女", &["靚女"]);
}

#[test]
fn what_two_count_needs_a_measure_word_but_for_words_of_two() {
    for prompt in ["两人两手空空", "两山之间", "一猫一狗", "两马路口"] {
        finds(Code::MeasureWord, prompt, &[]);
    }
    finds(Code::MeasureWord, "桌上摆着两书和一杯茶", &["两"]);
    finds(Code::MeasureWord, "旁边三椅子一字排开", &["三"]);
}

#[test]
fn a_phrase_that_begins_again_is_a_repetition_and_things_alike_are_none() {
    for prompt in
        ["a cat and a cat toy", "step by step", "一层一层，一层一层地", "红灯笼，红灯笼纸"]
    {
        finds(Code::Repetition, prompt, &[]);
    }
    finds(Code::Repetition, "a chef a chef in a kitchen", &["a chef"]);
    finds(Code::Repetition, "一个女孩，一个女孩站在海边", &["一个女孩，"]);
}

#[test]
fn black_and_white_things_are_no_black_and_white_pictures() {
    let dog = "a black and white border collie jumping over a vivid red fence";
    finds(Code::Contradiction, dog, &[]);
    let photo = "a black and white photo of vivid colors";
    finds(Code::Contradiction, photo, &["black and white photo of vivid colors"]);
}
