//! How the server is to be, as values. Where they come from (flags, a file, the environment) is not known here.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use zao_api::Priority;
use zao_queue::Limits;

use crate::crew::CrewSettings;

/// How the server is to be.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where jobs and pictures are kept.
    pub folder: PathBuf,
    /// What clients have to show, if anything.
    pub token: Option<String>,
    /// What whoever runs the server has to show for what is only theirs. Without one, it is enough to ask from the same machine.
    pub admin_token: Option<String>,
    /// Pages of other origins that may use it, as `https://studio.example`; none by default.
    pub origins: Vec<String>,
    /// Names that it is reached under, beside its addresses and `localhost`. Without a token others are refused.
    pub host_names: Vec<String>,
    /// What clients know it as, as `https://pictures.example`, where that is not what they ask for: links begin with it.
    pub public_url: Option<String>,
    /// Reverse proxies in front of it: what they say of who asked (`X-Forwarded-For`) is believed.
    pub proxies: Vec<IpAddr>,
    /// A folder with the page, in place of the one that is built in: for whoever works on it.
    pub page: Option<PathBuf>,
    /// How much is taken on and kept.
    pub ledger: Limits,
    /// How much a request may ask for.
    pub request: RequestLimits,
    /// How long running jobs have to finish when the server is told to stop.
    pub drain: Duration,
    /// Who draws.
    pub workers: CrewSettings,
    /// Whether the log tells what clients want drawn.
    pub log_prompts: bool,
}

/// How much a request may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestLimits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Characters of a prompt.
    pub prompt_characters: usize,
    /// Pixels of a picture.
    pub pixels: u64,
    /// Pictures of a request.
    pub count: u32,
    /// Steps of a picture.
    pub steps: u32,
    /// Previews of a picture.
    pub previews: u32,
    /// How long a job may take from its start, unless it asks for less.
    pub deadline: Duration,
    /// The highest priority that clients may ask for.
    pub priority: Priority,
    /// Clients that may listen to events at the same time, where that many files may be open.
    pub listeners: usize,
    /// Requests of one client in a minute that make jobs; `None` for any number. Others have a larger allowance of their own.
    pub rate: Option<u32>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            prompt_characters: 8000,
            pixels: 2048 * 2048,
            count: 16,
            steps: 100,
            previews: 8,
            deadline: Duration::from_secs(300),
            priority: Priority::High,
            listeners: 4096,
            rate: None,
        }
    }
}
