//! The models that can be fetched by name.
//!
//! Only names and places; how to fetch them is told elsewhere.

/// A published model.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownModel {
    /// What users call it, and the name of its folder in the store.
    pub name: &'static str,
    /// Its repository, the same on every hub: `owner/name`.
    pub repo: &'static str,
    /// One line about it.
    pub about: &'static str,
}

impl KnownModel {
    /// All models that can be fetched; the first is the usual choice.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "z-image-turbo",
            repo: "Tongyi-MAI/Z-Image-Turbo",
            about: "distilled to 8 steps, without guidance",
        },
        Self {
            name: "z-image",
            repo: "Tongyi-MAI/Z-Image",
            about: "the base model: more steps, with guidance",
        },
    ];

    /// The model called `name`, or whose repository is `name`.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|model| model.name == name || model.repo == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_by_name_and_by_repository() {
        let turbo = KnownModel::find("z-image-turbo").expect("known");
        assert_eq!(KnownModel::find(turbo.repo), Some(turbo));
        assert_eq!(KnownModel::find("../z-image"), None);
    }
}
