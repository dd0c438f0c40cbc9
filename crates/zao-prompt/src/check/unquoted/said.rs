//! Chinese text behind the word for its kind: 左上角题字江山如画, 杯子上的字是慢慢来, 花体英文Carpe Diem. Text behind a verb is not looked
//! for here.

use super::Words;
use super::marked::is_foreign;
use crate::check::Subject;
use crate::check::characters::{is_han, is_separator};
use crate::rules::{Group, Match};

/// Text is no longer, in characters.
const LONGEST: usize = 18;

/// What says that the text follows, the longer first.
const COPULAS: [&str; 16] = [
    "内容是",
    "内容为",
    "的内容是",
    "上写的是",
    "写的是",
    "分别是",
    "分别为",
    "叫做",
    "读作",
    "写作",
    "是",
    "为",
    "叫",
    "作",
    "：",
    ":",
];

/// In front of a kind of text these say that there is none, or that it is something else.
const DENIED: [&str; 41] = [
    "没有",
    "无",
    "不要",
    "不含",
    "不带",
    "不加",
    "不出现",
    "禁止",
    "去掉",
    "去除",
    "避免",
    "任何",
    "空白",
    "别",
    "和",
    "与",
    "或",
    "其他",
    "多余",
    "看不清",
    "模糊的",
    "留出",
    "预留",
    "作为",
    "适合",
    "用于",
    "很多",
    "许多",
    "各种",
    "一些",
    "学",
    "练",
    "认",
    "教",
    "说",
    "讲",
    "识",
    "读",
    "喊",
    "组成",
    "名",
];

/// What makes another word of 字.
const OTHER: [char; 20] = [
    '体', '迹', '型', '眼', '母', '典', '符', '数', '幕', '条', '帖', '模', '牌', '画', '谜', '面',
    '段', '形', '库', '节',
];

/// Kinds that are too common to have text behind them without a word between: 字, 文字.
const WITH_COPULA: [&str; 36] = [
    "字",
    "文字",
    "英文",
    "中文",
    "汉字",
    "法文",
    "日文",
    "拉丁文",
    "车牌",
    "编号",
    "号码",
    "价格",
    "签名",
    "警句",
    "金句",
    "鸡汤",
    "特价",
    "标价",
    "售价",
    "定价",
    "铭文",
    "碑文",
    "对白",
    "公众号",
    "网址",
    "微信号",
    "账号",
    "用户名",
    "昵称",
    "店招",
    "车号",
    "校训",
    "家训",
    "船号",
    "弹幕",
    "旁白",
];

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Words>) {
    let folded = &subject.text.folded;
    for (at, called) in folded.match_indices('叫') {
        found.extend(called_so(subject, at, at + called.len()));
    }
    for noun in subject.matches.of(Group::TextNoun) {
        if folded[noun.start..].starts_with(is_han) {
            found.extend(behind(subject, &noun));
        }
    }
}

/// Who has a sign with its name.
const BUSINESSES: [&str; 10] =
    ["一家", "一间", "这家", "那家", "我家", "一款", "一本", "一部", "一档", "品牌"];

/// What shows the name of such a one.
const SHOWN: [&str; 22] = [
    "招牌", "logo", "店招", "门头", "海报", "封面", "菜单", "包装", "标志", "名片", "灯牌", "匾额",
    "牌匾", "广告", "标识", "传单", "霓虹", "商标", "门牌", "瓶标", "酒标", "徽标",
];

/// How far behind a name what shows it may stand, in characters.
const REACH: usize = 10;

/// The name of a business whose sign is wanted: 一家叫山月小馆的餐厅招牌.
fn called_so(subject: &Subject<'_>, called: usize, start: usize) -> Option<Words> {
    let folded = &subject.text.folded;
    if !BUSINESSES.iter().any(|it| folded[..called].ends_with(it)) {
        return None;
    }
    let rest = super::clipped(&folded[start..]);
    let phrase = &rest[..rest.find(super::ends_phrase).unwrap_or(rest.len())];
    let skipped = phrase.len() - phrase.trim_start_matches(['做', '作']).len();
    let (name, behind) = phrase[skipped..].split_once('的')?;
    let near = behind.char_indices().nth(REACH).map_or(behind.len(), |(at, _)| at);
    let is_shown = SHOWN.iter().any(|it| behind[..near].contains(it));
    let is_name = (2..=LONGEST).contains(&name.chars().count());
    let start = start + skipped;
    (is_shown && is_name).then(|| Words::known(start..start + name.len()))
}

