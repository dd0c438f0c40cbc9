//! Reads on from a measure word to the noun that it counts, through what describes it: 一枚祖母留下的珍珠项链. Only what counts single things
//! is judged here, and only where no noun of the phrase is counted so: in doubt nothing is said.

use std::ops::Range;

use crate::check::Subject;
use crate::check::characters::{is_han, is_latin};
use crate::rules::{Match, Noun};

/// What counts single things, and so not whatever there is of them in heaps, rows or bowls.
const SINGLE: &str = "个只条匹头张把本辆艘棵株朵枝盏件双座栋间架台部幅轮颗支根块扇道面堵顶枚首封尊门粒位名柄杆副付幢挺管册所";

/// How many characters of a phrase are read.
const LONGEST: usize = 20;

/// Nouns of one character that end longer ones of any kind: 摇椅, 铁锅, 三花猫. Others are read by themselves only, or behind adjectives.
const PRODUCTIVE: &str = "猫犬狗鸟兔熊鹰鹤鱼蛇牛羊马椅桌床凳柜灯伞扇刀剑枪笔杯壶锅碗盘瓶罐桶篮筐裙裤衫袍靴鞋帽袜楼塔桥亭庙寺船舟车琴笛鼓画歌诗树花河湖路街巷墙门窗旗镜箭弓盾师员匠侠饼蛋糕粥汤";

/// What may follow a noun that is complete, where it is no word of a table: 鱼用尾巴…, 猫一只.
const ENDS: &str =
    "在和与跟及或从正被把向朝沿是里中上下旁前坐蹲趴躺卧挂放摆插停隔矗一两用对给为将让";

/// Verbs and adverbs behind a noun of two characters or more, where they begin no longer one: 大西瓜切成两半.
const ACTS: &str = "切弹耸冲喷洒撞砸裂碎融飞跑跳爬扑吃喝望盯敲吹昂仰俯却则又已刚很直缓慢微静轻猛怒笼环弥缭覆倒升映";

/// What may, and often begins the rest of a longer noun as well: 车站, 石像, 路灯照.
const PARTS: &str = "站像点照盖亮流背包套盘落端面打都有长头边后展变化组弯立相互提披拉散穿露留随倒歪画织编印绣排系束绑捆";

/// The second character of verbs: 摊着, 摆满.
const VERB_ENDS: [char; 8] = ['着', '在', '满', '向', '起', '到', '了', '过'];

/// Verbs and prepositions with which a description begins: 戴帽子的, 被雪覆盖的.
const VERBS: &str = "戴穿骑拿抱带有装画写印系绣刻披背提举捧握叼咬用由被从在把给让向朝是对靠像如以和与比卖买吃喝看玩打踢唱跳弹拉推端扛挑扫洗煮修养钓采摘喂教学爱会能想要养牵撑撒摇刚正已未没不很最极";

/// What may stand in front of a verb.
const ADVERBS: [&str; 26] = [
    "刚", "刚刚", "正", "正在", "已", "已经", "半", "未", "没", "没有", "不", "新", "由", "被",
    "从", "也", "都", "还", "很", "最", "手工", "亲手", "独自", "静静", "缓缓", "高高",
];

/// The second character of what is done at one go: 扎进, 抓住.
const MOVES: [char; 12] = ['进', '住', '开', '出', '起', '下', '断', '过', '向', '去', '倒', '来'];

/// With these a serving is counted, whatever is in it: 一个超大杯冰可乐.
const SERVINGS: [&str; 12] = [
    "大杯", "小杯", "中杯", "大碗", "小碗", "大盘", "小盘", "大份", "小份", "大桶", "大锅", "大瓶",
];

/// Spans of time, which 个 counts: 三个月大的小猫.
const TIMES: [&str; 5] = ["月", "小时", "星期", "世纪", "季"];

/// Nouns that are what others are made of.
const MATERIALS: [&str; 30] = [
    "丝绒",
    "天鹅绒",
    "绒布",
    "丝绸",
    "绸缎",
    "锦缎",
    "布",
    "麻布",
    "帆布",
    "棉布",
    "花布",
    "纱",
    "水晶",
    "玻璃",
    "琥珀",
    "玉",
    "玉石",
    "翡翠",
    "珍珠",
    "钻石",
    "宝石",
    "木头",
    "石头",
    "兽皮",
    "竹子",
    "毛线",
    "草",
    "冰",
    "泥",
    "纸",
];

