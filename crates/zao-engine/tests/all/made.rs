//! Two models made of the demo model, for what shall not begin with weights in fp8. Both lie beside the build, so that they are
//! made once; they draw nearly what the demo model draws, and no test holds them to diffusers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use safetensors::Dtype;
use tempfile::TempDir;
use zao_weights::PartName;

use crate::support::{Model, files};
use crate::writers::plain::{unpacked, unrounded};
use crate::writers::safetensors::{Tensor, read, write};

/// The demo model with all weights in bf16, as models are published.
pub(crate) fn plain() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| made("plain", |tensors| unpacked(tensors, Dtype::BF16))).clone()
}

/// The same with weights that lie between the numbers of fp8, as those of training do.
pub(crate) fn between() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| made("between", |tensors| unrounded(tensors, Dtype::BF16))).clone()
}

fn made(name: &str, of: impl Fn(Vec<Tensor>) -> Vec<Tensor>) -> PathBuf {
    let weights = PartName::ALL.map(|part| format!("{}/{}", part.folder(), part.single_file()));
    let original = Model::Demo.folder();
    let content = |file: &str| std::fs::read(original.join(file)).unwrap();
    // Another model, or other code, makes another folder.
    let mut hasher = DefaultHasher::new();
    weights.iter().for_each(|file| content(file).hash(&mut hasher));
    (include_str!("made.rs"), include_str!("../../../zao-weights/tests/writers/plain.rs"))
        .hash(&mut hasher);
    let beside = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = beside.join(format!("{name}-{:016x}", hasher.finish()));
    if folder.exists() {
        return folder;
    }
    let making = TempDir::new_in(beside).unwrap();
    for file in files(&original) {
        let to = making.path().join(&file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let content = content(&file);
        let is_weights = weights.contains(&file);
        std::fs::write(to, if is_weights { write(&of(read(&content)), None) } else { content })
            .unwrap();
    }
    // Another process may have been quicker.
    let moved = std::fs::rename(making.path(), &folder);
    assert!(moved.is_ok() || folder.exists(), "{moved:?}");
    folder
}
