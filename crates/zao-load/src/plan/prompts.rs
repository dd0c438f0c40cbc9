//! What pictures are asked for: a list, and changes to its lines, so that neither a cache of prompts nor one of pictures makes
//! a server look faster than it is.

use std::path::Path;

use super::Numbers;
use crate::{Error, Result};

/// What people draw, short and long, in both languages that the model knows. Each has a background in a colour: of a scene in words that it
/// does not know, a small model makes next to nothing now and then, and an empty picture counts as wrong.
const BUILT_IN: [&str; 16] = [
    "a red apple on a blue background",
    "一只橘猫坐在窗台上，蓝色背景，窗外下着雨，柔和的自然光",
    "a lighthouse on a dark blue background, long exposure, waves breaking below, warm light in the window",
    "portrait of an old fisherman on a grey background, weathered skin, grey beard, shallow depth of field, 85mm lens",
    "江南水乡的清晨，绿色背景，青瓦白墙，小桥流水，薄雾",
    "isometric drawing of a small bakery on a pink background, a striped awning, tiny people queueing outside",
    "a glass of iced tea with lemon on an orange background, condensation, backlit by the morning sun",
    "an astronaut reading a newspaper on a sky blue background, 35mm film, grain",
    "一碗热气腾腾的牛肉面，红色背景，俯拍，旁边放着竹筷和一碟辣椒油",
    "a farmer with a straw hat on a green background, seen from the air, rice terraces after rain, mirror-like water",
    "a poster that says \"OPEN ALL NIGHT\" in neon letters, on a purple background",
    "watercolour of a fox on a green background, asleep under ferns",
    "一叶红色小舟，蓝色背景，雪山脚下的湖，倒影清晰，远处有牧民的帐篷和炊烟，广角",
    "a cutaway technical illustration of a mechanical watch on a yellow background, labelled parts, fine black lines",
    "a steam train on an orange background, crossing a stone viaduct, smoke drifting to the left",
    "close-up of a bee on a purple background, lavender, macro, soft bokeh",
];

const CHANGES: [&str; 16] = [
    "at dawn",
    "at noon",
    "at night",
    "in winter",
    "in spring",
    "in fog",
    "in heavy rain",
    "after snow",
    "seen from above",
    "seen from far away",
    "in black and white",
    "in muted colours",
    "in vivid colours",
    "with long shadows",
    "with soft light",
    "with a wide lens",
];

/// Lines to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts {
    lines: Vec<String>,
    changed: bool,
}

impl Prompts {
    /// Sixteen lines in English and Chinese, changed each time.
    #[must_use]
    pub fn built_in() -> Self {
        Self { lines: BUILT_IN.map(str::to_owned).to_vec(), changed: true }
    }

    /// One line, never changed.
    #[must_use]
    pub fn only(prompt: String) -> Self {
        Self { lines: vec![prompt], changed: false }
    }

    /// The lines of a file that are not empty.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::File`] when there is none.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let lines: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        if lines.is_empty() {
            let reason = "no prompt is in it; write one a line".into();
            return Err(Error::File { path: path.to_owned(), reason });
        }
        Ok(Self { lines, changed: true })
    }

    /// The same lines, always as they stand.
    #[must_use]
    pub fn unchanged(self) -> Self {
        Self { changed: false, ..self }
    }

    /// One of them.
    pub(crate) fn draw(&self, numbers: &mut Numbers) -> String {
        let line = &self.lines[numbers.below(self.lines.len())];
        if !self.changed {
            return line.clone();
        }
        let change = CHANGES[numbers.below(CHANGES.len())];
        // The number makes the prompt unlike all others; its place, the end, leaves the picture what it is.
        format!("{line}, {change}, no. {}", numbers.next() % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn changed_prompts_hardly_ever_repeat() {
        let prompts = Prompts::built_in();
        let mut numbers = Numbers::new(3);
        let drawn: HashSet<String> = (0..1000).map(|_| prompts.draw(&mut numbers)).collect();
        assert!(drawn.len() >= 999, "{}", drawn.len());
        assert!(drawn.iter().any(|prompt| prompt.starts_with("江南水乡")));
    }

    #[test]
    fn one_that_was_typed_stays_as_it_was_typed() {
        let prompts = Prompts::only("a cat".into());
        assert_eq!(prompts.draw(&mut Numbers::new(1)), "a cat");
    }
}
