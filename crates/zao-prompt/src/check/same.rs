//! Which thing a word is said of, so that one that is named twice, or goes on being spoken of, is known to be one: a round dining table, and
//! further on the square tabletop. It belongs to `contradiction`, and goes by where nouns stand; whether two words exclude each other is not
//! judged here.

use std::ops::Range;

use super::Subject;
use super::attributes::PAGE;
use super::characters::{is_han, is_latin};
use super::contradiction::clauses;
use super::same_words::{
    ADVERBS, BEHIND_HAN, BESIDES, BODY, COLOURS, INDEFINITE, LEADING, LEADS, LINKS, LINKS_HAN,
    MADE, MEDIA, NEW_HAN, NO_VERBS, OTHER_ENDS, PART_BODIES, PART_ENDS, PARTS, PARTS_HAN, PLAIN,
    PRONOUNS, PRONOUNS_HAN, SIDES_HAN, STOPS, STOPS_HAN, VAGUE_HAN, WHOLE_HAN,
};
use super::word::follows;
use crate::rules::{Group, Match};

/// Clauses without a thing of their own that may stand behind the one that has it.
const CARRIED: usize = 4;

/// How far behind a Chinese word its noun may begin, and how far in front of it a number may stand, in bytes.
const REACH_HAN: usize = 21;
const COUNT_HAN: usize = 12;

/// A Chinese character, in bytes.
const HAN: usize = '一'.len_utf8();

/// The longest name that is looked up, in bytes.
const LONGEST_NAME: usize = 30;

/// The nouns of a prompt.
pub(super) struct Things<'s, 'p> {
    subject: &'s Subject<'p>,
    /// Chinese nouns in their order.
    nouns: Vec<Match>,
    /// Names that stand for the same, by where they begin.
    same: Vec<Match>,
}

/// What a word is said of.
#[derive(Default)]
struct Thing {
    /// Its names, as places in the text; a word may be read as said of one or the other.
    names: Vec<Range<usize>>,
    /// Words in front of its name, by which it may be called further on: a ribeye steak, the ribeye.
    further: Vec<Range<usize>>,
    /// Whether it is a surface or another part of what the prompt is about, or a pronoun.
    is_part: bool,
    /// Whether it comes in as another one: a, another, two.
    is_new: bool,
    /// Whether the word stands in front of its noun, or a verb leads from the one to the other.
    is_sure: bool,
}

impl<'s, 'p> Things<'s, 'p> {
    /// None of a prompt that nobody writes by hand.
    pub(super) fn new(subject: &'s Subject<'p>) -> Option<Self> {
        if subject.text.folded.len() > PAGE {
            return None;
        }
        let same = subject.matches.each(Group::Same);
        let mut nouns = subject.matches.of(Group::Noun);
        for group in [Group::Owner, Group::ThingZh, Group::Subject] {
            nouns.extend(subject.matches.of(group));
        }
        nouns.extend(same.iter().copied());
        nouns.retain(|it| subject.text.folded[it.span()].starts_with(is_han));
        for noun in &mut nouns {
            let next = subject.text.folded[noun.end..].chars().next();
            noun.end += next.filter(|c| OTHER_ENDS.contains(c)).map_or(0, char::len_utf8);
        }
        nouns.sort_unstable_by_key(|it| (it.start, usize::MAX - it.end));
        let mut end = 0;
        nouns.retain(|it| {
            let is_free = it.start >= end;
            end = if is_free { it.end } else { end };
            is_free
        });
        Some(Self { subject, nouns, same })
    }

    fn text(&self, range: &Range<usize>) -> &str {
        &self.subject.text.folded[range.clone()]
    }

    /// Whether two words, of which the first ends before the second begins, are said of one thing.
    pub(super) fn is_one(&self, first: &Match, second: &Match) -> bool {
        if second.start < first.end || self.are_several(first, second) {
            return false;
        }
        let then = self.said_of(first);
        let now = self.said_of(second);
        let is_free =
            |name: &Range<usize>, of: &Match| name.end <= of.start || of.end <= name.start;
        let is_named = now.names.iter().filter(|it| is_free(it, first)).any(|it| {
            then.names.iter().filter(|of| is_free(of, second)).any(|of| self.is_same(of, it))
                || then.further.iter().any(|of| self.text(of) == self.text(it))
        });
        !now.is_new && (is_named || (then.is_part && now.is_part))
    }

