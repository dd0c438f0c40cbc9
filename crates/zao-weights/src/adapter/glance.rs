//! What kind an adapter file is, told from the names and shapes in its header. Whether it fits a model, and what its values are,
//! nobody looks at here.

use std::fs::File;
use std::path::Path;

use super::AdapterError;
use super::file::file_at;
use super::suffix::{Field, split};
use crate::mapped::Mapping;
use crate::shards::header;

/// What an adapter file looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdapterGlance {
    /// `LoRA`, `LoHa`, `LoKr`, `DoRA` or `diff`; `None` where it has nothing that is understood.
    pub kind: Option<&'static str>,
    /// The largest rank of its layers; `None` where nothing in it has one.
    pub rank: Option<u64>,
}

impl AdapterGlance {
    /// Looks at the header of the safetensors file at `path`, or of the one in PEFT's folder there.
    ///
    /// # Errors
    /// A file that cannot be read or has no whole header.
    pub fn of(path: &Path) -> Result<Self, AdapterError> {
        let path = file_at(path);
        let file = path.display().to_string();
        let read = |source| AdapterError::Read { file: file.clone(), source };
        let content = File::open(&path).and_then(|opened| Mapping::file(&opened)).map_err(read)?;
        let broken = |error: crate::Error| AdapterError::Broken {
            file: file.clone(),
            reason: error.to_string(),
        };
        let (_, metadata) = header(&file, &content.bytes()).map_err(broken)?;
        let tensors = metadata.tensors();
        let mut glance = Self::default();
        for (name, info) in &tensors {
            let Some((_, field)) = split(name) else { continue };
            // Lengths of rows stand beside the factors of a LoRA, and say more than these.
            if glance.kind != Some("DoRA") {
                glance.kind = kind(field).or(glance.kind);
            }
            if is_down(field) {
                glance.rank = glance.rank.max(info.shape.first().map(|&rank| rank as u64));
            }
        }
        Ok(glance)
    }
}

fn kind(field: Field) -> Option<&'static str> {
    Some(match field {
        Field::Magnitude => "DoRA",
        Field::Down | Field::Up => "LoRA",
        Field::Hada1Up | Field::Hada1Down | Field::Hada2Up | Field::Hada2Down => "LoHa",
        Field::Kron1
        | Field::Kron1Up
        | Field::Kron1Down
        | Field::Kron2
        | Field::Kron2Up
        | Field::Kron2Down => "LoKr",
        Field::Diff => "diff",
        Field::Alpha => return None,
    })
}

/// Whether the first extent of such a tensor is a rank.
fn is_down(field: Field) -> bool {
    matches!(
        field,
        Field::Down | Field::Hada1Down | Field::Hada2Down | Field::Kron1Down | Field::Kron2Down
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file of tensors of zeros.
    fn file(tensors: &[(&str, [usize; 2])]) -> Vec<u8> {
        let (mut entries, mut at) = (Vec::new(), 0);
        for (name, [rows, columns]) in tensors {
            let end = at + rows * columns * 2;
            entries.push(format!(
                r#""{name}":{{"dtype":"BF16","shape":[{rows},{columns}],"data_offsets":[{at},{end}]}}"#
            ));
            at = end;
        }
        let header = format!("{{{}}}", entries.join(","));
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.resize(bytes.len() + at, 0);
        bytes
    }

    #[test]
    fn kind_and_rank_are_in_the_header() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("a.safetensors");
        let look = |tensors: &[(&str, [usize; 2])]| {
            fs::write(&path, file(tensors)).expect("write");
            let AdapterGlance { kind, rank } = AdapterGlance::of(&path).expect("a whole header");
            (kind, rank)
        };
        let lora = [("a.lora_A.weight", [4, 16]), ("a.lora_B.weight", [16, 4])];
        assert_eq!(look(&lora), (Some("LoRA"), Some(4)));
        let ranks = [lora[0], lora[1], ("b.lora_down.weight", [8, 16])];
        assert_eq!(look(&ranks), (Some("LoRA"), Some(8)));
        let dora = [("a.dora_scale", [16, 1]), lora[0], lora[1]];
        assert_eq!(look(&dora), (Some("DoRA"), Some(4)));
        assert_eq!(look(&[("a.lokr_w1", [2, 2]), ("a.lokr_w2", [8, 8])]), (Some("LoKr"), None));
        assert_eq!(look(&[("a.hada_w1_b", [3, 8])]), (Some("LoHa"), Some(3)));
        assert_eq!(look(&[("a.weight", [2, 2])]), (None, None));
        fs::write(&path, b"none").expect("write");
        assert!(AdapterGlance::of(&path).is_err());
    }
}
