//! `unquoted-text`: words that are to be seen in the picture. In quotes the model takes them as text; without, as things to draw.

mod asked;
mod captions;
mod han;
mod latin;
mod lists;
mod marked;
mod related;
mod said;
mod shouted;
mod speakers;

use std::ops::Range;

use marked::Things;

use super::Subject;
use super::characters::{is_latin, is_separator};
use super::edit::{About, Hit};
use super::quotes::is_json;
use super::text::BLANK;
use super::word::{follows, precedes};
use crate::Code;
use crate::rules::{Group, Match};

/// How far in front of `that says` its sign may stand, in bytes.
const REACH: usize = 60;

/// The name of a shop is no longer, in characters.
const NAME: usize = 8;

/// Text that is told by a word in it is no longer, in characters.
const EVIDENT: usize = 12;

/// No text on a sign is longer, in characters.
const LONGEST: usize = 30;

/// Small words that may stand between big ones: Lord of the Rings.
const LINKS: [&str; 11] = ["of", "the", "to", "and", "&", "for", "a", "in", "is", "on", "at"];

/// The same of words.
const MOST_WORDS: usize = 8;

/// Deeds that put patterns on things as well as text: engraved Celtic knots, stamped FRAGILE.
const DEEDS: [&str; 8] = [
    "stamped",
    "stenciled",
    "stencilled",
    "marked",
    "engraved",
    "embossed",
    "branded",
    "emblazoned",
];

/// Whether text is all of capital letters, and more than the name of a thing.
fn is_shouted(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_uppercase).count() > 3 && !text.contains(char::is_lowercase)
}

pub(super) fn find(subject: &Subject<'_>, hits: &mut Vec<Hit>) {
    let carriers = subject.matches.of(Group::Carrier);
    let mut found: Vec<Words> = Vec::new();
    let boards = subject.matches.of(Group::Board);
    for says in subject.matches.of(Group::Says) {
        if speakers::is_said(subject, &carriers, &boards, &says) {
            found.extend(english(subject, says.end, true));
        }
    }
    for shows in subject.matches.of(Group::Shows) {
        found.extend(english(subject, shows.end, true));
    }
    for names in subject.matches.of(Group::Names) {
        let words = english(subject, names.end, false);
        let is_deed = DEEDS.contains(&&subject.text.folded[names.span()]);
        found.extend(
            words.filter(|it| !is_deed || is_shouted(&subject.text.prompt[it.span.clone()])),
        );
    }
    for behind in subject.matches.of(Group::Behind) {
        found.extend(in_front(subject, &carriers, &behind));
    }
    let writes = subject.matches.of(Group::Writes);
    let prints = subject.matches.of(Group::Prints);
    let has_boards = boards.iter().any(|it| !subject.text.folded.as_bytes()[it.start].is_ascii());
    let nouns = marked::nouns(subject, has_boards || !prints.is_empty());
    let things = Things { carriers: &carriers, nouns: &nouns, boards: &boards };
    for writes in &writes {
        found.extend(chinese(subject, &things, writes, false).map(Words::known));
    }
    for board in &boards {
        found.extend(marked::on_board(subject, &things, board));
    }
    for prints in prints {
        // 标题为 says more than 标题, and the text begins behind it.
        let at = writes.partition_point(|it| it.start < prints.start);
        if writes.get(at).is_some_and(|it| it.start == prints.start && it.end > prints.end) {
            continue;
        }
        found.extend(chinese(subject, &things, &prints, true).map(Words::known));
    }
    latin::find(subject, &carriers, &mut found);
    asked::find(subject, &mut found);
    captions::find(subject, &mut found);
    shouted::find(subject, &carriers, &mut found);
    han::find(subject, &mut found);
    said::find(subject, &mut found);
    related::find(subject, &carriers, &mut found);
    let seconds: Vec<Words> =
        found.iter().flat_map(|it| asked::another(subject, &it.span)).collect();
    found.extend(seconds);
    let lines: Vec<Words> =
        found.iter().flat_map(|it| lists::behind(subject, it.span.end)).collect();
    found.extend(lines);
    let is_json = !found.is_empty() && is_json(subject.text.prompt);
    found.sort_by_key(|it| (it.span.start, std::cmp::Reverse(it.span.end)));
    found.dedup_by(|later, first| later.span.start < first.span.end);
    hits.extend(found.into_iter().map(|Words { span, ends_there }| {
        let written = &subject.text.prompt[span.clone()];
        let is_chinese = subject.text.side_of(span.start).is_chinese;
        let with = if is_chinese { format!("“{written}”") } else { format!("\"{written}\"") };
        // Quotes inside of a value would end it.
        match ends_there && !is_json {
            true => Hit::replace(Code::UnquotedText, span, with, About::Itself),
            false => Hit::advice(Code::UnquotedText, span, About::Itself),
        }
    }));
}

