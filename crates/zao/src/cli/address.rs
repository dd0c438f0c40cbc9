//! Addresses as people write them: to listen at, of pages, of the server as others know it. Nothing is looked up.

use std::net::{IpAddr, Ipv4Addr};

/// An address to listen at.
pub(super) fn listened_at(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    text.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| {
        "use an address of this machine: 127.0.0.1 (or localhost) for programs on it alone, 0.0.0.0 or :: for other machines, \
         too; the name that they use is --host-name"
            .to_owned()
    })
}

/// An origin as browsers send it: scheme, name and, where it is not the usual one, port.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let origin = url(text)?;
    let (_, rest) = origin.split_once("://").unwrap_or_default();
    if rest.contains('/') {
        return Err("an origin has no path; use as in https://studio.example".into());
    }
    Ok(origin)
}

/// What clients know the server as, which may have a path.
pub(super) fn url(text: &str) -> Result<String, String> {
    let wrong =
        || "use scheme, name and, if it needs one, port, as in https://studio.example".to_owned();
    let (scheme, rest) = text.trim_end_matches('/').split_once("://").ok_or_else(wrong)?;
    let scheme = scheme.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return Err(wrong()),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.to_ascii_lowercase();
    // A browser leaves the usual port out.
    let host = host.strip_suffix(usual).unwrap_or(&host);
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@?#\\\"<>".contains(c);
    if host.is_empty() || host.starts_with(':') || !rest.chars().all(is_plain) {
        return Err(wrong());
    }
    Ok(format!("{scheme}://{host}{path}"))
}

/// A name of this server.
pub(super) fn name(text: &str) -> Result<String, String> {
    let is_of_a_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || !text.chars().all(is_of_a_name) {
        return Err("use a name without scheme and port, as in pictures.example".into());
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_as_browsers_send_it() {
        for (text, read) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example/", "https://a.example"),
            ("HTTPS://A.Example:443", "https://a.example"),
            ("http://a.example:80/", "http://a.example"),
            ("http://a.example:443", "http://a.example:443"),
            ("http://[::1]:7860", "http://[::1]:7860"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(read), "{text}");
        }
        for text in [
            "b",
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https://:80",
            "https://a b",
            "null",
        ] {
            assert!(origin(text).unwrap_err().contains("https://studio.example"), "{text}");
        }
        assert!(origin("https://a.example/zao").unwrap_err().contains("no path"));
        assert_eq!(url("https://a.example/zao/").as_deref(), Ok("https://a.example/zao"));
    }

    #[test]
    fn who_writes_localhost_is_understood() {
        assert_eq!(listened_at("localhost").unwrap().to_string(), "127.0.0.1");
        assert_eq!(listened_at("[::1]").unwrap().to_string(), "::1");
        assert!(listened_at("pictures.example").unwrap_err().contains("--host-name"));
        assert_eq!(name("Pictures.Example").as_deref(), Ok("pictures.example"));
        for text in ["", "https://a", "a:80", "a/b"] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
