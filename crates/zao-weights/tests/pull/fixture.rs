//! A small published model, a hub that serves it, and a store that fetches it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use tempfile::TempDir;
use zao_weights::{
    Hub, Installed, KnownModel, PullError, PullEvent, PullOptions, Store, Watch, pull,
};

use crate::server::{Reply, Request, Server};

pub(crate) const SHARD: &str = "transformer/diffusion_pytorch_model-00001-of-00002.safetensors";

/// The size of the large shard's only tensor in bytes: several blocks and a bit.
const LARGE: usize = 700_004;

pub(crate) fn turbo() -> &'static KnownModel {
    KnownModel::find("z-image-turbo").expect("a known model")
}

/// A published model: path and content of each file.
#[derive(Clone)]
pub(crate) struct Repo(pub(crate) BTreeMap<String, Vec<u8>>);

impl Repo {
    pub(crate) fn new() -> Self {
        let component = json!(["library", "Class"]);
        let index = json!({
            "_class_name": "ZImagePipeline", "scheduler": component, "text_encoder": component,
            "tokenizer": component, "transformer": component, "vae": component,
        });
        let shards = json!({ "weight_map": {
            "a": "diffusion_pytorch_model-00001-of-00002.safetensors",
            "b": "diffusion_pytorch_model-00002-of-00002.safetensors",
        }});
        let files: [(&str, Vec<u8>); 13] = [
            ("README.md", b"# A model".to_vec()),
            ("assets/picture.png", vec![7; 5000]),
            ("model_index.json", index.to_string().into_bytes()),
            ("scheduler/scheduler_config.json", b"{}".to_vec()),
            ("tokenizer/tokenizer.json", b"{\"model\":{}}".to_vec()),
            ("text_encoder/config.json", b"{}".to_vec()),
            ("text_encoder/model.safetensors", weights("norm.weight", 400)),
            ("transformer/config.json", b"{\"dim\":256}".to_vec()),
            (
                "transformer/diffusion_pytorch_model.safetensors.index.json",
                shards.to_string().into_bytes(),
            ),
            (SHARD, weights("a", LARGE)),
            (
                "transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
                weights("b", 120_000),
            ),
            ("vae/config.json", b"{}".to_vec()),
            ("vae/diffusion_pytorch_model.safetensors", weights("conv", 2000)),
        ];
        Self(files.into_iter().map(|(path, content)| (path.to_owned(), content)).collect())
    }

    pub(crate) fn file(&self, path: &str) -> &[u8] {
        &self.0[path]
    }

    /// The paths that a model needs.
    pub(crate) fn needed(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.0.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
        files.filter(|(path, _)| !path.starts_with("README") && !path.starts_with("assets"))
    }

    /// The list of files as Hugging Face gives it.
    pub(crate) fn hugging_face_list(&self) -> Value {
        let file = |(path, content): (&String, &Vec<u8>)| {
            let mut sha1 = Sha1::new_with_prefix(format!("blob {}\0", content.len()));
            sha1.update(content);
            let mut entry = json!({
                "type": "file", "path": path, "size": content.len(), "oid": hex(&sha1.finalize()),
            });
            if path.ends_with(".safetensors") {
                entry["lfs"] = json!({ "oid": sha256(content), "size": content.len() });
            }
            entry
        };
        let folder = json!({ "type": "directory", "path": "vae", "size": 0, "oid": "" });
        self.0.iter().map(file).chain([folder]).collect()
    }

    /// The list of files as ModelScope gives it.
    pub(crate) fn model_scope_list(&self) -> Value {
        let file = |(path, content): (&String, &Vec<u8>)| {
            let sha = if path.ends_with(".safetensors") { sha256(content) } else { String::new() };
            json!({ "Path": path, "Type": "blob", "Size": content.len(), "Sha256": sha })
        };
        let files: Vec<Value> = self.0.iter().map(file).collect();
        json!({ "Code": 200, "Success": true, "Data": { "Files": files } })
    }