/// Words that are text, and whether they end where they seem to.
struct Words {
    span: Range<usize>,
    ends_there: bool,
}

impl Words {
    fn known(span: Range<usize>) -> Self {
        Self { span, ends_there: true }
    }
}

/// Behind `reading` these are where somebody reads.
const READING: [&str; 8] = ["nook", "corner", "chair", "lamp", "room", "glasses", "light", "area"];

/// Whether something that carries text stands in front, in the same phrase.
fn has_carrier(subject: &Subject<'_>, carriers: &[Match], says: &Match) -> bool {
    let behind = subject.text.folded[says.end..].trim_start_matches(' ');
    if &subject.text.folded[says.span()] == "reading"
        && READING.iter().any(|it| follows(behind, it))
    {
        return false;
    }
    let at = carriers.partition_point(|carrier| carrier.end <= says.start);
    let Some(carrier) = at.checked_sub(1).and_then(|at| carriers.get(at)) else { return false };
    let between = &subject.text.folded[carrier.end..says.start];
    between.len() <= REACH && !between.contains(is_separator)
}

/// What says that there is no text, where text would begin.
const NO_TEXT: [&str; 5] = ["none", "nothing", "blank", "empty", "omitted"];

/// What may be denied there.
const TEXTS: [&str; 7] = ["text", "words", "letters", "lettering", "title", "caption", "logo"];

/// English text that begins behind an introduction.
fn english(subject: &Subject<'_>, from: usize, any_case: bool) -> Option<Words> {
    let (folded, prompt) = (&subject.text.folded, subject.text.prompt);
    let rest = &folded[from..];
    let start = from + (rest.len() - rest.trim_start_matches([':', ' ', '-']).len());
    let begins = |c: char| is_latin(c) || matches!(c, '$' | '€' | '£' | '#' | '@');
    if start == from || !folded[start..].starts_with(begins) {
        return None;
    }
    let words = words_from(folded, start);
    let first = &prompt[words.first()?.clone()];
    // title: none, caption: no text.
    let said = |at: usize| words.get(at).map_or("", |word| &folded[word.clone()]);
    let is_none = words.len() == 1 && NO_TEXT.contains(&said(0));
    if is_none || (said(0) == "no" && TEXTS.contains(&said(1))) {
        return None;
    }
    let is_big = |word: &str| {
        word.starts_with(|c: char| {
            c.is_uppercase() || c.is_ascii_digit() || matches!(c, '$' | '€' | '£' | '#' | '@')
        })
    };
    let stops = |at: usize| {
        let stops = &subject.rules.tables.unquoted.stops;
        stops.iter().any(|stop| follows(&folded[at..], stop))
    };
    // Text that is not shouted goes on in small letters: Welcome home.
    let shouts = !first.chars().any(char::is_lowercase);
    let lenient = (any_case && (!is_big(first) || !shouts)) || first == "I";
    if !is_big(first) && (!lenient || stops(start)) {
        return None;
    }
    // Nor does a title: Welcome Home hangs.
    let is_title = is_big(first) && words.get(1).is_some_and(|word| is_big(&prompt[word.clone()]));
    let lenient = lenient && (!is_title || first == "I");
    let mut end = start;
    let mut linked = 0;
    for word in &words {
        let written = &prompt[word.clone()];
        if is_big(written) || (lenient && linked == 0 && !stops(word.start)) {
            (end, linked) = (word.end, 0);
        } else if is_big(first) && linked < 2 && LINKS.contains(&written) {
            linked += 1;
        } else {
            break;
        }
    }
    // A mark that ends a shout belongs to it.
    let shout = folded[end..].bytes().take_while(|byte| matches!(byte, b'!' | b'?')).count();
    let count = words.iter().filter(|word| word.start < end).count();
    // Nobody but a reader knows whether `coffee and cake` is on the sign.
    let next = words.get(count).map(|word| &folded[word.clone()]);
    let ends_there = is_big(first) || next != Some("and");
    (end > start && count <= MOST_WORDS).then_some(Words { span: start..end + shout, ends_there })
}

