//! Requests to a hub, and which of their failures another try may mend.
//!
//! One request at a time; trying again is for the caller.

use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::Response;
use ureq::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, HeaderName, IF_RANGE, LINK, RANGE, RETRY_AFTER,
};
use ureq::{Agent, Body, Proxy};

use super::error::PullError;
use super::options::{PullOptions, Token};

/// No list of files is longer than this, in bytes.
const LONGEST_LIST: u64 = 16 << 20;

/// How an attempt failed.
pub(super) enum Failure {
    /// Nothing will help.
    Fatal(PullError),
    /// The same request may succeed later; the server may have said when.
    Again { reason: String, after: Option<Duration> },
    /// What came is wrong; only fetching everything anew may help.
    Wrong(PullError),
}

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        Self::Fatal(error)
    }
}

impl Failure {
    pub(super) fn again(reason: impl Into<String>) -> Self {
        Self::Again { reason: reason.into(), after: None }
    }
}

/// A page of a list, and the address of the next one.
pub(super) struct ListPage {
    pub(super) content: Vec<u8>,
    pub(super) next: Option<String>,
}

/// A connection to one hub.
pub(super) struct Client {
    agent: Agent,
    token: Option<Token>,
    endpoint: String,
}

impl Client {
    pub(super) fn new(options: &PullOptions) -> Result<Self, PullError> {
        let endpoint = options.hub.endpoint().to_owned();
        let proxy = options.proxy.as_deref().map(|url| {
            Proxy::new(url)
                .map_err(|e| PullError::Address { url: url.to_owned(), reason: e.to_string() })
        });
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(endpoint.starts_with("https:"))
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .proxy(proxy.transpose()?)
            .user_agent(concat!("zao/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_recv_response(Some(options.stall_timeout))
            .timeout_per_read(Some(options.stall_timeout))
            .timeout_per_write(Some(options.stall_timeout))
            .build()
            .into();
        Ok(Self { agent, token: options.token.clone(), endpoint })
    }

    /// Reads one page of a list.
    pub(super) fn list(&self, url: &str) -> Result<ListPage, Failure> {
        let mut response = self.get(url, &[])?;
        let next = text(&response, &LINK).and_then(next_page).map(str::to_owned);
        let body = response.body_mut().with_config().limit(LONGEST_LIST);
        let content = body.read_to_vec().map_err(|error| failure(url, &error))?;
        // A mirror may point back at the original; the token must not follow there.
        let next = next.filter(|next| next.starts_with(&format!("{}/", self.endpoint)));
        Ok(ListPage { content, next })
    }

    /// Asks for a file from the byte `from` on, provided that it is still the one with `etag`.
    pub(super) fn file(
        &self,
        url: &str,
        from: u64,
        etag: Option<&str>,
    ) -> Result<Response<Body>, Failure> {
        if from == 0 {
            return self.get(url, &[]);
        }
        let range = format!("bytes={from}-");
        match etag {
            Some(etag) => self.get(url, &[(RANGE, &range), (IF_RANGE, etag)]),
            None => self.get(url, &[(RANGE, &range)]),
        }
    }

    fn get(&self, url: &str, headers: &[(HeaderName, &str)]) -> Result<Response<Body>, Failure> {
        // A compressed answer would have neither the length nor the offsets that were listed.
        let mut request = self.agent.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.header());
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let response = request.call().map_err(|error| failure(url, &error))?;
        refuse_status(url, &response)?;
        Ok(response)
    }
}

/// The value of a header, if it is there and is text.
pub(super) fn text<'a>(response: &'a Response<Body>, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn refuse_status(url: &str, response: &Response<Body>) -> Result<(), Failure> {
    let (status, url) = (response.status().as_u16(), url.to_owned());
    match status {
        200 | 206 => Ok(()),
        401 | 403 => Err(PullError::Denied { url, status }.into()),
        404 | 410 => Err(PullError::NotFound { url }.into()),
        408 | 425 | 429 | 500..=599 => {
            let after = text(response, &RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
            let reason = format!("the server answered with status {status}");
            Err(Failure::Again { reason, after: after.map(Duration::from_secs) })
        }
        // What is here already does not fit what the server has.
        416 => Err(Failure::Wrong(PullError::Status { url, status })),
        _ => Err(PullError::Status { url, status }.into()),
    }
}

fn failure(url: &str, error: &ureq::Error) -> Failure {
    use ureq::Error::{
        BadUri, BodyExceedsLimit, Http, InvalidProxyUrl, RequireHttpsOnly, TooManyRedirects,
    };
    let reason = error.to_string();
    match error {
        BadUri(_) | Http(_) | InvalidProxyUrl | RequireHttpsOnly(_) | TooManyRedirects => {
            PullError::Address { url: url.to_owned(), reason }.into()
        }
        BodyExceedsLimit(_) => PullError::Listing { url: url.to_owned(), reason }.into(),
        _ => Failure::again(reason),
    }
}

/// The address behind `rel="next"` in a `Link` header.
fn next_page(link: &str) -> Option<&str> {
    let entry = link.split(',').find(|entry| entry.contains("rel=\"next\""))?;
    let (_, rest) = entry.split_once('<')?;
    rest.split_once('>').map(|(url, _)| url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        let link = r#"<http://h/a>; rel="prev", <http://h/b?cursor=x>; rel="next""#;
        assert_eq!(next_page(link), Some("http://h/b?cursor=x"));
        assert_eq!(next_page(r#"<http://h/a>; rel="prev""#), None);
    }
}
