//! The models that can be fetched by name.
//!
//! Only names and places; how to fetch them is told elsewhere.

/// A published model.
#[derive(Debug, PartialEq)]
pub struct KnownModel {
    /// What users call it, and the name of its folder in the store.
    pub name: &'static str,
    /// Its repository, the same on every hub: `owner/name`.
    pub repo: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Denoising steps when nobody asks for another number.
    pub steps: u32,
    /// Guidance when nobody asks for another, in diffusers' convention: 0 is off.
    pub guidance: f32,
}

impl KnownModel {
    /// All models that can be fetched; the first is the usual choice.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "z-image-turbo",
            repo: "Tongyi-MAI/Z-Image-Turbo",
            about: "distilled to 8 steps, without guidance",
            steps: 8,
            guidance: 0.0,
        },
        Self {
            name: "z-image",
            repo: "Tongyi-MAI/Z-Image",
            about: "the base model: more steps, with guidance",
            steps: 50,
            // diffusers' own defaults for this pipeline.
            guidance: 5.0,
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
