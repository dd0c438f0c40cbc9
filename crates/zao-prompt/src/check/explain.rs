//! What is said of each finding, in both languages side by side. Whether it is one is for the rules.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use super::Subject;
use super::edit::{About, Hit};
use crate::{Code, Language};

/// The most characters of a prompt that a sentence quotes.
const QUOTED: usize = 24;

/// Bytes that nearly every message has room in.
const MESSAGE: usize = 160;

/// Says what there is to say of hits of one prompt.
pub(crate) struct Explain<'s, 'p> {
    pub(crate) subject: &'s Subject<'p>,
    pub(crate) language: Language,
    pub(crate) count: usize,
}

/// A text in the one of both languages that is wanted.
macro_rules! say {
    ($explain:expr, $en:literal, $zh:literal) => {{
        // Room for all that is said, which a prompt of a megabyte has said ten thousands of times.
        let mut said = String::with_capacity(MESSAGE);
        let written = match $explain.language {
            Language::En => write!(said, $en),
            Language::Zh => write!(said, $zh),
        };
        written.expect("a string takes what is written");
        said
    }};
}

impl Explain<'_, '_> {
    /// One sentence: what is wrong, and why.
    pub(crate) fn message(&self, hit: &Hit) -> String {
        let text = self.quoted(&hit.core());
        match hit.code {
            Code::Intensifier => say!(
                self,
                "\"{text}\" adds nothing that can be drawn, and takes attention from the words that do",
                "“{text}”画不出任何内容，只会分散对有效词语的注意"
            ),
            Code::Repetition => {
                let other = self.other(hit);
                say!(
                    self,
                    "\"{text}\" says again what \"{other}\" says; once is enough",
                    "“{text}”与“{other}”重复，写一次就够"
                )
            }
            Code::QualityTags => say!(
                self,
                "words that only praise the picture stand in a pile; one is enough for this model",
                "堆砌了只夸画质的词，这个模型写一个就够"
            ),
            Code::Contradiction => self.contradiction(hit, &text),
            Code::Abstract => say!(
                self,
                "\"{text}\" is nothing that can be seen; say what is there to be seen instead",
                "“{text}”是抽象的感受，请改写成看得见的内容"
            ),
            Code::TooLong => {
                let count = self.count;
                say!(
                    self,
                    "the prompt has {count} tokens and the text encoder reads 512; from here on nothing is read",
                    "提示词有 {count} 个 token，文本编码器只读 512 个，从这里起不再读取"
                )
            }
            Code::UnquotedText => say!(
                self,
                "text that is to be drawn belongs in quotes, or \"{text}\" is taken for things to draw",
                "要画成文字的内容应加引号，否则“{text}”会被当作画面内容"
            ),
            Code::Homograph => say!(
                self,
                "a character of \"{text}\" has several readings; the pinyin behind it says which is meant",
                "“{text}”中有多音字，标注拼音可以避免误解"
            ),
            Code::Idiom => say!(
                self,
                "\"{text}\" is a figure of speech, and the model draws its characters; describe what is meant",
                "“{text}”是成语，模型容易照字面画，请改为直白的描述"
            ),
            Code::MeasureWord => self.measure_word(hit, &text),
            Code::Dialect => say!(
                self,
                "\"{text}\" is dialect, which the model knows badly; use the standard word",
                "“{text}”是方言，模型不易理解，请用普通话词语"
            ),
            Code::Punctuation => {
                let (en, zh) = kind(hit);
                say!(self, "at \"{text}\" {en}", "“{text}”处{zh}")
            }
            Code::Script => say!(
                self,
                "\"{text}\" is in another script than the rest of the prompt, simplified and traditional are mixed",
                "“{text}”与其余文字繁简不一致"
            ),
            Code::Invisible => {
                let (en, zh) = kind(hit);
                say!(
                    self,
                    "there is an invisible character here ({en}), which splits words for the model",
                    "这里有看不见的字符（{zh}），会打断词语"
                )
            }
            Code::Bilingual => {
                let (first, second) = self.pair(hit);
                say!(
                    self,
                    "the two languages say different things: \"{first}\" and \"{second}\"",
                    "中英文两边不一致：“{first}”和“{second}”"
                )
            }
        }
    }

