//! Who may come in: the bearer token, pages of other origins, and how often a client may ask. And the name of each request.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::asked::{Asked, request_id};
use super::{Code, Refusal, Result};
use crate::house::House;

/// Whose request it is: clients take turns, so one has to be told from another. And which request it is.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: String,
    pub(crate) asked: Asked,
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let asked = parts.extensions.get::<Asked>().cloned().unwrap_or_default();
        Ok(Self { address: asked.client().to_owned(), asked })
    }
}

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
    let caller = caller(&request, &house.settings.proxies);
    // Tests ask without a connection.
    let client = caller.map_or_else(|| "local".into(), |caller| caller.to_string());
    let asked = Asked::new(&id, &client, request.method(), &route, request.uri().path());
    request.extensions_mut().insert(asked.clone());
    let begun = Instant::now();
    let mut response = match admitted(&house, &request, &route, caller) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let refusal = response.extensions_mut().remove::<Refusal>();
    let code = refusal.as_ref().map(|refusal| refusal.code.as_str());
    if let Some(refusal) = refusal {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut named = (status, Json(refusal.body(Some(&id)))).into_response();
        for (name, value) in headers.iter().filter(|(name, _)| **name != header::CONTENT_LENGTH) {
            named.headers_mut().insert(name, value.clone());
        }
        response = named;
    }
    let name = HeaderName::from_static("x-request-id");
    response.headers_mut().extend(HeaderValue::from_str(&id).ok().map(|id| (name, id)));
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    house.metrics.answered(&route, response.status().as_u16());
    asked.answered(response.status().as_u16(), begun.elapsed(), code);
    response
}

fn admitted(house: &House, request: &Request, route: &str, caller: Option<IpAddr>) -> Result<()> {
    origin(request, &house.settings.origins)?;
    if let Some(token) = &house.settings.token
        && !OPEN.contains(&route)
        && !is_page(route)
    {
        bearer(request.headers(), token)?;
    }
    if let Some(rate) = house.settings.request.rate
        && request.method() == Method::POST
    {
        let caller = caller.unwrap_or(IpAddr::from([127, 0, 0, 1]));
        house.rates.take(caller, rate, Instant::now())?;
    }
    Ok(())
}

/// Who asked: the other end of the connection, or where that is one of our proxies, whom it says that it asks for. What stands
/// further left in that list was written by a stranger.
fn caller(request: &Request, proxies: &[IpAddr]) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let is_ours = |address: &IpAddr| proxies.contains(address);
    if !is_ours(&peer) {
        return Some(peer);
    }
    let lines = request.headers().get_all("x-forwarded-for").iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let list = lines.iter().flat_map(|line| line.split(',')).map(|text| text.trim().parse().ok());
    let list: Vec<Option<IpAddr>> = list.collect();
    // Something that is no address ends what can be believed.
    let mut known = list.into_iter().rev().map_while(|address| address).map(|it| it.to_canonical());
    Some(known.find(|address| !is_ours(address)).unwrap_or(peer))
}

/// The page itself has no secrets, and asks for the token that its requests need.
fn is_page(route: &str) -> bool {
    matches!(route, "/" | "/{*path}" | "<unmatched>")
}

/// A page may use the server that it came from, and no other page may: any page that is open in a browser could else draw here.
fn origin(request: &Request, others: &[String]) -> Result<()> {
    let header = |name: HeaderName| {
        request.headers().get(name).map(|value| value.to_str().unwrap_or_default())
    };
    let Some(origin) = header(header::ORIGIN) else { return Ok(()) };
    let host = header(header::HOST).unwrap_or_default();
    let own = origin.split_once("://").map(|(_, host)| host);
    if own.is_some_and(|own| own.eq_ignore_ascii_case(host)) || others.iter().any(|it| it == origin)
    {
        return Ok(());
    }
    let message = format!("pages of {origin:?} may not use this server; allow them with --origin");
    Err(Refusal::new(Code::ForbiddenOrigin, message))
}

