//! `zao inspect`: what a file or folder of weights is, and whether zao can draw with it.

use serde_json::json;
use zao_engine::{Inspected, InspectedPart, Inspection, StoredIn};
use zao_weights::FileFormat;

use crate::cli::InspectArgs;
use crate::failure::Result;
use crate::{console, model, places, units};

pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let base = match &args.model {
        Some(name) => model::base(name, &places::store()?)?,
        None => None,
    };
    let inspection = zao_engine::inspect(&args.path, base)?;
    let path = args.path.display().to_string();
    Ok(console::result(if args.json {
        serde_json::to_string_pretty(&json(&path, &inspection))?
    } else {
        lines(&path, &inspection).join("\n")
    })?)
}

fn lines(path: &str, inspection: &Inspection) -> Vec<String> {
    let size = units::bytes(inspection.bytes);
    let what = match &inspection.what {
        Inspected::Folder { class } if class.is_empty() => "a model folder".into(),
        Inspected::Folder { class } => format!("a model folder ({class})"),
        Inspected::File { format, holds } => format!("{} with {holds}", name(format)),
    };
    let mut lines = vec![format!("{path}: {what}, {size}")];
    if inspection.parts.is_empty() {
        lines.push(format!("  stored in {}", stored(&inspection.stored)));
    }
    for part in &inspection.parts {
        let InspectedPart { part, bytes, stored: how, misfit } = part;
        if !how.is_empty() {
            lines.push(format!("{part}: {} in {}", units::bytes(*bytes), stored(how)));
        }
        lines.push(match misfit {
            None => format!("  {}", usage(path, inspection, *part)),
            Some(misfit) => format!("  cannot be drawn with: {misfit}"),
        });
    }
    lines
}

/// How to draw with a part that fits.
fn usage(path: &str, inspection: &Inspection, part: zao_weights::PartName) -> String {
    match inspection.what {
        Inspected::Folder { .. } => "whole".into(),
        Inspected::File { .. } => {
            let option = part.folder().replace('_', "-");
            format!("whole; draw with it: zao generate --{option} {path} \"a red apple\"")
        }
    }
}

fn name(format: &FileFormat) -> String {
    match format {
        FileFormat::Safetensors => "a safetensors file".into(),
        FileFormat::Gguf { version, architecture } => {
            let architecture = architecture.as_deref().unwrap_or("unknown");
            format!("a GGUF file (version {version}, architecture {architecture:?})")
        }
    }
}

fn stored(all: &[StoredIn]) -> String {
    let one = |it: &StoredIn| {
        let tensors = if it.tensors == 1 { "tensor" } else { "tensors" };
        format!("{} ({} {tensors}, {} values)", it.name, it.tensors, count(it.values))
    };
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A number of values, with a unit of a thousand.
fn count(values: u64) -> String {
    let units = [(1_000_000_000, " billion"), (1_000_000, " million")];
    match units.into_iter().find(|&(unit, _)| values >= unit) {
        Some((unit, name)) => format!("{:.2}{name}", values as f64 / unit as f64),
        None => values.to_string(),
    }
}

fn json(path: &str, inspection: &Inspection) -> serde_json::Value {
    let stored = |all: &[StoredIn]| -> Vec<_> {
        let one =
            |it: &StoredIn| json!({"in": it.name, "tensors": it.tensors, "values": it.values});
        all.iter().map(one).collect()
    };
    let part = |it: &InspectedPart| {
        let (name, misfit) = (it.part.folder(), &it.misfit);
        json!({"part": name, "bytes": it.bytes, "stored": stored(&it.stored), "misfit": misfit})
    };
    let (format, architecture) = match &inspection.what {
        Inspected::Folder { class } => ("folder", Some(class)),
        Inspected::File { format: FileFormat::Safetensors, .. } => ("safetensors", None),
        Inspected::File { format: FileFormat::Gguf { architecture, .. }, .. } => {
            ("gguf", architecture.as_ref())
        }
    };
    json!({
        "path": path,
        "format": format,
        "architecture": architecture,
        "bytes": inspection.bytes,
        "parts": inspection.parts.iter().map(part).collect::<Vec<_>>(),
        "stored": stored(&inspection.stored),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_in_round_numbers() {
        assert_eq!(count(999_999), "999999");
        assert_eq!(count(6_154_908_736), "6.15 billion");
        assert_eq!(count(12_000_000), "12.00 million");
    }
}