/// Signs of a clause that says something of a noun which comes behind it: 抱着的, 窗台上的.
const CLAUSE_ENDS: [char; 12] =
    ['着', '过', '了', '上', '里', '下', '中', '旁', '前', '后', '边', '来'];

/// Words that begin as a noun and something behind it would.
const NO_NOUNS: [&str; 8] = ["马上", "手下", "手上", "面前", "眼前", "眼下", "口中", "心中"];

/// What a picture of something is called, which people put behind the thing that they count: 一只猫的特写.
const PICTURES: [&str; 16] = [
    "照片",
    "图片",
    "特写",
    "摄影",
    "商业摄影",
    "产品摄影",
    "海报",
    "插画",
    "插图",
    "写真",
    "肖像",
    "广告",
    "产品图",
    "微距",
    "效果图",
    "画像",
];

/// What a measure word does where it stands.
pub(super) enum Verdict<'s> {
    /// It counts a noun of the phrase.
    Fits,
    /// Another noun's; the first of these would be right.
    Wrong {
        noun: Range<usize>,
        takes: &'s [String],
    },
    Unknown,
}

/// A noun of the phrase, by places in the prompt.
struct Known<'s> {
    span: Range<usize>,
    noun: &'s Noun,
}

pub(super) struct Phrase<'s, 't> {
    subject: &'s Subject<'t>,
    nouns: &'s [Match],
    classifier: &'s str,
    /// Where it begins and ends, and the ends of its characters.
    from: usize,
    bounds: [usize; LONGEST],
    length: usize,
}

impl<'s, 't> Phrase<'s, 't> {
    /// The phrase that begins at `from`, behind a measure word for single things.
    pub(super) fn of(
        subject: &'s Subject<'t>,
        nouns: &'s [Match],
        classifier: &'s str,
        from: usize,
    ) -> Option<Self> {
        let mut characters = classifier.chars();
        let single = characters.next().is_some_and(|c| SINGLE.contains(c));
        if !single || characters.next().is_some() {
            return None;
        }
        let (mut bounds, mut length) = ([from; LONGEST], 0);
        for (at, c) in subject.text.folded[from..].char_indices().take(LONGEST) {
            let is_word = is_han(c) || is_latin(c);
            if !is_word || (at > 0 && matches!(c, '一' | '两')) {
                break;
            }
            bounds[length] = from + at + c.len_utf8();
            length += 1;
        }
        Some(Self { subject, nouns, classifier, from, bounds, length })
    }

