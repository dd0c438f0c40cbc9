//! One row of a list: what it asks for in place of what the command line says. What the model makes of it is [`super::plan`]'s.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zao_api::{JobRequest, Lora, Quality, Recipe, Request};
use zao_prompt::{FillError, Pattern, Wildcards};

use super::csv::Place;
use crate::cli;
use crate::generate::request::of_recipe;

/// What a row may say besides the fields of a job: `size` for both sides, `output`, and shorter names.
const OWN_FIELDS: [&str; 6] = ["negative", "size", "precision", "model", "lora", "output"];

/// Whether a row may say something under this name. Whose turn it is and what is shown of the way mean nothing here, but a request that
/// was sent to a server says it and is taken as it is.
pub(super) fn is_field(name: &str) -> bool {
    JobRequest::FIELDS.contains(&name) || OWN_FIELDS.contains(&name)
}

/// All names that a row may use, for a message.
pub(super) fn fields() -> String {
    [&JobRequest::FIELDS[..], &OWN_FIELDS].concat().join(", ")
}

/// A row as it was read.
#[derive(Debug)]
pub(super) struct Row {
    /// Where it begins in the list, from 1.
    pub(super) line: usize,
    /// What it says; its prompt is the pattern as it is written.
    pub(super) request: Request,
    pub(super) pattern: Pattern,
    /// Where its prompt begins.
    place: Place,
    /// Whether a smaller picture will do, where the row says so.
    pub(super) may_shrink: Option<bool>,
    /// The name of its file.
    pub(super) output: Option<String>,
}

/// Where the cells of a row are, by their fields.
pub(super) type Places = BTreeMap<String, Place>;

impl Row {
    /// A prompt alone, that begins at `line` behind so many characters.
    pub(super) fn of_prompt(prompt: &str, (line, before): (usize, usize)) -> Result<Self, String> {
        let place = Place { line, column: before + 1 };
        let pattern = pattern(prompt, place)?;
        let request = Request { prompt: prompt.into(), ..Request::default() };
        Ok(Self { line, request, pattern, place, may_shrink: None, output: None })
    }

    /// A row by its fields, in their own types or as text.
    pub(super) fn of_fields(
        fields: Map<String, Value>,
        line: usize,
        places: &Places,
    ) -> Result<Self, String> {
        if fields.contains_key("zao") {
            return Self::of_recipe(fields, line);
        }
        if let Some(unknown) = fields.keys().find(|field| !is_field(field)) {
            return Err(format!(
                "line {line}: there is no field {unknown:?}; there are {}",
                self::fields()
            ));
        }
        let fields = Fields { fields, line, places };
        let size = fields.text("size")?;
        let (auto, sides) = match size.as_deref().map(str::trim) {
            None => (false, None),
            Some("auto") => (true, None),
            Some(size) => {
                (false, Some(cli::size(size).map_err(|error| fields.wrong("size", &error))?))
            }
        };
        let prompt = fields.text("prompt")?.unwrap_or_default();
        if prompt.trim().is_empty() {
            return Err(format!("line {line}: no prompt; say in this row what to draw"));
        }
        let request = Request {
            negative_prompt: fields.text("negative_prompt")?.or(fields.text("negative")?),
            width: sides.map(|(width, _)| width).or(fields.value("width")?),
            height: sides.map(|(_, height)| height).or(fields.value("height")?),
            quality: if auto { Some(Quality::Auto) } else { fields.value("quality")? },
            image: fields.text("image")?,
            mask: fields.text("mask")?,
            strength: fields.value("strength")?,
            steps: fields.value("steps")?,
            guidance: fields.value("guidance")?,
            cfg_normalization: fields.value("cfg_normalization")?,
            cfg_truncation: fields.value("cfg_truncation")?,
            seed: fields.value("seed")?,
            count: fields.value("count")?,
            rng: fields.value("rng")?,
            precision: fields.value("precision")?,
            model: fields.text("model")?,
            loras: [fields.loras("loras")?, fields.loras("lora")?].concat(),
            prompt,
        };
        let place = places.get("prompt").copied().unwrap_or(Place { line, column: 1 });
        let pattern = pattern(&request.prompt, place)?;
        let (may_shrink, output) = (fields.value("allow_downscale")?, fields.text("output")?);
        Ok(Self { line, pattern, place, request, may_shrink, output })
    }

