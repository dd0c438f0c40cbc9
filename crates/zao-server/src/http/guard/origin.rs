//! From which pages a request may come, and under which names this server answers. Tokens are NOT looked at here.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderName, header};

use super::super::{Code, Refusal, Result};
use crate::settings::Settings;

/// The `Host` that a request names, with its port; empty where it names none.
pub(super) fn host(request: &Request) -> &str {
    let named = request.headers().get(header::HOST).map(|value| value.to_str().unwrap_or("?"));
    named.or_else(|| request.uri().authority().map(Authority::as_str)).unwrap_or_default()
}

/// That a request knows this server by a name that is its own. Whoever owns another name can have it mean this machine, and the pages
/// that were loaded under it would then count as ours: browsers go by names alone. Addresses belong to nobody else.
pub(super) fn check_host(request: &Request, settings: &Settings) -> Result<()> {
    let host = host(request);
    let name = without_port(host);
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    let mut named = settings.host_names.iter().map(String::as_str);
    let mut of_pages = settings.origins.iter().chain(&settings.public_url).map(|url| host_of(url));
    // Programs that speak to nobody in particular are no browsers.
    if name.is_empty() || is_address(name) || is("localhost") || named.any(is) || of_pages.any(is) {
        return Ok(());
    }
    let message = format!(
        "this server does not know that it is called {name:?}; start it with --host-name {name}, or with a token"
    );
    Err(Refusal::new(Code::ForbiddenOrigin, message))
}

/// A page may use the server that it came from, and no other page may: any page that is open in a browser could else draw here.
pub(super) fn check_origin(request: &Request, settings: &Settings) -> Result<()> {
    let header = |name: HeaderName| {
        request.headers().get(name).map(|value| value.to_str().unwrap_or_default())
    };
    let Some(origin) = header(header::ORIGIN) else { return Ok(()) };
    let own = origin.split_once("://").map(|(_, host)| host);
    let is_own = own.is_some_and(|own| own.eq_ignore_ascii_case(host(request)));
    let mut others = settings.origins.iter().chain(&settings.public_url);
    if is_own || others.any(|other| same_origin(other, origin)) {
        return Ok(());
    }
    let message = format!("pages of {origin:?} may not use this server; allow them with --origin");
    Err(Refusal::new(Code::ForbiddenOrigin, message))
}

/// Whether an address of ours, which may have a path, is of this origin.
fn same_origin(ours: &str, origin: &str) -> bool {
    let end = ours.find("://").and_then(|at| ours[at + 3..].find('/').map(|path| at + 3 + path));
    ours[..end.unwrap_or(ours.len())].eq_ignore_ascii_case(origin)
}

/// The name in an address such as `https://studio.example:8443/zao`.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    without_port(rest.split('/').next().unwrap_or_default())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_address(name: &str) -> bool {
    let in_brackets = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    in_brackets.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::http::Haste;
    use crate::http::tests::house;

    fn asked(headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri("/v1/jobs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    fn settings() -> Settings {
        let change = |settings: &mut Settings| {
            settings.origins = vec!["https://studio.example".into()];
            settings.host_names = vec!["drawing-box".into()];
            settings.public_url = Some("https://pictures.example:8443/zao".into());
        };
        house(change, Haste::USUAL).0.settings.clone()
    }

    #[test]
    fn only_pages_of_this_server_or_those_allowed_may_use_it() {
        let settings = settings();
        let check = |headers: &[_]| check_origin(&asked(headers), &settings);
        let host = ("host", "localhost:7860");
        assert!(check(&[host]).is_ok(), "programs send no origin");
        for own in
            ["http://localhost:7860", "https://studio.example", "https://pictures.example:8443"]
        {
            assert!(check(&[host, ("origin", own)]).is_ok(), "{own}");
        }
        for foreign in
            ["https://evil.example", "http://localhost:1", "null", "", "https://pictures.example"]
        {
            assert!(check(&[host, ("origin", foreign)]).is_err(), "{foreign}");
        }
    }

    #[test]
    fn a_name_that_somebody_else_may_own_is_not_this_servers() {
        let settings = settings();
        let check = |host: &str| check_host(&asked(&[("host", host)]), &settings);
        for own in [
            "127.0.0.1",
            "127.0.0.1:7860",
            "192.168.1.5:7860",
            "[::1]:7860",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:1",
            "drawing-box:7860",
            "studio.example",
            "pictures.example:8443",
        ] {
            assert!(check(own).is_ok(), "{own}");
        }
        assert!(check_host(&asked(&[]), &settings).is_ok(), "a program of HTTP/1.0");
        for foreign in [
            "evil.example:7860",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil-localhost",
            "drawing-box.evil.example",
            "[evil.example]",
            "::1",
            "2130706433",
            "?",
        ] {
            let refusal = check(foreign).unwrap_err();
            assert_eq!(refusal.code, Code::ForbiddenOrigin, "{foreign}");
        }
    }
}
