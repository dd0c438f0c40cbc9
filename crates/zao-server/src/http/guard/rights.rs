//! What a request may, by the token that it shows. Where it comes from is NOT looked at here.

use axum::http::{HeaderMap, header};

use super::super::{Code, Refusal};
use crate::settings::Settings;

/// What a request shows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// No token.
    Nothing,
    /// Something that is no token of this server.
    Wrong,
    /// The token of those who draw.
    Token,
    /// The token of whoever runs the server, who may do all that others may.
    AdminToken,
}

impl Shown {
    pub(super) fn by(headers: &HeaderMap, settings: &Settings) -> Self {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Self::Nothing };
        let given = value.to_str().ok().and_then(|value| value.split_once(' '));
        let Some((scheme, given)) = given else { return Self::Wrong };
        let is = |token: &Option<String>| token.as_ref().is_some_and(|token| same(given, token));
        if !scheme.eq_ignore_ascii_case("bearer") {
            Self::Wrong
        } else if is(&settings.admin_token) {
            Self::AdminToken
        } else if is(&settings.token) {
            Self::Token
        } else {
            Self::Wrong
        }
    }

    /// Whether it is a token at all.
    pub(super) fn is_right(self) -> bool {
        matches!(self, Self::Token | Self::AdminToken)
    }
}

pub(super) fn unauthorized() -> Refusal {
    let message = "this server wants its token; send it as Authorization: Bearer TOKEN";
    Refusal::new(Code::Unauthorized, message)
}

pub(super) fn only_for_admins() -> Refusal {
    let message = "this is for whoever runs the server: ask from the same machine or, where it was started with --admin-token, with that token";
    Refusal::new(Code::Forbidden, message)
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
pub(super) fn same(a: &str, b: &str) -> bool {
    let differ = a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    a.len() == b.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Haste;
    use crate::http::tests::house;

    #[test]
    fn a_token_is_compared_whole() {
        let change = |settings: &mut Settings| {
            (settings.token, settings.admin_token) = (Some("secret".into()), Some("master".into()));
        };
        let settings = house(change, Haste::USUAL).0.settings.clone();
        let shown = |value: &str| {
            let headers = [(header::AUTHORIZATION, value.parse().unwrap())];
            Shown::by(&headers.into_iter().collect(), &settings)
        };
        assert_eq!((shown("Bearer secret"), shown("bearer secret")), (Shown::Token, Shown::Token));
        assert_eq!(shown("Bearer master"), Shown::AdminToken);
        for wrong in ["Bearer secre", "Bearer secrets", "Basic secret", "secret", "Bearer "] {
            assert_eq!(shown(wrong), Shown::Wrong, "{wrong}");
        }
        assert_eq!(Shown::by(&HeaderMap::new(), &settings), Shown::Nothing);
        let open = house(|_| (), Haste::USUAL).0.settings.clone();
        let headers = [(header::AUTHORIZATION, "Bearer ".parse().unwrap())];
        assert_eq!(Shown::by(&headers.into_iter().collect(), &open), Shown::Wrong);
    }
}
