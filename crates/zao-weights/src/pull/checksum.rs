//! Checksums as hubs publish them, computed while bytes pass by.
//!
//! Large files come with a SHA-256; small ones on Hugging Face only with git's name of the blob.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What a file's content must come to, in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Checksum {
    Sha256(String),
    /// SHA-1 over `blob LENGTH\0` and the content.
    GitBlob(String),
    /// The hub publishes none; only the size can be verified.
    Unknown,
}

impl Checksum {
    pub(super) fn sha256(hex: &str) -> Option<Self> {
        is_hex(hex, 64).then(|| Self::Sha256(hex.to_ascii_lowercase()))
    }

    pub(super) fn git_blob(hex: &str) -> Option<Self> {
        is_hex(hex, 40).then(|| Self::GitBlob(hex.to_ascii_lowercase()))
    }

    /// Starts to check a content of `size` bytes.
    pub(super) fn start(&self, size: u64) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Self::GitBlob(_) => {
                Hasher::GitBlob(Sha1::new_with_prefix(format!("blob {size}\0").as_bytes()))
            }
            Self::Unknown => Hasher::Unknown,
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(hex) => write!(f, "sha256:{hex}"),
            Self::GitBlob(hex) => write!(f, "git:{hex}"),
            Self::Unknown => Ok(()),
        }
    }
}

/// A checksum of the bytes so far.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha256(Sha256),
    GitBlob(Sha1),
    Unknown,
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::GitBlob(hasher) => hasher.update(bytes),
            Self::Unknown => {}
        }
    }

    pub(super) fn finish(self) -> Checksum {
        match self {
            Self::Sha256(hasher) => Checksum::Sha256(hex(&hasher.finalize())),
            Self::GitBlob(hasher) => Checksum::GitBlob(hex(&hasher.finalize())),
            Self::Unknown => Checksum::Unknown,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("writing to a string cannot fail");
        out
    })
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_contents_have_known_checksums() {
        // `printf 'hello\n' | git hash-object --stdin` and `| sha256sum`.
        let git =
            Checksum::git_blob("ce013625030ba8dba906f756967f9e9ca394464a").expect("40 digits");
        let sha = "5891B5B522D5DF086D0FF0B110FBD9D21BB4FC7163AF34D08286A2E846F6BE03";
        let sha = Checksum::sha256(sha).expect("64 digits");
        for checksum in [git, sha, Checksum::Unknown] {
            let mut hasher = checksum.start(6);
            hasher.update(b"hel");
            hasher.update(b"lo\n");
            assert_eq!(hasher.finish(), checksum);
        }
    }

    #[test]
    fn what_is_no_checksum_is_refused() {
        assert_eq!(Checksum::sha256("abc"), None);
        assert_eq!(Checksum::git_blob(&"g".repeat(40)), None);
    }
}
