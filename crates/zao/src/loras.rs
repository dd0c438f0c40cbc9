//! `zao loras`: the adapters that are there, by the names that `--lora` takes.

use serde_json::json;
use zao_weights::FoundAdapter;

use crate::cli::LorasArgs;
use crate::failure::{Failure, Result};
use crate::{console, places, units};

pub(crate) fn run(args: &LorasArgs) -> Result<()> {
    let folder = places::adapters()?;
    let found = folder.list().map_err(Failure::failed)?;
    if args.json {
        let rows: Vec<_> = found
            .iter()
            .map(|FoundAdapter { name, path, bytes }| {
                json!({"name": name, "bytes": bytes, "path": path.display().to_string()})
            })
            .collect();
        return Ok(console::result(serde_json::to_string_pretty(&rows)?)?);
    }
    if found.is_empty() {
        let folder = folder.root().display();
        console::remark(format!(
            "no LoRA in {folder}; put .safetensors files there, or give --lora a path"
        ));
        return Ok(());
    }
    let width = found.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(4);
    let head = format!("{:width$}  {:>8}  PLACE", "NAME", "SIZE");
    let line = |FoundAdapter { name, path, bytes }: &FoundAdapter| {
        format!("{name:width$}  {:>8}  {}", units::bytes(*bytes), path.display())
    };
    let lines: Vec<_> = [head].into_iter().chain(found.iter().map(line)).collect();
    Ok(console::result(lines.join("\n"))?)
}
