//! Bytes that travel behind a message; in the message's JSON stands only how many they are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes beside a message: a picture.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// How many are to come, in a message that was read so far without them.
    announced: u64,
    bytes: Vec<u8>,
}

impl Attachment {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes stand behind the message.
    pub(super) fn announced(&self) -> u64 {
        self.announced
    }

    pub(super) fn fill(&mut self, bytes: Vec<u8>) {
        *self = bytes.into();
    }
}

impl From<Vec<u8>> for Attachment {
    fn from(bytes: Vec<u8>) -> Self {
        Self { announced: bytes.len() as u64, bytes }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachment({} bytes)", self.announced)
    }
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.announced)
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { announced: u64::deserialize(deserializer)?, bytes: Vec::new() })
    }
}
