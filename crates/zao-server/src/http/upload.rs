//! The bytes of a request, which have to come and to end: within the limit that the router sets, and no slower than a bad line. What they
//! mean is read in [`super::read`].

use std::time::Duration;

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header;
use http_body_util::{BodyExt, LengthLimitError};
use tokio::time::{Instant, timeout_at};

use super::{Code, Refusal, Result};

/// How slowly a body may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Haste {
    /// Time that every body has.
    pub(crate) grace: Duration,
    /// Bytes a second that it has to come at beyond that.
    pub(crate) rate: u64,
}

impl Haste {
    /// A picture of 20 MB in Base64 comes in time over a line of 1 Mbit/s; whoever sends a byte now and then is let go soon.
    pub(crate) const USUAL: Self = Self { grace: Duration::from_secs(20), rate: 16 << 10 };

    /// Until when there has to be more than `bytes`, for a body that was begun at `begun`.
    fn deadline(self, begun: Instant, bytes: usize) -> Instant {
        begun + self.grace + Duration::from_secs_f64(bytes as f64 / self.rate as f64)
    }
}

/// The whole body.
///
/// # Errors
/// `body_too_large`, `request_timeout`, and `invalid_request` where the client broke it off.
pub(crate) async fn whole(request: Request, haste: Haste) -> Result<Bytes> {
    let begun = Instant::now();
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json = kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    let mut body = request.with_limited_body().into_body();
    let mut bytes = Vec::new();
    loop {
        let frame = timeout_at(haste.deadline(begun, bytes.len()), body.frame()).await;
        let Ok(frame) = frame else {
            let message = "the body came too slowly or not at all; send the request again";
            return Err(Refusal::new(Code::RequestTimeout, message));
        };
        let Some(frame) = frame else { return Ok(bytes.into()) };
        match frame {
            // Trailers say nothing here.
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(error) if is_too_long(&error) => {
                return Err(Refusal::new(Code::BodyTooLarge, too_long(is_json)));
            }
            Err(error) => {
                let message = format!("the body broke off: {error}");
                return Err(Refusal::new(Code::InvalidRequest, message));
            }
        }
    }
}

/// What to do about a body that is too long, by what it is: only JSON has more in it than one file.
fn too_long(is_json: bool) -> &'static str {
    if is_json {
        "the JSON is longer than this server takes; shorten its texts, and send smaller pictures if there are any in it"
    } else {
        "the file is larger than this server takes; send a smaller one"
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use futures_util::stream::unfold;

    use super::*;

    /// A body of `count` pieces of 8 bytes, of which one comes every `every`.
    fn dripping(count: usize, every: Duration) -> Request {
        let drops = unfold(0, move |sent| async move {
            tokio::time::sleep(every).await;
            (sent < count)
                .then_some((Ok::<_, Infallible>(Bytes::from_static(b"12345678")), sent + 1))
        });
        Request::new(Body::from_stream(drops))
    }

    #[tokio::test]
    async fn a_slow_body_is_taken_and_one_that_drips_is_not() {
        // 8 bytes in 10 ms are quick enough for longer than the grace, in 100 ms not.
        let haste = Haste { grace: Duration::from_secs(2), rate: 250 };
        let slow = whole(dripping(250, Duration::from_millis(10)), haste);
        let drips = whole(dripping(150, Duration::from_millis(100)), haste);
        let silent = Request::new(Body::from_stream(futures_util::stream::pending::<
            Result<Bytes, Infallible>,
        >()));
        let begun = Instant::now();
        let refused = async { (drips.await.unwrap_err(), begun.elapsed()) };
        let (slow, (drips, took), silent) = tokio::join!(slow, refused, whole(silent, haste));
        assert_eq!(slow.unwrap().len(), 2000);
        assert_eq!(drips.code, Code::RequestTimeout);
        assert!(took < Duration::from_secs(15), "before it is whole: {took:?}");
        assert_eq!(silent.unwrap_err().code, Code::RequestTimeout);
    }
}
