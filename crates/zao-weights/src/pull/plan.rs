//! Which files a model needs, and which of them are here already.
//!
//! Files that another place on this machine holds are linked; nothing is transferred.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::checksum::Checksum;
use super::error::PullError;
use super::event::PullEvent;
use super::listing::RemoteFile;
use super::partial::BLOCK;
use super::repo_path::RepoPath;
use super::session::Session;
use super::work::{Note, WorkFolder, create_parent};
use crate::folder::is_text;
use crate::part::PartName;

/// A file to be fetched.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) file: RemoteFile,
    pub(super) url: String,
    /// A file of this machine that may have the same content, but could not be linked.
    pub(super) local: Option<PathBuf>,
}

/// What there is to do, the largest file first.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) pieces: Vec<Piece>,
    /// Bytes of the model that are here.
    pub(super) already: u64,
    /// Bytes that will be written.
    pub(super) needed: u64,
}

impl Plan {
    /// Looks at what is here; `places` are folders that may hold some of the files.
    pub(super) fn make(
        session: &Session<'_>,
        work: &WorkFolder,
        files: &[RemoteFile],
        places: &[PathBuf],
    ) -> Result<Self, PullError> {
        let mut plan = Self { pieces: Vec::new(), already: 0, needed: 0 };
        for file in files {
            let local = match work.is_done(file) {
                true => Local::Here,
                false => adopt(session, work, file, places)?,
            };
            if let Local::Here = local {
                plan.already += file.size;
                continue;
            }
            let under_way = work.under_way(file);
            plan.already += under_way;
            plan.needed = plan.needed.saturating_add(file.size - under_way);
            plan.pieces.push(Piece {
                file: file.clone(),
                url: session.url(&file.path),
                local: local.into_path(),
            });
        }
        plan.pieces.sort_by_key(|piece| std::cmp::Reverse(piece.file.size));
        Ok(plan)
    }
}

/// Where a file is on this machine.
enum Local {
    /// In the work folder, verified.
    Here,
    /// Elsewhere, verified, on another file system.
    Elsewhere(PathBuf),
    Nowhere,
}

impl Local {
    fn into_path(self) -> Option<PathBuf> {
        match self {
            Self::Elsewhere(path) => Some(path),
            Self::Here | Self::Nowhere => None,
        }
    }
}

/// Looks for a file with the right content in `places`, and links it into the work folder.
fn adopt(
    session: &Session<'_>,
    work: &WorkFolder,
    file: &RemoteFile,
    places: &[PathBuf],
) -> Result<Local, PullError> {
    for place in places {
        // A cache holds links to its blobs; a hard link must be to the blob itself.
        let Ok(path) = fs::canonicalize(file.path.below(place)) else { continue };
        if !has_content(session, file, &path)? {
            continue;
        }
        let target = work.target(&file.path);
        create_parent(&target)?;
        // A file of this name may be left from an older state of the repository.
        let _ = fs::remove_file(&target);
        if fs::hard_link(&path, &target).is_err() {
            return Ok(Local::Elsewhere(path));
        }
        work.write_note(&file.path, &Note::new(file))?;
        return Ok(Local::Here);
    }
    Ok(Local::Nowhere)
}

/// Whether the file at `path` is what the hub lists; a file that cannot be read is not.
fn has_content(session: &Session<'_>, file: &RemoteFile, path: &Path) -> Result<bool, PullError> {
    let has_size = fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() == file.size);
    if !has_size || file.checksum == Checksum::Unknown {
        return Ok(false);
    }
    let Ok(mut content) = File::open(path) else { return Ok(false) };
    session.watch.tell(PullEvent::Verifying { path: file.path.as_str() });
    let mut hasher = file.checksum.start(file.size);
    let mut block = vec![0; BLOCK];
    loop {
        session.check_running()?;
        match content.read(&mut block) {
            Ok(0) => return Ok(hasher.finish() == file.checksum),
            Ok(got) => hasher.update(&block[..got]),
            Err(_) => return Ok(false),
        }
    }
}

/// Whether a model needs the file: configurations, the tokenizer, and unvaried weights.
pub(super) fn is_needed(path: &RepoPath) -> bool {
    let path = path.as_str();
    let weights = || {
        let (folder, name) = path.split_once('/')?;
        let stem = name.strip_suffix(".safetensors")?;
        PartName::ALL.into_iter().find(|part| part.folder() == folder && is_weight(*part, stem))
    };
    is_text(path) || weights().is_some()
}

/// A single file or a shard; a variant such as `model.fp16` holds the same weights once more.
fn is_weight(part: PartName, stem: &str) -> bool {
    let single = part.single_file().trim_end_matches(".safetensors");
    stem.strip_prefix(single).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_draws_pictures_is_needed() {
        let needed = |path| is_needed(&RepoPath::parse(path).expect("a safe path"));
        for path in [
            "model_index.json",
            "scheduler/scheduler_config.json",
            "tokenizer/merges.txt",
            "tokenizer/chat_template.jinja",
            "text_encoder/model-00001-of-00003.safetensors",
            "text_encoder/model.safetensors.index.json",
            "transformer/diffusion_pytorch_model.safetensors",
        ] {
            assert!(needed(path), "{path}");
        }
        for path in [
            "README.md",
            "assets/showcase.jpg",
            "assets/model_index.json",
            "transformer/diffusion_pytorch_model.fp16.safetensors",
            "transformer/diffusion_pytorch_model.bin",
            "transformer/old/config.json",
            "tokenizer/model.safetensors",
            "z_image_turbo.safetensors",
        ] {
            assert!(!needed(path), "{path}");
        }
    }
}
