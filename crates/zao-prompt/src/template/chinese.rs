//! How a Chinese clause is read. What is done with its chunks is NOT decided here.

use super::Slot;
use super::sort::{Chunk, Role};
use crate::lexicon::{CHINESE, Kind, Reach};

/// How many characters behind 在 may belong to the place it leads to.
const NEAR: usize = 24;

/// How people ask for a picture; what they want stands behind it, counted.
const REQUESTS: [&str; 12] = [
    "请帮我画",
    "请给我画",
    "帮我画",
    "给我画",
    "请画",
    "我想要",
    "我要",
    "请生成",
    "帮我生成",
    "生成",
    "画",
    "来",
];

/// A clause by its characters.
struct Clause<'t> {
    text: &'t str,
    marks: Vec<(usize, Reach)>,
}

/// The chunks of `clause`, which cover it.
pub(super) fn chunks(clause: &str, role: Role) -> Vec<Chunk> {
    let clause = Clause { text: clause, marks: CHINESE.marks(clause) };
    let starts = match role {
        Role::First => clause.first(),
        Role::Later => clause.later(),
    };
    let ends = starts.iter().skip(1).map(|&(_, at)| at).chain([clause.text.len()]);
    starts.iter().zip(ends).map(|(&(slot, at), end)| (slot, at..end)).collect()
}

/// Whether `clause` names a place, which is the subject of a landscape, and else where somebody is.
pub(super) fn is_place(clause: &str) -> bool {
    let clause = Clause { text: clause, marks: CHINESE.marks(clause) };
    !clause.has(Kind::Action) && !clause.has(Kind::Detail) && clause.ends_in_place()
}

/// Whether `clause` begins with somebody or something that is counted, and does something.
pub(super) fn brings_somebody(clause: &str) -> bool {
    let clause = Clause { text: clause, marks: CHINESE.marks(clause) };
    clause.counted(0) > 0 && clause.has(Kind::Action)
}

/// Where each chunk begins, in bytes.
type Starts = Vec<(Slot, usize)>;

