//! `measure-word`: what counts a Chinese noun, where it is missing (两苹果) or another noun's (一个马).

mod phrase;

use std::cell::OnceCell;
use std::ops::Range;

use super::Subject;
use super::characters::{NUMERAL, POINTING, is_han};
use super::edit::{About, Hit};
use crate::rules::{Group, Match};
use crate::{Code, Rules};
use phrase::{Phrase, Verdict};

/// How far behind a measure word its noun may stand, in bytes.
const REACH: usize = 42;

/// What makes the character in front of it a verb.
const VERB_ENDS: [char; 8] = ['着', '在', '满', '向', '起', '到', '了', '过'];

/// What ends a verb of making: 画一张雪山 counts the picture.
const MAKING: [char; 14] =
    ['画', '来', '要', '做', '成', '计', '拍', '给', '弄', '作', '求', '整', '张', '出'];

/// What counts a picture.
const PICTURES: [&str; 5] = ["张", "幅", "组", "套", "款"];

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    // 虎背熊腰的铁匠 has no tiger in it.
    let longest = subject.matches.outside(Group::Noun, Group::Idiom);
    let nouns = Nouns { longest, all: OnceCell::new() };
    if nouns.longest.is_empty() {
        return;
    }
    let text = &subject.text;
    let mut from = 0;
    while let Some(start) = text.next(NUMERAL, from) {
        let end = text.end_of(NUMERAL, start);
        from = end;
        if is_counting(subject, start, end) {
            hits.extend(counted(subject, &nouns, start..end));
        }
    }
    // 这匹马, with what counts it behind the word that points. It does without, too: 这马.
    let mut from = 0;
    while let Some(start) = text.next(POINTING, from) {
        from = start + '这'.len_utf8();
        hits.extend(miscounted(subject, &nouns, start..from));
    }
}

/// The nouns of a prompt: the longest of those that begin in one another, and all of them.
struct Nouns {
    longest: Vec<Match>,
    all: OnceCell<Vec<Match>>,
}

impl Nouns {
    fn all(&self, subject: &Subject<'_>) -> &[Match] {
        self.all.get_or_init(|| subject.matches.all_outside(Group::Noun, Group::Idiom))
    }
}

/// Whether a number counts things: no ordinal, no date, no part of a word.
fn is_counting(subject: &Subject<'_>, start: usize, end: usize) -> bool {
    let folded = &subject.text.folded;
    let before = &folded[..start];
    let after = folded[end..].chars().next();
    after.is_some_and(is_han) && !subject.rules.not_counting.end(before)
}

/// What is wrong with how the number at `number` counts what follows.
fn counted(subject: &Subject<'_>, nouns: &Nouns, number: Range<usize>) -> Option<Hit> {
    let folded = &subject.text.folded;
    // 同一房间 has none, and 同一颗树 another's.
    if folded[..number.start].ends_with('同') {
        return miscounted(subject, nouns, number);
    }
    if let Some(noun) = single_at(subject, &nouns.longest, &number) {
        return missing(subject, number, &noun);
    }
    // 一弯月亮 is no 弯月.
    let rest = &folded[number.end..];
    if TOGETHER.iter().any(|name| folded[number.start..].starts_with(name)) {
        return None;
    }
    let classifier = subject.rules.classifiers.longest(rest);
    let is_counted = classifier.is_some_and(|classifier| {
        noun_at(subject, &nouns.longest, number.end + classifier.len(), true, false).is_some()
    });
    if !is_counted && let Some(noun) = noun_at(subject, &nouns.longest, number.end, true, false) {
        // The number and the noun side by side, which single characters may be: 一人一马.
        let single = folded[noun.span()].chars().count() < 2;
        let is_round = ['半', '多', '数', '百', '千', '万', '亿'];
        if single || folded[number.clone()].ends_with(is_round) {
            return None;
        }
        return missing(subject, number, &noun);
    }
    let count = &folded[number.clone()];
    let is_some =
        matches!(count, "两" | "三" | "四" | "五" | "六" | "七" | "八" | "九" | "十" | "几")
            || (count.len() <= 2
                && count.bytes().all(|byte| byte.is_ascii_digit())
                && !folded[..number.start]
                    .ends_with(|c: char| c.is_ascii() && c != ' ' && c != ','));
    if classifier.is_none()
        && is_some
        && let Some((noun, known)) = phrase::bare(subject, number.end)
    {
        let with = format!("{}{}", &subject.text.prompt[number.clone()], known.takes.first()?);
        let about = About::Counted { noun, missing: true };
        return Some(Hit::replace(Code::MeasureWord, number, with, about));
    }
    miscounted(subject, nouns, number)
}