    /// The same of words that may be nouns themselves: marble, glass.
    pub(super) fn is_surely_one(&self, first: &Match, second: &Match) -> bool {
        self.is_one(first, second) && self.said_of(first).is_sure && self.said_of(second).is_sure
    }

    /// Whether the second word is said of something that comes in with it, and is not what the first is said of: a spaniel lies on the rug, a
    /// spruce stands in the window.
    pub(super) fn is_another(&self, first: &Match, second: &Match) -> bool {
        second.start >= first.end && self.said_of(second).is_new && self.differ(first, second)
    }

    /// Whether the clause of the second begins with something that it is said of, which is not what the first is said of.
    pub(super) fn differ(&self, first: &Match, second: &Match) -> bool {
        let clause = self.clause(second.start);
        let mut now = self.said_of(second);
        let then = self.said_of(first);
        // 透明瓶身，不透明瓶盖: each has its own noun behind it.
        let is_own =
            |it: &Range<usize>, of: &Match| it.start >= of.end && it.start < of.end + 2 * HAN;
        let are_own = then.names.first().is_some_and(|it| is_own(it, first))
            && now
                .names
                .first()
                .is_some_and(|it| is_own(it, second) && self.text(it).starts_with(is_han));
        now.names.retain(|it| clause.contains(&it.start) && (are_own || it.end <= second.start));
        !now.is_part
            && !now.names.is_empty()
            && !then.names.is_empty()
            && !now.names.iter().all(|it| BODY.contains(&self.text(it)))
            && !now.names.iter().any(|it| then.names.iter().any(|of| self.is_same(of, it)))
    }

    /// Whether the clause of a word puts what it speaks of beside what was named.
    pub(super) fn is_beside(&self, word: &Match) -> bool {
        is_beside(self.subject, word)
    }

    /// Whether the clause of one of them speaks of several things, or of one beside the other.
    fn are_several(&self, first: &Match, second: &Match) -> bool {
        let several = self.subject.matches.of(Group::Several);
        let clauses = [first, second].map(|word| self.clause(word.start).start..word.end);
        let between = self.text(&(first.end..second.start));
        let is_beside = self.is_beside(second)
            || (between.contains(" left") && self.text(&clauses[1]).contains(" right"));
        let counts = several.iter().any(|it| {
            let behind = self.subject.text.folded[it.end..].trim_start();
            let is_none =
                ["together", "people", "some", "class", "team", "family", "students", "workers"];
            clauses.iter().any(|clause| clause.contains(&it.start))
                && !is_none.contains(&self.text(&it.span()))
                && !["sides", "eyes", "ends"].iter().any(|part| behind.starts_with(part))
        });
        is_beside || counts
    }

    fn clause(&self, at: usize) -> Range<usize> {
        self.subject.text.segments.get(self.number(at)).cloned().unwrap_or(at..at)
    }

    fn number(&self, at: usize) -> usize {
        self.subject.text.segments.partition_point(|segment| segment.end <= at)
    }

    fn said_of(&self, word: &Match) -> Thing {
        let is_chinese = self.text(&word.span()).starts_with(is_han);
        let mut thing = if is_chinese { self.of_han(word) } else { self.of_latin(word) };
        let is_part = |it: &Range<usize>| match is_chinese {
            true => PARTS_HAN.contains(&self.text(it)),
            false => PARTS.contains(&self.text(it)),
        };
        // 儿子头发: it is the son's.
        thing.is_part |=
            thing.names.iter().all(is_part) && !thing.names.is_empty() && !thing.is_new;
        if thing.is_part {
            thing.names.extend(self.main());
        }
        thing
    }

    /// What the prompt is about: what its first clause names first, and what it is a picture of.
    fn main(&self) -> Vec<Range<usize>> {
        for clause in self.subject.text.segments.iter().take(3) {
            let mut names = match self.text(clause).contains(is_han) {
                true => self.nouns_in(clause),
                false => self.phrases(clause),
            };
            names.retain(|it| !MEDIA.contains(&self.text(it)));
            if let Some(first) = names.into_iter().next() {
                return vec![first];
            }
        }
        Vec::new()
    }

