//! Whose a job is, and which way it came: what is kept of a sender. Who may do what with it is NOT decided here.

use sha2::{Digest, Sha256};

/// Somebody who can show the same key again. Only a hash of the key is kept, so that nobody who reads the database can be them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(String);

impl Owner {
    /// Whoever has this key.
    #[must_use]
    pub fn with_key(key: &str) -> Self {
        let hash = Sha256::new().chain_update("zao: who sent a job\n").chain_update(key).finalize();
        Self(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(text: String) -> Self {
        Self(text)
    }
}

/// The family of routes that a job came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Via {
    /// The server's own.
    #[default]
    Native,
    /// That of OpenAI's clients.
    OpenAi,
    /// That of AUTOMATIC1111's.
    A1111,
}

impl Via {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::OpenAi => "openai",
            Self::A1111 => "a1111",
        }
    }
}

/// Who sent a job, beside the client that it is counted for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sender {
    /// Whoever showed a key; `None` for somebody who cannot be told from others.
    pub owner: Option<Owner>,
    /// Which way it came.
    pub via: Via,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_owner_and_cannot_be_read_back() {
        let key = "a-key-of-sixteen";
        assert_eq!(Owner::with_key(key), Owner::with_key(key));
        assert_ne!(Owner::with_key(key), Owner::with_key("a-key-of-sixteeN"));
        assert!(!Owner::with_key(key).as_str().contains(key));
        assert_eq!(Owner::with_key(key).as_str().len(), 64);
    }
}
