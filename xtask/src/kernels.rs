//! Compiled kernels: `kernels/NAME.cu` of zao-cuda becomes `kernels/built/NAME.<architecture>.zst` for each family of
//! cards, and `NAME.json`, which says from what they were made.
//!
//! Building zao compiles nothing, it takes these files as they are. [`stale`] tells without a compiler whether they
//! belong to the sources; [`check`] compiles again and compares, since the compiler is deterministic.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::nvrtc::{Nvrtc, Text, VERSION, hexadecimal};
use crate::{Project, packed, ptx};

/// What a source is compiled for unless it says otherwise.
const ARCHITECTURES: [&str; 7] =
    ["sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a", "compute_80"];
// Functions and templates are for the card unless they say otherwise.
const OPTIONS: [&str; 2] = ["--std=c++17", "-default-device"];
/// A line that begins so names the architectures of a source.
const FOR: &str = "// For: ";

/// A source with what belongs to it.
struct Source {
    name: String,
    architectures: Vec<String>,
    /// Name and checksum of the source and of every header it includes.
    files: BTreeMap<String, String>,
}

/// Compiles the sources called `names`, or those whose images are stale.
///
/// # Errors
/// When one does not compile, or is not there.
pub fn build(names: &[&str]) -> Result<()> {
    let folder = folder();
    let sources = sources(&folder)?;
    if let Some(unknown) = names.iter().find(|name| sources.iter().all(|s| s.name != **name)) {
        bail!("there is no {unknown}.cu in {}", folder.display());
    }
    fs::create_dir_all(built(&folder))?;
    remove_orphans(&folder, &sources)?;
    let wanted = |source: &&Source| {
        names.contains(&source.name.as_str())
            || (names.is_empty() && !faults(&folder, source).is_empty())
    };
    for source in sources.iter().filter(wanted) {
        let images = compile(&folder, source)?;
        let mut described = serde_json::Map::new();
        let mut total = 0;
        for (architecture, image) in &images {
            let packed = packed::pack(image)?;
            total += packed.len();
            fs::write(image_path(&folder, &source.name, architecture), packed)?;
            described.insert(architecture.clone(), json!(checksum(image)));
        }
        fs::write(manifest_path(&folder, &source.name), manifest(source, &described)?)?;
        println!(
            "kernels: {} for {} architectures, {} kB",
            source.name,
            images.len(),
            total / 1000
        );
    }
    Ok(())
}

/// Compiles everything and compares it with what is committed.
///
/// # Errors
/// When an image is not what its source compiles to.
pub fn check() -> Result<()> {
    let folder = folder();
    let mut faults = stale(&folder)?;
    for source in sources(&folder)? {
        let Ok(manifest) = read_manifest(&folder, &source.name) else { continue };
        for (architecture, image) in compile(&folder, &source)? {
            if manifest["images"][&architecture] != json!(checksum(&image)) {
                let name = &source.name;
                faults.push(format!("{name}.cu compiles to another image for {architecture}"));
            }
        }
    }
    report(&faults)?;
    println!("kernels: every image is what its source compiles to");
    Ok(())
}

/// What does not belong together in a folder of kernels: sources that changed since they were compiled, images that
/// are missing or were changed.
///
/// # Errors
/// When the folder cannot be read.
pub fn stale(folder: &Path) -> Result<Vec<String>> {
    let sources = sources(folder)?;
    Ok(sources.iter().flat_map(|source| faults(folder, source)).collect())
}

/// The folder of the project's kernels.
#[must_use]
pub fn folder() -> PathBuf {
    Project::folder().join("crates/zao-cuda/kernels")
}

fn report(faults: &[String]) -> Result<()> {
    ensure!(
        faults.is_empty(),
        "kernels do not match their sources; run `cargo xtask kernels` and commit the result:\n  {}",
        faults.join("\n  ")
    );
    Ok(())
}

fn faults(folder: &Path, source: &Source) -> Vec<String> {
    let name = &source.name;
    let Ok(manifest) = read_manifest(folder, name) else {
        return vec![format!("{name}.cu has not been compiled")];
    };
    let mut faults = Vec::new();
    for (key, expected) in recipe(source) {
        if manifest[&key] != expected {
            faults.push(format!("{name}.cu: {key} changed since it was compiled"));
        }
    }
    for architecture in &source.architectures {
        let path = image_path(folder, name, architecture);
        let image = fs::read(path).ok().and_then(|packed| packed::unpack(&packed).ok());
        let image = image.map(|image| json!(checksum(&image)));
        if image.as_ref() != manifest["images"].get(architecture) {
            faults
                .push(format!("{name}.cu: the image for {architecture} is not the one described"));
        }
    }
    faults
}

/// Everything that decides what a source compiles to.
fn recipe(source: &Source) -> [(String, Value); 4] {
    [
        ("compiler".into(), json!(format!("NVRTC {VERSION}"))),
        ("options".into(), json!(OPTIONS)),
        ("architectures".into(), json!(source.architectures)),
        ("sources".into(), json!(source.files)),
    ]
}

fn manifest(source: &Source, images: &serde_json::Map<String, Value>) -> Result<String> {
    let mut whole: serde_json::Map<String, Value> = recipe(source).into_iter().collect();
    whole.insert("images".into(), Value::Object(images.clone()));
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

fn read_manifest(folder: &Path, name: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&fs::read(manifest_path(folder, name))?)?)
}

