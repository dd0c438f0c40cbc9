//! How often a client may ask, by what it asks for. Who a client is was decided before.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::Method;

use super::super::{Code, Refusal, Result};

/// What requests are counted as. Each kind has an allowance of its own, so that whoever writes a prompt, which is looked at while it is
/// written, can still have it drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// What makes jobs.
    Drawing,
    /// What else a server has to do something for.
    Asking,
    /// A token that is none.
    Guessing,
}

/// Routes that make jobs.
const DRAWING: [&str; 3] = ["/v1/jobs", "/v1/images/generations", "/sdapi/v1/txt2img"];

/// How many requests that make no jobs a client has for each one that does, and how many in any case.
const ASKED: u32 = 20;
const LEAST_ASKED: u32 = 120;

impl Kind {
    /// What a request counts as; `None` for one that only looks.
    pub(super) fn of(method: &Method, route: &str) -> Option<Self> {
        match *method {
            Method::POST if DRAWING.contains(&route) => Some(Self::Drawing),
            // Whoever runs the server is not kept from it.
            Method::POST if !route.starts_with("/admin/") => Some(Self::Asking),
            Method::PATCH => Some(Self::Asking),
            _ => None,
        }
    }

    /// How many requests of this kind there are in a minute, with `rate` of those that make jobs.
    fn most(self, rate: u32) -> u32 {
        match self {
            Self::Drawing | Self::Guessing => rate,
            Self::Asking => rate.saturating_mul(ASKED).max(LEAST_ASKED),
        }
    }
}

/// How many requests each client has left in this minute.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<(IpAddr, Kind), Allowance>>);

#[derive(Clone, Copy)]
struct Allowance {
    left: f64,
    since: Instant,
}

/// Allowances that are remembered at most.
const REMEMBERED: usize = 10_000;

const MINUTE: Duration = Duration::from_secs(60);

impl Rates {
    /// Takes one of a client's requests, where `rate` in a minute may make jobs.
    pub(super) fn take(&self, client: IpAddr, kind: Kind, rate: u32, now: Instant) -> Result<()> {
        let mut allowances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if allowances.len() >= REMEMBERED && !allowances.contains_key(&(client, kind)) {
            make_room(&mut allowances, now);
        }
        let most = kind.most(rate);
        let full = Allowance { left: f64::from(most), since: now };
        let allowance = allowances.entry((client, kind)).or_insert(full);
        *allowance = allowance.at(now, most);
        allowance.wait(most).map_or(Ok(()), |wait| Err(refusal(kind, most, wait)))?;
        allowance.left -= 1.0;
        Ok(())
    }

    /// The same without taking any.
    pub(super) fn look(&self, client: IpAddr, kind: Kind, rate: u32, now: Instant) -> Result<()> {
        let allowances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let most = kind.most(rate);
        let allowance = allowances.get(&(client, kind)).map(|known| known.at(now, most));
        let wait = allowance.and_then(|allowance| allowance.wait(most));
        wait.map_or(Ok(()), |wait| Err(refusal(kind, most, wait)))
    }
}

impl Allowance {
    /// What is left at another time: requests come back with the minute.
    fn at(self, now: Instant, most: u32) -> Self {
        let most = f64::from(most);
        let again = now.saturating_duration_since(self.since).as_secs_f64() * most / 60.0;
        Self { left: (self.left + again).min(most), since: now }
    }

    /// How long to wait for the next one, if none is left.
    fn wait(&self, most: u32) -> Option<Duration> {
        let missing = 1.0 - self.left;
        (missing > 0.0).then(|| Duration::from_secs_f64(missing * 60.0 / f64::from(most.max(1))))
    }
}

/// Forgets those that have all their requests again, and if there are none, a tenth of those that asked longest ago: whoever has many
/// addresses must not make this grow.
fn make_room(allowances: &mut HashMap<(IpAddr, Kind), Allowance>, now: Instant) {
    allowances.retain(|_, known| now.saturating_duration_since(known.since) < MINUTE);
    if allowances.len() < REMEMBERED {
        return;
    }
    let mut times: Vec<Instant> = allowances.values().map(|known| known.since).collect();
    let (_, oldest, _) = times.select_nth_unstable(REMEMBERED / 10);
    let oldest = *oldest;
    allowances.retain(|_, known| known.since > oldest);
}

fn refusal(kind: Kind, most: u32, wait: Duration) -> Refusal {
    let message = match kind {
        Kind::Drawing => {
            format!("more than {most} requests for pictures in a minute; wait a little")
        }
        Kind::Asking => format!("more than {most} requests in a minute; wait a little"),
        Kind::Guessing => format!("more than {most} wrong tokens in a minute; wait a little"),
    };
    Refusal::new(Code::RateLimited, message).after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(1, 2, 3, 4));

    #[test]
    fn requests_come_back_with_the_minute() {
        let (rates, now) = (Rates::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        let take = |client, now| rates.take(client, Kind::Drawing, 6, now);
        assert!((0..6).all(|_| take(ANN, now).is_ok()));
        assert!(take(ANN, at(5)).is_err());
        assert!(take(IpAddr::from([1, 2, 3, 5]), now).is_ok(), "others have their own");
        assert!(rates.look(ANN, Kind::Drawing, 6, at(5)).is_err());
        assert!(rates.look(ANN, Kind::Drawing, 6, at(11)).is_ok(), "looking takes none");
        assert!(take(ANN, at(11)).is_ok());
        assert!(take(ANN, at(11)).is_err());
    }

    #[test]
    fn looking_at_prompts_takes_nothing_from_drawing_them() {
        let (rates, now) = (Rates::default(), Instant::now());
        assert!((0..100).all(|_| rates.take(ANN, Kind::Asking, 6, now).is_ok()));
        assert!(rates.take(ANN, Kind::Drawing, 6, now).is_ok());
        assert!((0..20).all(|_| rates.take(ANN, Kind::Asking, 6, now).is_ok()));
        assert!(rates.take(ANN, Kind::Asking, 6, now).is_err(), "but it has an end");
        assert_eq!(Kind::of(&Method::POST, "/v1/prompt/check"), Some(Kind::Asking));
        assert_eq!(Kind::of(&Method::POST, "/v1/jobs"), Some(Kind::Drawing));
        assert_eq!(Kind::of(&Method::GET, "/v1/jobs"), None);
        assert_eq!(Kind::of(&Method::POST, "/admin/drain"), None);
    }

    #[test]
    fn many_addresses_take_no_more_room() {
        let (rates, now) = (Rates::default(), Instant::now());
        for number in 0..25_000_u32 {
            let later = now + Duration::from_micros(u64::from(number));
            let client = IpAddr::from(number.to_be_bytes());
            assert!(rates.take(client, Kind::Drawing, 6, later).is_ok());
        }
        let allowances = rates.0.lock().unwrap();
        assert!(allowances.len() <= REMEMBERED, "{}", allowances.len());
        let newest = IpAddr::from(24_999_u32.to_be_bytes());
        assert!(allowances.contains_key(&(newest, Kind::Drawing)));
    }
}
