//! Who asks: the address behind our proxies, whether it is this machine, and which network it counts as. What they may is NOT known here.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;

/// Headers by which a proxy tells that it asks for somebody else.
const TELLING: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

/// The other end of the connection, or where that is one of our proxies, whom it says that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) address: IpAddr,
    /// Whether it is a program of this machine, and no proxy that asks for somebody else.
    pub(super) is_local: bool,
    /// Whether one of our proxies brought the request, so that its headers can be believed.
    pub(super) is_through_ours: bool,
}

impl Caller {
    /// Who asks `request`, where `proxies` are ours; `None` without a connection.
    pub(super) fn of(request: &Request, proxies: &[IpAddr]) -> Option<Self> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
        let is_ours = |address: &IpAddr| proxies.contains(address);
        // A proxy of this machine must not make the whole world local, also where nobody told us of it.
        let asks_itself = !TELLING.iter().any(|name| request.headers().contains_key(*name));
        if asks_itself || !is_ours(&peer) {
            let is_local = peer.is_loopback() && asks_itself;
            return Some(Self { address: peer, is_local, is_through_ours: is_ours(&peer) });
        }
        let told = told(request.headers(), is_ours);
        let is_local = told.is_some_and(|address| address.is_loopback());
        Some(Self { address: told.unwrap_or(peer), is_local, is_through_ours: true })
    }

    /// What it counts as where clients take turns: a household has as many addresses of IPv6 as it likes, all in one /64.
    pub(super) fn network(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) if address.is_loopback() => address.into(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        }
    }
}

/// Whom our proxies say that they ask for. What stands further left in their list was written by a stranger.
fn told(headers: &HeaderMap, is_ours: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let list = lines.iter().flat_map(|line| line.split(',')).map(|text| text.trim().parse().ok());
    let list: Vec<Option<IpAddr>> = list.collect();
    // Something that is no address ends what can be believed.
    let mut known = list.into_iter().rev().map_while(|address| address).map(|it| it.to_canonical());
    known.find(|address| !is_ours(address))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn from(peer: &str, headers: &[(&str, &str)]) -> Caller {
        let proxies = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let mut request = Request::builder().uri("/v1/jobs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        request.extensions_mut().insert(ConnectInfo(peer));
        Caller::of(&request, &proxies).unwrap()
    }

    #[test]
    fn only_our_proxies_say_who_asked() {
        let address = |peer: &str, lines: &[&str]| {
            let headers: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            from(peer, &headers).address.to_string()
        };
        assert_eq!(address("1.2.3.4", &["5.6.7.8"]), "1.2.3.4", "a stranger's word");
        assert_eq!(address("10.0.0.1", &["5.6.7.8"]), "5.6.7.8");
        assert_eq!(address("10.0.0.1", &["9.9.9.9, 5.6.7.8, 10.0.0.2"]), "5.6.7.8");
        assert_eq!(address("10.0.0.1", &["9.9.9.9", "5.6.7.8"]), "5.6.7.8");
        for nothing in [&[][..], &["nonsense"], &["10.0.0.2"]] {
            assert_eq!(address("10.0.0.1", nothing), "10.0.0.1", "{nothing:?}");
        }
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        assert_eq!(Caller::of(&request, &[]), None);
    }

    #[test]
    fn only_programs_of_this_machine_are_local() {
        assert!(from("127.0.0.1", &[]).is_local && from("::1", &[]).is_local);
        assert!(from("::ffff:127.0.0.1", &[]).is_local);
        assert!(!from("1.2.3.4", &[]).is_local);
        for name in TELLING {
            assert!(!from("127.0.0.1", &[(name, "5.6.7.8")]).is_local, "{name}: a proxy asks");
        }
        assert!(!from("10.0.0.1", &[("x-forwarded-for", "5.6.7.8")]).is_local);
        assert!(
            from("10.0.0.1", &[("x-forwarded-for", "127.0.0.1")]).is_local,
            "our proxy says so"
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let network = |peer: &str| from(peer, &[]).network().to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2:ffff::1"), "2001:db8:1:2::");
        assert_ne!(network("2001:db8:1:3::1"), "2001:db8:1:2::");
        assert_eq!((network("1.2.3.4"), network("::1")), ("1.2.3.4".into(), "::1".into()));
    }
}
