//! Looking at a prompt with every rule, and mending what can be mended. What each rule knows stands in its table, what it
//! judges in a file of its own; nothing is drawn, stored or shown here.

mod absence;
mod attributes;
mod background;
mod bare;
mod beings;
mod bilingual;
pub(crate) mod characters;
mod contents;
mod contradiction;
mod denial;
mod distance;
mod edit;
mod elsewhere;
mod explain;
mod gloss;
mod intensifier;
mod invisible;
mod measure;
mod parts;
mod people;
mod pictured;
mod punctuation;
mod quality;
mod quotes;
mod recount;
mod repetition;
mod restated;
mod same;
mod same_words;
mod script;
pub(crate) mod text;
mod tokens;
mod totals;
mod unquoted;
mod vague;
mod word;

use std::ops::Range;

use crate::finding::TOKEN_LIMIT;
use crate::rules::Matches;
use crate::together::{Helpers, Together};
use crate::{Code, Finding, Language, Report, Rules, Tokens};
use edit::{Hit, LONGEST_PROMPT};
use text::Text;

/// Rounds of mending after which a prompt is left as it was. Two are usual: one that mends, one that finds nothing more.
const ROUNDS: usize = 24;

/// Findings that are told of one prompt, from its beginning. Nobody reads more, and telling all of a megabyte's would take longer than finding them.
const MOST_TOLD: usize = 1000;

/// How a prompt is looked at.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// In which language findings are explained.
    pub language: Language,
    /// Counts the tokens of a prompt with those that the chat template adds; without it they are estimated.
    pub count: Option<&'a dyn Fn(&str) -> usize>,
    /// Other tables than those that are compiled in.
    pub rules: Option<&'a Rules>,
    /// What is not to be drawn, which should not be what is.
    pub negative: Option<&'a str>,
    /// Threads that look at a very long prompt; without them one does. What is found is the same.
    pub helpers: Option<&'a dyn Helpers>,
}

impl<'a> Options<'a> {
    fn rules(&self) -> &'a Rules {
        self.rules.unwrap_or_else(|| Rules::builtin())
    }

    fn together(&self) -> Together<'a> {
        Together { helpers: self.helpers }
    }
}

