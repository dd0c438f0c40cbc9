//! Links to pictures that need no token, for programs that follow one without sending any. Each is for one path and for an hour.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::rights::same;

/// How long a link holds.
const HOLDS: Duration = Duration::from_secs(60 * 60);

/// The length of a block of SHA-256.
const BLOCK: usize = 64;

/// Signs links and knows them again, until this process ends.
pub(crate) struct Links {
    secret: [u8; 32],
}

impl Links {
    /// With a secret of its own.
    ///
    /// # Errors
    /// A system that gives no random numbers.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self { secret })
    }

    /// The path with a key that stands for the token.
    pub(crate) fn sign(&self, path: &str, now: SystemTime) -> String {
        let until = seconds(now + HOLDS);
        format!("{path}?key={until}.{}", self.signature(path, until))
    }

    /// Whether a query has the key of this path, and it still holds.
    pub(super) fn opens(&self, path: &str, query: Option<&str>, now: SystemTime) -> bool {
        let pairs = query.unwrap_or_default().split('&');
        let Some(key) = pairs.filter_map(|pair| pair.strip_prefix("key=")).next() else {
            return false;
        };
        let Some((until, signature)) = key.split_once('.') else { return false };
        let Ok(until) = until.parse::<u64>() else { return false };
        same(signature, &self.signature(path, until)) && seconds(now) < until
    }

    /// HMAC-SHA256 (RFC 2104) of a path and when it ends.
    fn signature(&self, path: &str, until: u64) -> String {
        let pad = |byte: u8| {
            let mut block = [byte; BLOCK];
            block.iter_mut().zip(self.secret).for_each(|(pad, secret)| *pad ^= secret);
            Sha256::new().chain_update(block)
        };
        let inner = pad(0x36).chain_update(until.to_be_bytes()).chain_update(path).finalize();
        let outer = pad(0x5c).chain_update(inner).finalize();
        outer.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_for_one_path_and_an_hour() {
        let (links, now) = (Links::new().unwrap(), SystemTime::now());
        let link = links.sign("/v1/images/img_1", now);
        let (path, query) = link.split_once('?').unwrap();
        let opens = |path: &str, query: &str, now| links.opens(path, Some(query), now);
        assert!(opens(path, query, now) && opens(path, &format!("thumb=64&{query}"), now));
        assert!(!opens("/v1/images/img_2", query, now));
        assert!(!opens(path, query, now + HOLDS));
        let (until, signature) = query.strip_prefix("key=").unwrap().split_once('.').unwrap();
        let longer = until.parse::<u64>().unwrap() + 1;
        assert!(!opens(path, &format!("key={longer}.{signature}"), now));
        for nonsense in ["", "key=", "key=.", "key=1.", "key=x.y", "kez=1.2"] {
            assert!(!opens(path, nonsense, now), "{nonsense}");
        }
        assert!(!links.opens(path, None, now));
        assert!(!Links::new().unwrap().opens(path, Some(query), now), "another process");
    }

    #[test]
    fn signatures_are_hmac() {
        // From Python: hmac.new(bytes(range(32)), (7).to_bytes(8, "big") + b"/a", "sha256").hexdigest()
        let secret = std::array::from_fn(|at| at as u8);
        let expected = "c130237c494d588beed791d4ec029ac9960b70e840e0fe0b25941acf7ad9d7e6";
        assert_eq!(Links { secret }.signature("/a", 7), expected);
    }
}
