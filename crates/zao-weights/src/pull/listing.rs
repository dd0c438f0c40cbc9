//! What a hub says that a repository holds, in the words of either hub.
//!
//! Answers are taken as hostile: every path is checked, nothing is trusted to be complete.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::checksum::Checksum;
use super::error::PullError;
use super::hub::Hub;
use super::repo_path::RepoPath;

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RemoteFile {
    pub(super) path: RepoPath,
    pub(super) size: u64,
    pub(super) checksum: Checksum,
}

/// One page of a list of files.
pub(super) struct Page<'a> {
    pub(super) hub: &'a Hub,
    pub(super) url: &'a str,
    pub(super) content: &'a [u8],
}

#[derive(Deserialize)]
struct HuggingFaceEntry {
    r#type: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<HuggingFaceLfs>,
}

#[derive(Deserialize)]
struct HuggingFaceLfs {
    oid: String,
    size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModelScopeAnswer {
    #[serde(default)]
    message: Option<String>,
    data: Option<ModelScopeData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModelScopeData {
    files: Vec<ModelScopeEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModelScopeEntry {
    r#type: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    sha256: Option<String>,
}

impl Page<'_> {
    /// Parses the page and adds its files, but not its folders, to `files`.
    pub(super) fn read_into(
        &self,
        files: &mut BTreeMap<RepoPath, RemoteFile>,
    ) -> Result<(), PullError> {
        let listed = match self.hub {
            Hub::HuggingFace { .. } => self.hugging_face()?,
            Hub::ModelScope { .. } => self.model_scope()?,
        };
        for file in listed {
            if let Some(twice) = files.insert(file.path.clone(), file) {
                return Err(self.refused(format!("{} is listed twice", twice.path)));
            }
        }
        Ok(())
    }

    fn hugging_face(&self) -> Result<Vec<RemoteFile>, PullError> {
        let entries: Vec<HuggingFaceEntry> = self.json()?;
        let file = |entry: HuggingFaceEntry| {
            let path = RepoPath::parse(&entry.path)?;
            let (size, checksum) = match entry.lfs {
                Some(lfs) => (lfs.size, Checksum::sha256(&lfs.oid)),
                None => (entry.size, Checksum::git_blob(&entry.oid)),
            };
            let checksum = checksum.ok_or_else(|| self.bad_checksum(&path))?;
            Ok(RemoteFile { path, size, checksum })
        };
        entries.into_iter().filter(|entry| entry.r#type == "file").map(file).collect()
    }

    fn model_scope(&self) -> Result<Vec<RemoteFile>, PullError> {
        let answer: ModelScopeAnswer = self.json()?;
        let Some(data) = answer.data else {
            return Err(self.refused(answer.message.unwrap_or_else(|| "it is empty".to_owned())));
        };
        let file = |entry: ModelScopeEntry| {
            let path = RepoPath::parse(&entry.path)?;
            let checksum = match entry.sha256.as_deref() {
                None | Some("") => Checksum::Unknown,
                Some(hex) => Checksum::sha256(hex).ok_or_else(|| self.bad_checksum(&path))?,
            };
            Ok(RemoteFile { path, size: entry.size, checksum })
        };
        data.files.into_iter().filter(|entry| entry.r#type == "blob").map(file).collect()
    }

    fn json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, PullError> {
        serde_json::from_slice(self.content).map_err(|error| self.refused(error.to_string()))
    }

    fn bad_checksum(&self, path: &RepoPath) -> PullError {
        self.refused(format!("the checksum of {path} is malformed"))
    }

    fn refused(&self, reason: String) -> PullError {
        PullError::Listing { url: self.url.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hub: &Hub, content: &str) -> Result<Vec<RemoteFile>, PullError> {
        let mut files = BTreeMap::new();
        let page = Page { hub, url: "http://hub/list", content: content.as_bytes() };
        page.read_into(&mut files)?;
        Ok(files.into_values().collect())
    }

    #[test]
    fn hugging_face_lists_large_and_small_files() {
        let (sha, git) = ("ab".repeat(32), "cd".repeat(20));
        let content = format!(
            r#"[{{"type":"directory","oid":"{git}","size":0,"path":"vae"}},
                {{"type":"file","oid":"{git}","size":9,"path":"vae/config.json"}},
                {{"type":"file","oid":"{git}","size":70,"path":"vae/w.safetensors",
                  "lfs":{{"oid":"{sha}","size":70,"pointerSize":134}},"xetHash":"00"}}]"#
        );
        let files = read(&Hub::hugging_face(), &content).expect("a list");
        assert_eq!(files.len(), 2, "the folder is no file");
        assert_eq!((files[0].size, &files[0].checksum), (9, &Checksum::GitBlob(git)));
        assert_eq!((files[1].size, &files[1].checksum), (70, &Checksum::Sha256(sha)));
    }

    #[test]
    fn model_scope_lists_files_and_says_why_not() {
        let sha = "ef".repeat(32);
        let content = format!(
            r#"{{"Code":200,"Success":true,"Data":{{"Files":[
                {{"Name":"vae","Path":"vae","Type":"tree","Size":0}},
                {{"Name":"w","Path":"vae/w.safetensors","Type":"blob","Size":7,"Sha256":"{sha}"}},
                {{"Name":"c","Path":"vae/c.json","Type":"blob","Size":3,"Sha256":""}}]}}}}"#
        );
        let files = read(&Hub::model_scope(), &content).expect("a list");
        let sums: Vec<_> = files.iter().map(|f| (f.size, f.checksum.clone())).collect();
        assert_eq!(sums, [(3, Checksum::Unknown), (7, Checksum::Sha256(sha))]);

        let refusal = r#"{"Code":404,"Success":false,"Message":"no such model","Data":null}"#;
        let text = read(&Hub::model_scope(), refusal).expect_err("refused").to_string();
        assert!(text.contains("no such model"), "{text}");
    }

    #[test]
    fn lists_that_cannot_be_meant_are_refused() {
        let hub = Hub::hugging_face();
        let entry = |path: &str| {
            format!(r#"{{"type":"file","oid":"{}","size":1,"path":"{path}"}}"#, "0".repeat(40))
        };
        let hostile = format!("[{}]", entry("../../.bashrc"));
        assert!(matches!(read(&hub, &hostile), Err(PullError::HostilePath { .. })));
        let twice = format!("[{},{}]", entry("a"), entry("a"));
        assert!(matches!(read(&hub, &twice), Err(PullError::Listing { .. })));
        for bad in ["", "{}", "[1]", r#"[{"type":"file","oid":"x","size":1,"path":"a"}]"#] {
            assert!(matches!(read(&hub, bad), Err(PullError::Listing { .. })), "{bad}");
        }
        let negative = r#"[{"type":"file","oid":"0","size":-1,"path":"a"}]"#;
        assert!(matches!(read(&hub, negative), Err(PullError::Listing { .. })));
    }
}