    fn text(&self, range: Range<usize>) -> &'s str {
        &self.subject.text.folded[range]
    }

    fn behind(&self, at: usize) -> &'s str {
        &self.subject.text.folded[at..]
    }

    /// Whether this is how the noun of the phrase is counted.
    pub(super) fn verdict(&self) -> Verdict<'s> {
        // 一辆接一辆的 is the end of a phrase.
        if self.behind(self.from).starts_with('的') {
            return Verdict::Unknown;
        }
        if self.classifier == "个"
            && TIMES.iter().any(|time| self.behind(self.from).starts_with(time))
        {
            return Verdict::Unknown;
        }
        let mut segment = self.segment(self.from);
        // 一头扎进, 一把抓住: how somebody does it.
        let second = self.behind(self.from).chars().nth(1);
        let is_move = second.is_some_and(|c| MOVES.contains(&c));
        if segment.verbal && is_move && matches!(self.classifier, "头" | "把" | "道" | "块") {
            return Verdict::Fits;
        }
        // Of a noun that nobody knows something is said: what is named after that is not what is counted.
        let mut doubt = Doubt::None;
        let mut owner = None;
        for index in 0..self.length {
            let end = self.bounds[index];
            let after = self.behind(end);
            if let Some(known) = self.known(index) {
                let is_whole = known.span.start == segment.start;
                let is_read = known.span.len() > '马'.len_utf8() || after.starts_with('的');
                if self.counts(known.noun)
                    && !self.is_material(&known)
                    && (!segment.verbal || is_whole)
                    && (is_read || self.ends(after))
                {
                    return Verdict::Fits;
                }
                if after.starts_with('的') {
                    owner = Some(known);
                } else if (self.ends(after)
                    || (known.span.len() > '马'.len_utf8()
                        && after.starts_with(|c| ACTS.contains(c))))
                    && !doubt.is_of(&known)
                    && (!segment.verbal || is_whole)
                    && self.is_head(&segment, &known)
                {
                    return self.judged(known, index);
                } else {
                    // 祖母留下的: somebody who does something.
                    segment.verbal |=
                        !self.is_inside(end) && self.begins_clause(after, end).is_any();
                }
            } else if !segment.verbal && !self.is_inside(end) {
                let so_far = self.text(segment.start..end);
                let next = self.begins_clause(after, end);
                let is_short = so_far.chars().nth(1).is_none() && !matches!(next, Doubt::None);
                if is_short || ADVERBS.contains(&so_far) {
                    // 开往…, 刚擦亮…: nothing of one character is a noun that no table knows.
                    segment.verbal = true;
                } else {
                    doubt = doubt.or(next);
                }
            }
            if self.text(segment.start..end).ends_with('的') {
                let is_described = self.is_doubled(&segment, end) && !matches!(doubt, Doubt::Sure);
                if !is_described && !matches!(doubt, Doubt::None) || self.is_doubtful(&segment, end)
                {
                    return Verdict::Unknown;
                }
                doubt = Doubt::None;
                segment = self.segment(end);
            }
        }
        match owner {
            Some(owner) if self.is_pictured(&owner) => {
                Verdict::Wrong { noun: owner.span, takes: &owner.noun.takes }
            }
            _ => Verdict::Unknown,
        }
    }

    fn segment(&self, start: usize) -> Segment {
        let text = self.behind(start);
        let rules = self.subject.rules;
        let mut characters = text.chars();
        let (first, second) = (characters.next(), characters.next());
        let is_verb = first.is_some_and(|c| VERBS.contains(c))
            || second.is_some_and(|c| VERB_ENDS.contains(&c))
            || rules.followers.begin(text);
        Segment { start, verbal: is_verb && !rules.adjectives.begin(text) }
    }

    /// The noun that ends with a character, unless it is a part of a longer one: of the tables of nouns by their ends, or of whole nouns.
    fn known(&self, index: usize) -> Option<Known<'s>> {
        let (rules, end) = (self.subject.rules, self.bounds[index]);
        let measure = &rules.tables.measure;
        let head = rules
            .head(self.text(self.from..end))
            .map(|(length, noun)| Known { span: end - length..end, noun });
        let at = self.nouns.partition_point(|noun| noun.end <= end);
        let whole = at.checked_sub(1).and_then(|at| self.nouns.get(at));
        let whole = whole.filter(|noun| noun.end == end && noun.start >= self.from);
        let found = match (head, whole) {
            (Some(head), Some(whole)) if whole.start < head.span.start => {
                Known { span: whole.span(), noun: &measure.noun[whole.item] }
            }
            (Some(head), _) => head,
            (None, whole) => {
                let whole = whole?;
                Known { span: whole.span(), noun: &measure.noun[whole.item] }
            }
        };
        // 车 of 车站, and 马 of 马上.
        let longer = self.nouns.get(at).is_some_and(|noun| noun.start < end && noun.end > end);
        let begun = self.behind(found.span.start);
        let ahead = (index + 1)..(index + 4).min(self.length);
        let covered = longer
            || NO_NOUNS.iter().any(|word| begun.starts_with(word))
            || ahead.into_iter().any(|next| {
                let next_end = self.bounds[next];
                let next = rules.head(self.text(self.from..next_end));
                next.is_some_and(|(length, _)| next_end - length < end)
            });
        (!covered && !self.is_described(&found)).then_some(found)
    }

    /// Whether a noun is only a part of an adjective: 墨绿.
    fn is_described(&self, known: &Known<'_>) -> bool {
        let mut at = self.from;
        while let Some(adjective) = self.subject.rules.adjectives.longest(self.behind(at)) {
            let next = at + adjective.len();
            if at <= known.span.start && next > known.span.end {
                return true;
            }
            at = next;
        }
        false
    }

    /// Whether a noun only says of what the next one is made: 丝绒礼服.
    fn is_material(&self, known: &Known<'_>) -> bool {
        MATERIALS.contains(&self.text(known.span.clone()))
            && self.behind(known.span.end).starts_with(is_han)
            && !self.ends(self.behind(known.span.end))
    }

    fn counts(&self, noun: &Noun) -> bool {
        let is_in = |list: &[String]| list.iter().any(|it| it == self.classifier);
        let is_wrong = noun.wrong.is_empty() || is_in(&noun.wrong);
        !is_wrong || is_in(&noun.takes)
    }

    /// Whether a noun phrase that could end here does.
    fn ends(&self, after: &str) -> bool {
        let Some(first) = after.chars().next() else { return true };
        !is_latin(first)
            && !PICTURES.iter().any(|picture| after.starts_with(picture))
            && (!is_han(first)
                || ENDS.contains(first)
                || begins_verb(after)
                || self
                    .subject
                    .rules
                    .followers
                    .longest(after)
                    .is_some_and(|word| word.chars().nth(1).is_some() || !PARTS.contains(first)))
    }

    /// How sure it is that a verb comes next, or a word that joins nouns, at `end`.
    fn begins_clause(&self, after: &str, end: usize) -> Doubt {
        let Some(first) = after.chars().next().filter(|c| is_han(*c)) else { return Doubt::None };
        let follower = self.subject.rules.followers.longest(after);
        let is_long = follower.is_some_and(|word| word.chars().nth(1).is_some());
        match is_long || begins_verb(after) || "在和与及或被把从向朝是".contains(first) {
            true => Doubt::Sure,
            false if follower.is_some() => Doubt::At(end),
            false => Doubt::None,
        }
    }

    /// Whether a word of a table goes on across this place: no verb begins there.
    fn is_inside(&self, at: usize) -> bool {
        let next = self.nouns.partition_point(|noun| noun.end <= at);
        self.nouns.get(next).is_some_and(|noun| noun.start < at)
            || self
                .subject
                .rules
                .adjectives
                .all(self.behind(self.from))
                .any(|it| self.from + it.len() > at)
    }

    /// Whether a noun is one here: one of a single character may be a part of any word.
    fn is_head(&self, segment: &Segment, known: &Known<'_>) -> bool {
        let name = self.text(known.span.clone());
        let between = self.subject.text.folded.get(segment.start..known.span.start);
        let between = between.unwrap_or_default();
        let is_long = name.chars().nth(1).is_some();
        if SERVINGS.iter().any(|serving| between.contains(serving)) {
            return false;
        }
        let unknown = self.without_adjectives(between);
        if unknown.is_empty() || is_long && self.classifier != "个" {
            return true;
        }
        let is_short = unknown.chars().count() <= 4;
        is_short && (is_long || name.chars().all(|c| PRODUCTIVE.contains(c)))
    }

    fn without_adjectives(&self, mut text: &'s str) -> &'s str {
        while let Some(adjective) = self.subject.rules.adjectives.longest(text) {
            text = &text[adjective.len()..];
        }
        text
    }

    /// Whether what stands in front of 的 may be a noun itself, which 个 would count, or only say how what somebody holds looks: of 一个牵着白色的马
    /// and 一位抱着…的礼物 nobody knows who is counted.
    fn is_doubtful(&self, segment: &Segment, end: usize) -> bool {
        let text = self.text(segment.start..end - '的'.len_utf8());
        if segment.verbal {
            let object = text.split_once(['着', '了', '住']).map_or("", |(_, object)| object);
            let is_looks = !object.is_empty() && self.without_adjectives(object).is_empty();
            return is_looks || matches!(self.classifier, "位" | "名");
        }
        if self.classifier != "个" {
            return false;
        }
        let text = self.without_adjectives(text);
        let is_doubled = self.is_doubled(segment, end);
        let is_kind = text.ends_with(['色', '状', '形', '般', '式', '味']);
        !(is_doubled || is_kind || matches!(text.chars().count(), 0..=2 | 4))
    }

    /// Whether what stands in front of 的 ends in one character twice: 毛茸茸.
    fn is_doubled(&self, segment: &Segment, end: usize) -> bool {
        let text = self.text(segment.start..end - '的'.len_utf8());
        let mut last = text.chars().rev();
        let (last, second) = (last.next(), last.next());
        last.is_some() && last == second
    }

    /// A noun that is not counted so, unless it only belongs to one that is: 一张老人抱着猫的照片, 两个脸上有雀斑的孩子.
    fn judged(&self, known: Known<'s>, index: usize) -> Verdict<'s> {
        let name = self.text(known.span.clone());
        let is_person = |noun: &Noun| noun.takes.iter().any(|it| it == "位");
        let is_covered = self.behind(known.span.end).chars().nth(1) == Some('满');
        let acts = is_covered
            || matches!(self.classifier, "位" | "名")
            || is_person(known.noun)
            || super::LIMBS.contains(&name)
            || LIMBS.iter().any(|it| name.ends_with(it));
        let mut of = None;
        for next in index..self.length {
            let end = self.bounds[next];
            if of.is_some() {
                let is_picture = matches!(self.classifier, "张" | "幅" | "部" | "个" | "块")
                    && PICTURES.iter().any(|it| self.text(self.from..end).ends_with(it));
                let is_meant = |noun: &Noun| of == Some(true) || is_person(noun);
                let noun = self.known(next).filter(|noun| self.counts(noun.noun));
                if is_picture || noun.is_some_and(|noun| is_meant(noun.noun)) {
                    return Verdict::Fits;
                }
            }
            if next > index && self.text(self.from..end).ends_with('的') {
                let clause = self.text(self.from..end - '的'.len_utf8());
                of = Some(of == Some(true) || acts || clause.ends_with(CLAUSE_ENDS));
            }
        }
        Verdict::Wrong { noun: known.span, takes: &known.noun.takes }
    }

    /// Whether a picture of the noun is named behind it, and that is not what is counted.
    fn is_pictured(&self, owner: &Known<'_>) -> bool {
        let of = self.behind(owner.span.end).strip_prefix('的').unwrap_or_default();
        !matches!(self.classifier, "张" | "幅" | "个" | "部" | "组" | "件")
            && PICTURES.iter().any(|picture| {
                of.strip_prefix(picture).is_some_and(|rest| !rest.starts_with(is_han))
            })
    }
}

/// Parts of a body, of which something is said to tell whose it is.
const LIMBS: [&str; 14] = [
    "手", "脚", "腿", "嘴", "脸", "头", "眼睛", "耳朵", "头发", "肩膀", "尾巴", "翅膀", "牙齿",
    "皮肤",
];

/// The noun that stands at `from` without anything that counts it, in 三长颈鹿: where it and a numeral are no word together (七彩云).
pub(super) fn bare<'s>(subject: &'s Subject<'_>, from: usize) -> Option<(Range<usize>, &'s Noun)> {
    let text = &subject.text.folded[from..];
    if text.starts_with(|c| JOINED.contains(c)) {
        return None;
    }
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let noun =
        ends.skip(1).take(5).take_while(|end| text[..*end].ends_with(is_han)).find_map(|end| {
            let (length, noun) =
                subject.rules.head(&text[..end]).filter(|(length, _)| *length == end)?;
            let after = &text[end..];
            let is_whole = !after.starts_with(is_han)
                || begins_verb(after)
                || subject
                    .rules
                    .followers
                    .longest(after)
                    .is_some_and(|it| it.chars().nth(1).is_some());
            is_whole.then_some((from..from + length, noun))
        });
    // 四姑娘山, 三座山: who belongs together, and what is counted otherwise.
    let is_one = |it: &String| {
        !matches!(
            it.as_str(),
            "位" | "座" | "道" | "场" | "阵" | "轮" | "对" | "支" | "幅" | "家" | "处"
        )
    };
    noun.filter(|(_, noun)| noun.takes.len() > 1 && noun.takes.iter().all(is_one))
}