    /// What helps to mend it by hand.
    pub(crate) fn note(&self, hit: &Hit) -> Option<String> {
        let tables = &self.subject.rules.tables;
        match (hit.code, hit.about()) {
            (Code::Abstract, About::Entry(item)) => {
                let entry = tables.vague.entry.get(item)?;
                match self.language {
                    Language::En => entry.en.clone(),
                    Language::Zh => entry.zh.clone(),
                }
            }
            (Code::Abstract, _) => Some(say!(
                self,
                "say which light, colours, clothes or things make one feel so",
                "写出带来这种感觉的光线、颜色、衣着或物件"
            )),
            (Code::Contradiction, About::Both(..)) => {
                let (first, second) = self.pair(hit);
                let keep =
                    say!(self, "keep \"{first}\" or \"{second}\"", "保留“{first}”或“{second}”");
                Some(keep)
            }
            (Code::TooLong, _) => Some(say!(
                self,
                "put what matters first, and leave out words that cannot be drawn",
                "把重要的内容放在前面，删去画不出来的词"
            )),
            _ => None,
        }
    }

    fn contradiction(&self, hit: &Hit, text: &str) -> String {
        if hit.about() == About::Negative {
            say!(
                self,
                "\"{text}\" is asked for, and refused by the negative prompt",
                "“{text}”同时出现在提示词和反向提示词中"
            )
        } else {
            let (first, second) = self.pair(hit);
            say!(
                self,
                "\"{first}\" and \"{second}\" cannot both be in one picture",
                "“{first}”和“{second}”互相矛盾，无法同时画出"
            )
        }
    }

    fn measure_word(&self, hit: &Hit, text: &str) -> String {
        let About::Counted { noun, missing } = hit.about() else { return String::new() };
        let noun = self.quoted(&noun);
        let right = hit.replacement.as_deref().unwrap_or_default();
        if missing {
            say!(
                self,
                "between \"{text}\" and \"{noun}\" a measure word is missing: {right}{noun}",
                "“{text}”和“{noun}”之间缺少量词，应为“{right}{noun}”"
            )
        } else {
            say!(
                self,
                "\"{noun}\" is not counted so: {right}{noun}",
                "“{noun}”的量词不对，应为“{right}{noun}”"
            )
        }
    }

    fn other(&self, hit: &Hit) -> Cow<'_, str> {
        match hit.about() {
            About::Other(other) => self.quoted(&other),
            _ => self.quoted(&hit.core()),
        }
    }

    fn pair(&self, hit: &Hit) -> (Cow<'_, str>, Cow<'_, str>) {
        match hit.about() {
            About::Both(first, second) => (self.quoted(&first), self.quoted(&second)),
            _ => (self.quoted(&hit.core()), "".into()),
        }
    }

    /// A piece of the prompt, on one line and not too long.
    fn quoted(&self, range: &Range<usize>) -> Cow<'_, str> {
        let piece = self.subject.text.prompt[range.clone()].trim();
        let is_short = piece.len() <= QUOTED;
        let end = match is_short {
            true => None,
            false => piece.char_indices().nth(QUOTED).map(|(at, _)| at),
        };
        let start = &piece[..end.unwrap_or(piece.len())];
        // Control characters are of one byte, or begin with this one.
        let is_plain = start.bytes().all(|byte| byte >= b' ' && byte != 0x7f && byte != 0xc2);
        if end.is_none() && is_plain {
            return start.into();
        }
        let mut quoted = start.replace(char::is_control, " ");
        if end.is_some() {
            quoted.push('…');
        }
        quoted.into()
    }
}

fn kind(hit: &Hit) -> (&'static str, &'static str) {
    match hit.about() {
        About::Kind(&[en, zh]) => (en, zh),
        _ => ("something is mixed", "混用"),
    }
}
