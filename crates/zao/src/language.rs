//! In which language people are told what concerns their machine, and texts in both.

use clap::ValueEnum;

/// A language that zao speaks.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// Chinese, in simplified characters.
    Zh,
    /// English.
    #[default]
    En,
}

impl Language {
    /// The language of a locale such as `zh_CN.UTF-8`.
    pub(crate) fn of_locale(locale: &str) -> Self {
        let name = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if name.eq_ignore_ascii_case("zh") { Self::Zh } else { Self::En }
    }
}

/// The same text in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) en: String,
    pub(crate) zh: String,
}

impl Text {
    /// Something that is the same in every language: a name, a command.
    pub(crate) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { en: text.clone(), zh: text }
    }

    /// The text in a language.
    pub(crate) fn say(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Zh => &self.zh,
        }
    }

    /// Both, one behind the other.
    pub(crate) fn then(mut self, more: &Self) -> Self {
        self.en.push_str(&more.en);
        self.zh.push_str(&more.zh);
        self
    }
}

/// A [`Text`] from its English and its Chinese format.
macro_rules! both {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::language::Text { en: format!($en), zh: format!($zh) }
    };
}
pub(crate) use both;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every pair of `both!` in a source names the same values in both languages and is Chinese in the second.
    pub(crate) fn check_pairs(source: &str) {
        let pairs: Vec<_> = source.split("both!(").skip(1).collect();
        assert!(pairs.len() > 5, "the texts are found");
        for pair in pairs {
            let mut literals = pair.split('"').skip(1).step_by(2);
            let (en, zh) = (literals.next().unwrap(), literals.next().unwrap());
            let values = |text: &str| {
                let mut values: Vec<_> = text
                    .split('{')
                    .skip(1)
                    .map(|value| value.split('}').next().unwrap().to_owned())
                    .collect();
                values.sort();
                values
            };
            assert_eq!(values(en), values(zh), "{en} / {zh}");
            assert!(zh.chars().any(|c| c > '\u{3000}'), "{zh}");
            assert!(!en.chars().any(|c| c > '\u{2000}'), "{en}");
        }
    }

    #[test]
    fn locales_are_read_as_systems_write_them() {
        for locale in ["zh", "zh_CN.UTF-8", "zh-TW", "ZH_hk@x"] {
            assert_eq!(Language::of_locale(locale), Language::Zh, "{locale}");
        }
        for locale in ["", "C", "POSIX", "en_US.UTF-8", "zhx"] {
            assert_eq!(Language::of_locale(locale), Language::En, "{locale}");
        }
    }

    #[test]
    fn a_text_is_said_in_the_language_asked_for() {
        let count = 3;
        let text = both!("{count} cards", "{count} 张显卡").then(&Text::same(": none"));
        assert_eq!(text.say(Language::En), "3 cards: none");
        assert_eq!(text.say(Language::Zh), "3 张显卡: none");
    }
}
