//! Status 429 is no failure: it is counted apart, and the request comes again where that is wanted.

use zao_load::Protocol;

use crate::server::{Behaviour, Fault, Server};
use crate::{row, settings, slack};

fn refusing() -> Server {
    Server::start(Behaviour {
        fault: |at| if at % 4 == 3 { Fault::Refuse(1) } else { Fault::None },
        ..Behaviour::default()
    })
}

#[test]
fn a_refusal_is_counted_apart() {
    for protocol in Protocol::ALL {
        let server = refusing();
        let row = row(&settings(&server, protocol), 1, 12);
        assert!(row.refused.abs_diff(row.requests / 4) <= 1, "{row:#?}");
        assert_eq!((row.refusals, row.failed()), (row.refused, 0));
        assert_eq!(row.correct + row.refused, row.requests);
    }
}

#[test]
fn a_request_comes_again_after_as_long_as_it_was_told_and_its_time_goes_on() {
    let server = refusing();
    let mut settings = settings(&server, Protocol::Openai);
    settings.retry = true;
    let row = row(&settings, 1, 7);
    assert!(row.refusals >= 2 && row.refused == 0, "{row:#?}");
    assert_eq!(row.correct, row.requests);
    let e2e = row.e2e.unwrap();
    assert!(e2e.max > 1.04 && e2e.p50 < 0.2 + slack(&row), "{row:#?}");
    // What is said at last is what the first byte belongs to.
    assert!(row.ttfb.unwrap().max > 1.0);
}
