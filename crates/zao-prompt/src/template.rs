//! The template `[subject] [action] | [detail] | [detail] | [background] | [style]`: built from its slots, and a free prompt
//! taken apart into them as well as rules can. What is good in a slot is NOT judged here.
//!
//! Nothing is lost on the way: every word of a prompt lies in exactly one slot, in its order there.

mod chinese;
mod english;
mod sort;

use serde::{Deserialize, Serialize, Serializer};

use crate::cut::is_ideograph;

/// What stands between the slots of a prompt.
const BAR: &str = " | ";

/// What stands between a Chinese prompt and its English.
const TRANSLATION: &str = " // ";

/// The parts of a prompt. An empty text is a part that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = PromptSlots))]
#[serde(default, deny_unknown_fields)]
pub struct Slots {
    /// Who or what.
    pub subject: String,
    /// What the subject does, or how it is.
    pub action: String,
    /// What else there is to see, in order.
    pub details: Vec<String>,
    /// Where and when.
    pub background: String,
    /// How the picture is made.
    pub style: String,
}

/// A prompt by its parts.
///
/// ```
/// use zao_prompt::Template;
///
/// let template = Template::of("a knight standing in a dark forest, oil painting");
/// assert_eq!(template.slots.subject, "a knight");
/// assert_eq!(template.slots.background, "in a dark forest");
/// assert_eq!(template.prompt(), "a knight standing | in a dark forest | oil painting");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// The parts.
    pub slots: Slots,
    /// The English of a Chinese prompt that carries it behind `//`.
    pub translation: Option<Slots>,
}

/// Which slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Subject,
    Action,
    Detail,
    Background,
    Style,
}

impl Template {
    /// Takes a prompt apart: at its bars if it has any, else at what its words say. A prompt with words in it has a
    /// subject.
    #[must_use]
    pub fn of(prompt: &str) -> Self {
        match bilingual(prompt) {
            Some((chinese, english)) => {
                Self { slots: sort::slots(chinese), translation: Some(sort::slots(english)) }
            }
            None => Self { slots: sort::slots(prompt), translation: None },
        }
    }

    /// The prompt that these parts make.
    #[must_use]
    pub fn prompt(&self) -> String {
        let prompt = self.slots.prompt();
        match &self.translation {
            Some(english) => format!("{prompt}{TRANSLATION}{}", english.prompt()),
            None => prompt,
        }
    }
}

/// `{"subject", "action", "details", "background", "style", "prompt"}`, and `translation` where there is one.
impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'t> {
            #[serde(flatten)]
            slots: &'t Slots,
            prompt: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            translation: Option<&'t Slots>,
        }
        let (slots, translation) = (&self.slots, self.translation.as_ref());
        Fields { slots, prompt: self.prompt(), translation }.serialize(serializer)
    }
}

impl From<Slots> for Template {
    fn from(slots: Slots) -> Self {
        Self { slots, translation: None }
    }
}

impl Slots {
    /// The parts that there are, in the template's order and with its bars. Blanks around them go.
    #[must_use]
    pub fn prompt(&self) -> String {
        let head = glued(self.subject.trim(), self.action.trim(), "", " ");
        let details = self.details.iter().map(|detail| detail.trim());
        let parts = std::iter::once(head.as_str()).chain(details);
        let parts = parts.chain([self.background.trim(), self.style.trim()]);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(BAR)
    }

    /// Puts a piece of a prompt behind what the slot has.
    pub(crate) fn add(&mut self, slot: Slot, piece: &str) {
        let place = match slot {
            Slot::Subject => &mut self.subject,
            Slot::Action => &mut self.action,
            Slot::Background => &mut self.background,
            Slot::Style => &mut self.style,
            Slot::Detail => return self.details.push(piece.to_owned()),
        };
        if place.is_empty() {
            place.push_str(piece);
        } else {
            let chinese = place.ends_with(is_ideograph) || piece.starts_with(is_ideograph);
            place.push_str(if chinese { "，" } else { ", " });
            place.push_str(piece);
        }
    }

    /// Whether a slot that holds one text is empty.
    pub(crate) fn lacks(&self, slot: Slot) -> bool {
        match slot {
            Slot::Subject => self.subject.is_empty(),
            Slot::Action => self.action.is_empty(),
            Slot::Detail => self.details.is_empty(),
            Slot::Background => self.background.is_empty(),
            Slot::Style => self.style.is_empty(),
        }
    }
}

/// Both texts, with `chinese` between two of Chinese and `other` between any others.
fn glued(first: &str, second: &str, chinese: &str, other: &str) -> String {
    if first.is_empty() || second.is_empty() {
        return format!("{first}{second}");
    }
    let between = if meet(first, second) { chinese } else { other };
    format!("{first}{between}{second}")
}

/// Whether Chinese stands on both sides where two texts meet.
fn meet(first: &str, second: &str) -> bool {
    first.ends_with(is_ideograph) && second.starts_with(is_ideograph)
}

/// Both sides of `中文 // English`: one of ideographs, the other without any.
fn bilingual(prompt: &str) -> Option<(&str, &str)> {
    let at =
        prompt.match_indices("//").map(|(at, _)| at).find(|&at| !prompt[..at].ends_with(':'))?;
    let (chinese, english) = (prompt[..at].trim(), prompt[at + 2..].trim());
    let sides = chinese.contains(is_ideograph)
        && !english.contains(is_ideograph)
        && english.contains(char::is_alphabetic)
        && !english.contains("//");
    sides.then_some((chinese, english))
}

#[cfg(test)]
mod tests;
