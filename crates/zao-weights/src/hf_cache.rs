//! The cache that Hugging Face's own tools keep, read and never written.
//!
//! Its layout: `models--OWNER--NAME/refs/main` holds a revision, `snapshots/REVISION/` holds links
//! named as in the repository, which lead to `blobs/`.

use std::fs;
use std::path::{Path, PathBuf};

/// The revision that a download without further words takes.
const MAIN: &str = "main";

/// The folder of `repo`'s main revision in the cache at `hub`, whether complete or not.
pub(crate) fn snapshot(hub: &Path, repo: &str) -> Option<PathBuf> {
    let model = hub.join(format!("models--{}", repo.replace('/', "--")));
    let revision = fs::read_to_string(model.join("refs").join(MAIN)).ok()?;
    let revision = revision.trim();
    // The revision becomes a path, so it must be what git calls an object name.
    if revision.is_empty() || !revision.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let snapshot = model.join("snapshots").join(revision);
    snapshot.is_dir().then_some(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_to_its_snapshot_and_nowhere_else() {
        let hub = tempfile::tempdir().expect("temporary folder");
        let model = hub.path().join("models--Owner--Name");
        fs::create_dir_all(model.join("refs")).expect("create");
        fs::create_dir_all(model.join("snapshots/abc123")).expect("create");
        assert_eq!(snapshot(hub.path(), "Owner/Name"), None, "no reference yet");

        fs::write(model.join("refs/main"), "abc123\n").expect("write");
        assert_eq!(snapshot(hub.path(), "Owner/Name"), Some(model.join("snapshots/abc123")));
        for bad in ["", "../../..", "/", "fff"] {
            fs::write(model.join("refs/main"), bad).expect("write");
            assert_eq!(snapshot(hub.path(), "Owner/Name"), None, "{bad}");
        }
    }
}