    /// A well-behaved answer, in the layout of either hub.
    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let target = request.target.as_str();
        if target == "/api/models/Tongyi-MAI/Z-Image-Turbo/tree/main?recursive=true" {
            return Reply::new(200, self.hugging_face_list().to_string());
        }
        let query = "Revision=master&Recursive=true";
        if target == format!("/api/v1/models/Tongyi-MAI/Z-Image-Turbo/repo/files?{query}") {
            return Reply::new(200, self.model_scope_list().to_string());
        }
        let path = target
            .strip_prefix("/Tongyi-MAI/Z-Image-Turbo/resolve/main/")
            .or_else(|| target.strip_prefix("/models/Tongyi-MAI/Z-Image-Turbo/resolve/master/"));
        match path.and_then(|path| self.0.get(path)) {
            Some(content) => ranged(request, content),
            None => Reply::new(404, "no such thing"),
        }
    }

    /// A server that answers well, except where `twist` gives another answer.
    ///
    /// `twist` gets the request, how often its address was asked for before, and the good answer.
    pub(crate) fn serve(
        self,
        twist: impl Fn(&Request, usize, Reply) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let counts = Mutex::new(BTreeMap::<String, usize>::new());
        Server::start(move |request| {
            let nth = {
                let mut counts = counts.lock().expect("no test thread panicked");
                let count = counts.entry(request.target.clone()).or_default();
                *count += 1;
                *count - 1
            };
            twist(request, nth, self.answer(request))
        })
    }
}

/// The content from the byte asked for, with a strong tag.
fn ranged(request: &Request, content: &[u8]) -> Reply {
    let tag = format!("\"{}\"", &sha256(content)[..16]);
    let is_same = request.header("if-range").is_none_or(|wanted| wanted == tag);
    match request.range().filter(|&from| is_same && from < content.len()) {
        None => Reply::new(200, content),
        Some(from) => Reply::new(206, &content[from..])
            .with("Content-Range", format!("bytes {from}-{}/{}", content.len() - 1, content.len())),
    }
    .with("ETag", tag)
}

/// A store in a temporary folder, and settings that do not wait long.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) store: Store,
    pub(crate) options: PullOptions,
}

impl Place {
    /// A place that fetches from a server in the layout of Hugging Face.
    pub(crate) fn new(server: &Server) -> Self {
        Self::with_hub(Hub::HuggingFace { endpoint: server.url() })
    }

    pub(crate) fn with_hub(hub: Hub) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let store = Store::new(folder.path().join("models"));
        let mut options = PullOptions::new(hub);
        options.backoff = Duration::from_millis(1);
        options.stall_timeout = Duration::from_secs(5);
        options.retries = 3;
        Self { folder, store, options }
    }

    /// The same place, with a Hugging Face cache; gives the cache's folder.
    pub(crate) fn add_cache(&mut self) -> PathBuf {
        let hub = self.folder.path().join("hub");
        self.store = self.store.clone().with_hugging_face_cache(&hub);
        hub
    }

    pub(crate) fn pull(&self) -> Result<Installed, PullError> {
        self.pull_watched(&|_| {}, &AtomicBool::new(false))
    }

    /// Fetches until `bytes` are here, and stops there as a killed process would.
    pub(crate) fn pull_until(&self, bytes: u64) -> PullError {
        let cancel = AtomicBool::new(false);
        let stop = |event: PullEvent<'_>| {
            if matches!(event, PullEvent::Progress { done } if done >= bytes) {
                cancel.store(true, Ordering::Relaxed);
            }
        };
        self.pull_watched(&stop, &cancel).expect_err("stopped in the middle")
    }

    pub(crate) fn pull_watched(
        &self,
        on_event: &(dyn Fn(PullEvent<'_>) + Sync),
        cancel: &AtomicBool,
    ) -> Result<Installed, PullError> {
        pull(&self.store, turbo(), &self.options, Watch { on_event, cancel })
    }

    /// Fails unless nothing looks installed.
    pub(crate) fn assert_nothing_installed(&self) {
        assert_eq!(self.store.installed().expect("a readable store"), []);
        assert!(!self.store.root().join(turbo().name).exists());
    }
}

/// Fails unless the folder holds exactly what `repo` has of a model, byte for byte.
pub(crate) fn assert_same(folder: &Path, repo: &Repo) {
    for (path, content) in repo.needed() {
        let found = fs::read(folder.join(path)).expect(path);
        assert!(found == content, "{path} differs");
    }
    assert!(!folder.join("README.md").exists() && !folder.join("assets").exists());
    assert!(!folder.join(".download").exists(), "the download's own files stayed behind");
}

/// A safetensors file with one tensor of so many bytes.
fn weights(name: &str, bytes: usize) -> Vec<u8> {
    let entry = json!({ "dtype": "F32", "shape": [bytes / 4], "data_offsets": [0, bytes] });
    let header = json!({ name: entry }).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    // Every stretch of the content is different, so that misplaced bytes are noticed.
    file.extend((0..bytes as u64).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8));
    file
}

pub(crate) fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
