//! What is said of a prompt, for callers and as JSON. What leads to it is `check`'s.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// How many tokens the text encoder reads, those of the chat template among them.
pub const TOKEN_LIMIT: usize = 512;

/// Which rule a finding is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = FindingCode))]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Words that only say "more": very, 非常.
    Intensifier,
    /// The same word or phrase again.
    Repetition,
    /// Two or more words that praise the picture: masterpiece, 8k, 杰作.
    QualityTags,
    /// What cannot both be in one picture: day and night.
    Contradiction,
    /// Words that nothing can be drawn from: beautiful, 意境.
    Abstract,
    /// More than the text encoder reads.
    TooLong,
    /// Text to be drawn that is not in quotes.
    UnquotedText,
    /// A Chinese word whose character has another reading, and then another meaning.
    Homograph,
    /// A Chinese idiom whose picture is not what its characters show.
    Idiom,
    /// A Chinese measure word that is missing or wrong.
    MeasureWord,
    /// A word that is understood in one region only.
    Dialect,
    /// Full and half width mixed, or punctuation doubled.
    Punctuation,
    /// Traditional and simplified characters mixed.
    Script,
    /// Characters that nobody sees.
    Invisible,
    /// `中文 // English` whose sides say different things.
    Bilingual,
}

impl Code {
    /// All, in the order of the documents.
    pub const ALL: [Self; 15] = [
        Self::Intensifier,
        Self::Repetition,
        Self::QualityTags,
        Self::Contradiction,
        Self::Abstract,
        Self::TooLong,
        Self::UnquotedText,
        Self::Homograph,
        Self::Idiom,
        Self::MeasureWord,
        Self::Dialect,
        Self::Punctuation,
        Self::Script,
        Self::Invisible,
        Self::Bilingual,
    ];

    /// The name in JSON and on the terminal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Intensifier => "intensifier",
            Self::Repetition => "repetition",
            Self::QualityTags => "quality-tags",
            Self::Contradiction => "contradiction",
            Self::Abstract => "abstract",
            Self::TooLong => "too-long",
            Self::UnquotedText => "unquoted-text",
            Self::Homograph => "homograph",
            Self::Idiom => "idiom",
            Self::MeasureWord => "measure-word",
            Self::Dialect => "dialect",
            Self::Punctuation => "punctuation",
            Self::Script => "script",
            Self::Invisible => "invisible",
            Self::Bilingual => "bilingual",
        }
    }

    /// Whether the picture suffers, or could only be better.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Abstract | Self::Homograph => Severity::Hint,
            _ => Severity::Warning,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The picture suffers.
    Warning,
    /// The picture could be better.
    Hint,
}

/// One thing about a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub code: Code,
    /// Where, in bytes of the prompt, on boundaries of characters.
    pub span: Range<usize>,
    /// The piece of the prompt there.
    pub text: String,
    /// One sentence: what is wrong and why.
    pub message: String,
    /// What to write in its place; empty to leave it out, `None` where only a person can tell.
    pub replacement: Option<String>,
    /// What helps to mend it by hand.
    pub note: Option<String>,
}

/// How long a prompt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = PromptTokens))]
pub struct Tokens {
    /// Tokens that the text encoder would have to read.
    pub count: usize,
    /// How many it reads.
    pub limit: usize,
    /// Whether they are estimated, for want of the model's tokenizer.
    pub estimated: bool,
    /// Tokens of the prompt after all replacements.
    pub fixed_count: usize,
}

/// All that there is to say of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// By where they begin; pieces with a replacement do not overlap.
    pub findings: Vec<Finding>,
    /// How many more there are behind those that are told: a thousand is enough to read.
    pub left_out: usize,
    /// The prompt after all replacements, and after those that become possible by them.
    pub fixed: String,
    /// Its length.
    pub tokens: Tokens,
}

impl Report {
    /// The report as JSON has it, where `prompt` is what was checked: places are counted in code points.
    #[must_use]
    pub fn wire<'r>(&'r self, prompt: &str) -> ReportWire<'r> {
        let mut places = CodePoints { prompt, byte: 0, point: 0 };
        // Findings are sorted by start, so that each character is counted once or twice.
        let findings = self.findings.iter().map(|finding| FindingWire {
            code: finding.code,
            severity: finding.code.severity(),
            span: {
                let start = places.of(finding.span.start);
                SpanWire { start, end: start + finding.text.chars().count() }
            },
            text: &finding.text,
            message: &finding.message,
            replacement: finding.replacement.as_deref(),
            note: finding.note.as_deref(),
        });
        ReportWire {
            findings: findings.collect(),
            left_out: (self.left_out > 0).then_some(self.left_out),
            fixed: &self.fixed,
            tokens: self.tokens,
        }
    }
}

/// Turns places in bytes into code points, forwards.
struct CodePoints<'p> {
    prompt: &'p str,
    byte: usize,
    point: usize,
}

impl CodePoints<'_> {
    fn of(&mut self, byte: usize) -> usize {
        self.point += self.prompt.get(self.byte..byte).map_or(0, |piece| piece.chars().count());
        self.byte = byte;
        self.point
    }
}

/// A [`Report`] as JSON has it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = PromptReport))]
pub struct ReportWire<'r> {
    findings: Vec<FindingWire<'r>>,
    /// Findings behind those that are told, if there are too many to tell all.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<usize>,
    fixed: &'r str,
    tokens: Tokens,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = Finding))]
struct FindingWire<'r> {
    code: Code,
    severity: Severity,
    span: SpanWire,
    text: &'r str,
    message: &'r str,
    /// What to write in its place; empty to leave it out, null where only a person can tell.
    #[cfg_attr(feature = "schema", schema(required))]
    replacement: Option<&'r str>,
    /// What helps to mend it by hand.
    #[cfg_attr(feature = "schema", schema(required))]
    note: Option<&'r str>,
}

/// Code points from 0, the end exclusive.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = Span))]
struct SpanWire {
    start: usize,
    end: usize,
}
