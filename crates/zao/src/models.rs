//! `zao models`: what is installed, where, how big, and how its weights are stored.

use serde_json::json;
use zao_weights::{ModelFolder, Origin, PartName, Source};

use crate::cli::ModelsArgs;
use crate::failure::Result;
use crate::{console, demo, places, units};

/// A line of the list.
struct Row {
    name: String,
    bytes: u64,
    /// How most weights of the transformer are stored, if they can be read.
    weights: Option<&'static str>,
    /// The folder; a built-in model has none.
    path: Option<String>,
    origin: &'static str,
}

pub(crate) fn run(args: &ModelsArgs) -> Result<()> {
    let store = places::store()?;
    let mut rows: Vec<Row> = store
        .installed()?
        .into_iter()
        .map(|model| Row {
            name: model.name,
            bytes: model.bytes,
            weights: weights(Source::Folder(model.path.clone())),
            path: Some(model.path.display().to_string()),
            origin: match model.origin {
                Origin::Pulled(_) => "pulled",
                Origin::Placed => "placed",
                Origin::HuggingFaceCache => "hugging-face-cache",
            },
        })
        .collect();
    let only_demo = rows.is_empty();
    if let Some(files) = demo::FILES
        && rows.iter().all(|row| row.name != demo::NAME)
    {
        rows.push(Row {
            name: demo::NAME.into(),
            bytes: files.iter().map(|(_, content)| content.len() as u64).sum(),
            weights: weights(Source::Embedded(files)),
            path: None,
            origin: "built-in",
        });
    }
    if args.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        return Ok(console::result(serde_json::to_string_pretty(&rows)?)?);
    }
    console::result(table(&rows))?;
    if only_demo {
        console::remark("`zao pull z-image-turbo` installs the real model");
    }
    Ok(())
}

impl Row {
    fn json(&self) -> serde_json::Value {
        let Self { name, bytes, weights, path, origin } = self;
        json!({"name": name, "bytes": bytes, "weights": weights, "path": path, "origin": origin})
    }
}

/// A model that cannot be read is listed all the same; drawing with it will tell what is wrong.
fn weights(source: Source) -> Option<&'static str> {
    let part = ModelFolder::open(source).and_then(|folder| folder.part(PartName::Transformer));
    part.ok()?.stored_as().first().map(|(name, _)| *name)
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(4);
    let head = format!("{:width$}  {:>8}  WEIGHTS   {:18}  PLACE", "NAME", "SIZE", "ORIGIN");
    let line = |row: &Row| {
        let (size, place) =
            (units::bytes(row.bytes), row.path.as_deref().unwrap_or("in zao itself"));
        let weights = row.weights.unwrap_or("?");
        format!("{:width$}  {size:>8}  {weights:8}  {:18}  {place}", row.name, row.origin)
    };
    [head].into_iter().chain(rows.iter().map(line)).collect::<Vec<_>>().join("\n")
}
