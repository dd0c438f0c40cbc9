//! How much a prompt asks for, and which steps and size that suggests. What a model's own steps and sizes are, and what fits into
//! memory, is NOT known here: an [`Advice`] speaks in steps of Z-Image-Turbo and in tiers.

mod count;
mod words;

use serde::Serialize;

use count::count;
use words::TABLE;

/// How large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = AdvisedTier))]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Three quarters of a model's own side: 768 pixels for Z-Image-Turbo.
    Draft,
    /// Its own side: 1024 pixels.
    Standard,
    /// Five quarters: 1280 pixels.
    High,
}

/// What a prompt speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = PromptCounts))]
pub struct Counts {
    /// Words; two Chinese characters are one.
    pub words: usize,
    /// Things and beings.
    pub things: usize,
    /// Where they are to each other, and what they do with each other.
    pub relations: usize,
    /// Texts to be drawn.
    pub texts: usize,
    /// Faces.
    pub faces: usize,
    /// Details.
    pub details: usize,
}

/// What to draw a prompt with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Forwards, for a model that usually takes 8: 7, 8 or 9.
    pub steps: u32,
    /// How large.
    pub tier: Tier,
    /// What that was decided by.
    pub counts: Counts,
    /// Why, in a sentence, in English.
    pub reason: String,
    /// The same in Chinese.
    pub reason_zh: String,
}

/// Steps and size for `prompt`.
///
/// ```
/// use zao_prompt::{Tier, advise};
///
/// let advice = advise("a red apple");
/// assert_eq!((advice.steps, advice.tier), (7, Tier::Draft));
/// ```
#[must_use]
pub fn advise(prompt: &str) -> Advice {
    let counts = count(prompt);
    let (steps, table) = (&TABLE.steps, &TABLE.size);
    let score = TABLE.weights.score(&counts);
    let (forwards, word, word_zh) = if score <= steps.simple_up_to {
        (steps.simple, "simple", "简单")
    } else if score < steps.complex_from {
        (steps.usual, "usual", "一般")
    } else {
        (steps.complex, "complex", "复杂")
    };
    let by_length = if counts.words < table.draft_below {
        Tier::Draft
    } else if counts.words < table.standard_below {
        Tier::Standard
    } else {
        Tier::High
    };
    let needs_room = counts.texts >= table.texts || counts.faces >= table.faces;
    let tier = if needs_room { by_length.max(Tier::Standard) } else { by_length };
    let raised = tier > by_length;
    let (reason, reason_zh) = words::reason(&counts, (word, word_zh), raised);
    Advice { steps: forwards, tier, counts, reason, reason_zh }
}

impl Tier {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Standard => "standard",
            Self::High => "high",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_what_there_is_to_draw() {
        for (prompt, steps) in [
            ("a cat", 7),
            ("红苹果，绿色背景", 7),
            ("a red apple on a blue background", 7),
            ("an old fisherman mending his nets, weathered hands, harbor at dawn, oil painting", 8),
            (
                "一个穿着红色汉服的女孩站在雪地里，手持油纸伞，发髻上插着梅花，背景是故宫，电影质感",
                8,
            ),
            (
                "a poster with the title \"Spring Fair\" above a crowd of people, a brass band on the left, two children holding balloons \
                 in front of a carousel, a dog next to a bicycle, paper lanterns, confetti, cinematic lighting",
                9,
            ),
        ] {
            let advice = advise(prompt);
            assert_eq!(advice.steps, steps, "{prompt}: {advice:?}");
        }
    }

    #[test]
    fn size_goes_by_length_and_never_below_what_faces_and_texts_need() {
        let long = |words: usize| "stone ".repeat(words);
        for (prompt, tier) in [
            ("a cat".to_owned(), Tier::Draft),
            (long(29), Tier::Draft),
            (long(30), Tier::Standard),
            (long(59), Tier::Standard),
            (long(60), Tier::High),
            ("石".repeat(59), Tier::Draft),
            ("石".repeat(60), Tier::Standard),
            ("a sign \"Open\"".into(), Tier::Standard),
            ("a mother and two children".into(), Tier::Standard),
            ("一群人在广场上".into(), Tier::Standard),
            ("two little girls on a swing".into(), Tier::Standard),
            ("两个女孩在荡秋千".into(), Tier::Standard),
            ("爷爷和孙子在吃西瓜".into(), Tier::Standard),
            ("a girl with two apples".into(), Tier::Draft),
        ] {
            assert_eq!(advise(&prompt).tier, tier, "{prompt}");
        }
    }

    #[test]
    fn the_reason_says_what_was_counted_in_both_languages() {
        let advice = advise("a sign \"Open\" next to a woman");
        assert_eq!(
            advice.reason,
            "a usual prompt: 2 things, 1 relation, 1 text to draw, 1 face, 7 words; text and faces need room"
        );
        assert_eq!(
            advice.reason_zh,
            "一般的提示词：2 个事物、1 处关系、1 段文字、1 张脸，共 7 词；文字和人脸需要更大的画面"
        );
        assert_eq!(advise("").steps, 7);
    }

    #[test]
    fn any_length_is_counted_quickly() {
        for part in ["a cat, ", "一只猫，", "next to ", "\"x\" "] {
            let prompt = part.repeat(1_000_000 / part.len());
            let is_quick = || {
                let since = std::time::Instant::now();
                std::hint::black_box(advise(&prompt));
                since.elapsed().as_secs() < 5
            };
            assert!((0..3).any(|_| is_quick()), "{part}");
        }
    }
}
