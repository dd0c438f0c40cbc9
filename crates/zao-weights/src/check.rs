//! Whether a part has exactly the tensors that its configuration asks for.
//!
//! All differences are found before one error is given. What is expected comes from the caller.

use std::collections::BTreeSet;
use std::fmt;

use crate::error::Error;
use crate::part::{Part, PartName};

/// How many names of one kind a message lists before it only counts them.
const LISTED: usize = 10;

/// A tensor that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The name, without any prefix of the whole model.
    pub name: String,
    /// The shape, outermost dimension first.
    pub shape: Vec<usize>,
}

impl Expected {
    /// A tensor called `name` of the given shape.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), shape: shape.into() }
    }
}

/// A tensor that is there in another shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongShape {
    /// The name.
    pub name: String,
    /// The shape that the configuration asks for.
    pub expected: Vec<usize>,
    /// The shape in the file.
    pub found: Vec<usize>,
}

impl fmt::Display for WrongShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expected {:?} found {:?}", self.name, self.expected, self.found)
    }
}

/// Every difference between a part and its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The part.
    pub part: PartName,
    /// The single file that it comes from, if it is no folder's.
    pub file: Option<String>,
    /// Names that are expected and not there.
    pub missing: Vec<String>,
    /// Names that are there and not expected.
    pub unexpected: Vec<String>,
    /// Tensors of another shape.
    pub shapes: Vec<WrongShape>,
}

impl Mismatch {
    /// How many differences there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.missing.len() + self.unexpected.len() + self.shapes.len()
    }
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part;
        match &self.file {
            None => write!(f, "the weights of the {part} do not fit its config.json: ")?,
            Some(file) => write!(f, "{file} is no {part} of Z-Image as it is configured here: ")?,
        }
        let kinds = [
            kind("missing", &self.missing),
            kind("unexpected", &self.unexpected),
            kind("of the wrong shape", &self.shapes),
        ];
        let kinds: Vec<String> = kinds.into_iter().flatten().collect();
        let advice = match &self.file {
            None => "both files must come from the same model",
            Some(_) => "name the model that it belongs to with --model, or use another file",
        };
        write!(f, "{}; {advice}", kinds.join("; "))
    }
}

fn kind<T: fmt::Display>(what: &str, items: &[T]) -> Option<String> {
    if items.is_empty() {
        return None;
    }
    let mut listed: Vec<String> = items.iter().take(LISTED).map(T::to_string).collect();
    if items.len() > LISTED {
        listed.push(format!("and {} more", items.len() - LISTED));
    }
    Some(format!("{} {what} ({})", items.len(), listed.join(", ")))
}

impl Part {
    /// Compares names and shapes with what the configuration asks for.
    ///
    /// `ignored` lists tensors that may be there and are not looked at: a whole name, or a prefix
    /// when it ends in a full stop.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with all missing names, unexpected names and wrong shapes.
    pub fn check(&self, expected: &[Expected], ignored: &[&str]) -> Result<(), Error> {
        let known: BTreeSet<&str> = expected.iter().map(|e| e.name.as_str()).collect();
        let is_ignored = |name: &str| {
            ignored.iter().any(|i| name == *i || (i.ends_with('.') && name.starts_with(i)))
        };
        let missing: Vec<String> = expected
            .iter()
            .filter(|e| self.get(&e.name).is_none())
            .map(|e| e.name.clone())
            .collect();
        let unexpected: Vec<String> = self
            .names()
            .filter(|name| !known.contains(name) && !is_ignored(name))
            .map(str::to_owned)
            .collect();
        let shapes: Vec<WrongShape> = expected
            .iter()
            .filter_map(|e| {
                let found = self.get(&e.name)?.shape();
                (found != e.shape).then(|| WrongShape {
                    name: e.name.clone(),
                    expected: e.shape.clone(),
                    found: found.to_vec(),
                })
            })
            .collect();
        if missing.is_empty() && unexpected.is_empty() && shapes.is_empty() {
            return Ok(());
        }
        let (part, file) = (self.name(), self.origin().map(str::to_owned));
        Err(Error::Mismatch(Box::new(Mismatch { part, file, missing, unexpected, shapes })))
    }
}

#[cfg(test)]
mod tests {
    use zao_backend::Stored;

    use super::*;

    fn part(tensors: &[(&str, &[usize])]) -> Part {
        let stored = |shape: &[usize]| Stored::from_f32(shape, &vec![0.0; shape.iter().product()]);
        let tensors = tensors.iter().map(|(n, s)| ((*n).to_owned(), stored(s))).collect();
        Part::new(PartName::Transformer, tensors)
    }

    #[test]
    fn a_fitting_part_passes_and_ignored_names_are_not_looked_at() {
        let part = part(&[("a", &[2, 3]), ("lm_head.weight", &[1]), ("encoder.x", &[1])]);
        let expected = [Expected::new("a", [2, 3])];
        part.check(&expected, &["lm_head.weight", "encoder."]).expect("fits");
        part.check(&expected, &["lm_head", "encoder."]).expect_err("a whole name must match whole");
    }

    #[test]
    fn every_difference_is_in_one_error() {
        let part = part(&[("a", &[2, 3]), ("b", &[1]), ("x", &[1])]);
        let expected =
            [Expected::new("a", [3, 2]), Expected::new("b", [1]), Expected::new("c", [1])];
        let Err(Error::Mismatch(mismatch)) = part.check(&expected, &[]) else {
            panic!("three differences were accepted");
        };
        assert_eq!(mismatch.missing, ["c"]);
        assert_eq!(mismatch.unexpected, ["x"]);
        assert_eq!(
            mismatch.to_string(),
            "the weights of the transformer do not fit its config.json: 1 missing (c); 1 \
             unexpected (x); 1 of the wrong shape (a expected [3, 2] found [2, 3]); both files \
             must come from the same model"
        );
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let expected: Vec<Expected> =
            (0..13).map(|i| Expected::new(format!("t{i}"), [1])).collect();
        let text = part(&[]).check(&expected, &[]).expect_err("all missing").to_string();
        assert!(text.contains("13 missing (t0,") && text.contains("t9, and 3 more)"), "{text}");
    }
}