/// What makes a word of the numeral in front: 七彩, 三角, 四大, 双层.
const JOINED: &str = "彩色星角叶层弦孔眼轮爪手面臂脚头方边大小重维段人元号年月日米岁时分秒级代";

/// Whether a verb begins: 摊着, 摆满.
fn begins_verb(text: &str) -> bool {
    text.starts_with(is_han) && text.chars().nth(1).is_some_and(|c| VERB_ENDS.contains(&c))
}

/// Whether what was read so far may be a noun that no table knows, with a verb behind it.
#[derive(Clone, Copy)]
enum Doubt {
    None,
    /// What begins here may be a verb, or a part of the noun.
    At(usize),
    Sure,
}

impl Doubt {
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Sure, _) | (_, Self::Sure) => Self::Sure,
            (Self::None, other) => other,
            (first, _) => first,
        }
    }

    fn is_any(self) -> bool {
        !matches!(self, Self::None)
    }

    fn is_of(self, known: &Known<'_>) -> bool {
        match self {
            Self::None => false,
            Self::At(at) => known.span.start > at,
            Self::Sure => true,
        }
    }
}

/// What stands between the measure word and 的, or between that and the noun.
struct Segment {
    start: usize,
    /// Whether a verb begins it, so that a noun in it is what the verb is about: 戴着帽子的.
    verbal: bool,
}