/// A number with the measure word that it lacks.
fn missing(subject: &Subject<'_>, number: Range<usize>, noun: &Match) -> Option<Hit> {
    let right = subject.rules.tables.measure.noun[noun.item].takes.first()?;
    let with = format!("{}{right}", &subject.text.prompt[number.clone()]);
    let about = About::Counted { noun: noun.span(), missing: true };
    Some(Hit::replace(Code::MeasureWord, number, with, about))
}

/// What is wrong with the measure word behind `number`, which is a number or points at a thing.
fn miscounted(subject: &Subject<'_>, nouns: &Nouns, number: Range<usize>) -> Option<Hit> {
    let table = &subject.rules.tables.measure;
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let rest = &folded[number.end..];
    let classifier = subject.rules.classifiers.longest(rest)?;
    // 一条条金线: all of many, each by itself.
    let is_each = |text: &str, again: &str| again.starts_with(text) && !text.is_empty();
    let (half, other) = classifier.split_at(classifier.chars().next().map_or(0, char::len_utf8));
    if is_each(half, other) || is_each(classifier, &rest[classifier.len()..]) {
        return None;
    }
    if PICTURES.contains(&classifier) && folded[..number.start].ends_with(MAKING) {
        return None;
    }
    let behind = number.end + classifier.len();
    // In 一双眼镜 there are no 双眼.
    let at = nouns.longest.partition_point(|noun| noun.start < number.end);
    let is_hidden =
        nouns.longest.get(at).is_some_and(|noun| noun.start < behind && noun.end > behind);
    let nouns = if is_hidden { nouns.all(subject) } else { &nouns.longest };
    // 戴着一条礼帽的机器人: what somebody wears is counted, although he comes behind it.
    let worn = folded[..number.start].ends_with(['着', '了']);
    if classifier == "颗" && grows(&folded[behind..]) {
        let end = behind + folded[behind..].find('树').unwrap_or_default();
        let about = About::Counted { noun: end..end + '树'.len_utf8(), missing: false };
        let with = format!("{}棵", &prompt[number.clone()]);
        return Some(Hit::replace(Code::MeasureWord, number.start..behind, with, about));
    }
    // 咬了一口, 看一眼: how often somebody does it.
    let done = folded[..number.start].trim_end_matches('了');
    if classifier == "口" && done.ends_with(BITING) {
        return None;
    }
    let phrase = Phrase::of(subject, nouns, classifier, behind);
    match phrase.map_or(Verdict::Unknown, |phrase| phrase.verdict()) {
        Verdict::Fits => return None,
        Verdict::Wrong { noun, takes } => {
            if stands_for(classifier, folded.get(behind..noun.start).unwrap_or_default())
                || describes(subject, &number, classifier, &noun)
            {
                return None;
            }
            let with = format!("{}{}", &prompt[number.clone()], takes.first()?);
            let about = About::Counted { noun, missing: false };
            return Some(Hit::replace(Code::MeasureWord, number.start..behind, with, about));
        }
        // A jar or a basket of it, whatever it is: 一壶箭.
        Verdict::Unknown if VESSELS.contains(&classifier) => return None,
        Verdict::Unknown => {}
    }
    let named = || noun_at(subject, nouns, behind, false, worn);
    let pictured = || {
        let noun = noun_at(subject, nouns, behind, false, true)?;
        let of = folded[noun.end..].strip_prefix('的')?;
        let is_of = PICTURES_OF.iter().any(|picture| of.starts_with(picture));
        (is_of && ANIMALS.contains(&classifier)).then_some(noun)
    };
    let noun = named().or_else(pictured).or_else(|| head(subject, nouns, behind))?;
    let between = folded.get(behind..noun.start).unwrap_or_default();
    if stands_for(classifier, between) || describes(subject, &number, classifier, &noun.span()) {
        return None;
    }
    let known = &table.noun[noun.item];
    let takes = &known.takes;
    let counts = |list: &[String]| list.iter().any(|it| it == classifier);
    let is_wrong = known.wrong.is_empty() || counts(&known.wrong);
    if !is_wrong || counts(takes) || counts(&table.anything) {
        return None;
    }
    let with = format!("{}{}", &prompt[number.clone()], takes.first()?);
    let about = About::Counted { noun: noun.span(), missing: false };
    Some(Hit::replace(Code::MeasureWord, number.start..behind, with, about))
}

/// What counts animals, and no picture: in 一头小猫的照片 there is one cat.
const ANIMALS: [&str; 5] = ["头", "只", "匹", "条", "尾"];