/// The words of a phrase.
fn words_from(folded: &str, start: usize) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut from = start;
    while words.len() <= MOST_WORDS + 1 {
        let is_part = |c: char| {
            is_latin(c)
                || matches!(
                    c,
                    '\'' | '-'
                        | '&'
                        | '%'
                        | '$'
                        | '€'
                        | '£'
                        | '#'
                        | '@'
                        | '.'
                        | '/'
                        | '_'
                        | '+'
                        | '’'
                )
        };
        let length = folded[from..].find(|c| !is_part(c)).unwrap_or(folded.len() - from);
        let word = folded[from..from + length].trim_end_matches(['.', '/']);
        if word.is_empty() {
            break;
        }
        words.push(from..from + word.len());
        from += word.len();
        let blanks = folded[from..].len() - folded[from..].trim_start_matches(' ').len();
        if blanks == 0 {
            break;
        }
        from += blanks;
    }
    words
}

/// Chinese text that begins behind an introduction.
fn chinese(
    subject: &Subject<'_>,
    things: &Things<'_>,
    introduction: &Match,
    needs_sign: bool,
) -> Option<Range<usize>> {
    let table = &subject.rules.tables.unquoted;
    let folded = &subject.text.folded;
    // What stands behind a mark of its own is no text of this sign: 写着写着.
    if folded[introduction.end..].starts_with("写着")
        || table.not_after.iter().any(|word| folded[..introduction.start].ends_with(word.as_str()))
    {
        return None;
    }
    let introduces = &folded[introduction.span()];
    let is_title = table.titles.iter().any(|title| title == introduces);
    let is_other = |word: &String| folded[introduction.end..].starts_with(word.as_str());
    // 书名叫 is an introduction of its own.
    if is_title && folded[introduction.end..].starts_with(['叫', '是', '为', '写']) {
        return None;
    }
    // A girl is named so, too.
    if NAMED.contains(&introduces) && !names_thing(&folded[..introduction.start]) {
        return None;
    }
    if is_title && subject.rules.plain.begin(&folded[introduction.end..]) {
        return None;
    }
    if (is_title || introduces == "上书") && table.not_before.iter().any(is_other) {
        return None;
    }
    let mut start = introduction.end;
    // 上面印 and 着, where a table has the first alone.
    if let Some(rest) = folded[start..].strip_prefix(['着', '有'])
        && introduces.ends_with(['印', '绣', '刻', '喷', '写', '标', '示', '注', '题', '刷'])
    {
        start = folded.len() - rest.len();
    }
    let first = start;
    loop {
        let rest = &folded[start..];
        let step = subject.rules.between.longest(rest).map(str::len);
        let step = step.or_else(|| {
            rest.chars().next().filter(|c| matches!(c, ' ' | ':' | '：')).map(char::len_utf8)
        });
        match step {
            Some(step) => start += step,
            None => break,
        }
    }
    let rest: &str = clipped(&folded[start..]);
    // 印着英文good vibes only: what is said to be English is text.
    let passed = &folded[first..start];
    if table.languages.iter().any(|word| passed.contains(word.as_str()))
        && let Some(words) = latin(subject, start)
    {
        return Some(words);
    }
    let phrase = &rest[..rest.find(ends_phrase).unwrap_or(rest.len())];
    // A single character is described only alone: 写着字, but not 写着字典.
    let is_described = |word: &str| {
        let rest = &phrase[word.len()..];
        word.chars().nth(1).is_some() || rest.is_empty() || rest.starts_with('的')
    };
    // 字写得龙飞凤舞 says how.
    let says_where = introduces.ends_with('写') && phrase.starts_with(['在', '到']);
    let is_how = phrase.starts_with('得') || says_where;
    if is_how || subject.rules.described.all(phrase).any(is_described) {
        return None;
    }
    // 印着标题和图案, 写着名字的卡片: what text is called is named, and none follows.
    let is_kind = |c: char| matches!(c, '字' | '语' | '名' | '号' | '题' | '案' | '句' | '文');
    let is_sure = passed.chars().any(is_kind) && passed.chars().count() > 1;
    if !passed.is_empty() && (phrase.starts_with('的') || subject.rules.plain.begin(phrase)) {
        return None;
    }
    let needs_sign = needs_sign && !is_sure;
    // A screen shows more than text; and 招牌是木质的 says what it is made of.
    let is_screen = introduces.ends_with("显示")
        && (marked::is_picture(subject, things, phrase, start) || phrase.contains(['和', '与']));
    let is_made = introduces.ends_with(['是', '为']) && phrase.ends_with('的');
    if (is_screen && !is_sure) || is_made {
        return None;
    }
    let mut places = phrase.char_indices().map(|(at, _)| at);
    let sign = places.find(|at| {
        let rest = &phrase[*at..];
        let places_it = |word: &String| rest.starts_with(word.as_str());
        subject.rules.text_ends.begin(rest) || (is_title && table.title_ends.iter().any(places_it))
    });
    let of = phrase.match_indices('的').map(|(at, _)| at).find(|at| {
        let (from, to) = (start + at, start + phrase.len());
        let first = things.carriers.partition_point(|carrier| carrier.start < from);
        things.carriers.get(first).is_some_and(|carrier| carrier.end <= to)
    });
    let end = match (sign, of) {
        (Some(sign), Some(of)) => sign.min(of),
        (Some(sign), None) => sign,
        (None, Some(of)) if !needs_sign => of,
        (None, Some(of))
            if marked::is_text(subject, things, introduction, &phrase[..of], start) =>
        {
            of
        }
        (None, None) if !needs_sign => phrase.len(),
        // 瓶身刻着MIDNIGHT, 刻着老陈豆腐店: shouting in other letters and the name of a shop are no pictures.
        (None, None) => {
            let names = phrase.chars().count() <= NAME && !phrase.contains('的');
            // 片名长夜将明: what is called so has its name behind it.
            let is_named = is_title && !introduces.ends_with("标题") && names;
            match is_named
                || names
                    && introduces.contains('贴')
                    && subject.rules.marked_names.end(phrase)
                    && !marked::is_picture(subject, things, phrase, start)
                || names && table.names_end.iter().any(|end| phrase.ends_with(end.as_str()))
            {
                true => phrase.len(),
                false if is_evident(subject, introduces, phrase) => phrase.len(),
                false if marked::is_text(subject, things, introduction, phrase, start) => {
                    phrase.len()
                }
                false => capitals(&subject.text.prompt[start..start + phrase.len()])?,
            }
        }
        _ => return None,
    };
    let text = phrase[..end].trim_end();
    let count = text.chars().count();
    // In a phrase that goes on for long, the text ends somewhere that no table knows.
    let is_text = (1..=LONGEST).contains(&count) && !(sign.is_none() && of.is_none() && count > 20);
    is_text.then_some(start..start + text.len())
}