    /// What a clause without a thing of its own goes on with.
    fn carried(&self, number: usize, is_chinese: bool) -> Vec<Range<usize>> {
        let segments = &self.subject.text.segments;
        for at in (number.saturating_sub(CARRIED)..number.min(segments.len())).rev() {
            let segment = &segments[at];
            let next = segments.get(at + 1).map_or(segment.end, |next| next.start);
            if self.text(&(segment.end..next)).contains(['.', '。', '!', '！', '?', '？']) {
                return Vec::new();
            }
            let names = if is_chinese { self.nouns_in(segment) } else { self.phrases(segment) };
            if let (Some(first), Some(last)) = (names.first(), names.last()) {
                return vec![first.clone(), last.clone()];
            }
        }
        Vec::new()
    }

    /// The heads of what an English clause names, in their order.
    fn phrases(&self, clause: &Range<usize>) -> Vec<Range<usize>> {
        let words = self.words(clause);
        let mut heads: Vec<Range<usize>> = Vec::new();
        let mut head: Option<Range<usize>> = None;
        for (at, word) in words.iter().enumerate() {
            if self.ends_phrase(&words, at, head.is_some()) {
                heads.extend(head.take());
            } else {
                head = Some(word.clone());
            }
        }
        heads.extend(head);
        heads
    }

    /// Whether a name does not go on with this word.
    fn ends_phrase(&self, words: &[Range<usize>], at: usize, is_begun: bool) -> bool {
        let is_empty = |word: &str| {
            STOPS.contains(&word)
                || ADVERBS.contains(&word)
                || (word.len() > 5 && word.ends_with("ly") && !NO_VERBS.contains(&word))
        };
        let word = self.text(&words[at]);
        // Leather faces a table, the chair glows softly.
        let does = word.ends_with('s') && !word.ends_with("ss");
        let next = words.get(at + 1).map(|next| self.text(next)).unwrap_or_default();
        if does
            && (["a", "an", "the", "its", "his", "her"].contains(&next)
                || (is_begun && next.len() > 5 && next.ends_with("ly")))
        {
            return true;
        }
        let is_last = words.get(at + 1).is_none_or(|next| is_empty(self.text(next)));
        let is_doing = word.len() > 5 && word.ends_with("ing") && !NO_VERBS.contains(&word);
        let is_done = word.len() > 4 && word.ends_with("ed") && !NO_VERBS.contains(&word);
        is_empty(word)
            || (is_begun && is_last && COLOURS.contains(&word))
            || (is_doing && is_last)
            || (is_done && (is_begun || is_last))
    }