/// Where the one text of a picture stands: 居中大字夏天的风.
const PLACED: [&str; 12] = [
    "居中",
    "正中",
    "中央",
    "中间",
    "顶部",
    "底部",
    "上方",
    "下方",
    "左侧",
    "右侧",
    "顶端",
    "画面中心",
];

/// Whether a kind of text is all that its phrase has, but for where it stands.
fn is_placed(before: &str) -> bool {
    PLACED.iter().any(|place| {
        before
            .strip_suffix(place)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(is_separator))
    })
}

fn behind(subject: &Subject<'_>, noun: &Match) -> Option<Words> {
    let (folded, rules) = (&subject.text.folded, subject.rules);
    let before = &folded[..noun.start];
    if DENIED.iter().any(|word| before.ends_with(word)) {
        return None;
    }
    let kind = &folded[noun.span()];
    let mut rest = &folded[noun.end..];
    if kind.ends_with('字') {
        // 字体, 字母 and 字眼 are other words; 金字样 is 字样.
        rest = rest.strip_prefix('样').unwrap_or(rest);
        if rest.starts_with(OTHER) {
            return None;
        }
    }
    let is_said = |it: &&str| rest.starts_with(*it);
    let copula = COPULAS.iter().find(|it| is_said(it)).filter(|it| {
        // 为主, 作品 and 是否 are other words.
        let next = &rest[it.len()..];
        !["主", "品", "业", "家", "者", "否", "了", "何", "什么"]
            .iter()
            .any(|other| next.starts_with(other))
    });
    let behind = rest[copula.map_or(0, |it| it.len())..].trim_start_matches([' ', '：', ':']);
    let start = folded.len() - behind.len();
    let phrase = &super::clipped(behind);
    let phrase = phrase[..phrase.find(super::ends_phrase).unwrap_or(phrase.len())].trim_end();
    let is_capital = subject.text.prompt[start..].starts_with(|c: char| c.is_ascii_uppercase());
    if phrase.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let is_sure = copula.is_some() || is_capital;
        return (is_sure && is_foreign(phrase) && phrase.split(' ').count() <= super::MOST_WORDS)
            .then(|| Words::known(start..start + phrase.len()));
    }
    if copula.is_none()
        && (WITH_COPULA.contains(&kind)
            || folded[noun.end..].len() - rest.len() + noun.end != start)
    {
        return None;
    }
    let cut = phrase
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| {
            let rest = &phrase[*at..];
            rules.text_ends.begin(rest)
                || rules.tables.unquoted.title_ends.iter().any(|end| rest.starts_with(end.as_str()))
        })
        .unwrap_or(phrase.len());
    let text = phrase[..cut].trim_end();
    let count = text.chars().count();
    // 一行小字今日份的甜: what is a line or a sentence may have any words in it.
    let is_free = copula.is_some()
        || kind.starts_with(['一', '配'])
        || (kind.contains(['大', '标']) && is_placed(before))
        || !text.contains('的')
        || (kind.ends_with("标题") && count > 5 && !rules.pictures.end(text));
    // A name has two, but not 大字报.
    let is_name = kind.ends_with('名') || kind == "落款";
    let least = if copula.is_some() || is_name { 2 } else { 3 };
    let may_begin = text.starts_with(is_han)
        || (copula.is_some() && text.starts_with(|c: char| c.is_ascii_digit()));
    let is_text = (least..=LONGEST).contains(&count)
        && is_free
        && may_begin
        && !rules.plain.begin(text)
        && !text.contains("正在")
        && !rules.described.all(text).any(|word| word.chars().nth(1).is_some())
        // 来自大理的风 is no style.
        && (!rules.plain_ends.end(text) || text.ends_with("的风"))
        && (copula.is_some() || !rules.drawn.begin(text));
    is_text.then(|| Words::known(start..start + text.len()))
}