/// Introductions of names, which are text where a thing has them.
const NAMED: [&str; 7] = ["名字叫", "名叫", "名为", "取名", "命名为", "品牌叫", "叫做"];

/// Things that have their names on them.
const NAMED_THINGS: [&str; 16] = [
    "logo", "品牌", "店", "招牌", "公司", "app", "海报", "书", "馆", "包装", "标志", "商标",
    "封面", "酒", "饮料", "杂志",
];

/// How far in front of a name its thing may stand, in bytes.
const NAMED_REACH: usize = 60;

/// Whether something that has its name on it was named last.
fn names_thing(before: &str) -> bool {
    let from = (before.len().saturating_sub(NAMED_REACH)..).find(|at| before.is_char_boundary(*at));
    let near = &before[from.unwrap_or(0)..];
    NAMED_THINGS.iter().any(|thing| near.contains(thing))
}

/// Whether a phrase can only be text: 印着我爱北京, 显示20:30.
fn is_evident(subject: &Subject<'_>, introduces: &str, phrase: &str) -> bool {
    let table = &subject.rules.tables.unquoted;
    let is_time = introduces.starts_with("显示")
        && phrase.starts_with(|c: char| c.is_ascii_digit())
        && phrase.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | '%' | '℃'));
    is_time
        || (phrase.chars().count() <= EVIDENT
            && table.evidence.iter().any(|word| phrase.contains(word.as_str())))
}

