//! One connection to a server, plain or with TLS. Which one a question goes over is decided in [`super`].

use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::first_byte::{FirstByte, Stamped};
use super::tls::Tls;
use crate::record::Trouble;
use crate::target::Target;

/// A connection that takes one question at a time.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    first: FirstByte,
}

impl Connection {
    /// Connects, with TLS where it is wanted.
    pub(super) async fn open(target: &Target, tls: Option<&Tls>) -> Result<Self, Trouble> {
        let refused =
            |error: std::io::Error| Trouble::failed("connect", format!("{target}: {error}"));
        let stream =
            TcpStream::connect((target.host.as_str(), target.port)).await.map_err(refused)?;
        // Small requests are to leave at once.
        stream.set_nodelay(true).map_err(refused)?;
        match tls {
            None => Self::over(stream).await,
            Some(tls) => Self::over(tls.speak(&target.host, stream).await.map_err(refused)?).await,
        }
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, Trouble> {
        let first = FirstByte::default();
        let io = TokioIo::new(Stamped::new(stream, first.clone()));
        let (sender, connection) =
            http1::handshake(io).await.map_err(|error| Trouble::lost(&error))?;
        // Its failures reach whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self { sender, first })
    }

    /// Sends a question. With the failure comes the question, where nothing of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, (Trouble, Option<Request<Full<Bytes>>>)> {
        if let Err(error) = self.sender.ready().await {
            return Err((Trouble::lost(&error), Some(request)));
        }
        self.first.set_back();
        self.sender.try_send_request(request).await.map_err(|mut error| {
            let unsent = error.take_message();
            (Trouble::lost(error.error()), unsent)
        })
    }

    /// When the first byte of the last answer was there.
    pub(super) fn first_byte(&self) -> Instant {
        self.first.moment()
    }
}