fn compile(folder: &Path, source: &Source) -> Result<Vec<(String, Vec<u8>)>> {
    let compiler = Nvrtc::open(&Project::folder().join("target"))?;
    let text = Text::read(&folder.join(format!("{}.cu", source.name)))?;
    let headers = source.files.keys().filter(|name| name.ends_with(".cuh"));
    let headers = headers.map(|name| Text::read(&folder.join(name))).collect::<Result<Vec<_>>>()?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut images = Vec::new();
        while let Some(architecture) =
            source.architectures.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let mut image = compiler.compile(&text, &headers, architecture, &OPTIONS)?;
            if architecture.starts_with("compute_") {
                image = ptx::canonical(&String::from_utf8(image)?).into_bytes();
            }
            images.push((architecture.clone(), image));
        }
        Ok(images)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut images = Vec::new();
        for worker in workers {
            let some: Result<_> = worker.join().map_err(|_| anyhow::anyhow!("a thread died"))?;
            images.extend(some?);
        }
        images.sort();
        Ok(images)
    })
}

fn sources(folder: &Path) -> Result<Vec<Source>> {
    let entries = fs::read_dir(folder);
    let entries = entries.with_context(|| format!("cannot list {}", folder.display()))?;
    let mut sources = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cu") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path)?;
            let architectures = architectures(&name, &text)?;
            let mut files = BTreeMap::new();
            add_with_includes(folder, &format!("{name}.cu"), &mut files)?;
            sources.push(Source { name, architectures, files });
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

fn architectures(name: &str, text: &str) -> Result<Vec<String>> {
    if name.ends_with("_sm90a") {
        return Ok(vec!["sm_90a".into()]);
    }
    let line = text.lines().take(20).find_map(|line| line.strip_prefix(FOR));
    let Some(line) = line else { return Ok(ARCHITECTURES.map(String::from).to_vec()) };
    let named: Vec<String> = line.split_whitespace().map(String::from).collect();
    match named.iter().find(|named| !ARCHITECTURES.contains(&named.as_str())) {
        Some(unknown) => bail!("{name}.cu is for {unknown}, which is not among {ARCHITECTURES:?}"),
        None => Ok(named),
    }
}

/// Adds a file and the headers it includes, with their checksums.
fn add_with_includes(
    folder: &Path,
    name: &str,
    files: &mut BTreeMap<String, String>,
) -> Result<()> {
    if files.contains_key(name) {
        return Ok(());
    }
    let text = fs::read_to_string(folder.join(name));
    let text = text.with_context(|| format!("cannot read {name}, which is included"))?;
    files.insert(name.into(), checksum(text.as_bytes()));
    let included = text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?;
        rest.split('"').nth(1)
    });
    included.into_iter().try_for_each(|header| add_with_includes(folder, header, files))
}

/// Removes images and descriptions of sources or architectures that are no more.
fn remove_orphans(folder: &Path, sources: &[Source]) -> Result<()> {
    let known: Vec<PathBuf> = sources
        .iter()
        .flat_map(|source| {
            let images = source.architectures.iter().map(|a| image_path(folder, &source.name, a));
            images.chain([manifest_path(folder, &source.name)])
        })
        .collect();
    for entry in fs::read_dir(built(folder))? {
        let path = entry?.path();
        if !known.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn built(folder: &Path) -> PathBuf {
    folder.join("built")
}

fn image_path(folder: &Path, name: &str, architecture: &str) -> PathBuf {
    built(folder).join(format!("{name}.{architecture}.zst"))
}

fn manifest_path(folder: &Path, name: &str) -> PathBuf {
    built(folder).join(format!("{name}.json"))
}

fn checksum(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_says_what_it_is_for() {
        assert_eq!(architectures("gemm_sm90a", "").unwrap(), ["sm_90a"]);
        assert_eq!(
            architectures("a", "// one\n// For: sm_89 sm_90a\n").unwrap(),
            ["sm_89", "sm_90a"]
        );
        assert_eq!(architectures("a", "").unwrap(), ARCHITECTURES);
        let error = architectures("a", "// For: sm_75").unwrap_err().to_string();
        assert!(error.contains("sm_75"), "{error}");
    }

    #[test]
    fn a_changed_header_makes_its_readers_stale() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("xtask-kernels-{}", std::process::id()));
        fs::create_dir_all(built(&folder))?;
        fs::write(folder.join("a.cu"), "// For: sm_80\n#include \"b.cuh\"\n")?;
        fs::write(folder.join("b.cuh"), "int one;\n")?;
        assert_eq!(stale(&folder)?, ["a.cu has not been compiled"]);
        let source = &sources(&folder)?[0];
        assert_eq!(source.files.keys().collect::<Vec<_>>(), ["a.cu", "b.cuh"]);
        let level = ruzstd::encoding::CompressionLevel::Uncompressed;
        let packed = ruzstd::encoding::compress_to_vec(&b"image"[..], level);
        fs::write(image_path(&folder, "a", "sm_80"), packed)?;
        let images = json!({ "sm_80": checksum(b"image") });
        let images = images.as_object().cloned().unwrap_or_default();
        fs::write(manifest_path(&folder, "a"), manifest(source, &images)?)?;
        assert_eq!(stale(&folder)?, [] as [&str; 0]);
        fs::write(folder.join("b.cuh"), "int two;\n")?;
        assert_eq!(stale(&folder)?.len(), 1);
        fs::write(folder.join("b.cuh"), "int one;\n")?;
        fs::write(image_path(&folder, "a", "sm_80"), "broken")?;
        assert_eq!(stale(&folder)?.len(), 1);
        fs::remove_dir_all(&folder)?;
        Ok(())
    }
}