/// Words of Latin letters that a place in Chinese begins with.
fn latin(subject: &Subject<'_>, start: usize) -> Option<Range<usize>> {
    let words = words_from(&subject.text.folded, start);
    let span = start..words.last()?.end;
    // 印着英文logo says where, not what.
    let mut carriers = subject.rules.tables.unquoted.carriers.iter();
    let is_carrier = carriers.any(|it| *it == subject.text.folded[span.clone()]);
    (words.len() <= MOST_WORDS && !is_carrier).then_some(span)
}

/// The end of the words of capital letters with which a piece begins, if there are any.
fn capitals(piece: &str) -> Option<usize> {
    let end = piece.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' '));
    let words = piece[..end.unwrap_or(piece.len())].trim_end();
    let letters = words.bytes().filter(u8::is_ascii_uppercase).count();
    (letters > 1).then_some(words.len())
}

/// Words of big letters that end where `written below` begins: Happy Birthday Leo written underneath.
fn in_front(subject: &Subject<'_>, carriers: &[Match], introduction: &Match) -> Option<Words> {
    let prompt = subject.text.prompt;
    let at = subject.text.segments.partition_point(|it| it.end <= introduction.start);
    let from = subject.text.segments.get(at)?.start;
    let phrase = prompt.get(from..introduction.start)?.trim_end();
    let mut start = phrase.len();
    let mut count = 0;
    for word in phrase.rsplit(' ') {
        let is_big = word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
        let links = count > 0 && (LINKS.contains(&word) && word != "and");
        if !is_big && !links {
            break;
        }
        count += usize::from(is_big);
        start = phrase.len() - (phrase.len() - start) - word.len();
        start = start.saturating_sub(usize::from(start > 0));
    }
    let text = phrase[start..].trim_start();
    let shouts = text.len() > 1 && !text.contains(char::is_lowercase);
    let span = from + phrase.len() - text.len()..from + phrase.len();
    let is_free = !subject.text.folded[span.clone()].contains(BLANK);
    // A mug with Hello Kitty on it shows her; a placard with TRASH BANDIT on it says so.
    let is_place = subject.text.folded[introduction.span()].starts_with("on ");
    let is_text = match is_place {
        // A wall with an IBM PC on it has a thing on it.
        true => {
            let before = subject.text.folded[from..span.start].trim_end();
            let is_thing = ["a", "an", "the", "of"].iter().any(|word| precedes(before, word));
            shouts && !is_thing && has_carrier(subject, carriers, introduction)
        }
        false if puts_anything(subject, introduction) => {
            let before = subject.text.folded[from..span.start].trim_end();
            let is_thing = ["a", "an", "the", "of", "and"].iter().any(|it| precedes(before, it));
            is_shouted(text) && !is_thing
        }
        false => count > 1 || (count == 1 && shouts),
    };
    (is_text && count <= MOST_WORDS && is_free).then_some(Words::known(span))
}

/// Whether a deed behind text puts pictures on things as well: SPEED NINE painted on the body, but not: Saint George painted on a wall.
fn puts_anything(subject: &Subject<'_>, introduction: &Match) -> bool {
    let deed = &subject.text.folded[introduction.span()];
    !["written", "spelled", "spelt", "in ", "as "].iter().any(|it| deed.starts_with(it))
}

/// Whether Chinese text ends in front of a character.
fn ends_phrase(c: char) -> bool {
    is_separator(c)
        || matches!(c, BLANK | '(' | ')' | '（' | '）' | '"' | '“' | '”' | '「' | '/' | '【' | ']')
}

/// The beginning of what follows, which is all that can be on a sign.
fn clipped(rest: &str) -> &str {
    match rest.char_indices().nth(2 * LONGEST) {
        Some((at, _)) => &rest[..at],
        None => rest,
    }
}
