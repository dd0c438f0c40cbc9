//! `zao models`: what is installed, where, how big.

use serde_json::json;
use zao_weights::Origin;

use crate::cli::ModelsArgs;
use crate::failure::Result;
use crate::{console, demo, places, units};

/// A line of the list.
struct Row {
    name: String,
    bytes: u64,
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
        let Self { name, bytes, path, origin } = self;
        json!({"name": name, "bytes": bytes, "path": path, "origin": origin})
    }
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(4);
    let head = format!("{:width$}  {:>8}  {:18}  PLACE", "NAME", "SIZE", "ORIGIN");
    let line = |row: &Row| {
        let (size, place) =
            (units::bytes(row.bytes), row.path.as_deref().unwrap_or("in zao itself"));
        format!("{:width$}  {size:>8}  {:18}  {place}", row.name, row.origin)
    };
    [head].into_iter().chain(rows.iter().map(line)).collect::<Vec<_>>().join("\n")
}
