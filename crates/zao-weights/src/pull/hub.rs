//! The two hubs that publish the models, and the addresses of their lists and files.
//!
//! Only strings are made here; requests and answers are elsewhere.

use super::repo_path::RepoPath;

/// A place that publishes models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hub {
    /// Hugging Face, or a mirror that speaks like it.
    HuggingFace {
        /// The address without a path, such as `https://huggingface.co`.
        endpoint: String,
    },
    /// ModelScope.
    ModelScope {
        /// The address without a path, such as `https://modelscope.cn`.
        endpoint: String,
    },
}

impl Hub {
    /// Hugging Face at its own address.
    #[must_use]
    pub fn hugging_face() -> Self {
        Self::HuggingFace { endpoint: "https://huggingface.co".to_owned() }
    }

    /// ModelScope at its own address.
    #[must_use]
    pub fn model_scope() -> Self {
        Self::ModelScope { endpoint: "https://modelscope.cn".to_owned() }
    }

    /// The address without a path, and without a slash at its end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        match self {
            Self::HuggingFace { endpoint } | Self::ModelScope { endpoint } => {
                endpoint.trim_end_matches('/')
            }
        }
    }

    /// The branch that holds the published files.
    #[must_use]
    pub fn revision(&self) -> &'static str {
        match self {
            Self::HuggingFace { .. } => "main",
            Self::ModelScope { .. } => "master",
        }
    }

    pub(super) fn listing_url(&self, repo: &str) -> String {
        let (endpoint, revision) = (self.endpoint(), self.revision());
        match self {
            Self::HuggingFace { .. } => {
                format!("{endpoint}/api/models/{repo}/tree/{revision}?recursive=true")
            }
            Self::ModelScope { .. } => {
                let query = format!("Revision={revision}&Recursive=true");
                format!("{endpoint}/api/v1/models/{repo}/repo/files?{query}")
            }
        }
    }

    pub(super) fn file_url(&self, repo: &str, path: &RepoPath) -> String {
        let (endpoint, revision) = (self.endpoint(), self.revision());
        let path = percent_encoded(path.as_str());
        match self {
            Self::HuggingFace { .. } => format!("{endpoint}/{repo}/resolve/{revision}/{path}"),
            Self::ModelScope { .. } => {
                format!("{endpoint}/models/{repo}/resolve/{revision}/{path}")
            }
        }
    }
}

/// Writes every byte that has a meaning in an address as `%XX`; slashes stay.
fn percent_encoded(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_each_hub() {
        let path = RepoPath::parse("vae/a b#?.json").expect("a safe path");
        let hub = Hub::HuggingFace { endpoint: "http://mirror:1/".into() };
        assert_eq!(
            hub.listing_url("o/n"),
            "http://mirror:1/api/models/o/n/tree/main?recursive=true"
        );
        assert_eq!(
            hub.file_url("o/n", &path),
            "http://mirror:1/o/n/resolve/main/vae/a%20b%23%3F.json"
        );
        let hub = Hub::model_scope();
        assert_eq!(
            hub.listing_url("o/n"),
            "https://modelscope.cn/api/v1/models/o/n/repo/files?Revision=master&Recursive=true"
        );
        let path = RepoPath::parse("vae/config.json").expect("a safe path");
        assert_eq!(
            hub.file_url("o/n", &path),
            "https://modelscope.cn/models/o/n/resolve/master/vae/config.json"
        );
    }
}