/// What a rule finds in a prompt is put behind what others found.
type Rule<'r> = &'r (dyn Fn(&Subject<'_>, &mut Vec<Hit>) + Sync);

/// The rules that replace something.
const REPLACING: [Rule<'static>; 9] = [
    &invisible::find,
    &punctuation::find,
    &script::find,
    &unquoted::find,
    &quality::find,
    &intensifier::find,
    &repetition::find,
    &gloss::find,
    &measure::find,
];

/// A prompt with what every rule needs of it.
pub(crate) struct Subject<'p> {
    text: Text<'p>,
    matches: Matches,
    rules: &'p Rules,
    together: Together<'p>,
}

/// Looks at `prompt` with every rule.
///
/// ```
/// use zao_prompt::{Code, Options, check};
///
/// let report = check("一个马在草原上，非常美丽", &Options::default());
/// let codes: Vec<Code> = report.findings.iter().map(|finding| finding.code).collect();
/// assert_eq!(codes, [Code::MeasureWord, Code::Intensifier, Code::Abstract]);
/// assert_eq!(report.fixed, "一匹马在草原上，美丽");
/// ```
#[must_use]
pub fn check(prompt: &str, options: &Options<'_>) -> Report {
    let counter = tokens::Counter { exact: options.count };
    let (count, estimated) = counter.count(prompt);
    let read = if prompt.len() <= LONGEST_PROMPT { prompt } else { "" };
    let subject = Subject::new(read, options);
    let hits = subject.hits(options.negative);
    let fixed = if read.is_empty() { prompt.to_owned() } else { mended(prompt, &hits, options) };
    let fixed_count = if fixed == prompt { count } else { counter.count(&fixed).0 };
    let mut hits = hits;
    if count > TOKEN_LIMIT {
        hits.push(counter.cut(prompt, TOKEN_LIMIT));
        edit::sort(&mut hits);
    }
    let left_out = hits.len().saturating_sub(MOST_TOLD);
    let mut place = 0;
    hits.retain(|hit| {
        place += 1;
        place <= MOST_TOLD || hit.code == Code::TooLong
    });
    let explain = explain::Explain { subject: &subject, language: options.language, count };
    let findings = hits.into_iter().map(|hit| Finding {
        code: hit.code,
        text: prompt[hit.span()].to_owned(),
        message: explain.message(&hit),
        note: explain.note(&hit),
        span: hit.span(),
        replacement: hit.replacement,
    });
    let findings: Vec<Finding> = findings.collect();
    Report {
        findings,
        left_out,
        fixed,
        tokens: Tokens { count, limit: TOKEN_LIMIT, estimated, fixed_count },
    }
}

/// The prompt after all replacements: `fix(fix(p)) == fix(p)`, and nothing that [`check`] finds then changes it.
///
/// A prompt of which nothing would be left stays as it is.
///
/// ```
/// use zao_prompt::{Options, fix};
///
/// let fixed = fix("masterpiece, best quality, 8k, a sign that says OPEN", &Options::default());
/// assert_eq!(fixed, "masterpiece, a sign that says \"OPEN\"");
/// ```
#[must_use]
pub fn fix(prompt: &str, options: &Options<'_>) -> String {
    if prompt.len() > LONGEST_PROMPT {
        return prompt.to_owned();
    }
    let hits = Subject::to_mend(prompt, options).repairs();
    mended(prompt, &hits, options)
}

/// Applies `hits`, and whatever becomes possible then, until nothing does.
fn mended(prompt: &str, hits: &[Hit], options: &Options<'_>) -> String {
    let Some(mut fixed) = edit::applied(prompt, hits) else { return prompt.to_owned() };
    for _ in 0..ROUNDS {
        let hits = Subject::to_mend(&fixed, options).repairs();
        match edit::applied(&fixed, &hits) {
            None if fixed.trim().is_empty() => break,
            None => return fixed,
            Some(more) => fixed = more,
        }
    }
    prompt.to_owned()
}

impl<'p> Subject<'p> {
    fn new(prompt: &'p str, options: &Options<'p>) -> Self {
        let (rules, together) = (options.rules(), options.together());
        let text = Text::new(prompt, rules);
        let matches = rules.matches(&text, together);
        Self { text, matches, rules, together }
    }

    /// The same with only what is needed for [`Self::repairs`].
    fn to_mend(prompt: &'p str, options: &Options<'p>) -> Self {
        let (rules, together) = (options.rules(), options.together());
        let text = Text::new(prompt, rules);
        let matches = rules.repairing(&text, together);
        Self { text, matches, rules, together }
    }

    /// What the rules find, sorted, no two replacements over the same place.
    fn hits(&self, negative: Option<&str>) -> Vec<Hit> {
        let contradiction: Rule<'_> = &|subject, hits| contradiction::find(subject, negative, hits);
        let mut rules = REPLACING.to_vec();
        rules.extend([contradiction, &bilingual::find, &vague::find]);
        let mut found = self.found_by(&rules);
        let judged = found.pop().unwrap_or_default();
        let mut hits = joined(found);
        // What is to stand on a sign may say anything.
        let signs = hits.iter().filter(|hit| hit.code == Code::UnquotedText);
        let signs: Vec<Range<usize>> = signs.map(Hit::span).collect();
        hits.extend(judged.into_iter().filter(|hit| {
            let at = signs.partition_point(|sign| sign.end <= hit.span().start);
            signs.get(at).is_none_or(|sign| !sign.contains(&hit.span().start))
        }));
        edit::settle(hits)
    }

    /// The same of those rules that replace anything.
    fn repairs(&self) -> Vec<Hit> {
        edit::settle(joined(self.found_by(&REPLACING)))
    }

    /// What each of `rules` finds, in their order; of a long prompt several look at once.
    fn found_by(&self, rules: &[Rule<'_>]) -> Vec<Vec<Hit>> {
        // The last are those that take long, and begun with.
        let found = |number: usize| {
            let mut hits = Vec::new();
            rules[rules.len() - 1 - number](self, &mut hits);
            hits
        };
        let threads = self.together.threads(self.text.prompt.len());
        let mut found = self.together.each(threads, rules.len(), found);
        found.reverse();
        found
    }
}

/// All of them behind each other, copied once.
fn joined(found: Vec<Vec<Hit>>) -> Vec<Hit> {
    let mut found = found.into_iter();
    let mut hits = found.next().unwrap_or_default();
    hits.reserve(found.as_slice().iter().map(Vec::len).sum());
    for more in found {
        hits.extend(more);
    }
    hits
}
