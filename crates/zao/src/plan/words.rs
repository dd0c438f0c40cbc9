//! The words of `zao plan`, in both languages side by side.

use crate::language::{Text, both};
use crate::units::bytes;

/// The heads of the columns.
pub(super) fn heads() -> Vec<Text> {
    vec![
        Text::same(""),
        both!("WHERE", "设备"),
        both!("PRECISION", "精度"),
        both!("TEXT ENCODER", "文本编码器"),
        both!("TRANSFORMER", "Transformer（主模型）"),
        both!("CARD", "显存"),
        both!("MEMORY", "内存"),
        both!("A STEP", "每步"),
        both!("FIRST", "首张"),
        both!("NEXT", "之后"),
    ]
}

pub(super) fn drawing(
    model: &str,
    (width, height): (usize, usize),
    steps: usize,
    batch: usize,
) -> Text {
    both!(
        "{model}, {width}x{height}, {steps} steps, pictures at once: {batch}",
        "{model}，{width}x{height}，{steps} 步，同时画 {batch} 张"
    )
}

pub(super) fn card(name: &str, memory: u64) -> Text {
    let memory = bytes(memory);
    both!("card: {name}, {memory} to use", "显卡：{name}，可用显存 {memory}")
}

pub(super) fn any_card() -> Text {
    both!("any", "任意型号")
}

pub(super) fn no_card() -> Text {
    both!(
        "card: none here; --card NAME or --vram SIZE plans for one",
        "显卡：本机没有；用 --card 型号 或 --vram 容量 为某张显卡做规划"
    )
}

pub(super) fn main_memory(memory: u64) -> Text {
    let memory = bytes(memory);
    both!("main memory: {memory} to use", "内存：可用 {memory}")
}

pub(super) fn on_card() -> Text {
    both!("card", "显卡")
}

pub(super) fn on_processor() -> Text {
    both!("this processor", "本机处理器")
}

pub(super) fn resident() -> Text {
    both!("stays", "常驻")
}

pub(super) fn in_turn() -> Text {
    both!("in turn", "轮流载入")
}

pub(super) fn streamed(count: u64, of: u64) -> Text {
    let (count, of) = (bytes(count), bytes(of));
    both!("streams {count} of {of}", "流式传入 {count}（共 {of}）")
}

pub(super) fn refused(why: &str) -> Text {
    both!("refused: {why}", "无法运行：{why}")
}

pub(super) fn notes() -> Vec<Text> {
    vec![
        both!(
            "The model is kept between pictures; CARD is what the driver will report at most, MEMORY what the process takes beside pages of files.",
            "假定模型在两张图之间保留；“显存”为驱动所报的峰值，“内存”为进程峰值（不含文件页缓存）。"
        ),
        both!(
            "Memory is planned as for a run. Times are estimates: from the card's published figures and what one H100 keeps up of them; FIRST with the files cached.",
            "内存按实际运行的方式规划；时间为估算值，依据显卡公布的指标和 H100 上的实测比例；“首张”假定模型文件已在缓存中。"
        ),
    ]
}

pub(super) fn choose(place: &Text, precision: &str, command: &str) -> Text {
    both!("choose: ", "推荐：")
        .then(place)
        .then(&both!(", {precision}: {command}", "，{precision}：{command}"))
}

pub(super) fn faster(place: &Text, precision: &str, time: &str) -> Text {
    both!("faster, a little less exact: ", "更快（精度略低）：")
        .then(place)
        .then(&both!(", {precision}: {time}", "，{precision}：{time}"))
}

pub(super) fn convert(model: &str) -> Text {
    both!(
        "int4 is a copy that `zao convert --model {model} --to int4 --output FOLDER` writes: smaller and less exact.",
        "int4 指用 `zao convert --model {model} --to int4 --output 目录` 生成的副本：更小，但精度较低。"
    )
}

pub(super) fn nothing_fits() -> Text {
    both!(
        "nothing fits: draw smaller, with --size or --batch, or give more memory",
        "都放不下：请减小 --size 或 --batch，或增加内存"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_missing_in_either_language() {
        crate::language::tests::check_pairs(include_str!("words.rs"));
    }
}
