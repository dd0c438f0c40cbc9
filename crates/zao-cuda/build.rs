//! Lists the compiled kernels of `kernels/built` in a table, so that adding one is adding a file.
//!
//! Nothing is compiled here: `cargo xtask kernels` does that, and its results are committed.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=kernels/built");
    let root = std::env::var("CARGO_MANIFEST_DIR").map_err(std::io::Error::other)?;
    let built = Path::new(&root).join("kernels").join("built");
    let mut images: Vec<PathBuf> = Vec::new();
    if built.is_dir() {
        for entry in std::fs::read_dir(&built)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "zst") {
                images.push(path);
            }
        }
    }
    images.sort();
    let mut table = String::from("&[\n");
    for path in &images {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Some((module, architecture)) = stem.split_once('.') else { continue };
        let (path, bytes) = (path.display().to_string(), "include_bytes!");
        let _ = writeln!(table, "    ({module:?}, {architecture:?}, {bytes}({path:?})),");
    }
    table.push_str("]\n");
    let out = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
    std::fs::write(Path::new(&out).join("images.rs"), table)
}
