//! Classes of things, as the tables say them, that are not there when the whole class is denied. What that means for a prompt is decided by
//! the check of what is absent.

use serde::Deserialize;

/// Things that are not there when the whole class is denied.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    pub(crate) name: String,
    /// What is said to be without it.
    #[serde(default)]
    pub(crate) kind: Kind,
    /// What the class is called, behind a word that denies: (no) plants.
    #[serde(default)]
    pub(crate) of: Vec<String>,
    /// What denies it by itself: treeless.
    #[serde(default)]
    pub(crate) none: Vec<String>,
    /// What belongs to it.
    #[serde(default)]
    pub(crate) members: Vec<String>,
    /// Nouns that belong to it, where no other noun follows; English ones with their plural.
    #[serde(default)]
    pub(crate) things: Vec<String>,
    /// Words for another place that are none for what belongs to it: pictures hang on the wall.
    #[serde(default)]
    pub(crate) here: Vec<String>,
}

/// What is said to be without a class.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// All that is in the picture.
    #[default]
    Scene,
    /// One thing, which may be named.
    Thing,
    /// Somebody, where there is no other.
    Worn,
    /// All but what the same clause names: lit only by candles.
    Rest,
    /// All around somebody who is alone, though not far away.
    Company,
}