    /// The words of an English clause.
    fn words(&self, clause: &Range<usize>) -> Vec<Range<usize>> {
        let text = self.text(clause);
        let mut words = Vec::new();
        let mut start = None;
        for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
            let is_inside = is_latin(c) || (matches!(c, '-' | '\'') && start.is_some());
            match start {
                None if is_inside => start = Some(at),
                Some(from) if !is_inside => {
                    words.push(clause.start + from..clause.start + at);
                    start = None;
                }
                _ => {}
            }
        }
        words
    }

    fn of_latin(&self, word: &Match) -> Thing {
        let clause = self.clause(word.start);
        let words = self.words(&clause);
        let first = words.partition_point(|it| it.end <= word.start);
        let behind = words.partition_point(|it| it.start < word.end);
        let mut end = behind;
        while end < words.len() && !self.ends_phrase(&words, end, end > behind) {
            end += 1;
        }
        let has_noun = end > behind
            && !self.text(&(word.end..words[end - 1].start)).contains(['(', ')', ':', '/']);
        // In front of its noun: walk to where the name begins.
        let mut at = first;
        while at > 0 && !STOPS.contains(&self.text(&words[at - 1])) {
            at -= 1;
        }
        let lead = at.checked_sub(1).map(|at| self.text(&words[at]));
        let is_new = lead.is_some_and(|lead| INDEFINITE.contains(&lead));
        if lead.is_some_and(|lead| matches!(lead, "like" | "as" | "than")) {
            return Thing { is_new: true, ..Thing::default() };
        }
        if has_noun {
            return self.in_front(&clause, &words, at, first, end, is_new);
        }
        let mut thing = Thing::default();
        // A word that ends with its own noun: crumpled sheets.
        let own = words[first..behind].last().filter(|_| behind > first + 1);
        let is_name = !words[first..behind].iter().any(|it| STOPS.contains(&self.text(it)))
            && own.is_some_and(|it| !PLAIN.iter().any(|end| self.text(it).ends_with(end)));
        if let (Some(own), true) = (own, is_name && lead.is_some()) {
            thing.is_new = is_new;
            thing.names.push(own.clone());
            return thing;
        }
        thing.names.extend(own.filter(|_| is_name).cloned());
        let is_led = words.first().is_some_and(|it| PRONOUNS.contains(&self.text(it)));
        thing.is_part = is_led && first > 0;
        let before = self.phrases(&(clause.start..word.start));
        if let (Some(subject), Some(nearest)) = (before.first(), before.last()) {
            let from = words.partition_point(|it| it.start < nearest.start);
            let lead = words[..from].iter().rev().take(4).find(|it| STOPS.contains(&self.text(it)));
            thing.is_new = lead.is_some_and(|it| INDEFINITE.contains(&self.text(it)));
            thing.names.extend([subject.clone(), nearest.clone()]);
            let link = self.text(&(nearest.end..word.start)).trim();
            thing.is_sure = LINKS.iter().any(|it| follows(link, it));
        } else if thing.is_part {
            return thing;
        } else if first == 0 || !is_new {
            thing.names.extend(self.carried(self.number(word.start), false));
        }
        // A raw, bloody steak.
        let next = self.subject.text.segments.get(self.number(word.start) + 1);
        if let (true, true, Some(next)) = (before.is_empty(), behind == words.len(), next)
            && is_new
            && self.text(&(clause.end..next.start)).trim() == ","
        {
            let head = self.words(next);
            let mut end = 0;
            while end < head.len() && !self.ends_phrase(&head, end, end > 2) {
                end += 1;
            }
            thing.names.extend(self.phrases(next).first().cloned());
            thing.further.extend(head[..end].iter().cloned());
        }
        thing
    }

    /// What an adjective is said of that stands in front of its noun, in the name between two words of a clause.
    fn in_front(
        &self,
        clause: &Range<usize>,
        words: &[Range<usize>],
        start: usize,
        word: usize,
        end: usize,
        is_new: bool,
    ) -> Thing {
        let name = words[end - 1].clone();
        let lead = start.checked_sub(1).map(|at| self.text(&words[at]));
        let is_plural = self.text(&name).ends_with('s') && !self.text(&name).ends_with("ss");
        let is_led = lead.is_some_and(|lead| LEADS.contains(&lead));
        let mut thing =
            Thing { names: vec![name.clone()], is_new, is_sure: true, ..Thing::default() };
        thing.further = words[word..end - 1].to_vec();
        for owner in &words[start..word] {
            if let Some(owned) = self.text(owner).strip_suffix("'s") {
                thing.names.push(owner.start..owner.start + owned.len());
            }
        }
        // Of several nobody knows which are meant.
        thing.is_new |=
            is_plural && !is_led && thing.names.len() == 1 && !PARTS.contains(&self.text(&name));
        // The upholstery of the chair is the chair's.
        if words.get(end).is_some_and(|it| self.text(it) == "of") {
            thing.names.extend(self.phrases(&(words[end].start..clause.end)).first().cloned());
        }
        // Built of pine logs: that is what was built.
        let made = start.checked_sub(2).map(|at| self.text(&words[at]));
        let is_made = lead
            .is_some_and(|lead| matches!(lead, "of" | "from" | "in" | "out" | "with"))
            && made.is_some_and(|made| MADE.contains(&made) || made.ends_with("ly"));
        if is_made {
            let before = self.phrases(&(clause.start..words[start - 1].start));
            thing.names.extend(before.first().cloned());
            thing.is_new = false;
        }
        thing
    }

    /// The nouns of a Chinese clause; several that stand together are one.
    fn nouns_in(&self, clause: &Range<usize>) -> Vec<Range<usize>> {
        let from = self.nouns.partition_point(|it| it.start < clause.start);
        let mut nouns: Vec<Range<usize>> = Vec::new();
        for noun in self.nouns[from..].iter().take_while(|it| it.end <= clause.end) {
            let is_long = noun.end - noun.start > HAN;
            match nouns.last_mut() {
                Some(last) if last.end == noun.start && is_long => last.end = noun.end,
                Some(last) if last.end == noun.start => {}
                _ => nouns.push(noun.span()),
            }
        }
        nouns
    }

    fn of_han(&self, word: &Match) -> Thing {
        let folded = &self.subject.text.folded;
        let clause = self.clause(word.start);
        let mut nouns = self.nouns_in(&clause);
        let before = &folded[clause.start..word.start];
        let is_whole =
            WHOLE_HAN.iter().any(|it| before.contains(it) || folded[word.span()].starts_with(it))
                || PRONOUNS_HAN.iter().any(|it| before.starts_with(it));
        let near = before
            .char_indices()
            .rev()
            .map(|(at, _)| at)
            .take_while(|at| before.len() - at <= COUNT_HAN);
        let counted = &before[near.last().unwrap_or(before.len())..];
        let counted = counted.rsplit(['的', '着', '在']).next().unwrap_or(counted);
        let is_whole_count =
            ["一身", "一头", "一脸", "一双"].iter().any(|it| counted.ends_with(it));
        let is_new = (counted.contains(NEW_HAN) && !is_whole_count)
            || folded[word.span()].starts_with(NEW_HAN);
        // A word that ends with its own noun: 熊熊火焰.
        if let Some(own) = nouns.iter().find(|it| {
            it.start > word.start
                && it.end == word.end
                && it.len() > HAN
                && !folded[word.span()].contains('着')
                && !folded[word.span()].ends_with(SIDES_HAN)
        }) {
            return Thing {
                names: vec![own.clone()],
                is_part: is_whole,
                is_new,
                ..Thing::default()
            };
        }
        let rest = &folded[word.end..clause.end];
        let next = nouns.iter().find(|it| it.start >= word.end);
        let is_of = |it: &Range<usize>| {
            let between = &folded[word.end..it.start];
            // 空荡荡的街上堆着装满的纸箱: the street is what is empty.
            let is_there = between.contains('着') && between.contains(['上', '里']);
            let is_near = between.len() <= REACH_HAN && !between.contains(STOPS_HAN) && !is_there;
            is_near
                && (between.contains('的')
                    || (between.is_empty() && !folded[word.span()].ends_with(LEADING))
                    || folded[word.span()].ends_with('的'))
        };
        // What no table knows is the two characters behind 的.
        let unknown = rest.strip_prefix('的').and_then(|rest| {
            let start = word.end + '的'.len_utf8();
            let end = rest.char_indices().nth(2).map_or(clause.end, |(at, _)| start + at);
            (end > start && folded[start..end].chars().all(is_han)).then_some(start..end)
        });
        // Nor what stands behind it at once: 不透明瓶盖.
        let touching = || {
            let end = rest.char_indices().nth(2).map_or(clause.end, |(at, _)| word.end + at);
            let is_name = folded[word.end..end].chars().all(is_han)
                && !rest.starts_with(LEADING)
                && !rest.starts_with(STOPS_HAN)
                && !rest.starts_with(BEHIND_HAN)
                && !folded[word.span()].ends_with(LEADING);
            (is_name && end > word.end + HAN).then_some(word.end..end)
        };
        let noun = next.filter(|it| is_of(it)).cloned().or(unknown);
        let has_own = nouns.iter().any(|it| it.start < word.start);
        let noun = noun.or_else(|| if has_own { None } else { touching() });
        if let Some(noun) = noun {
            return Thing {
                names: vec![noun],
                is_part: is_whole && !is_new,
                is_new,
                is_sure: true,
                ..Thing::default()
            };
        }
        nouns.retain(|it| it.start < word.start);
        if let Some(last) = nouns.last_mut() {
            last.end = last.end.min(word.start);
        }
        if before.ends_with(['和', '与', '跟', '给', '把', '被', '对', '向', '像', '如', '似'])
        {
            return Thing { is_new: true, ..Thing::default() };
        }
        let link = &folded[nouns.last().map_or(word.start, |it| it.end)..word.start];
        let is_sure = LINKS_HAN.iter().any(|it| link.contains(it));
        let mut thing = Thing { is_part: is_whole, is_sure, ..Thing::default() };
        if let (Some(first), Some(last)) = (nouns.first(), nouns.last()) {
            // 罩着古城遗址: what is done to another thing says nothing of who does it.
            let is_object =
                folded[first.end..last.start.max(first.end)].contains(['着', '了', '有']);
            thing.names =
                if is_object { vec![last.clone()] } else { vec![first.clone(), last.clone()] };
            thing.is_new = folded[clause.start..first.start].contains(['另', '两', '几']);
        } else if before.starts_with(NEW_HAN) {
            thing.is_new = true;
        } else if !is_whole {
            thing.names = self.carried(self.number(word.start), true);
        }
        thing
    }

    /// Whether two names are one thing's: the same, one the end of the other, or two of one row of the table.
    fn is_same(&self, one: &Range<usize>, other: &Range<usize>) -> bool {
        let (a, b) = (self.text(one), self.text(other));
        let is_named = match (a.starts_with(is_han), b.starts_with(is_han)) {
            (true, true) => is_same_han(a, b),
            (false, false) => is_same_latin(a, b),
            _ => false,
        };
        is_named || self.rows(one).any(|item| self.rows(other).any(|it| it == item))
    }

    /// The rows of the table that end with a name.
    fn rows<'t>(&'t self, name: &Range<usize>) -> impl Iterator<Item = usize> + 't {
        let end = name.end;
        let from = self.same.partition_point(|it| it.start + LONGEST_NAME < end);
        let near = self.same[from..].iter().take_while(move |it| it.start < end);
        near.filter(move |it| it.end == end).map(|it| it.item)
    }
}