    /// A recipe, as `zao info --json` prints it: its prompt is what was drawn, and no pattern.
    fn of_recipe(fields: Map<String, Value>, line: usize) -> Result<Self, String> {
        let recipe: Recipe = serde_json::from_value(Value::Object(fields))
            .map_err(|error| format!("line {line}: {error}"))?;
        if recipe.image.is_some() {
            return Err(format!(
                "line {line}: this picture was made of another, which a recipe does not hold; write image instead"
            ));
        }
        let request = Request { model: Some(recipe.model.name.clone()), ..of_recipe(&recipe) };
        let (pattern, place) = (Pattern::literal(&request.prompt), Place { line, column: 1 });
        Ok(Self { line, request, pattern, place, may_shrink: None, output: None })
    }

    /// Its pattern with the lists in it that it names.
    pub(super) fn filled(&self, lists: &mut Wildcards<'_>) -> Result<Pattern, String> {
        self.pattern.filled(lists).map_err(|error| match error {
            FillError { file: None, line, column, problem } => {
                self.place.of_pattern((line, column), &problem)
            }
            within => format!("line {}: {within}", self.line),
        })
    }

    /// What the row asks for, and `base` where it says nothing.
    pub(super) fn over(&self, base: &Request) -> Request {
        let row = self.request.clone();
        // A size of its own goes before any of the command line.
        let sized = row.width.is_some() || row.height.is_some() || row.quality.is_some();
        let side = |own: Option<u32>, base: Option<u32>| if sized { own } else { base };
        Request {
            prompt: row.prompt,
            negative_prompt: row.negative_prompt.or_else(|| base.negative_prompt.clone()),
            width: side(row.width, base.width),
            height: side(row.height, base.height),
            quality: if sized { row.quality } else { base.quality },
            image: row.image.or_else(|| base.image.clone()),
            mask: row.mask.or_else(|| base.mask.clone()),
            strength: row.strength.or(base.strength),
            steps: row.steps.or(base.steps),
            guidance: row.guidance.or(base.guidance),
            cfg_normalization: row.cfg_normalization.or(base.cfg_normalization),
            cfg_truncation: row.cfg_truncation.or(base.cfg_truncation),
            seed: row.seed,
            count: row.count.or(base.count),
            rng: row.rng.or(base.rng),
            precision: row.precision.or(base.precision),
            model: row.model.or_else(|| base.model.clone()),
            loras: if row.loras.is_empty() { base.loras.clone() } else { row.loras },
        }
    }
}

/// A pattern that begins at `place` in the list.
fn pattern(text: &str, place: Place) -> Result<Pattern, String> {
    Pattern::parse(text)
        .map_err(|error| place.of_pattern((error.line, error.column), &error.problem))
}

impl Place {
    /// What is wrong at a line and column of a pattern that begins here.
    fn of_pattern(self, (line, column): (usize, usize), problem: &dyn std::fmt::Display) -> String {
        let column = if line == 1 { self.column + column - 1 } else { column };
        let line = self.line + line - 1;
        format!("{}: {problem}", Self { line, column })
    }
}

struct Fields<'r> {
    fields: Map<String, Value>,
    line: usize,
    places: &'r Places,
}

impl Fields<'_> {
    fn wrong(&self, field: &str, why: &dyn std::fmt::Display) -> String {
        match self.places.get(field) {
            Some(place) => format!("{place}: {field}: {why}"),
            None => format!("line {}: {field}: {why}", self.line),
        }
    }

    fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// A text.
    fn text(&self, field: &str) -> Result<Option<String>, String> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(field, &format!("{other} is no text; put it in quotes"))),
        }
    }

    /// A number, a name, or whether something is so; a table has them as text.
    fn value<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>, String> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let read = value.as_str().and_then(|text| serde_json::from_str::<Value>(text.trim()).ok());
        let is_meant = |value: &Value| value.is_number() || value.is_boolean();
        let value = read.filter(is_meant).unwrap_or_else(|| match value {
            Value::String(text) => Value::String(text.trim().into()),
            other => other.clone(),
        });
        serde_json::from_value(value).map(Some).map_err(|error| self.wrong(field, &error))
    }

    /// LoRAs: `ink:0.5; second`, or a list of such texts or of objects.
    fn loras(&self, field: &str) -> Result<Vec<Lora>, String> {
        let one = |value: &Value| match value {
            Value::String(text) => {
                cli::lora(text.trim()).map_err(|error| self.wrong(field, &error))
            }
            other => {
                serde_json::from_value(other.clone()).map_err(|error| self.wrong(field, &error))
            }
        };
        match self.get(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(all)) => all.iter().map(one).collect(),
            Some(Value::String(text)) => {
                let names = text.split(';').filter(|name| !name.trim().is_empty());
                names.map(|name| one(&Value::String(name.into()))).collect()
            }
            Some(other) => Ok(vec![one(other)?]),
        }
    }
}