/// What vehicles have several of, so that a number of them says which vehicle: 四轮车, 两门跑车.
const OF_VEHICLES: [&str; 4] = ["轮", "门", "座", "缸"];

/// With what somebody holds something: 两个手拿气球的孩子 counts the children.
const LIMBS: [&str; 9] = ["手", "脚", "腿", "嘴", "脸", "左手", "右手", "手臂", "眼睛"];

/// Numbers that are names of those who belong together, and of a bicycle.
const TOGETHER: [&str; 12] = [
    "七仙女",
    "三剑客",
    "五壮士",
    "七武士",
    "三武士",
    "两姐妹",
    "三姐妹",
    "两兄弟",
    "三兄弟",
    "三公主",
    "三骑士",
    "二八",
];

/// What things are in, and a little of anything.
const VESSELS: [&str; 16] = [
    "壶", "瓶", "罐", "桶", "盆", "缸", "笼", "勺", "包", "袋", "盒", "箱", "篮", "筐", "丝", "抹",
];

/// Behind these a mouthful is how much somebody does.
const BITING: [char; 10] = ['咬', '喝', '吃', '吸', '啃', '尝', '抿', '吞', '舔', '叹'];

/// What has several heads in stories: 三头犬.
const OF_HEADS: [char; 9] = ['犬', '蛇', '鸟', '龙', '鹰', '怪', '兽', '狼', '妖'];

/// Whether a statue is counted: 一座大理石美人鱼.
fn stands_for(classifier: &str, between: &str) -> bool {
    matches!(classifier, "座" | "尊")
        && between.contains(['石', '铜', '冰', '雪', '木', '玉', '沙'])
}

/// Whether what seems to be counted only says which thing or person is meant.
fn describes(
    subject: &Subject<'_>,
    number: &Range<usize>,
    classifier: &str,
    noun: &Range<usize>,
) -> bool {
    let folded = &subject.text.folded;
    let (count, name) = (&folded[number.clone()], &folded[noun.clone()]);
    // 三轮车夫 is a word.
    if classifier == "轮" && folded[number.end + classifier.len()..].starts_with('车') {
        return true;
    }
    let is_vehicle = OF_VEHICLES.contains(&classifier)
        && name.ends_with(['车', '箱', '柜', '座'])
        && count != "一";
    let behind = number.end + classifier.len();
    if count != "一" && classifier == "头" && folded[behind..].starts_with(OF_HEADS) {
        return true;
    }
    let is_held = classifier == "个" || classifier == "位" || classifier == "名";
    is_vehicle || (is_held && LIMBS.contains(&name) && folded[noun.end..].starts_with(is_han))
}

/// How many characters describe a tree at most.
const TREE: usize = 8;

/// Characters with which the tree is another's: 一颗树上的果子 is no tree.
const NO_TREE: &str = "在从和与及、挂被上下里旁着是有到把用给";

/// What is a part of a tree, or of another word.
const PARTS_OF_TREES: [char; 17] = [
    '叶', '枝', '根', '果', '种', '苗', '莓', '脂', '皮', '冠', '瘤', '梢', '芽', '籽', '桩', '懒',
    '胶',
];

/// Whether a tree comes next, however it is described: 歪脖子柳树, 挂满果子的柿子树.
fn grows(text: &str) -> bool {
    let Some(at) = text.find('树') else { return false };
    let of = text[..at].replace("挂满", "").replace("结满", "").replace("开满", "");
    let behind = text[at + '树'.len_utf8()..].chars().next();
    of.chars().count() <= TREE
        && of.chars().all(|c| is_han(c) && !NO_TREE.contains(c))
        && !behind.is_some_and(|c| PARTS_OF_TREES.contains(&c))
}

/// The noun that a measure word which ends at `from` counts: 马, 白马, 白色的马, 奔跑的马; none in 骑马的人.
fn head(subject: &Subject<'_>, nouns: &[Match], from: usize) -> Option<Match> {
    let folded = &subject.text.folded;
    // A noun that something else follows is counted all the same, unless that is a part of the word.
    let verbs = &subject.rules.tables.measure.verbs;
    let phrase = folded[from..].char_indices().take_while(|&(at, c)| at < REACH && is_han(c));
    for (at, c) in phrase {
        if c != '的' {
            continue;
        }
        // 一辆的 is the end of a phrase such as 一辆接一辆的.
        if at == 0 {
            return None;
        }
        let between = &folded[from..from + at];
        // 开满白花的梨树: what something is full of only describes it.
        let is_full = between.chars().nth(1) == Some('满') && between.chars().count() < 7;
        if !is_full && verbs.iter().any(|verb| between.contains(verb.as_str())) {
            return None;
        }
        // A noun in front that is counted itself: 一个女孩的…
        let first = nouns.partition_point(|noun| noun.start < from);
        let inside = |noun: &&Match| noun.end <= from + at;
        if !is_full && nouns[first..].iter().take_while(inside).next().is_some() {
            return None;
        }
        let behind = from + at + c.len_utf8();
        if let Some(noun) = noun_at(subject, nouns, behind, false, false) {
            return Some(noun);
        }
    }
    None
}

