//! Which server is measured, and how to reach it. Connections are made in [`crate::http`].

use std::net::IpAddr;
use std::path::PathBuf;

use crate::{Error, Result};

/// A server, by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether to speak TLS.
    pub(crate) secure: bool,
    /// Name or address, an IPv6 address without its brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// What stands before every path: empty, or from `/` on without one at its end.
    pub(crate) prefix: String,
    /// What is sent as `Authorization: Bearer`.
    pub(crate) token: Option<String>,
    /// Whose certificates are taken.
    pub(crate) trust: Trust,
}

/// Whose certificates are taken, where TLS is spoken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Trust {
    /// Those of the authorities that Mozilla trusts.
    #[default]
    Public,
    /// Theirs, and those of the authorities in this PEM file.
    Also(PathBuf),
    /// Any: whoever stands between may read and change everything. For servers of one's own.
    Anybody,
}

impl Target {
    /// Reads an address such as `http://host:7860` or `https://example.org/sd`.
    ///
    /// # Errors
    /// [`Error::Url`] when there is no host in it, or another scheme than http and https.
    pub fn parse(url: &str) -> Result<Self> {
        let wrong = |reason| Error::Url { url: url.to_owned(), reason };
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("only http and https are spoken")),
        };
        let (authority, prefix) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if prefix.contains(['?', '#', ' ']) {
            return Err(wrong("a query or fragment does not belong into it"));
        }
        if authority.contains('@') {
            return Err(wrong("user names are not sent; give a token instead"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| wrong("its port is no number"))?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(wrong("it names no host"));
        }
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        let prefix = prefix.trim_end_matches('/').to_owned();
        Ok(Self { secure, host: host.to_owned(), port, prefix, token: None, trust: Trust::Public })
    }

    /// The same server, with what it wants to see before it draws.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// The same server, taken for what it is by these certificates.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// Whether it is a server of this machine, by an address that only this machine has.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let address: std::result::Result<IpAddr, _> = self.host.parse();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// What stands in the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let default = if self.secure { 443 } else { 80 };
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }

    /// Where a path that the server named lies on it: `None` if it is on another server.
    pub(crate) fn path_of(&self, url: &str) -> Option<String> {
        match Self::parse(url) {
            Ok(other) if url.contains("://") => {
                let same =
                    (other.secure, &other.host, other.port) == (self.secure, &self.host, self.port);
                same.then(|| if other.prefix.is_empty() { "/".to_owned() } else { other.prefix })
            }
            _ if url.starts_with('/') => Some(format!("{}{url}", self.prefix)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

/// Host and port of an authority; `None` when what stands for the port is none.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        return Some((host, port));
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (url, written) in [
            ("127.0.0.1:7860", "http://127.0.0.1:7860"),
            ("localhost:7860", "http://localhost:7860"),
            ("http://host/", "http://host"),
            ("https://host:443/sd/", "https://host/sd"),
            ("https://host:8443", "https://host:8443"),
            ("http://[::1]:7860", "http://[::1]:7860"),
        ] {
            assert_eq!(Target::parse(url).unwrap().to_string(), written);
        }
    }

    #[test]
    fn a_server_of_this_machine_is_told_from_others() {
        for (url, local) in [
            ("http://localhost:7860", true),
            ("127.0.0.2:7860", true),
            ("http://[::1]:7860", true),
            ("http://10.0.0.1:7860", false),
            ("http://localhost.example.org", false),
        ] {
            assert_eq!(Target::parse(url).unwrap().is_local(), local, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for url in ["", "ftp://host", "http://", "http://a b", "http://h:port", "http://u@h", "h?x"]
        {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:7860"), "{url}: {error}");
        }
    }

    #[test]
    fn pictures_are_fetched_from_the_same_server_only() {
        let target = Target::parse("http://host:1/sd").unwrap();
        assert_eq!(target.path_of("/images/1"), Some("/sd/images/1".into()));
        assert_eq!(target.path_of("http://host:1/images/1"), Some("/images/1".into()));
        assert_eq!(target.path_of("http://other:1/images/1"), None);
        assert_eq!(target.path_of("images/1"), None);
    }
}
