//! How a download behaves: from where, how many at once, how patiently.
//!
//! Every setting is a value; none is read from the environment.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use super::hub::Hub;

/// A secret that a hub accepts in place of a login; never shown by `Debug`.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Wraps a token as the hub issued it.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Settings of a download.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// Where from.
    pub hub: Hub,
    /// Sent to the hub, and to no other host that it redirects to.
    pub token: Option<Token>,
    /// The address of an HTTP or SOCKS proxy; none means a direct connection.
    pub proxy: Option<String>,
    /// How many files are fetched at once.
    pub parallel: NonZeroUsize,
    /// How many tries in a row may fail before a file is given up; progress starts a new row.
    pub retries: u32,
    /// The wait after the first failure of a row; it doubles with each further one.
    pub backoff: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a server may send nothing before the connection counts as lost.
    pub stall_timeout: Duration,
    /// Tells the free bytes of the file system that holds a path.
    pub free_space: fn(&Path) -> io::Result<u64>,
}

impl PullOptions {
    /// The usual settings for `hub`: four files at once, five retries, half a minute of silence.
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self {
            hub,
            token: None,
            proxy: None,
            parallel: NonZeroUsize::new(4).expect("four is not zero"),
            retries: 5,
            backoff: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            free_space: |path| fs4::available_space(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let mut options = PullOptions::new(Hub::hugging_face());
        options.token = Some(Token::new("hf_secret"));
        assert!(!format!("{options:?}").contains("secret"));
    }
}