fn bearer(headers: &HeaderMap, token: &str) -> Result<()> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.split_once(' '));
    match given {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") && same(given, token) => {
            Ok(())
        }
        _ => {
            let message = "this server wants its token; send it as Authorization: Bearer TOKEN";
            Err(Refusal::new(Code::Unauthorized, message))
        }
    }
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
fn same(a: &str, b: &str) -> bool {
    let differ = a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    a.len() == b.len() && differ == 0
}

/// How many requests each client has left in this minute.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<IpAddr, (f64, Instant)>>);

/// Clients that are remembered; those that asked longest ago are forgotten, who have all their requests again anyway.
const REMEMBERED: usize = 10_000;

impl Rates {
    /// Takes one of a client's `rate` requests a minute.
    fn take(&self, client: IpAddr, rate: u32, now: Instant) -> Result<()> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= REMEMBERED {
            let minute = Duration::from_secs(60);
            clients.retain(|_, (_, since)| now.saturating_duration_since(*since) < minute);
        }
        let most = f64::from(rate);
        let (left, since) = clients.entry(client).or_insert((most, now));
        let again = now.saturating_duration_since(*since).as_secs_f64() * most / 60.0;
        (*left, *since) = ((*left + again).min(most), now);
        if *left < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - *left) * 60.0 / most.max(1e-9));
            let message = format!("more than {rate} requests in a minute; wait a little");
            return Err(Refusal::new(Code::RateLimited, message).after(wait));
        }
        *left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn asked(headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri("/v1/jobs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn only_pages_of_this_server_or_those_allowed_may_use_it() {
        let check = |headers: &[_]| origin(&asked(headers), &["https://studio.example".into()]);
        let host = ("host", "localhost:7860");
        assert!(check(&[host]).is_ok(), "programs send no origin");
        assert!(check(&[host, ("origin", "http://localhost:7860")]).is_ok());
        assert!(check(&[host, ("origin", "https://studio.example")]).is_ok());
        for foreign in ["https://evil.example", "http://localhost:1", "null", ""] {
            assert!(check(&[host, ("origin", foreign)]).is_err(), "{foreign}");
        }
    }

    #[test]
    fn the_token_is_compared_whole() {
        let check = |value| bearer(asked(&[("authorization", value)]).headers(), "secret");
        assert!(check("Bearer secret").is_ok() && check("bearer secret").is_ok());
        for wrong in ["Bearer secre", "Bearer secrets", "Basic secret", "secret", "Bearer "] {
            assert_eq!(check(wrong).unwrap_err().code, Code::Unauthorized, "{wrong}");
        }
    }

    #[test]
    fn only_our_proxies_say_who_asked() {
        let proxies = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let from = |peer: [u8; 4], forwarded: &[&str]| {
            let headers: Vec<_> = forwarded.iter().map(|line| ("x-forwarded-for", *line)).collect();
            let mut request = asked(&headers);
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 1))));
            caller(&request, &proxies).unwrap().to_string()
        };
        assert_eq!(from([1, 2, 3, 4], &["5.6.7.8"]), "1.2.3.4", "a stranger's word");
        assert_eq!(from([10, 0, 0, 1], &["5.6.7.8"]), "5.6.7.8");
        assert_eq!(from([10, 0, 0, 1], &["9.9.9.9, 5.6.7.8, 10.0.0.2"]), "5.6.7.8");
        assert_eq!(from([10, 0, 0, 1], &["9.9.9.9", "5.6.7.8"]), "5.6.7.8");
        for nothing in [&[][..], &["nonsense"], &["10.0.0.2"]] {
            assert_eq!(from([10, 0, 0, 1], nothing), "10.0.0.1", "{nothing:?}");
        }
        assert_eq!(caller(&asked(&[]), &proxies), None);
    }

    #[test]
    fn requests_come_back_with_the_minute() {
        let (rates, client, now) = (Rates::default(), IpAddr::from([1, 2, 3, 4]), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        assert!((0..6).all(|_| rates.take(client, 6, now).is_ok()));
        assert!(rates.take(client, 6, at(5)).is_err());
        assert!(rates.take(IpAddr::from([1, 2, 3, 5]), 6, now).is_ok(), "others have their own");
        assert!(rates.take(client, 6, at(11)).is_ok());
        assert!(rates.take(client, 6, at(11)).is_err());
    }
}
