//! Connections: accepted, held to a pace, closed when the server ends. What is asked over them is answered by `http`.
//!
//! A client that asks slowly or does not read what it asked for costs a little memory and nobody's time. One that neither asks nor
//! reads any more is let go.

mod stalled;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use stalled::Stalled;

/// How long clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// From the end of one answer, or from connecting, until the head of the next request is whole.
    pub(crate) head: Duration,
    /// Until a client that has not read what it was sent reads some of it.
    pub(crate) stall: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { head: Duration::from_secs(30), stall: Duration::from_secs(60) }
    }
}

/// Bytes of a connection that are read or written ahead. Heads of requests have to fit into it.
const AHEAD: usize = 64 << 10;

/// Bytes that the system keeps of what a client has not read yet. Left to itself it keeps megabytes for each, and tells only when a third
/// of that was read that a slow client reads at all.
const UNREAD: u32 = 128 << 10;

/// Clients that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long to wait after the system could not give a connection, most likely because too many files are open.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// A port to listen at.
///
/// # Errors
/// When it is taken, or not this machine's.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that is started again need not wait for the connections of the last. On Windows this would share the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    // Connections take it over.
    socket.set_send_buffer_size(UNREAD)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers whoever connects until `gone` says that the server ends, then lets answers that were begun be finished.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    pace: Pace,
    gone: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut ends = gone.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended(&mut ends) => break,
            // Those that are over are forgotten.
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, client)) => {
                connections.spawn(converse(stream, client, router.clone(), pace, gone.clone()));
            }
            Err(error) if is_of_one_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted at the moment");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until the server ends.
async fn ended(gone: &mut watch::Receiver<bool>) {
    // An error means that nobody can say it any more, which says it.
    let _ = gone.wait_for(|gone| *gone).await;
}

/// Has the system allow as many connections as it does for the asking: each is an open file, of which a program may often have 1024
/// although 65536 would do no harm. Gives how many that are, where there is a limit.
#[cfg(unix)]
pub(crate) fn allow_many() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const MANY: u64 = 1 << 16;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(MANY, |most| most.min(MANY));
    if limit.current.is_some_and(|current| current < wanted) {
        // Where the system refuses, fewer clients find room, who are told so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
    }
    getrlimit(Resource::Nofile).current
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) fn allow_many() -> Option<u64> {
    None
}

/// Whether only the client that was about to connect is gone.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers one client until it has no more to ask.
async fn converse(
    stream: TcpStream,
    client: SocketAddr,
    router: Router,
    pace: Pace,
    mut gone: watch::Receiver<bool>,
) {
    // Events are small and are to be there at once. Where the system refuses, they come a little later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(client));
        let router = router.clone();
        async move { Ok::<_, Infallible>(answer(router, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(pace.head)
        .max_buf_size(AHEAD)
        .serve_connection(TokioIo::new(Stalled::new(stream, pace.stall)), service);
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = ended(&mut gone) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%client, %error, "a connection ended early");
    }
}

async fn answer(router: Router, request: Request<Body>) -> axum::response::Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
