//! The door: who may come in, what they are called from here on, and how often they may ask. And the name of each request.

mod caller;
mod links;
mod origin;
mod rates;
mod rights;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Json;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use zao_queue::{Owner, Reach, Viewer};

use super::asked::{Asked, request_id};
use super::{Code, Refusal, Result};
use crate::house::House;
use caller::Caller;
pub(crate) use links::Links;
use rates::Kind;
pub(crate) use rates::Rates;
use rights::Shown;

/// Whose request it is: clients take turns, so one has to be told from another. And which request it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    /// The address, or the network of addresses that are one client.
    pub(crate) address: String,
    /// Whoever has the key that came with it.
    pub(crate) owner: Option<Owner>,
    /// What it may change beside its own.
    pub(crate) reach: Reach,
    /// What it knows this server as, up to the path: `http://localhost:7860`.
    pub(crate) server: String,
    pub(crate) asked: Asked,
}

impl Client {
    /// This client as somebody who looks at jobs and pictures.
    pub(crate) fn viewer(&self) -> Viewer {
        let Self { owner, address, reach, .. } = self;
        Viewer { owner: owner.clone(), client: address.clone(), reach: *reach }
    }

    /// Whoever sends a key, where only they can be meant.
    pub(crate) fn owner(&self) -> Result<Owner> {
        let message = "without a key nobody knows what is yours; send one as X-Zao-Client";
        self.owner.clone().ok_or_else(|| Refusal::of(KEY, message))
    }
}

/// What is told to a client that would change what is not its own.
pub(crate) fn somebody_elses() -> Refusal {
    let message = "this is somebody else's; send the X-Zao-Client that it came with or, if it came without, ask from where it came; or send the token of --admin-token";
    Refusal::new(Code::Forbidden, message).at(KEY)
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The header with a client's key.
const KEY: &str = "X-Zao-Client";

/// The routes that a probe, a scraper or a reader may ask without a token. They tell nothing of jobs.
pub(super) const OPEN: [&str; 7] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/openapi.json",
    "/docs",
    "/docs/style.css",
    "/docs/api.md",
];

/// The route of a picture, which may be had by a link.
const PICTURE: &str = "/v1/images/{id}";

/// Whether a route is only for whoever runs the server.
pub(super) fn is_for_admins(route: &str) -> bool {
    route.starts_with("/admin/")
}

/// Lets a request in, or says why not; names it, and counts the answer.
pub(crate) async fn door(
    State(house): State<Arc<House>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request_id(request.headers());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "<unmatched>".to_owned(), |path| path.as_str().to_owned());
    let caller = Caller::of(&request, &house.settings.proxies);
    // Tests ask without a connection.
    let local = || "local".to_owned();
    let address = caller.map_or_else(local, |caller| caller.address.to_string());
    let asked = Asked::new(&id, &address, request.method(), &route, request.uri().path());
    let begun = Instant::now();
    let admitted = admitted(&house, &request, &route, caller).and_then(|reach| {
        Ok(Client {
            address: caller.map_or_else(local, |caller| caller.network().to_string()),
            owner: owner(request.headers())?,
            reach,
            server: server(&house, &request, caller),
            asked: asked.clone(),
        })
    });
    let mut response = match admitted {
        Ok(client) => {
            request.extensions_mut().insert(client);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    let refusal = response.extensions_mut().remove::<Refusal>();
    let code = refusal.as_ref().map(|refusal| refusal.code.as_str());
    if let Some(refusal) = refusal {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = refusal.body(Some(&id)).told_by(&route);
        let mut named = (status, Json(body)).into_response();
        for (name, value) in headers.iter().filter(|(name, _)| **name != header::CONTENT_LENGTH) {
            named.headers_mut().insert(name, value.clone());
        }
        response = named;
    }
    let name = HeaderName::from_static("x-request-id");
    response.headers_mut().extend(HeaderValue::from_str(&id).ok().map(|id| (name, id)));
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if code == Some(Code::RateLimited.as_str()) {
        house.metrics.refused(Code::RateLimited);
    }
    house.metrics.answered(&route, response.status().as_u16());
    asked.answered(response.status().as_u16(), begun.elapsed(), code);
    response
}

fn admitted(
    house: &House,
    request: &Request,
    route: &str,
    caller: Option<Caller>,
) -> Result<Reach> {
    let settings = &house.settings;
    let shown = Shown::by(request.headers(), settings);
    // A page that was loaded under a stranger's name has no token to show.
    let is_probe = route.starts_with("/health");
    if settings.token.is_none() && shown != Shown::AdminToken && !is_probe {
        origin::check_host(request, settings)?;
    }
    origin::check_origin(request, settings)?;
    let network = caller.map_or(IpAddr::from([127, 0, 0, 1]), |caller| caller.network());
    let now = Instant::now();
    let take = |kind| {
        settings.request.rate.map_or(Ok(()), |rate| house.rates.take(network, kind, rate, now))
    };
    if settings.token.is_some() && !OPEN.contains(&route) && !is_page(route) {
        if shown != Shown::Nothing
            && let Some(rate) = settings.request.rate
        {
            // Also before one that may be right: whoever guesses must not be told by the answer.
            house.rates.look(network, Kind::Guessing, rate, now)?;
        }
        if !shown.is_right() && !opens(house, request, route) {
            if shown == Shown::Wrong {
                take(Kind::Guessing)?;
            }
            return Err(rights::unauthorized());
        }
    }
    let reach = match settings.admin_token {
        Some(_) if shown == Shown::AdminToken => Reach::All,
        // Tests ask without a connection.
        None if caller.is_none_or(|caller| caller.is_local) => Reach::Keyless,
        _ => Reach::Own,
    };
    if is_for_admins(route) && reach == Reach::Own {
        return Err(rights::only_for_admins());
    }
    Kind::of(request.method(), route).map_or(Ok(()), take)?;
    Ok(reach)
}

/// Whether a request follows a link to a picture.
fn opens(house: &House, request: &Request, route: &str) -> bool {
    let (method, uri) = (request.method(), request.uri());
    let looks = *method == Method::GET || *method == Method::HEAD;
    looks && route == PICTURE && house.links.opens(uri.path(), uri.query(), SystemTime::now())
}

/// Whoever has the key that a client sends, if it sends one.
fn owner(headers: &HeaderMap) -> Result<Option<Owner>> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let key = key.as_bytes();
    let key = Some(key).filter(|key| (16..=64).contains(&key.len()) && key.iter().all(plain));
    match key.and_then(|key| std::str::from_utf8(key).ok()) {
        Some(key) => Ok(Some(Owner::with_key(key))),
        None => {
            Err(Refusal::of(KEY, "a client's key is 16 to 64 characters of A-Z, a-z, 0-9, - and _"))
        }
    }
}

/// What a client knows this server as.
fn server(house: &House, request: &Request, caller: Option<Caller>) -> String {
    if let Some(url) = &house.settings.public_url {
        return url.clone();
    }
    let is_told = caller.is_some_and(|caller| caller.is_through_ours);
    let told = request.headers().get("x-forwarded-proto").filter(|_| is_told);
    let is_https = told.is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    let scheme = if is_https { "https" } else { "http" };
    format!("{scheme}://{}", origin::host(request))
}

/// The page itself has no secrets, and asks for the token that its requests need.
fn is_page(route: &str) -> bool {
    matches!(route, "/" | "/{*path}" | "<unmatched>")
}