impl Clause<'_> {
    /// A clause in which the subject is still to come.
    fn first(&self) -> Starts {
        if self.is_all_style() {
            return vec![(Slot::Style, 0)];
        }
        if self.is_all_place() {
            return vec![(Slot::Background, 0)];
        }
        if self.reach(0, Kind::Detail).is_some() {
            return vec![(Slot::Detail, 0)];
        }
        let mut starts = Vec::new();
        let mut at = 0;
        if let Some(end) = self.place_of_counted() {
            starts.push((Slot::Background, 0));
            at = end;
        } else if let Some(end) = self.medium() {
            starts.push((Slot::Style, 0));
            at = end;
        }
        match self.place(at) {
            Some(end) if end < self.text.len() => {
                starts.push((Slot::Background, at));
                starts.push((Slot::Subject, end));
                self.follow(&mut starts, end);
            }
            _ => {
                starts.push((Slot::Subject, at));
                self.follow(&mut starts, if at == 0 { self.request() } else { at });
            }
        }
        starts
    }

    /// Where what is asked for begins: behind 请画 in 请画一位姑娘.
    fn request(&self) -> usize {
        let asked = REQUESTS.iter().find(|request| self.text.starts_with(**request));
        let end = asked.map_or(0, |request| request.len());
        let index = self.index(end);
        if self.counted(index) > index { end } else { 0 }
    }

    /// A clause that says more of a subject that is there.
    fn later(&self) -> Starts {
        let begin = self.reach(0, Kind::Pronoun).unwrap_or(0);
        if self.reach(begin, Kind::Detail).is_some() {
            return vec![(Slot::Detail, 0)];
        }
        if self.has(Kind::Setting) || self.is_all_place() {
            return vec![(Slot::Background, 0)];
        }
        if self.reach(begin, Kind::Action).is_none()
            && (self.has(Kind::Style) || self.is_all_style())
        {
            return vec![(Slot::Style, 0)];
        }
        if let Some(end) = self.place(0) {
            let mut starts = vec![(Slot::Background, 0)];
            if end < self.text.len() {
                let acts = self.reach(end, Kind::Action).is_some();
                starts.push((if acts { Slot::Action } else { Slot::Detail }, end));
                self.follow(&mut starts, end);
            }
            return starts;
        }
        if self.reach(begin, Kind::Action).is_some() {
            let mut starts = vec![(Slot::Action, 0)];
            self.follow(&mut starts, begin);
            return starts;
        }
        vec![(if self.ends_in_place() { Slot::Background } else { Slot::Detail }, 0)]
    }

    /// Reads on behind `from`, where the last chunk begins.
    fn follow(&self, starts: &mut Starts, from: usize) {
        let index = self.index(from);
        // What is said of a subject before its name is part of the name.
        let named = starts.last().is_some_and(|&(slot, _)| slot == Slot::Subject);
        let mut free = if named { self.attributes_end(index) } else { from };
        let mut at = index;
        while let Some(&(byte, reach)) = self.marks.get(at) {
            at += 1;
            if byte < free || byte <= from {
                continue;
            }
            let slot = starts.last().map_or(Slot::Subject, |&(slot, _)| slot);
            if slot != Slot::Background
                && reach.is(Kind::Preposition)
                && let Some(end) = self.place(byte)
            {
                starts.push((Slot::Background, byte));
                free = end;
                if end < self.text.len() && self.reach(end, Kind::Action).is_some() {
                    starts.push((Slot::Action, end));
                    free = end + 1;
                }
            } else if slot == Slot::Subject && self.goes_on(byte) {
                starts.push((Slot::Action, byte));
                free = byte + 1;
            } else if slot == Slot::Subject && reach.is(Kind::Detail)
                || (slot == Slot::Action && reach.is(Kind::Detail) && byte > free)
            {
                starts.push((Slot::Detail, byte));
                free = byte + reach.of(Kind::Detail).unwrap_or(1);
            } else if matches!(slot, Slot::Subject | Slot::Detail) && reach.is(Kind::Action) {
                starts.push((Slot::Action, byte));
                free = self.verb_end(byte);
            }
        }
    }

    /// Whether 在 stands here before a verb, where it says that this goes on.
    fn goes_on(&self, at: usize) -> bool {
        let rest = self.text[at..].strip_prefix('在');
        rest.is_some_and(|rest| self.reach(self.text.len() - rest.len(), Kind::Action).is_some())
    }

    /// Where the verb ends that begins here; the 在 of 放在 leads to a place.
    fn verb_end(&self, at: usize) -> usize {
        let end = at + self.reach(at, Kind::Action).unwrap_or(1);
        let verb = self.text.get(at..end).unwrap_or_default();
        if verb.len() > '在'.len_utf8() && verb.ends_with('在') && !verb.starts_with('正') {
            end - '在'.len_utf8()
        } else {
            end
        }
    }

    /// Where the attributes of a subject end that begins at the character `index`, as 一个穿着红裙的 of 一个穿着红裙的女孩站着: verbs
    /// before that are part of its name.
    fn attributes_end(&self, index: usize) -> usize {
        let counted =
            self.marks.get(self.counted(index)).map_or(self.text.len(), |&(byte, _)| byte);
        let marks = || self.marks.iter().filter(|&&(byte, _)| byte >= counted);
        let verb = |&(byte, reach): &(usize, Reach)| {
            let length = reach.of(Kind::Action).max(reach.of(Kind::Detail));
            let place = || self.place(byte).filter(|_| reach.is(Kind::Preposition));
            let goes_on = || self.goes_on(byte).then_some(byte + '在'.len_utf8());
            Some((byte, length.map(|length| byte + length).or_else(place).or_else(goes_on)?))
        };
        let verbs: Vec<(usize, usize)> = marks().filter_map(verb).collect();
        let of = |&(byte, _): &(usize, Reach)| {
            let end = byte + '的'.len_utf8();
            (self.text[byte..].starts_with('的') && end < self.text.len()).then_some(end)
        };
        let ofs: Vec<usize> = marks().filter_map(of).collect();
        let mut at = counted;
        loop {
            let verb = verbs.get(verbs.partition_point(|&(byte, _)| byte < at));
            let next = ofs.get(ofs.partition_point(|&end| end <= at)).copied();
            match (verb, next) {
                // 可爱的
                (verb, Some(next)) if verb.is_none_or(|&(byte, _)| next <= byte) => at = next,
                // 穿着红裙的: the last 的 before another verb.
                // So are they behind a place: 雨中奔跑的.
                (Some(&(byte, end)), Some(_)) if byte == at || self.is_place_until(at, byte) => {
                    let other = verbs.get(verbs.partition_point(|&(byte, _)| byte < end));
                    let before = other.map_or(self.text.len(), |&(byte, _)| byte);
                    let last = ofs.partition_point(|&end| end <= before);
                    match ofs[..last].last() {
                        Some(&last) if last > at => at = last,
                        _ => return byte,
                    }
                }
                (Some(&(byte, _)), _) => return byte,
                (None, _) => return self.text.len(),
            }
        }
    }

    /// Whether a place begins at one byte and ends in front of another.
    fn is_place_until(&self, at: usize, end: usize) -> bool {
        self.reach(at, Kind::Place).is_some_and(|length| at + length == end)
    }

    /// The character behind a number and what counts, such as 一只.
    fn counted(&self, index: usize) -> usize {
        let numbers = "一二两三四五六七八九十百几数这那每某0123456789";
        let char_at =
            |at: usize| self.marks.get(at).and_then(|&(byte, _)| self.text[byte..].chars().next());
        let mut at = index;
        while char_at(at).is_some_and(|c| numbers.contains(c)) {
            at += 1;
        }
        let measured =
            at > index && self.marks.get(at).is_some_and(|(_, reach)| reach.is(Kind::Measure));
        if measured { at + 1 } else { index }
    }

    /// Where the place ends that a prompt begins with, if somebody who is counted is there: 树下的一只猫.
    fn place_of_counted(&self) -> Option<usize> {
        let of =
            self.marks.iter().take(NEAR).find(|&&(byte, _)| self.text[byte..].starts_with('的'));
        let (of, _) = *of?;
        let end = of + '的'.len_utf8();
        let index = self.index(end);
        let before =
            Clause { text: &self.text[..of], marks: self.marks[..self.index(of)].to_vec() };
        let placed =
            !before.has(Kind::Action) && !before.has(Kind::Detail) && before.ends_in_place();
        (placed && self.counted(index) > index).then_some(end)
    }

    /// Where a place ends that begins here: 在雨中, 在海边, 位于山顶的 is none.
    fn place(&self, at: usize) -> Option<usize> {
        let begin = at + self.reach(at, Kind::Preposition)?;
        let index = self.index(begin);
        let mut end = None;
        let mut byte_end = begin;
        for &(byte, reach) in self.marks.iter().skip(index).take(NEAR) {
            if let Some(length) = reach.of(Kind::Place) {
                byte_end = byte_end.max(byte + length);
                end = Some(byte_end);
                continue;
            }
            if byte < byte_end {
                continue;
            }
            match reach.of(Kind::Locative) {
                Some(length) if end.is_some() => {
                    byte_end = byte + length;
                    end = Some(byte_end);
                }
                // Another place may follow 的, as in 海边的礁石上.
                _ if [Kind::Action, Kind::Detail, Kind::Preposition]
                    .iter()
                    .any(|&it| reach.is(it)) =>
                {
                    break;
                }
                _ => {}
            }
        }
        let end = end?;
        (!self.text[end..].starts_with('的')).then_some(end)
    }

    /// Whether the clause is a place and nothing else: 在森林里, 夕阳下的海滩.
    fn is_all_place(&self) -> bool {
        let opens = self.reach(0, Kind::Preposition).is_some();
        let acts = self.has(Kind::Action) || self.has(Kind::Detail);
        (opens && self.place(0) == Some(self.text.len()))
            || (!acts && self.ends_in(Kind::Locative) && self.ends_in_place())
    }

    /// Whether the last thing that is named is a place, or lies in, on or under one.
    fn ends_in_place(&self) -> bool {
        let mut end = self.text.len();
        for kind in [Kind::Locative, Kind::Place] {
            let found = self
                .marks
                .iter()
                .rev()
                .take(8)
                .filter(|(byte, reach)| reach.of(kind).is_some_and(|it| byte + it == end));
            match (kind, found.map(|(byte, _)| *byte).min()) {
                (Kind::Locative, Some(start)) => end = start,
                (Kind::Place, found) => {
                    return found.is_some()
                        || (end < self.text.len() && self.reaches_place(self.text.len()));
                }
                _ => {}
            }
        }
        false
    }

    fn reaches_place(&self, end: usize) -> bool {
        self.marks
            .iter()
            .rev()
            .take(8)
            .any(|(byte, reach)| reach.of(Kind::Place).is_some_and(|it| byte + it == end))
    }

    fn ends_in(&self, kind: Kind) -> bool {
        let end = self.text.len();
        self.marks
            .iter()
            .rev()
            .take(4)
            .any(|(byte, reach)| reach.of(kind).is_some_and(|it| byte + it == end))
    }

    /// Where 水墨画风格的 ends, at the beginning of a prompt.
    fn medium(&self) -> Option<usize> {
        let start = self.counted(0);
        let mut style = false;
        let mut free = self.marks.get(start).map_or(0, |&(byte, _)| byte);
        for &(byte, reach) in self.marks.iter().skip(start).take(16) {
            if byte < free {
                continue;
            }
            if style && self.text[byte..].starts_with('的') {
                let end = byte + '的'.len_utf8();
                return (end < self.text.len()).then_some(end);
            }
            let strong =
                [Kind::Style, Kind::Medium].into_iter().filter_map(|kind| reach.of(kind)).max();
            let length = strong.max(reach.of(Kind::WeakStyle))?;
            style |= strong.is_some();
            free = byte + length;
        }
        None
    }

    /// Whether everything in it is about how the picture is made.
    fn is_all_style(&self) -> bool {
        let mut free = 0;
        let mut style = false;
        let counted = self.counted(0);
        for (index, &(byte, reach)) in self.marks.iter().enumerate() {
            if byte < free || index < counted {
                continue;
            }
            let kinds = [Kind::Style, Kind::WeakStyle, Kind::Medium];
            let Some(length) = kinds.into_iter().filter_map(|kind| reach.of(kind)).max() else {
                let c = self.text[byte..].chars().next().unwrap_or(' ');
                if c.is_whitespace() || c.is_ascii_punctuation() {
                    continue;
                }
                return false;
            };
            style |= reach.is(Kind::Style) || reach.is(Kind::WeakStyle);
            free = byte + length;
        }
        style
    }

    fn has(&self, kind: Kind) -> bool {
        self.marks.iter().any(|(_, reach)| reach.is(kind))
    }

    /// How far a phrase of this kind reaches that begins at this byte.
    fn reach(&self, at: usize, kind: Kind) -> Option<usize> {
        let index = self.marks.binary_search_by_key(&at, |&(byte, _)| byte).ok()?;
        self.marks[index].1.of(kind)
    }

    /// The character at this byte, or behind it.
    fn index(&self, at: usize) -> usize {
        self.marks.partition_point(|&(byte, _)| byte < at)
    }
}