/// The noun at `from`, behind adjectives unless it has to be `bare`, with nothing behind it that makes it another word: 的, unless it is
/// `worn` by what follows.
fn noun_at(
    subject: &Subject<'_>,
    nouns: &[Match],
    from: usize,
    bare: bool,
    worn: bool,
) -> Option<Match> {
    let rules = subject.rules;
    let folded = &subject.text.folded;
    let mut at = from;
    for _ in 0..4 {
        let index = nouns.partition_point(|noun| noun.start < at);
        if let Some(noun) = nouns.get(index).filter(|noun| noun.start == at)
            && (ends_word(rules, &folded[noun.end..])
                || (worn && folded[noun.end..].starts_with('的')))
        {
            return Some(*noun);
        }
        if bare {
            return None;
        }
        let Some(adjective) = rules.adjectives.longest(&folded[at..]) else { break };
        at += adjective.len();
    }
    let at = from + modifier(&folded[from..])?;
    let index = nouns.partition_point(|noun| noun.start < at);
    let noun = nouns.get(index).filter(|noun| noun.start == at)?;
    ends_word(rules, &folded[noun.end..]).then_some(*noun)
}

/// Characters that begin a modifier of two, which no table has: 银鞘短刀.
const MODIFIERS: &str = "破银金铜铁木竹石玉红黄蓝绿黑白青紫灰粉橙棕圆方尖旧新老古厚薄粗细宽窄深浅软硬花绣雕镶漆布皮纸草藤瓷陶锈绒毛丝棉";

fn modifier(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let (first, second) = (characters.next()?, characters.next()?);
    let is_modifier = MODIFIERS.contains(first)
        && is_han(second)
        && !matches!(second, '的' | '着' | '了' | '和' | '与' | '在' | '上' | '里' | '色');
    is_modifier.then_some(first.len_utf8() + second.len_utf8())
}

/// What may follow such a noun: 两猫趴在台阶上.
const SINGLE_ENDS: [char; 43] = [
    '排', '和', '与', '及', '趴', '站', '坐', '蹲', '卧', '跑', '追', '睡', '走', '飞', '游', '躺',
    '靠', '正', '都', '在', '依', '挨', '挤', '抢', '围', '隔', '抱', '蜷', '缩', '晒', '玩', '抬',
    '望', '盯', '看', '嬉', '舔', '扑', '冲', '奔', '拉', '绕', '齐',
];

/// The noun of one character behind `number` that 两 cannot count: 两书和一杯茶. Another numeral may make a phrase of it (一猫一狗).
fn single_at(subject: &Subject<'_>, nouns: &[Match], number: &Range<usize>) -> Option<Match> {
    let folded = &subject.text.folded;
    let singles = &subject.rules.tables.measure.singles;
    if !matches!(&folded[number.clone()], "两" | "三" | "四" | "五" | "六") {
        return None;
    }
    let rest = &folded[number.end..];
    let single = singles.iter().find(|it| rest.starts_with(it.as_str()))?;
    let after = &rest[single.len()..];
    if after.starts_with(is_han) && !after.starts_with(SINGLE_ENDS) {
        return None;
    }
    let span = number.end..number.end + single.len();
    nouns.iter().find(|noun| noun.span() == span).copied()
}

/// What is of the noun in front, and is what is counted: 一张柴犬照片.
const PICTURES_OF: [&str; 12] = [
    "照片", "图片", "画像", "肖像", "海报", "壁纸", "头像", "插画", "插图", "写真", "贴纸", "图案",
];

/// Whether what follows a noun leaves it the noun that it is.
fn ends_word(rules: &Rules, after: &str) -> bool {
    if PICTURES_OF.iter().any(|picture| after.starts_with(picture)) {
        return false;
    }
    // 摊着, 摆满: a verb, whichever it is.
    // 芦花鸡在啄米: the rest of the noun is no verb.
    let goes_on =
        after.starts_with(['鸡', '猫', '狗', '鱼', '马', '牛', '羊', '鸟', '鸭', '鹅', '虎']);
    let is_verb = !goes_on && after.chars().nth(1).is_some_and(|c| VERB_ENDS.contains(&c));
    is_verb || !after.starts_with(is_han) || rules.followers.begin(after)
}