/// Whether the clause of a word puts what it speaks of beside what was named.
pub(super) fn is_beside(subject: &Subject<'_>, word: &Match) -> bool {
    let clause = clauses(subject, word, word);
    BESIDES.iter().any(|beside| subject.text.folded[clause.clone()].contains(beside))
}

/// A word without the ending of more than one.
fn single(word: &str) -> &str {
    match word.strip_suffix("es") {
        Some(stem) if stem.ends_with(['x', 'h']) || stem.ends_with("ss") => stem,
        _ if word.ends_with("ss") => word,
        _ => word.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(word),
    }
}

/// Letters of a word that a longer one may have in it: tabletop, table.
const WITHIN: usize = 4;

fn is_same_latin(a: &str, b: &str) -> bool {
    let (a, b) = (single(a), single(b));
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let is_within = long.starts_with(short) || long.ends_with(short);
    a == b
        || (short.len() >= WITHIN
            && long.len() > short.len() + 1
            && !long.contains(['-', '\''])
            && is_within)
}

fn is_same_han(a: &str, b: &str) -> bool {
    // 瓶身, 瓶盖: two parts of one thing, of which one is like this and one like that.
    let part = |word: &str| word.chars().next_back().filter(|c| PART_ENDS.contains(c));
    if let (Some(one), Some(other)) = (part(a), part(b))
        && one != other
        && !(PART_BODIES.contains(&one) && PART_BODIES.contains(&other))
    {
        return false;
    }
    let (a, b) = (base(a), base(b));
    let last = |word: &str| word.chars().next_back();
    !a.is_empty()
        && !b.is_empty()
        && (a.ends_with(b)
            || b.ends_with(a)
            || (last(a) == last(b) && last(a).is_some_and(|c| !VAGUE_HAN.contains(&c))))
}

/// A noun without what makes of it a part, or only a longer word: 伞面, 椅子.
fn base(word: &str) -> &str {
    let whole = word.trim_end_matches(['子', '儿']);
    whole.strip_suffix(PART_ENDS).filter(|it| !it.is_empty()).unwrap_or(whole)
}
