//! Choices that have names: how they are written and read, and what is said of a word that names none.

/// A word that names none of the choices there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} \"{given}\": use {}", known.join(" or "))]
pub struct UnknownName {
    /// What was being chosen, for example `precision`.
    pub what: &'static str,
    /// The word that was given.
    pub given: String,
    /// The words that would have been understood.
    pub known: Vec<&'static str>,
}

/// Lets a choice be written as its name, which `as_str` gives; with a word for what is chosen, which errors say, also be read
/// from it, among those in `ALL`.
macro_rules! named {
    ($choice:ty) => {
        impl std::fmt::Display for $choice {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
    ($choice:ty, $what:literal) => {
        $crate::name::named!($choice);

        impl std::str::FromStr for $choice {
            type Err = $crate::UnknownName;

            fn from_str(name: &str) -> Result<Self, $crate::UnknownName> {
                Self::ALL.into_iter().find(|choice| choice.as_str() == name).ok_or_else(|| {
                    $crate::UnknownName {
                        what: $what,
                        given: name.to_owned(),
                        known: Self::ALL.map(Self::as_str).to_vec(),
                    }
                })
            }
        }
    };
}
pub(crate) use named;
