//! `zao models`: what is installed, where, how big.

use serde_json::json;
use zao_weights::Origin;

use crate::cli::ModelsArgs;
use crate::failure::Result;
use crate::{demo, places, units};

/// A line of the list.
struct Row {
    name: String,
    bytes: u64,
    place: String,
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
            place: model.path.display().to_string(),
            origin: match model.origin {
                Origin::Pulled(_) => "pulled",
                Origin::Placed => "placed",
                Origin::HuggingFaceCache => "hugging face cache",
            },
        })
        .collect();
    if let Some(files) = demo::FILES {
        rows.push(Row {
            name: demo::NAME.into(),
            bytes: files.iter().map(|(_, content)| content.len() as u64).sum(),
            place: "in this program".into(),
            origin: "built in",
        });
    }
    if args.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({"name": row.name, "bytes": row.bytes, "path": row.place, "origin": row.origin})
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(4);
    println!("{:width$}  {:>8}  {:18}  PLACE", "NAME", "SIZE", "ORIGIN");
    for row in &rows {
        let size = units::bytes(row.bytes);
        println!("{:width$}  {size:>8}  {:18}  {}", row.name, row.origin, row.place);
    }
    if rows.iter().all(|row| row.name == demo::NAME) {
        eprintln!("zao: `zao pull z-image-turbo` installs the real model");
    }
    Ok(())
}
